from cpython.object cimport PyObject
from libc.stdint cimport uint64_t


cdef struct Node:
    Node *prev
    Node *next
    PyObject *entry  # borrowed: while it is linked, the table's dict holds it


cdef class Miss:
    cdef readonly str reason


cdef class Hit:
    cdef readonly object key, value
    cdef readonly double created, expires, used
    cdef readonly uint64_t uses
    cdef Node node
    cdef uint64_t rank
    cdef bint linked, ranked


cdef class Table:
    cdef dict entries
    cdef readonly Py_ssize_t capacity
    cdef readonly double ttl
    cdef object clock
    cdef Node ends
    cdef uint64_t hits, misses, puts, invalidations, evictions, expirations
    cdef double now(self) except? -1
    cdef int used(self, Hit entry) except -1
    cdef int added(self, Hit entry) except -1
    cdef int removed(self, Hit entry) except -1
    cdef Hit victim(self)
    cdef int drop(self, Hit entry) except -1


cdef class Fifo(Table):
    pass


cdef class Lru(Table):
    pass


cdef class Lfu(Table):
    cdef dict groups
    cdef uint64_t least
    cdef int join(self, Hit entry, uint64_t rank, dict fresh) except -1
    cdef int leave(self, Hit entry) except -1


cdef class Random(Table):
    cdef list slots
    cdef uint64_t state


cdef class Soonest(Table):
    cdef list queue
    cdef uint64_t number
