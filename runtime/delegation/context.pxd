from libc.stdint cimport uint64_t


cdef class Environment:
    cdef readonly str tenant, task, privacy
    cdef readonly frozenset permissions
    cdef readonly uint64_t digest


cdef class CallContext:
    cdef readonly str fn_symbol
    cdef readonly tuple arg_types, effects
    cdef readonly Environment environment
    cdef readonly uint64_t arg_type_fingerprint
    cdef readonly object semantic_hash, metadata
    cdef Py_hash_t _hash
