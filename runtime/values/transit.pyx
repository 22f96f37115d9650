# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
from cpython.dict cimport PyDict_Next, PyDict_SetItem, PyDict_Size
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from runtime.values cimport layout
from runtime.values.atoms cimport (
    HostFunction, Keyword, List, Resource, Symbol, Timestamp, keyword, list_of, resource, symbol, timestamp,
)

import sys

from runtime.values.errors import KINDS, ErrorValue, limit_error

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    int64_t PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    object PyLong_FromLongLong(int64_t value)
    object PyFloat_FromDouble(double value)
    double PyFloat_AS_DOUBLE(object value)
    bint PyLong_CheckExact(object value)
    bint PyLong_Check(object value)
    bint PyFloat_CheckExact(object value)
    bint PyFloat_Check(object value)
    bint PyUnicode_Check(object value)
    bint PyList_Check(object value)
    bint PyTuple_Check(object value)
    bint PyDict_Check(object value)

cdef enum:
    KEYWORD_CACHE = 4096
    LEVELS_SHOWN = 10  # in errors
    SHALLOW = 64  # levels of containers; from here on some are looked at for cycles


# --- writing ------------------------------------------------------------------------------------

cdef struct Level:
    PyObject *container   # owned: other threads may change what holds it
    PyObject *shape       # borrowed: the shape above, at last the caller, keeps it alive; NULL = none
    PyObject *key         # owned: of the entry being written
    Py_ssize_t index      # of the element being written
    Py_ssize_t cursor     # of PyDict_Next
    char kind             # 'l' list, 't' tuple, 'm' map


cdef struct Levels:
    Level *items
    Py_ssize_t depth
    Py_ssize_t capacity
    PyObject *value       # owned: what is being written


cdef void open_writer(Writer *writer, char *memory, size_t capacity, size_t limit) noexcept:
    writer.data = memory
    writer.limit = limit
    writer.used = 0
    writer.capacity = capacity
    writer.spilled = False


cdef void release(Writer *writer) noexcept:
    if writer.spilled:
        PyMem_Free(writer.data)
        writer.spilled = False


cdef int _grow(Writer *w, size_t size) except -1:
    cdef size_t capacity = max(2 * w.capacity, w.used + size + 256)
    cdef char *data
    if w.used + size > w.limit:
        raise limit_error("MemoryLimit", w.limit)
    if w.spilled:
        data = <char *> PyMem_Realloc(w.data, capacity)
    else:
        data = <char *> PyMem_Malloc(capacity)
        if data != NULL:
            memcpy(data, w.data, w.used)
    if data == NULL:
        raise MemoryError()
    w.data, w.capacity, w.spilled = data, capacity, True
    return 0


cdef inline char *_reserve(Writer *w, size_t size) except NULL:
    """Room for ``size`` bytes; the pointer holds until the next call."""
    if w.capacity - w.used < size:
        _grow(w, size)
    w.used += size
    return w.data + w.used - size


cdef inline int _word(Writer *w, uint64_t tag, uint64_t length) except -1:
    (<uint64_t *> _reserve(w, 8))[0] = tag | length << 8
    return 0


cdef inline int _pair(Writer *w, uint64_t tag, uint64_t payload) except -1:
    cdef uint64_t *p = <uint64_t *> _reserve(w, 16)
    p[0] = tag
    p[1] = payload
    return 0


cdef int _text(Writer *w, uint64_t tag, object text) except -1:
    cdef Py_ssize_t n = 0
    cdef const char *utf8 = PyUnicode_AsUTF8AndSize(text, &n)
    cdef size_t padded = (n + 7) & ~<size_t> 7
    cdef char *p
    if n > 0xFFFFFFF0:
        raise OverflowError("a text of more than 4 GiB")
    p = _reserve(w, 16 + padded)
    (<uint64_t *> p)[0] = tag | <uint64_t> n << 8
    (<uint64_t *> p)[1] = 0
    if padded:
        (<uint64_t *> (p + 8 + padded))[0] = 0
        memcpy(p + 16, utf8, n)
    return 0


cdef int _integer(Writer *w, object value) except -1:
    cdef int overflow = 0
    cdef int64_t n = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow:
        raise OverflowError("an integer beyond 64 bits")
    return _pair(w, layout.TRANSIT_INT, <uint64_t> n)


cdef int _float(Writer *w, double value) except -1:
    cdef uint64_t bits
    memcpy(&bits, &value, 8)
    return _pair(w, layout.TRANSIT_FLOAT, bits)


cdef bint _integers(Writer *w, PyObject **items, Py_ssize_t n) except -1:
    """A vector of small exact integers at once; False (and nothing written) if there are others."""
    cdef size_t start = w.used
    cdef int overflow = 0
    cdef Py_ssize_t i
    cdef uint64_t *p = <uint64_t *> _reserve(w, 8 + 8 * n)
    p[0] = layout.TRANSIT_INTS | <uint64_t> n << 8
    for i in range(n):
        if PyLong_CheckExact(<object> items[i]):
            p[1 + i] = <uint64_t> PyLong_AsLongLongAndOverflow(<object> items[i], &overflow)
            if not overflow:
                continue
        w.used = start
        return False
    return True


cdef bint _floats(Writer *w, PyObject **items, Py_ssize_t n) except -1:
    cdef size_t start = w.used
    cdef Py_ssize_t i
    cdef double *p = <double *> _reserve(w, 8 + 8 * n)
    (<uint64_t *> p)[0] = layout.TRANSIT_FLOATS | <uint64_t> n << 8
    for i in range(n):
        if not PyFloat_CheckExact(<object> items[i]):
            w.used = start
            return False
        p[1 + i] = PyFloat_AS_DOUBLE(<object> items[i])
    return True


cdef extern from *:
    """
    static PyObject **rtfsc_items(PyObject *seq) {
        return PyList_Check(seq) ? ((PyListObject *)seq)->ob_item : ((PyTupleObject *)seq)->ob_item;
    }
    """
    PyObject **rtfsc_items(object seq)


cdef int _push(Levels *levels, object container, object shape, char kind) except -1:
    cdef Level *items
    cdef Py_ssize_t capacity
    if levels.depth == levels.capacity:
        capacity = 2 * levels.capacity + 16
        items = <Level *> PyMem_Realloc(levels.items, capacity * sizeof(Level))
        if items == NULL:
            raise MemoryError()
        levels.items, levels.capacity = items, capacity
    if levels.depth >= SHALLOW and levels.depth & (levels.depth - 1) == 0:
        _refuse_cycle(levels, container)
    cdef Level *level = &levels.items[levels.depth]
    Py_INCREF(container)
    level.container = <PyObject *> container
    level.shape = NULL if shape is None else <PyObject *> shape
    level.key = NULL
    level.index, level.cursor, level.kind = -1, 0, kind
    levels.depth += 1
    return 0


cdef int _refuse_cycle(Levels *levels, object container) except -1:
    """At every power of two, so that a cycle is found before twice its length, at little cost."""
    cdef Py_ssize_t i
    for i in range(levels.depth):
        if levels.items[i].container == <PyObject *> container:
            raise ValueError(f"a {type(container).__name__} that contains itself")
    return 0


cdef int _sequence(Writer *w, Levels *levels, uint64_t tag, object value, object shape) except -1:
    cdef Py_ssize_t n = len(value)
    cdef PyObject **items
    cdef object first
    if n and tag == layout.TRANSIT_VEC:
        items = rtfsc_items(value)
        first = <object> items[0]
        if PyLong_CheckExact(first):
            if _integers(w, items, n):
                return 0
        elif PyFloat_CheckExact(first):
            if _floats(w, items, n):
                return 0
    _word(w, tag, n)
    if n:
        _push(levels, value, shape, b'l' if PyList_Check(value) else b't')
    return 0


cdef int _value(Writer *w, Levels *levels, object value, object shape, object grant) except -1:
    """Writes a scalar, or the head of a container and pushes it."""
    if value is None:
        return _word(w, layout.TRANSIT_NIL, 0)
    if value is True:
        return _word(w, layout.TRANSIT_TRUE, 0)
    if value is False:
        return _word(w, layout.TRANSIT_FALSE, 0)
    if PyLong_Check(value):
        return _integer(w, value)
    if PyFloat_Check(value):
        return _float(w, PyFloat_AS_DOUBLE(value))
    if PyUnicode_Check(value):
        return _text(w, layout.TRANSIT_STR, value)
    if PyList_Check(value) or PyTuple_Check(value):
        return _sequence(w, levels, layout.TRANSIT_VEC, value, shape)
    if PyDict_Check(value):
        _word(w, layout.TRANSIT_MAP, PyDict_Size(value))
        if PyDict_Size(value):
            _push(levels, value, shape, b'm')
        return 0
    if isinstance(value, Keyword):
        return _text(w, layout.TRANSIT_KW, (<Keyword> value).name)
    if isinstance(value, Symbol):
        return _text(w, layout.TRANSIT_SYM, (<Symbol> value).name)
    if isinstance(value, List):
        return _sequence(w, levels, layout.TRANSIT_LIST, (<List> value).items, None)
    return _rare(w, levels, value, grant)


cdef int _rare(Writer *w, Levels *levels, object value, object grant) except -1:
    if isinstance(value, Timestamp):
        return _text(w, layout.TRANSIT_TIMESTAMP, (<Timestamp> value).name)
    if isinstance(value, Resource):
        return _text(w, layout.TRANSIT_RESOURCE, (<Resource> value).name)
    if isinstance(value, HostFunction) and grant is None:
        raise TypeError("a function cannot be passed here")
    if isinstance(value, ErrorValue):
        return _error(w, levels, value)
    if callable(value):
        return _function(w, value, None if grant is None else grant(value))
    uuid = sys.modules.get("uuid")
    if uuid is not None and type(value) is uuid.UUID:
        return _text(w, layout.TRANSIT_UUID, str(value))
    raise TypeError(f"no RTFS value for {type(value).__name__}")


cdef int _error(Writer *w, Levels *levels, object error) except -1:
    type_, message, _ = error.parts
    if error.kind not in KINDS or not isinstance(type_, Keyword) or not isinstance(message, str):
        raise TypeError("an error value needs a kind of errors.KINDS, a keyword as type and a text as message")
    _pair(w, layout.TRANSIT_ERROR, <uint64_t> KINDS.index(error.kind))
    return _push(levels, error.parts, None, b't')


cdef int _function(Writer *w, object value, object granted) except -1:
    if granted is None:
        raise TypeError(f"a callable ({type(value).__name__}) has to be granted: rtfsc.HostFunction(f)")
    if granted >= 0:
        return _word(w, layout.TRANSIT_HOSTFN, granted)
    return _pair(w, layout.TRANSIT_FN, <uint64_t> -granted)


cdef int _key(Writer *w, object key, object fields) except -1:
    if PyUnicode_Check(key):
        if fields is not None and key in fields:
            return _text(w, layout.TRANSIT_KW, key)
        return _text(w, layout.TRANSIT_STR, key)
    if isinstance(key, Keyword):
        return _text(w, layout.TRANSIT_KW, (<Keyword> key).name)
    if PyLong_Check(key) and key is not True and key is not False:
        return _integer(w, key)
    raise TypeError(f"a map key is a Keyword, str or int, not {type(key).__name__}")


cdef int _take(Levels *levels, PyObject *value) noexcept:
    Py_INCREF(<object> value)
    Py_XDECREF(levels.value)
    levels.value = value
    return 0


cdef int _pop(Levels *levels) noexcept:
    levels.depth -= 1
    cdef Level *level = &levels.items[levels.depth]
    Py_XDECREF(level.key)
    Py_DECREF(<object> level.container)
    return 0


cdef bint _next(Writer *w, Levels *levels, PyObject **shape) except -1:
    """Takes the next value to write, after the key of its entry; False at the end."""
    cdef Level *level
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t size
    cdef object of
    while levels.depth:
        level = &levels.items[levels.depth - 1]
        of = None if level.shape == NULL else <object> level.shape
        level.index += 1
        if level.kind == b'm':
            if PyDict_Next(<object> level.container, &level.cursor, &key, &value):
                _take(levels, value)
                Py_INCREF(<object> key)
                Py_XDECREF(level.key)
                level.key = key
                _key(w, <object> level.key, None if of is None else of.fields)
                shape[0] = NULL if of is None else _part(of, <object> level.key, -1)
                return True
        else:
            if level.kind == b'l':
                size = PyList_GET_SIZE(<object> level.container)
            else:
                size = PyTuple_GET_SIZE(<object> level.container)
            if level.index < size:
                _take(levels, rtfsc_items(<object> level.container)[level.index])
                shape[0] = NULL if of is None else _part(of, None, level.index)
                return True
        _pop(levels)
    return False


cdef PyObject *_part(object shape, object key, Py_ssize_t index) except? NULL:
    """Shape of an entry or element, borrowed from ``shape``."""
    part = shape.at_index(index) if index >= 0 else shape.at_key(key)
    return NULL if part is None else <PyObject *> part


cdef str _path(Levels *levels, Py_ssize_t argument):
    cdef Py_ssize_t i
    path = f"argument {argument}" if argument >= 0 else "value"
    for i in range(min(levels.depth, LEVELS_SHOWN)):
        key = <object> levels.items[i].key if levels.items[i].key != NULL else levels.items[i].index
        if levels.items[i].index >= 0:
            path += f'["{key}"]' if isinstance(key, str) else f"[{key}]"
    return path if levels.depth <= LEVELS_SHOWN else path + "…"


cdef int encode(Writer *writer, object value, Py_ssize_t argument, object shape, object grant) except -1:
    cdef Levels levels
    cdef PyObject *part = NULL if shape is None else <PyObject *> shape
    memset(&levels, 0, sizeof(levels))
    _take(&levels, <PyObject *> value)
    try:
        while True:
            _value(writer, &levels, <object> levels.value, None if part == NULL else <object> part, grant)
            if not _next(writer, &levels, &part):
                return 0
    except UnicodeEncodeError:
        raise ValueError(f"{_path(&levels, argument)}: a text with a lone surrogate") from None
    except (TypeError, OverflowError, ValueError) as error:
        raise type(error)(f"{_path(&levels, argument)}: {error}") from None
    finally:
        while levels.depth:
            _pop(&levels)
        Py_XDECREF(levels.value)
        PyMem_Free(levels.items)


# --- reading ------------------------------------------------------------------------------------

cdef struct Open:
    uint64_t remaining    # values still to come, keys included
    uint64_t tag
    uint64_t head         # first payload word of an error


cdef struct Reader:
    const uint64_t *words
    size_t left           # words not read yet
    Open *opens
    Py_ssize_t depth
    Py_ssize_t capacity


cdef dict _keywords = {}


cdef object _malformed():
    return ValueError("malformed value buffer")


cdef int _open(Reader *r, uint64_t tag, uint64_t remaining, uint64_t head) except -1:
    cdef Open *opens
    cdef Py_ssize_t capacity
    if r.depth == r.capacity:
        capacity = 2 * r.capacity + 16
        opens = <Open *> PyMem_Realloc(r.opens, capacity * sizeof(Open))
        if opens == NULL:
            raise MemoryError()
        r.opens, r.capacity = opens, capacity
    r.opens[r.depth].tag = tag
    r.opens[r.depth].remaining = remaining
    r.opens[r.depth].head = head
    r.depth += 1
    return 0


cdef object _read_text(Reader *r, uint64_t tag, uint64_t length):
    cdef uint64_t words = 1 + (length + 7) // 8
    if words > r.left:
        raise _malformed()
    cdef str text = PyUnicode_DecodeUTF8(<const char *> (r.words + 1), length, NULL)
    r.words += words
    r.left -= words
    if tag == layout.TRANSIT_STR:
        return text
    if tag == layout.TRANSIT_KW:
        return _keyword(text)
    if tag == layout.TRANSIT_SYM:
        return symbol(text)
    if tag == layout.TRANSIT_TIMESTAMP:
        return timestamp(text)
    if tag == layout.TRANSIT_RESOURCE:
        return resource(text)
    from uuid import UUID
    return UUID(text)


cdef object _keyword(str text):
    found = _keywords.get(text)
    if found is None:
        if len(_keywords) >= KEYWORD_CACHE:
            _keywords.clear()
        found = keyword(text)
        _keywords[text] = found
    return found


cdef list _read_numbers(Reader *r, uint64_t tag, uint64_t length):
    if length > r.left:
        raise _malformed()
    cdef list numbers = PyList_New(length)
    cdef uint64_t i
    cdef object number
    for i in range(length):
        if tag == layout.TRANSIT_INTS:
            number = PyLong_FromLongLong(<int64_t> r.words[i])
        else:
            number = PyFloat_FromDouble((<const double *> r.words)[i])
        Py_INCREF(number)
        PyList_SET_ITEM(numbers, i, number)
    r.words += length
    r.left -= length
    return numbers


cdef uint64_t _read_word(Reader *r) except? 0:
    if r.left == 0:
        raise _malformed()
    cdef uint64_t word = r.words[0]
    r.words += 1
    r.left -= 1
    return word


cdef object _read_value(Reader *r, list containers, object function_of):
    """The next value, or the container (already opened) whose parts follow."""
    cdef uint64_t head = _read_word(r)
    cdef uint64_t tag = head & 255, length = head >> 8, word
    cdef double number
    if tag == layout.TRANSIT_INT:
        return PyLong_FromLongLong(<int64_t> _read_word(r))
    if layout.TRANSIT_STR <= tag <= layout.TRANSIT_RESOURCE:
        return _read_text(r, tag, length)
    if tag == layout.TRANSIT_NIL:
        return None
    if tag == layout.TRANSIT_TRUE:
        return True
    if tag == layout.TRANSIT_FALSE:
        return False
    if tag == layout.TRANSIT_FLOAT:
        word = _read_word(r)
        memcpy(&number, &word, 8)
        return PyFloat_FromDouble(number)
    if tag == layout.TRANSIT_INTS or tag == layout.TRANSIT_FLOATS:
        return _read_numbers(r, tag, length)
    if tag == layout.TRANSIT_FN:
        if function_of is None:
            raise ValueError("a function cannot come out here")
        return function_of(<int64_t> _read_word(r))
    if tag == layout.TRANSIT_HOSTFN and function_of is not None:
        return function_of(-1 - <int64_t> length)
    return _read_container(r, tag, length, containers)


cdef object _read_container(Reader *r, uint64_t tag, uint64_t length, list containers):
    cdef object container
    cdef uint64_t word = 0, parts = length
    if tag == layout.TRANSIT_ERROR:
        word = _read_word(r)
        if (word & 0xFFFFFFFF) >= <uint64_t> len(KINDS):
            raise _malformed()
        container, parts = [None, None, None], 3
    elif tag == layout.TRANSIT_MAP:
        container, parts = {}, 2 * length
    elif tag == layout.TRANSIT_VEC or tag == layout.TRANSIT_LIST:
        if length > r.left:
            raise _malformed()
        container = [None] * <Py_ssize_t> length
    else:
        raise _malformed()
    if parts > r.left:
        raise _malformed()
    _open(r, tag, parts, word)
    containers.append(container)
    return container


cdef object _closed(Open *top, object container):
    if top.tag == layout.TRANSIT_LIST:
        return list_of(tuple(container))
    if top.tag == layout.TRANSIT_ERROR:
        type_, message, data = container
        return ErrorValue(KINDS[top.head & 0xFFFFFFFF], message, data, type_, top.head >> 32)
    return container


cdef object _read(Reader *r, object function_of):
    cdef list containers = [], keys = []
    cdef object value, container
    cdef Open *top
    cdef Py_ssize_t before
    while True:
        before = r.depth
        value = _read_value(r, containers, function_of)
        if r.depth > before and r.opens[r.depth - 1].remaining:
            continue
        while True:
            if r.depth > before:                      # an empty container
                before = r.depth
            elif r.depth == 0:
                return value
            else:
                top = &r.opens[r.depth - 1]
                container = containers[r.depth - 1]
                if top.tag != layout.TRANSIT_MAP:
                    (<list> container)[PyList_GET_SIZE(container) - <Py_ssize_t> top.remaining] = value
                elif top.remaining & 1:
                    PyDict_SetItem(container, keys.pop(), value)
                else:
                    _check_key(value)
                    keys.append(value)
                top.remaining -= 1
            top = &r.opens[r.depth - 1]
            if top.remaining:
                break
            value = _closed(top, containers.pop())
            r.depth -= 1
            before = r.depth


cdef int _check_key(object key) except -1:
    if not (isinstance(key, Keyword) or PyUnicode_Check(key) or PyLong_CheckExact(key)):
        raise _malformed()
    return 0


cdef object decode(const char *data, size_t size, object function_of):
    cdef Reader r
    if size & 7:
        raise _malformed()
    memset(&r, 0, sizeof(r))
    r.words, r.left = <const uint64_t *> data, size // 8
    try:
        value = _read(&r, function_of)
        if r.left:
            raise _malformed()
        return value
    finally:
        PyMem_Free(r.opens)


# --- for tests and slow paths -------------------------------------------------------------------

def encode_bytes(value, shape=None, grant=None, argument=-1, limit=0xFFFFFFFF):
    """The buffer of one value, of at most ``limit`` bytes; see `encode`."""
    cdef Writer writer
    cdef char memory[512]
    open_writer(&writer, memory, sizeof(memory), limit)
    try:
        encode(&writer, value, argument, shape, grant)
        return writer.data[:writer.used]
    finally:
        release(&writer)


def decode_bytes(bytes data, function_of=None):
    """The value of a buffer; see `decode`."""
    return decode(data, len(data), function_of)
