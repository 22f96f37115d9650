"""Maps as records: what of one record or dictionary holds for another."""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import NEVER, Atom, Dict, Field, Lit, Record, Type, literal, record


def field_of(fields: Record, key: Lit) -> Field | None:
    """The field that a look-up of ``key`` finds: of closed records also under the string."""
    for field in fields.fields:
        if field.key == key:
            return field
    if fields.closed and key.kind == T.KW:
        return field_of(fields, Lit(T.STR, key.value))
    return None


def _exact(fields: Record, key: Lit) -> Field | None:
    return next((field for field in fields.fields if field.key == key), None)


def below_record(a: Atom, b: Record) -> bool:
    """A field that the larger record requires must be there; an optional one must fit, or be known to be
    absent: an open record without it may have it under any type."""
    from rtfsc.sema.algebra.relations import subtype

    if type(a) is Dict:
        return not b.closed and all(not f.required and subtype(a.value, f.type) for f in b.fields)
    if type(a) is not Record or (b.closed and not a.closed):
        return False
    if b.closed and any(_exact(b, field.key) is None for field in a.fields):
        return False
    for wanted in b.fields:
        found = _exact(a, wanted.key) if b.closed else field_of(a, wanted.key)
        if found is None:
            if wanted.required or not a.closed:
                return False
        elif (wanted.required and not found.required) or not subtype(found.type, wanted.type):
            return False
    return True


def below_dict(a: Atom, b: Dict) -> bool:
    from rtfsc.sema.algebra.relations import subtype

    if type(a) is Dict:
        return subtype(a.key, b.key) and subtype(a.value, b.value)
    if type(a) is not Record or not a.closed:
        return False
    return all(subtype(literal(*f.key), b.key) and subtype(f.type, b.value) for f in a.fields)


def both(a: Record, b: Record) -> Type | None:
    """The maps that are of both records; None if that is no record."""
    if a.closed and b.closed:
        return _closed_both(a, b)
    if a.closed or b.closed:
        return _narrowed(a, b) if a.closed else _narrowed(b, a)
    fields = {field.key: field for field in a.fields}
    for field in b.fields:
        other = fields.get(field.key)
        fields[field.key] = field if other is None else _merge(other, field)
    return record(fields.values())


def _merge(a: Field, b: Field) -> Field:
    from rtfsc.sema.algebra.relations import meet

    return Field(a.key, meet(a.type, b.type), a.required or b.required)


def _closed_both(a: Record, b: Record) -> Type:
    if any(f.required and _exact(b, f.key) is None for f in a.fields):
        return NEVER
    if any(f.required and _exact(a, f.key) is None for f in b.fields):
        return NEVER
    shared = [(f, _exact(b, f.key)) for f in a.fields]
    return record([_merge(f, other) for f, other in shared if other is not None], closed=True)


def _narrowed(closed: Record, opened: Record) -> Type:
    fields = {field.key: field for field in closed.fields}
    for wanted in opened.fields:
        found = field_of(closed, wanted.key)
        if found is None:
            if wanted.required:
                return NEVER
            continue
        fields[found.key] = _merge(found, wanted._replace(key=found.key))
    return record(fields.values(), closed=True)


def within(fields: Record, mapping: Dict) -> Type | None:
    """The maps of the record that are of the dictionary type too."""
    from rtfsc.sema.algebra.relations import consistent, meet, subtype

    if not fields.closed:
        for field in fields.fields:
            keys = [field.key, Lit(T.STR, field.key.value)]
            possible = any(consistent(literal(*key), mapping.key) for key in keys)
            if field.required and not (possible and consistent(field.type, mapping.value)):
                return NEVER
        return None
    kept: list[Field] = []
    for field in fields.fields:
        if subtype(literal(*field.key), mapping.key):
            kept.append(field._replace(type=meet(field.type, mapping.value)))
        elif field.required:
            return NEVER
    return record(kept, closed=True)
