# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=False
"""Tables in process: a dict from key to entry, and an order that says who gives way.

A hit is the entry itself, so that finding it allocates nothing.  Every method runs under the
interpreter's lock; a key's ``__eq__`` may let another thread in, so an entry found is looked at again
(``linked``) before it is moved in the order.

Invariants: ``len(entries) <= capacity`` between calls; an entry is linked exactly if it is in ``entries``.
"""

from cpython.dict cimport PyDict_DelItem, PyDict_SetItem
from cpython.object cimport PyObject
from libc.math cimport INFINITY
from libc.stdint cimport uint64_t

import heapq

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object, object) except? NULL

cdef extern from *:
    """
    #include <time.h>
    #ifdef CLOCK_MONOTONIC_COARSE
    #define RTFSC_CLOCK CLOCK_MONOTONIC_COARSE
    #else
    #define RTFSC_CLOCK CLOCK_MONOTONIC
    #endif
    static double rtfsc_seconds(void) {
        struct timespec now;
        clock_gettime(RTFSC_CLOCK, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    }
    """
    double rtfsc_seconds() noexcept nogil


cdef class Miss:
    """Nothing was found; ``reason`` says why: ``absent``, ``expired``, … Miss is false."""

    def __init__(self, str reason):
        self.reason = reason

    def __bool__(self):
        return False

    def __eq__(self, other):
        return isinstance(other, Miss) and (<Miss>other).reason == self.reason

    def __hash__(self):
        return hash(self.reason)

    def __repr__(self):
        return f"Miss({self.reason!r})"


ABSENT = Miss("absent")
EXPIRED = Miss("expired")
cdef Miss _absent = ABSENT
cdef Miss _expired = EXPIRED


cdef class Hit:
    """What was found: ``value``; ``created``, ``expires`` and ``used`` in seconds of the cache's clock;
    ``uses``: how often it was found. Hit is true."""

    def __init__(self, value, *, double created=0.0, double expires=INFINITY):
        self.value = value
        self.created = self.used = created
        self.expires = expires

    def __bool__(self):
        return True

    def __repr__(self):
        return f"Hit({self.value!r})"


cdef inline void unlink(Node *node) noexcept:
    node.prev.next = node.next
    node.next.prev = node.prev
    node.prev = node.next = NULL


cdef inline void link_last(Node *ends, Node *node) noexcept:
    node.prev = ends.prev
    node.next = ends
    ends.prev.next = node
    ends.prev = node


cdef class Table:
    """Base of the tables; ``ttl`` in seconds (inf: for ever). Use `runtime.caches.protocol.table`."""

    def __init__(self, Py_ssize_t capacity, double ttl=INFINITY, clock=None):
        if capacity < 1 or not ttl > 0:
            raise ValueError("a table needs a capacity of at least 1 and a time to live above 0")
        self.capacity = capacity
        self.ttl = ttl
        self.clock = clock
        self.entries = {}
        self.ends.prev = self.ends.next = &self.ends

    cdef double now(self) except? -1:
        return rtfsc_seconds() if self.clock is None else self.clock()

    # -- the order; subclasses decide

    cdef int used(self, Hit entry) except -1:
        return 0

    cdef int added(self, Hit entry) except -1:
        link_last(&self.ends, &entry.node)
        return 0

    cdef int removed(self, Hit entry) except -1:
        unlink(&entry.node)
        return 0

    cdef Hit victim(self):
        return <Hit>self.ends.next.entry

    # -- the protocol

    def get(self, key):
        """The entry as a `Hit`, or a `Miss`."""
        cdef PyObject *found = PyDict_GetItemWithError(self.entries, key)
        if found is NULL:
            self.misses += 1
            return _absent
        cdef Hit entry = <Hit>found
        cdef double now
        if entry.expires != INFINITY:
            now = self.now()
            if now >= entry.expires:
                self.drop(entry)
                self.expirations += 1
                self.misses += 1
                return _expired
            entry.used = now
        if entry.linked:
            self.used(entry)
        entry.uses += 1
        self.hits += 1
        return entry

    def peek(self, key):
        """As `get`, but it counts as no use."""
        cdef PyObject *found = PyDict_GetItemWithError(self.entries, key)
        if found is NULL:
            return _absent
        cdef Hit entry = <Hit>found
        return _expired if entry.expires != INFINITY and self.now() >= entry.expires else entry

    def put(self, key, value, ttl=None):
        """Replaces what the key had. ``ttl`` in seconds; None: the table's."""
        cdef double lives = self.ttl if ttl is None else ttl
        if not lives > 0:
            raise ValueError(f"the time to live must be above 0 s, not {ttl}")
        cdef Hit entry = Hit.__new__(Hit)
        entry.key, entry.value = key, value
        entry.node.entry = <PyObject *>entry
        entry.created = entry.used = self.now()
        entry.expires = entry.created + lives
        cdef PyObject *former = PyDict_GetItemWithError(self.entries, key)
        if former is not NULL:
            self.drop(<Hit>former)
        while len(self.entries) >= self.capacity:
            self.drop(self.victim())
            self.evictions += 1
        PyDict_SetItem(self.entries, key, entry)
        entry.linked = True
        self.added(entry)
        self.puts += 1

    def invalidate(self, key):
        """Whether there was such an entry."""
        cdef PyObject *found = PyDict_GetItemWithError(self.entries, key)
        if found is NULL:
            return False
        self.drop(<Hit>found)
        self.invalidations += 1
        return True

    def clear(self):
        while self.entries:
            self.drop(<Hit>next(iter(self.entries.values())))
            self.invalidations += 1

    def sweep(self):
        """Removes what has expired; returns how many entries."""
        cdef double now = self.now()
        cdef Hit entry
        old = [entry for entry in self.entries.values() if now >= (<Hit>entry).expires]
        for entry in old:
            self.drop(entry)
            self.expirations += 1
        return len(old)

    def items(self):
        """Keys and values as they are now, expired ones left out; counts as no use."""
        cdef double now = self.now()
        return [((<Hit>e).key, (<Hit>e).value) for e in self.entries.values() if now < (<Hit>e).expires]

    def __len__(self):
        return len(self.entries)

    def stats(self):
        """As a `runtime.caches.protocol.CacheStats`."""
        from runtime.caches.protocol import CacheStats

        return CacheStats(
            self.hits, self.misses, self.puts, self.invalidations, self.evictions, self.expirations,
            len(self.entries), self.capacity,
        )

    cdef int drop(self, Hit entry) except -1:
        if not entry.linked:
            return 0
        entry.linked = False
        self.removed(entry)
        PyDict_DelItem(self.entries, entry.key)
        return 0


cdef class Fifo(Table):
    """The oldest entry gives way."""


cdef class Lru(Table):
    """The entry not used for longest gives way."""

    cdef int used(self, Hit entry) except -1:
        if entry.node.next is not &self.ends:
            unlink(&entry.node)
            link_last(&self.ends, &entry.node)
        return 0


cdef class Lfu(Table):
    """The entry used least often gives way; of several, the one not used for longest.
    ``groups``: entries by number of uses, each group in the order of last use."""

    def __init__(self, Py_ssize_t capacity, double ttl=INFINITY, clock=None):
        Table.__init__(self, capacity, ttl, clock)
        self.groups = {}

    cdef int used(self, Hit entry) except -1:
        self.leave(entry)
        self.join(entry, entry.rank + 1)
        return 0

    cdef int added(self, Hit entry) except -1:
        self.join(entry, 0)
        self.least = 0
        return 0

    cdef int removed(self, Hit entry) except -1:
        self.leave(entry)
        return 0

    cdef Hit victim(self):
        if self.least not in self.groups:
            self.least = min(self.groups)
        return next(iter((<dict>self.groups[self.least])))

    cdef int join(self, Hit entry, uint64_t rank) except -1:
        entry.rank = rank
        group = self.groups.get(rank)
        if group is None:
            group = self.groups[rank] = {}
        (<dict>group)[entry] = None
        return 0

    cdef int leave(self, Hit entry) except -1:
        cdef dict group = self.groups[entry.rank]
        del group[entry]
        if not group:
            del self.groups[entry.rank]
            if entry.rank == self.least:
                self.least = entry.rank + 1  # where it moves if it was used; else `victim` looks
        return 0


cdef class Random(Table):
    """Any entry gives way. ``slots``: the entries; a removed one is replaced by the last."""

    def __init__(self, Py_ssize_t capacity, double ttl=INFINITY, clock=None, *, seed=0):
        Table.__init__(self, capacity, ttl, clock)
        self.slots = []
        # SplitMix64 from the seed: good enough to choose a victim, and the same on every machine.
        self.state = <uint64_t>(seed & 0xFFFFFFFFFFFFFFFF)

    cdef int added(self, Hit entry) except -1:
        entry.rank = len(self.slots)
        self.slots.append(entry)
        return 0

    cdef int removed(self, Hit entry) except -1:
        cdef Hit last = self.slots.pop()
        if last is not entry:
            last.rank = entry.rank
            self.slots[<Py_ssize_t>entry.rank] = last
        return 0

    cdef Hit victim(self):
        self.state += <uint64_t>0x9E3779B97F4A7C15
        cdef uint64_t z = self.state
        z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
        z ^= z >> 31
        return self.slots[<Py_ssize_t>(z % <uint64_t>len(self.slots))]


cdef class Soonest(Table):
    """The entry that expires first gives way. ``queue``: a heap of (expiry, number, entry); entries that
    were removed stay in it until they come up or outnumber the others."""

    def __init__(self, Py_ssize_t capacity, double ttl=INFINITY, clock=None):
        Table.__init__(self, capacity, ttl, clock)
        self.queue = []

    cdef int added(self, Hit entry) except -1:
        self.number += 1
        heapq.heappush(self.queue, (entry.expires, self.number, entry))
        return 0

    cdef int removed(self, Hit entry) except -1:
        if len(self.queue) > 2 * len(self.entries) + 16:
            self.queue = [item for item in self.queue if (<Hit>item[2]).linked]
            heapq.heapify(self.queue)
        return 0

    cdef Hit victim(self):
        while not (<Hit>self.queue[0][2]).linked:
            heapq.heappop(self.queue)
        return self.queue[0][2]
