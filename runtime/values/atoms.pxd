cdef class Spelled:
    """A value that is its spelling and a kind."""
    cdef readonly str name
    cdef Py_hash_t _hash


cdef class Keyword(Spelled):
    pass


cdef class Symbol(Spelled):
    pass


cdef class Timestamp(Spelled):
    pass


cdef class Resource(Spelled):
    pass


cdef class List:
    cdef readonly tuple items


cdef class HostFunction:
    cdef readonly object function


cdef Keyword keyword(str name)
cdef Symbol symbol(str name)
cdef Timestamp timestamp(str name)
cdef Resource resource(str name)
cdef List list_of(tuple items)
