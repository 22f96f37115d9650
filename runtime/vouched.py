"""Compiled files with what vouches for them beside it: ``x.wasm.dsse``, the signed manifest, and
``x.wasm.proof``, that its publication is on record.  Needs no store and no network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.trust.errors import NotLogged, StatementMismatch

if TYPE_CHECKING:
    from runtime.trust.proof import Proof
    from runtime.trust.verifier import Verified, Verifier

HOST_MODULE = "rtfs_host"
HOST_EFFECT = "host"
"""Stands among a module's effects for a host that it asks for more than can be named."""


def manifest_beside(path: str | os.PathLike[str]) -> bytes | None:
    """None if there is none."""
    file = Path(f"{os.fspath(path)}.dsse")
    return file.read_bytes() if file.exists() else None


def proof_beside(path: str | os.PathLike[str]) -> Proof | None:
    """None if there is none.  Raises `Malformed`."""
    from runtime.trust.proof import parse

    file = Path(f"{os.fspath(path)}.proof")
    return parse(file.read_bytes()) if file.exists() else None


def verified_file(path: str | os.PathLike[str], data: bytes, verifier: Verifier) -> Verified:
    """``data``: the content of the file.  Raises `TrustError`; also where a proof is there and does not
    hold, or the policy asks for one and it is not there."""
    verified = verifier.verify(manifest_beside(path), hashlib.sha256(data).hexdigest())
    refuse_undeclared(data, verified)
    proof = proof_beside(path)
    if proof is not None:
        proof.check(verified, verifier)
    elif any(policy.logged for policy in verifier.trust.policies(verified.statement.predicate.name)):
        raise NotLogged(
            f"There is no proof beside {os.fspath(path)} that its publication is on record,"
            " and the policy asks for it",
            hint="'rtfsc store get MODULE -o FILE' writes one",
        )
    return verified


def asks_host(artifact: bytes) -> bool:
    """Whether a compiled module (WebAssembly) imports functions of the host."""
    if HOST_MODULE.encode() not in artifact:
        return False
    from backend_wasm.imports import read_imports

    return any(entry.module == HOST_MODULE for entry in read_imports(artifact))


def refuse_undeclared(artifact: bytes, verified: Verified) -> None:
    """Raises `StatementMismatch` for WebAssembly that asks the host and was signed as if it did not.

    What else a module may import (the runtime library, and nothing besides) the executor decides.
    """
    predicate = verified.statement.predicate
    if not predicate.effects and artifact[:4] == b"\0asm" and asks_host(artifact):
        raise StatementMismatch(
            f"Module {verified.statement.digest[:16]} asks the host, and its signed statement has no effects"
        )
