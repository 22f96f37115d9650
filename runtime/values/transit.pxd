"""How values cross between Python and an engine's memory: section ``transit`` of the layout.

Encoding starts in memory that the caller gives and moves to the C heap if that is too small (then
``spilled`` is set and the caller copies).  Call `release` when done, whatever happened.
"""


cdef struct Writer:
    char *data
    size_t used        # bytes written, a multiple of 8
    size_t capacity
    size_t limit       # bytes beyond which it is a MemoryLimit
    bint spilled       # data is on the C heap


cdef void open_writer(Writer *writer, char *memory, size_t capacity, size_t limit) noexcept

cdef void release(Writer *writer) noexcept

cdef int encode(Writer *writer, object value, Py_ssize_t argument, object shape, object grant) except -1
"""Appends one value. ``argument`` is the position named in errors; ``shape`` is None or a
`shapes.Shape`; ``grant`` maps a HostFunction to its handle, a function of the instance itself to minus its boxed value, and
any other callable to None; where it is None itself functions are refused. Raises TypeError, OverflowError or
ValueError with the path to what cannot cross (a container that contains itself, too)."""

cdef object decode(const char *data, size_t size, object function_of)
"""The value in a buffer that is not trusted; ValueError if malformed. ``function_of`` makes the handle
of a function from its boxed value, and answers the function of the host for -1 - its number; None refuses
functions."""
