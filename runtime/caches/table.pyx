# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=False
"""Tables in process: a dict from key to entry, and an order that says who gives way.

A hit is the entry itself, so that finding it allocates nothing.  Every method runs under the
interpreter's lock.  Another thread can come in where a key's ``__eq__`` runs, and where an object that the
garbage collector tracks is allocated (a collection may run finalizers): so an entry that was found is
looked at again (``linked``) before it is moved, and whatever is allocated is allocated before the order is
touched.

Invariants: ``len(entries) <= capacity`` between calls; an entry is linked exactly if it is in ``entries``.
"""

from cpython.dict cimport PyDict_DelItem, PyDict_Next, PyDict_SetItem
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


cdef Py_ssize_t node_at():
    """Where in an entry its node is, in bytes."""
    cdef Hit entry = Hit.__new__(Hit)
    return <char *>&entry.node - <char *><PyObject *>entry


cdef Py_ssize_t _node_at = node_at()


cdef inline void unlink(Node *node) noexcept:
    node.prev.next = node.next
    node.next.prev = node.prev
    node.prev = node.next = NULL


cdef inline void link_last(Node *ends, Node *node) noexcept:
    node.prev = ends.prev
    node.next = ends
    ends.prev.next = node
    ends.prev = node


cdef Hit first(dict entries, bint values):
    """The first value or key of a dict, without allocating an iterator."""
    cdef Py_ssize_t at = 0
    cdef PyObject *key
    cdef PyObject *value
    if not PyDict_Next(entries, &at, &key, &value):
        return None
    return <Hit>(value if values else key)


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
        # Borrowed: while an entry is linked, the dict holds it.
        return <Hit><PyObject *>(<char *>self.ends.next - _node_at)

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
                self.expirations += self.drop(entry)
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
        entry.created = entry.used = self.now()
        entry.expires = entry.created + lives
        cdef PyObject *former = PyDict_GetItemWithError(self.entries, key)
        if former is not NULL:
            self.drop(<Hit>former)
        while len(self.entries) >= self.capacity:
            self.evictions += self.drop(self.victim())
        PyDict_SetItem(self.entries, key, entry)
        entry.linked = True
        self.added(entry)
        self.puts += 1

    def invalidate(self, key):
        """Whether there was such an entry."""
        cdef PyObject *found = PyDict_GetItemWithError(self.entries, key)
        if found is NULL or not self.drop(<Hit>found):
            return False
        self.invalidations += 1
        return True

    def clear(self, str start=""):
        """``start``: only the keys, which are texts then, that begin so."""
        cdef Hit entry
        if not start:
            while self.entries:
                self.invalidations += self.drop(first(self.entries, True))
            return
        for entry in [e for e in self.entries.values() if (<Hit>e).key.startswith(start)]:
            self.invalidations += self.drop(entry)

    def close(self):
        """Nothing to close."""

    def sweep(self):
        """Removes what has expired; returns how many entries."""
        cdef double now = self.now()
        cdef Hit entry
        old = [entry for entry in self.entries.values() if now >= (<Hit>entry).expires]
        for entry in old:
            self.expirations += self.drop(entry)
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
        """1, or 0 if somebody else was faster."""
        if not entry.linked:
            return 0
        entry.linked = False
        self.removed(entry)
        PyDict_DelItem(self.entries, entry.key)
        return 1


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
        cdef dict fresh = {}
        if entry.linked:
            self.leave(entry)
            self.join(entry, entry.rank + 1, fresh)
        return 0

    cdef int added(self, Hit entry) except -1:
        cdef dict fresh = {}
        if entry.linked:
            self.join(entry, 0, fresh)
            self.least = 0
        return 0

    cdef int removed(self, Hit entry) except -1:
        self.leave(entry)
        return 0

    cdef Hit victim(self):
        if not self.groups:  # another thread is just moving the only one
            return first(self.entries, True)
        if self.least not in self.groups:
            self.least = min(self.groups)
        return first(<dict>self.groups[self.least], False)

    cdef int join(self, Hit entry, uint64_t rank, dict fresh) except -1:
        """``fresh``: an empty dict, for the case that there is no such group."""
        entry.rank = rank
        entry.ranked = True
        group = self.groups.get(rank)
        if group is None:
            group = self.groups[rank] = fresh
        (<dict>group)[entry] = None
        return 0

    cdef int leave(self, Hit entry) except -1:
        if not entry.ranked:
            return 0
        entry.ranked = False
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
        entry.ranked = True
        self.slots.append(entry)
        return 0

    cdef int removed(self, Hit entry) except -1:
        if not entry.ranked:
            return 0
        entry.ranked = False
        cdef Hit last = self.slots.pop()
        if last is not entry:
            last.rank = entry.rank
            self.slots[<Py_ssize_t>entry.rank] = last
        return 0

    cdef Hit victim(self):
        if not self.slots:
            return first(self.entries, True)
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
        item = (entry.expires, self.number, entry)
        heapq.heappush(self.queue, item)
        return 0

    cdef int removed(self, Hit entry) except -1:
        if len(self.queue) > 2 * len(self.entries) + 16:
            self.queue = [item for item in self.queue if (<Hit>item[2]).linked]
            heapq.heapify(self.queue)
        return 0

    cdef Hit victim(self):
        while self.queue and not (<Hit>self.queue[0][2]).linked:
            heapq.heappop(self.queue)
        return self.queue[0][2] if self.queue else first(self.entries, True)
