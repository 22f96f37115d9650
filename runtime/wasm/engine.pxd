from libc.stdint cimport uint64_t


cdef class Engine:
    cdef void *ptr
    cdef readonly bint fuel
    cdef Code _compile(self, bytes wasm)
    cdef Code _take(self, void *module)


cdef class Code:
    cdef void *module
    cdef readonly Engine engine
