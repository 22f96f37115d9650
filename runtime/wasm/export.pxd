from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from runtime.wasm.capi cimport wt_func, wt_raw
from runtime.wasm.machine cimport Entry, Machine

cdef enum:
    MAX_PARAMS = 250

ctypedef object (*call_function)(object, PyObject **, size_t, PyObject *)


cdef struct Variant:
    wt_func func
    Py_ssize_t count
    char params[MAX_PARAMS + 1]   # a letter each: i f b v
    char result
    bint raises


cdef class Export:
    cdef call_function vectorcall
    cdef Machine machine
    cdef Variant *variants        # most specific first, the boxed one last
    cdef Py_ssize_t variant_count
    cdef Py_ssize_t fixed         # parameters without the rest parameter
    cdef bint rest
    cdef tuple shapes
    cdef public str __name__
    cdef readonly dict interface

    cdef object run(self, Variant *v, PyObject **args, wt_raw *slots)
    cdef int fill(self, Variant *v, PyObject **args, wt_raw *slots) except -1
    cdef object take(self, Variant *v, wt_raw *slots)
    cdef object with_rest(self, PyObject **args, Py_ssize_t count)
    cdef int add(self, str export, str params, str result, bint raises) except -1
