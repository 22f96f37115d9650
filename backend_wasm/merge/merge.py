"""Links modules into one: imports find the exports that they name, what nobody reaches is left out.

Modules are given by the name under which others import them. An import of a name that is none of them
stays an import of the result. The same modules and exports give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from backend_wasm.merge.instructions import Piece
from backend_wasm.merge.parts import KINDS, Import, Parts, take_apart
from backend_wasm.sections import MAGIC, MalformedModule, uleb

Entity = tuple[str, str, int]
"""(space, module, index): a definition, or an import that stays, of one of the modules."""

_SPACES: Final = {"function": "functions", "table": "tables", "memory": "memories", "global": "globals"}


def merge(modules: Mapping[str, bytes], exports: Callable[[str, str], str | None]) -> bytes:
    """``exports(module, name)``: the name under which the result exports it, None for not at all. Custom
    sections are not kept. Raises `MalformedModule` where an import and an export do not fit together."""
    merger = _Merger({name: take_apart(data) for name, data in modules.items()})
    try:
        return merger.write(exports)
    except (IndexError, KeyError):
        raise MalformedModule("an index is beyond what it numbers") from None


class _Merger:
    def __init__(self, modules: Mapping[str, Parts]) -> None:
        self.modules = modules
        self._imported = {(m, kind): p.imported(kind) for m, p in modules.items() for kind in KINDS}
        self._exported = {m: {(e.name, e.kind): e.index for e in p.exports} for m, p in modules.items()}
        self._resolved: dict[Entity, Entity] = {}
        self.types: dict[bytes, int] = {}
        self.imports: dict[tuple[str, str, str], Entity] = {}
        """What the result imports: the first importer of each stands for all."""
        self.number: dict[Entity, int] = {}

    def write(self, exports: Callable[[str, str], str | None]) -> bytes:
        roots = self._exports(exports)
        live = self._reach([entity for _, entity in roots])
        self._number(live)
        kept = {kind: [e for e in self.number if e[0] == kind and not self._import_of(e)] for kind in _SPACES}
        datas = self._segments("data", "datas")
        code = [self._code(entity) for entity in kept["function"]]
        body = {
            2: [self._import(entity) for entity in self.imports.values()],
            3: [uleb(self._type(entity)) for entity in kept["function"]],
            4: [self._definition(entity) for entity in kept["table"]],
            5: [self._definition(entity) for entity in kept["memory"]],
            6: [self._definition(entity) for entity in kept["global"]],
            7: [self._export(name, entity) for name, entity in roots],
            9: self._segments("element", "elements"),
            10: code,
            11: datas,
        }
        body[1] = list(self.types)  # complete once all else was written
        out = [MAGIC]
        for section in (1, 2, 3, 4, 5, 6, 7, 9):
            out.append(_vector(section, body[section]))
        if datas:
            out.append(b"\x0c" + uleb(len(uleb(len(datas)))) + uleb(len(datas)))
        return b"".join([*out, _vector(10, code), _vector(11, datas)])

    # -- what refers to what

    def _exports(self, exports: Callable[[str, str], str | None]) -> list[tuple[str, Entity]]:
        found: dict[str, Entity] = {}
        for module, parts in self.modules.items():
            for export in parts.exports:
                name = exports(module, export.name)
                if name is None:
                    continue
                if name in found:
                    raise MalformedModule(f"two exports of the name {name}")
                found[name] = self._resolve((export.kind, module, export.index))
        return list(found.items())

    def _import_of(self, entity: Entity) -> Import | None:
        kind, module, index = entity
        imported = self._imported[module, kind]
        return imported[index] if index < len(imported) else None

    def _resolve(self, entity: Entity) -> Entity:
        """The definition that is meant, or the import of the result that stands for it."""
        found = self._resolved.get(entity)
        if found is None:
            found = self._resolved[entity] = self._follow(entity)
        return found

    def _follow(self, entity: Entity) -> Entity:
        seen = set()
        while (wanted := self._import_of(entity)) is not None:
            if entity in seen:
                raise MalformedModule(f"modules import {wanted.module}.{wanted.name} from each other")
            seen.add(entity)
            exports = self._exported.get(wanted.module)
            if exports is None:
                return self.imports.setdefault((wanted.module, wanted.name, wanted.kind), entity)
            index = exports.get((wanted.name, wanted.kind))
            if index is None:
                raise MalformedModule(f"{wanted.module} exports no {wanted.kind} {wanted.name}")
            definition = (wanted.kind, wanted.module, index)
            self._check_type(entity, definition)
            entity = definition
        return entity

    def _check_type(self, importer: Entity, definition: Entity) -> None:
        if importer[0] == "function" and self._signature(importer) != self._signature(definition):
            wanted = self._import_of(importer)
            assert wanted is not None
            raise MalformedModule(
                f"{wanted.module}.{wanted.name} is not of the type that its importer expects"
            )

    def _signature(self, function: Entity) -> bytes:
        _, module, index = function
        parts = self.modules[module]
        wanted = self._import_of(function)
        if wanted is None:
            return parts.types[parts.functions[index - len(self._imported[module, "function"])][0]]
        return parts.types[wanted.description[0][1]]

    def _reach(self, roots: Iterable[Entity]) -> set[Entity]:
        """All that can be used from the roots and from the segments, which are kept whole."""
        todo = list(roots)
        for module, parts in self.modules.items():
            for segment in [*parts.elements, *parts.datas]:
                todo += self._mentioned(module, segment)
        live: set[Entity] = set()
        while todo:
            entity = todo.pop()
            if entity in live:
                continue
            live.add(entity)
            if not self._import_of(entity):
                todo += self._mentioned(entity[1], self._pieces(entity))
        return live

    def _mentioned(self, module: str, pieces: Iterable[Piece]) -> list[Entity]:
        return [
            self._resolve((piece[0], module, piece[1]))
            for piece in pieces
            if type(piece) is tuple and piece[0] in _SPACES
        ]

    def _pieces(self, entity: Entity) -> list[Piece]:
        kind, module, index = entity
        parts = self.modules[module]
        own = index - len(self._imported[module, kind])
        if kind == "function":
            return parts.functions[own][1]
        pieces: list[Piece] = getattr(parts, _SPACES[kind])[own]
        return pieces

    def _number(self, live: set[Entity]) -> None:
        """New indices: imports first, then definitions in the order of the modules."""
        self.imports = {key: entity for key, entity in sorted(self.imports.items()) if entity in live}
        for kind in _SPACES:
            order = [entity for entity in self.imports.values() if entity[0] == kind]
            for module, parts in self.modules.items():
                first = len(self._imported[module, kind])
                count = len(getattr(parts, _SPACES[kind]))
                order += [(kind, module, i) for i in range(first, first + count) if (kind, module, i) in live]
            if kind in ("table", "memory") and len(order) > 1:
                raise MalformedModule(
                    f"the modules do not share one {kind}"
                )  # code names the first implicitly
            self.number.update({entity: index for index, entity in enumerate(order)})

    # -- writing

    def _type(self, function: Entity) -> int:
        return self.types.setdefault(self._signature(function), len(self.types))

    def _index(self, module: str, space: str, index: int) -> int:
        parts = self.modules[module]
        if space == "type":
            return self.types.setdefault(parts.types[index], len(self.types))
        if space in ("element", "data"):
            field = "elements" if space == "element" else "datas"
            before = list(self.modules)[: list(self.modules).index(module)]
            return index + sum(len(getattr(self.modules[name], field)) for name in before)
        return self.number[self._resolve((space, module, index))]

    def _render(self, module: str, pieces: Iterable[Piece]) -> bytes:
        return b"".join(
            piece if isinstance(piece, bytes) else uleb(self._index(module, *piece)) for piece in pieces
        )

    def _definition(self, entity: Entity) -> bytes:
        return self._render(entity[1], self._pieces(entity))

    def _code(self, function: Entity) -> bytes:
        body = self._definition(function)
        return uleb(len(body)) + body

    def _segments(self, space: str, field: str) -> list[bytes]:
        return [
            self._render(module, segment)
            for module, parts in self.modules.items()
            for segment in getattr(parts, field)
        ]

    def _import(self, entity: Entity) -> bytes:
        wanted = self._import_of(entity)
        assert wanted is not None
        kind = bytes([KINDS.index(wanted.kind)])
        return _text(wanted.module) + _text(wanted.name) + kind + self._render(entity[1], wanted.description)

    def _export(self, name: str, entity: Entity) -> bytes:
        return _text(name) + bytes([KINDS.index(entity[0])]) + uleb(self.number[entity])


def _text(text: str) -> bytes:
    data = text.encode()
    return uleb(len(data)) + data


def _vector(section: int, entries: list[bytes]) -> bytes:
    """A section; nothing if it has no entries."""
    if not entries:
        return b""
    body = uleb(len(entries)) + b"".join(entries)
    return bytes([section]) + uleb(len(body)) + body
