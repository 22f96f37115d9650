# cython: language_level=3
"""Kinds of RTFS values that Python has no type for.

Spelled kinds are equal only to the same kind with the same spelling (C4 of the language).
"""

from cpython.object cimport Py_EQ, Py_GE, Py_GT, Py_LE, Py_LT, Py_NE

_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$+-*/=<>!?%.@:")
_SYMBOL = _NAME | frozenset("&#^{}")


cdef class Spelled:
    """Base of the kinds that are a spelling: hashable, ordered within their kind."""

    def __init__(self, name):
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__} takes a str, got {type(name).__name__}")
        self._check(name)
        self.name = name
        self._hash = _hash_of(type(self), name)

    def _check(self, name):
        if not name or name[0] == ":" or not _NAME.issuperset(name):
            raise ValueError(f"not a name: {name!r}")

    def __hash__(self):
        return self._hash

    def __richcmp__(self, other, int op):
        if type(self) is not type(other):
            return NotImplemented
        cdef str a = (<Spelled> self).name, b = (<Spelled> other).name
        if op == Py_EQ:
            return self is other or a == b
        if op == Py_NE:
            return self is not other and a != b
        if op == Py_LT:
            return a < b
        if op == Py_LE:
            return a <= b
        return a > b if op == Py_GT else a >= b

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"

    def __str__(self):
        return self.name

    def __reduce__(self):
        return type(self), (self.name,)


cdef Py_hash_t _hash_of(type kind, str name):
    cdef Py_hash_t h = hash(name) ^ <Py_hash_t> <size_t> <void*> kind
    return h if h != -1 else -2


cdef class Keyword(Spelled):
    """A keyword; ``Keyword("a")`` is ``:a``, and the name has no colon."""

    def __str__(self):
        return ":" + self.name


cdef class Symbol(Spelled):
    """A symbol: a name, or one of those that stand in forms alone: ``&``, ``:``, ``λ``, what `gensym` makes."""

    def _check(self, name):
        if name not in (":", "λ") and (not name or name[0] == ":" or not _SYMBOL.issuperset(name)):
            raise ValueError(f"not a symbol: {name!r}")


cdef class Timestamp(Spelled):
    """A timestamp with its spelling kept: ``2025-07-01T12:00:00Z`` or ``…00_250Z``."""

    def _check(self, name):
        digits = "".join("0" if c in "0123456789" else c for c in name)
        if digits not in ("0000-00-00T00:00:00Z", "0000-00-00T00:00:00_000Z"):
            raise ValueError(f"not a timestamp: {name!r}")


cdef class Resource(Spelled):
    """A resource handle with its spelling kept: ``resource://…``."""

    def _check(self, name):
        rest = name.removeprefix("resource://")
        if not rest or rest == name or any(c in " \t\r\n" for c in rest):
            raise ValueError(f"not a resource handle: {name!r}")


cdef class List:
    """An RTFS list: an immutable sequence, never equal to a Python list or tuple (those are vectors)."""

    def __init__(self, items=()):
        self.items = tuple(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return List(self.items[index]) if isinstance(index, slice) else self.items[index]

    def __iter__(self):
        return iter(self.items)

    def __contains__(self, value):
        return value in self.items

    def __reversed__(self):
        return reversed(self.items)

    def index(self, value, *bounds):
        """First position of a value; ValueError if there is none."""
        return self.items.index(value, *bounds)

    def count(self, value):
        """How often a value occurs."""
        return self.items.count(value)

    def __eq__(self, other):
        if type(other) is not List:
            return NotImplemented
        return self.items == (<List> other).items

    def __hash__(self):
        return hash((List, self.items))

    def __repr__(self):
        return f"List({list(self.items)!r})"

    def __reduce__(self):
        return List, (self.items,)


cdef class HostFunction:
    """Grants a Python callable to a program: it arrives there as a function of any number of arguments."""

    def __init__(self, function):
        if not callable(function):
            raise TypeError(f"HostFunction takes a callable, got {type(function).__name__}")
        self.function = function

    def __call__(self, *args):
        return self.function(*args)

    def __repr__(self):
        return f"HostFunction({self.function!r})"


cdef inline Spelled _made(type kind, str name):
    cdef Spelled value = <Spelled> kind.__new__(kind)
    value.name = name
    value._hash = _hash_of(kind, name)
    return value


cdef Keyword keyword(str name):
    """Without checks: for names that come out of a program or were checked."""
    return <Keyword> _made(Keyword, name)


cdef Symbol symbol(str name):
    return <Symbol> _made(Symbol, name)


cdef Timestamp timestamp(str name):
    return <Timestamp> _made(Timestamp, name)


cdef Resource resource(str name):
    return <Resource> _made(Resource, name)


cdef List list_of(tuple items):
    cdef List value = List.__new__(List)
    value.items = items
    return value


from collections.abc import Sequence as _Sequence

_Sequence.register(List)
