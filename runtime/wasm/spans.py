"""Where the sites of a module are in its source, which only errors ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

from backend_wasm.sections import sites_of
from runtime.values.errors import Place


class Spans(Sequence[Place]):
    """One per site, of the section ``rtfs.sites``. It stays as it is written until somebody asks: what is
    read of it are dozens of containers for each module, and Python's collector would look at all of them."""

    __slots__ = ("_places", "_sections")

    def __init__(self, sections: Mapping[str, bytes]) -> None:
        """``sections``: the custom ones of a module, checked."""
        self._sections = sections
        self._places: list[Place] | None = None

    def _read(self) -> list[Place]:
        if self._places is None:
            self._places = [site[2:] for site in sites_of(self._sections)]
        return self._places

    @overload
    def __getitem__(self, index: int) -> Place: ...
    @overload
    def __getitem__(self, index: slice) -> list[Place]: ...
    def __getitem__(self, index: int | slice) -> Place | list[Place]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())
