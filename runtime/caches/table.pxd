from cpython.object cimport PyObject
from libc.stdint cimport uint64_t


cdef struct Node:
    Node *prev
    Node *next


cdef class Miss:
    cdef readonly str reason


cdef class Hit:
    # What a hit touches comes first: with the head of the object it is one line of the processor's cache.
    cdef readonly double expires, used
    cdef readonly uint64_t uses
    cdef Node node
    cdef bint linked, ranked
    cdef readonly object key, value
    cdef readonly double created
    cdef uint64_t rank, padding  # to two lines, so that every entry begins with one


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
