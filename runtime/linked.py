"""The modules that a separately compiled one is linked to: found beside it, all of one signer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.wasm.errors import ModuleRejected
from runtime.wasm.executor import read

if TYPE_CHECKING:
    from runtime.trust.verifier import Verified, Verifier


def needed(data: bytes) -> list[str]:
    """Names of the modules that a module needs, in the order of their evaluation. Raises `ModuleRejected`."""
    return [str(name) for name in read(data)[0]["modules"]]


def beside(path: Path, names: list[str], verifier: Verifier, verified: Verified | None) -> dict[str, bytes]:
    """The files ``NAME.wasm`` in the folder of ``path``. ``verified``: what was found of its own manifest,
    None if it has none. All share one memory, so all must be signed alike, else `DifferentSigners`."""
    found = {}
    for name in names:
        file = path.with_name(f"{name}.wasm")
        if not file.is_file():
            raise ModuleRejected(
                f"{path} needs the module {name}",
                "W004",
                f"there is no {file}: build both together, --separate",
            )
        found[name] = file.read_bytes()
        _require_same_signers(file, found[name], path, verifier, verified)
    return found


def given(names: list[str], modules: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of ``modules`` that are needed; none of them is signed."""
    for name in names:
        if name not in modules:
            raise ModuleRejected(
                f"the module needs {name}", "W004", "give it: load(data, modules={name: data, …})"
            )
    return {name: bytes(modules[name]) for name in names}


def _require_same_signers(
    file: Path, data: bytes, path: Path, verifier: Verifier, verified: Verified | None
) -> None:
    from runtime.trust.errors import DifferentSigners
    from runtime.vouched import verified_file

    own = verified_file(file, data, verifier) if Path(f"{file}.dsse").exists() else None
    if _keys(own) != _keys(verified):
        raise DifferentSigners(
            f"{file} is {_shown(own)}, {path} is {_shown(verified)}: they may not share a memory",
            hint="build and sign both together: rtfsc build --separate --sign KEY",
        )


def _keys(verified: Verified | None) -> frozenset[str]:
    return frozenset(s.public.key_id for s in verified.signers) if verified else frozenset()


def _shown(verified: Verified | None) -> str:
    return f"signed by {', '.join(sorted(_keys(verified)))}" if verified else "not signed"


def modules_of(compilation: Any) -> dict[str, bytes]:
    """The other modules of a program that is compiled separately, by name; none of any other."""
    if not compilation.options.separate:
        return {}
    return {m.name: compilation.compile_separately(m) for m in compilation.separate[:-1]}
