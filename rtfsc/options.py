"""Options of the compiler's stages: frozen, hashable, part of the action key where they change bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """``level``: 0 none, 1 cheap passes, 2 all. ``target``: a backend's name. ``print_after``: name of a
    pass whose result goes to standard error (does not change the bytes). ``path``: folders where modules
    are looked for after the program's own. ``keep_modules``: imported modules may come from, and go to, the
    user's cache folder. ``strict``: types that cannot be proved are reported too.
    ``standalone``: the runtime library becomes part of the module. ``separate``: imported modules stay
    modules of their own, which share an instance with the program. ``source_map``: the URL of a source map
    that the module names, "" for none; then it has names of functions too. ``optimizer``: "binaryen",
    or "" for no last step. ``purpose``: sets the module apart from others of the same meaning, whose docs
    say something else. ``guard``: globs of functions whose calls follow the rules with which the module is
    loaded (docs/delegation.md)."""

    level: int = 2
    target: str = "wasm32"
    module_name: str = "main"
    print_after: str | None = None
    path: tuple[str, ...] = ()
    keep_modules: bool = True
    strict: bool = False
    standalone: bool = False
    separate: bool = False
    source_map: str = ""
    optimizer: str = ""
    purpose: str = ""
    guard: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """What decides the bytes besides compiler, backend and level; not the version of the optimizer."""
        named = tuple(name for name in ("separate", "standalone") if getattr(self, name))
        given = (
            ("source-map", self.source_map),
            ("purpose", self.purpose),
            *(("guard", glob) for glob in sorted(set(self.guard))),
        )
        return named + tuple(f"{name}={text}" for name, text in given if text)

    def __post_init__(self) -> None:
        if self.level not in (0, 1, 2):
            raise ValueError(f"optimisation level must be 0, 1 or 2, not {self.level!r}")
        if self.standalone and self.source_map:
            raise ValueError("a standalone module has no source map")
        if self.guard and (self.standalone or self.separate):
            raise ValueError("neither standalone nor separate modules have guards")
        if self.optimizer not in ("", "binaryen"):
            raise ValueError(f"optimizer must be 'binaryen', not {self.optimizer!r}")
