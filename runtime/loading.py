"""Compiled modules from files and bytes, with what they link to and who vouches for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.module import Module, Provenance

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.host.access import HostCallable
    from runtime.routing import Routing
    from runtime.trust.verifier import Verified


def load(runtime: Runtime, module: str | os.PathLike[str] | bytes, modules: Mapping[str, bytes]) -> Module:
    """See `Runtime.load`."""
    if isinstance(module, (bytes, bytearray)):
        return _load_bytes(runtime, bytes(module), None, None, modules)
    path = Path(module)
    data = path.read_bytes()
    verified = None
    if Path(f"{path}.dsse").exists():
        from runtime.vouched import verified_file

        verified = verified_file(path, data, runtime.verifier)
    return _load_bytes(runtime, data, verified, path, modules)


def _load_bytes(
    runtime: Runtime, data: bytes, verified: Verified | None, path: Path | None, modules: Mapping[str, bytes]
) -> Module:
    digest = hashlib.sha256(data).hexdigest()
    signer = verified.signers[0].public.key_id if verified else None
    if data[:4] == b"\0asm":
        from runtime.wasm.executor import read

        linked = _linked(runtime, data, verified, path, modules)
        interface, _ = read(data)
        exports = {e["name"]: e for e in interface["exports"]}
        own = interface.get("module", "")
        routing, host = _file_host(runtime, interface.get("guards"), exports, own, signer, compiled=True)
        instance = runtime.instance_of(data, host=host, modules=linked)
        provenance = Provenance("file", "wasm", digest, signer)
        return _run_file(runtime, instance, exports, provenance, host, data, routing, own)
    from backend_wasm.interface import describe_guards
    from rtfsc.evaluation import exports_of
    from rtfsc.ir.errors import IRError
    from rtfsc.ir.serial import loads
    from rtfsc.registry import executor
    from runtime.wasm.errors import ModuleRejected

    try:
        module = loads(data)
        exports = exports_of(module)
        guards, own = describe_guards(module), module.own
        routing, host = _file_host(runtime, guards, exports, own, signer, compiled=False)
        instance = executor("rtfs-ir").instantiate(data, limits=runtime.limits, host=host)
    except IRError as error:
        raise ModuleRejected(f"not an RTFS module: {error}", hint=_what_it_is(data)) from None
    provenance = Provenance("file", "evaluator", digest, signer)
    return _run_file(runtime, instance, exports, provenance, host, data, routing, own)


def _linked(
    runtime: Runtime, data: bytes, verified: Verified | None, path: Path | None, modules: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The modules that a module needs, given or beside its file."""
    from runtime.linked import beside, given, needed

    names = needed(data)
    if not names:
        return {}
    if modules or path is None:
        from runtime.trust.errors import DifferentSigners

        if verified is not None:
            raise DifferentSigners(
                "a signed module takes no modules that are not signed; leave them beside it"
            )
        return given(names, modules)
    return beside(path, names, runtime.verifier, verified)


def _file_host(
    runtime: Runtime,
    guards: Any,
    exports: Mapping[str, Mapping[str, Any]],
    own: str,
    signer: str | None,
    *,
    compiled: bool,
) -> tuple[Routing | None, HostCallable | None]:
    """Of a module in a file, which lists its ``guards``."""
    routing = None
    if guards:
        from runtime.routing import of_file

        routing = of_file(runtime, guards, exports, own, compiled=compiled)
    return routing, runtime.closed_host(routing) if signer is None else runtime.host(routing=routing)


def _run_file(
    runtime: Runtime,
    instance: Any,
    exports: Mapping[str, Mapping[str, Any]],
    provenance: Provenance,
    host: HostCallable | None,
    data: bytes,
    routing: Routing | None,
    own: str,
) -> Module:
    wrap = None
    if routing is not None:
        routing.ask(instance, remember=runtime.remembers)
        wrap = routing.wrap if runtime.routes else None
    return runtime.module_of(instance, exports, provenance, host, data, routing=routing, wrap=wrap, own=own)


def _what_it_is(data: bytes) -> str:
    """For bytes that are no module at all."""
    if data.lstrip()[:1] in (b"(", b";", b"#"):
        return "this is text: 'rtfsc build' compiles source, 'rtfsc run' takes it as a .rtfs file"
    return "WebAssembly starts with the bytes 00 61 73 6d, serialised IR with 00 72 74 66 73 69 72"
