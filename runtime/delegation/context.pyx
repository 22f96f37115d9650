# cython: language_level=3, freethreading_compatible=False
"""What a decision may depend on: the function, the types of its arguments, and who runs it for what.

Contexts are keys of the decision cache, so they hash and compare without leaving C in the common case. Equality
compares everything that a decision may depend on, not hashes alone: tenants never share an entry.
"""

import hashlib

from libc.stdint cimport uint64_t

_KINDS = {bool: "bool", int: "int", float: "float", str: "string", type(None): "nil", dict: "map",
          list: "vector", tuple: "vector"}
_DEPTH = 3
_MOST_ELEMENTS = 64
_MOST_FINGERPRINTS = 4096
cdef dict _FINGERPRINTS = {}


cdef uint64_t digest_of(object parts) except? 0:
    """The first 64 bits of SHA-256 over length-prefixed texts: the same in every process."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode()
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return int.from_bytes(sha.digest()[:8], "little")


cdef uint64_t fingerprint_of(tuple arg_types) except? 0:
    """The digest of the types; those of late are at hand."""
    known = _FINGERPRINTS.get(arg_types)
    if known is not None:
        return known
    found = digest_of(arg_types)
    if len(_FINGERPRINTS) >= _MOST_FINGERPRINTS:
        _FINGERPRINTS.clear()
    _FINGERPRINTS[arg_types] = found
    return found


def type_of(value, int depth=_DEPTH):
    """The type of a value as far as a policy may look: kinds, to a depth of three, of at most the first 64
    elements. A function of types alone: other values of the same types give the same text."""
    kind = _KINDS.get(type(value))
    if kind is None:
        kind = "fn" if callable(value) else type(value).__name__.lower()
    if depth == 0 or not value:
        return kind
    if kind == "vector":
        items = sorted({type_of(item, depth - 1) for item in value[:_MOST_ELEMENTS]})
        return f"[vector {' '.join(items)}]"
    if kind == "map":
        pairs = list(value.items())[:_MOST_ELEMENTS]
        fields = sorted(f"{_key(key)} {type_of(item, depth - 1)}" for key, item in pairs)
        return f"[map {' '.join(dict.fromkeys(fields))}]"
    return kind


def _key(key):
    """Keywords are names of fields and belong to the type; other keys are values."""
    return f":{key.name}" if type(key).__name__ == "Keyword" else type_of(key, 0)


cdef class Environment:
    """Who runs a program for what. ``permissions``: ids of capabilities and rights; ``privacy``: ``public``,
    ``internal`` or ``private``, of the data that the program works on."""

    def __init__(self, str tenant="", permissions=(), str task="", str privacy="internal"):
        if privacy not in ("public", "internal", "private"):
            raise ValueError(f"privacy is public, internal or private, not {privacy!r}")
        self.tenant, self.task, self.privacy = tenant, task, privacy
        self.permissions = frozenset(permissions)
        self.digest = digest_of([tenant, task, privacy, *sorted(self.permissions)])

    def __hash__(self):
        return hash(self.digest)

    def __eq__(self, other):
        if not isinstance(other, Environment):
            return NotImplemented
        cdef Environment that = other
        return self is that or (
            self.digest == that.digest and self.tenant == that.tenant and self.task == that.task
            and self.privacy == that.privacy and self.permissions == that.permissions
        )

    def __repr__(self):
        return (f"Environment(tenant={self.tenant!r}, permissions={sorted(self.permissions)!r}, "
                f"task={self.task!r}, privacy={self.privacy!r})")


cdef class CallContext:
    """One call. ``arg_types``: as `type_of` tells them; ``effects``: of the function, ids of capabilities;
    ``semantic_hash``: an embedding or None, and ``metadata``: a `DelegationMetadata` or None; these two take
    no part in equality."""

    def __init__(self, str fn_symbol, tuple arg_types=(), Environment environment=None, *,
                 tuple effects=(), semantic_hash=None, metadata=None):
        self.fn_symbol, self.arg_types, self.effects = fn_symbol, arg_types, effects
        self.environment = environment if environment is not None else _NOBODY
        self.arg_type_fingerprint = fingerprint_of(arg_types)
        self.semantic_hash, self.metadata = semantic_hash, metadata
        self._hash = <Py_hash_t>(
            <uint64_t>hash(fn_symbol) ^ (self.arg_type_fingerprint * <uint64_t>0x9E3779B97F4A7C15)
            ^ self.environment.digest
        )
        if self._hash == -1:
            self._hash = -2

    @classmethod
    def of_call(cls, str fn_symbol, arguments, environment=None, **options):
        """With the types of these arguments."""
        return cls(fn_symbol, tuple([type_of(argument) for argument in arguments]), environment, **options)

    @property
    def runtime_context_hash(self):
        return self.environment.digest

    def __hash__(self):
        return self._hash

    def __eq__(self, other):
        if self is other:
            return True
        if not isinstance(other, CallContext):
            return NotImplemented
        cdef CallContext that = other
        return (
            self._hash == that._hash and self.arg_type_fingerprint == that.arg_type_fingerprint
            and self.fn_symbol == that.fn_symbol and self.arg_types == that.arg_types
            and (self.effects is that.effects or self.effects == that.effects)
            and (self.environment is that.environment or self.environment == that.environment)
        )

    def __repr__(self):
        return f"CallContext({self.fn_symbol!r}, {self.arg_types!r}, {self.environment!r})"


cdef Environment _NOBODY = Environment()
