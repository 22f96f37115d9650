"""``rtfsc inspect``: what a compiled module is, without running it."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, UsageError, print_json

_SECTIONS = (
    "custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code",
    "data", "data count", "tag",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a .wasm or .rtfs-ir file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--disassemble", action="store_true", help="print the code as text instead")


def run(options: argparse.Namespace) -> int:
    data = Path(options.path).read_bytes()
    is_wasm = data[:4] == b"\0asm"
    if options.disassemble:
        if options.json or not is_wasm:
            raise UsageError("--disassemble prints the code of a .wasm file, as text")
        from backend_wasm.disassemble import disassemble

        print(disassemble(data))
        return OK
    facts = describe_wasm(data) if is_wasm else describe_ir(data)
    facts["manifest"] = _manifest(options.path)
    facts["signature"] = _signature_of(options.path, facts) if facts["manifest"] else None
    if options.json:
        print_json(facts)
    else:
        _print(options.path, facts)
    if facts["fault"] is not None:
        _refuse(facts["fault"])
    return OK


def _refuse(fault: str) -> None:
    from runtime.wasm.errors import ModuleRejected

    raise ModuleRejected(
        f"not an RTFS module: {fault}",
        hint="above is what the file holds; modules that 'run' and 'load' take are made by 'rtfsc build'",
    )


def describe_wasm(data: bytes) -> dict[str, Any]:
    """Digest, size, interface, imports, sections and provenance. ``fault``: why it is no module of ours, None
    if it is; then interface and action are empty. Raises `MalformedModule` for what is no WebAssembly."""
    from backend_wasm.imports import read_imports
    from backend_wasm.sections import MalformedModule, read_action, read_interface, section_sizes

    facts: dict[str, Any] = {
        **_common(data, "wasm32"),
        "interface": None,
        "imports": [entry._asdict() for entry in read_imports(data)],
        "sections": [
            {"name": name or _SECTIONS[kind], "offset": offset, "bytes": size}
            for kind, name, offset, size in section_sizes(data)
        ],
        "action": {},
    }
    try:
        facts.update(interface=read_interface(data), action=read_action(data))
    except MalformedModule as error:
        facts["fault"] = str(error)
    facts["fault"] = facts["fault"] or _invalid(data)
    return facts


def _invalid(data: bytes) -> str | None:
    """What the engine has against a module, or the runtime against its interface; None if nothing."""
    from runtime.wasm.errors import ModuleRejected

    try:
        from runtime.wasm.executor import read

        read(data)
        from runtime.wasm.engine import validate

        validate(data)
    except ModuleRejected as error:
        return str(error).removeprefix("not an RTFS module: ")
    return None


def describe_ir(data: bytes) -> dict[str, Any]:
    """The same of serialised IR, which has no imports and no sections; raises `ModuleRejected`."""
    from backend_wasm.interface import describe_guards
    from rtfsc.evaluation import exports_of
    from rtfsc.ir.errors import IRError
    from rtfsc.ir.serial import loads, read_note
    from runtime.wasm.errors import ModuleRejected

    try:
        module, note = loads(data), read_note(data)
        exports = [dict(export) for export in exports_of(module).values()]
        action = json.loads(note or "{}")
    except (IRError, ValueError) as error:
        raise ModuleRejected(f"not an RTFS module: {error}") from None
    interface: dict[str, Any] = {"name": module.name, "exports": exports}
    if module.guards:
        interface["guards"] = describe_guards(module)
    return {
        **_common(data, "rtfs-ir"),
        "interface": interface,
        "imports": [],
        "sections": [],
        "action": action,
    }


def _common(data: bytes, target: str) -> dict[str, Any]:
    return {"target": target, "digest": hashlib.sha256(data).hexdigest(), "bytes": len(data), "fault": None}


def _manifest(path: str) -> str | None:
    """The manifest beside the file; `run` and `load` verify it."""
    manifest = Path(f"{path}.dsse")
    return str(manifest) if manifest.exists() else None


def _signature_of(path: str, facts: dict[str, Any]) -> str:
    """What comes of the manifest, as 'run' and 'load' find it."""
    from runtime.engine import Runtime
    from runtime.trust.errors import TrustError

    try:
        verified = Runtime().verifier.verify(Path(facts["manifest"]).read_bytes(), facts["digest"])
    except TrustError as error:
        return f"refused ({error.code}): {error.message}"
    return "verified, signed by " + ", ".join(signer.public.key_id for signer in verified.signers)


def _print(path: str, facts: dict[str, Any]) -> None:
    print(f"{path}: {facts['bytes']:,} bytes, sha256 {facts['digest']}")
    if facts["interface"] is not None:
        _print_interface(facts["interface"], facts["target"])
    print(f"manifest: {facts['manifest'] or 'none beside it'}")
    if facts["signature"]:
        print(f"signature: {facts['signature']}")
    if facts["interface"] is not None:
        print("\nexports:")
        for export in facts["interface"]["exports"]:
            _print_export(export)
        if facts["interface"].get("guards"):
            print("\nguards:")
        for number, guard in enumerate(facts["interface"].get("guards", [])):
            print(f"  {number} {guard['symbol']}")
    if facts["imports"]:
        print("\nimports:")
    for entry in facts["imports"]:
        print(f"  {entry['module']}.{entry['name']} ({entry['kind']})")
    if facts["sections"]:
        print("\nsections:")
    for section in facts["sections"]:
        print(f"  {section['name']:<16} {section['bytes']:>8,} bytes")
    if facts["action"]:
        print("\nbuilt from:")
    for key, value in sorted(facts["action"].items()):
        print(f"  {key}: {', '.join(value) if isinstance(value, list) else value}")


def _print_interface(interface: dict[str, Any], target: str) -> None:
    abi = f", ABI {interface['abi'][0]}.{interface['abi'][1]}" if "abi" in interface else ""
    form = ", standalone" if interface.get("standalone") else ""
    if interface.get("separate"):
        form = f", compiled separately as a {interface['separate']}"
    print(f"module {interface['name']}, target {target}{abi}{form}")
    if interface.get("modules"):
        print(f"needs: {', '.join(interface['modules'])}")


def _print_export(export: dict[str, Any]) -> None:
    print(f"  {_signature(export)}")
    for line in export["doc"].splitlines()[:1]:
        print(f"      {line}")
    if export["effects"]:
        print(f"      calls {', '.join(export['effects'])}")
    for variant in export.get("variants", []):
        print(f"      direct entry {variant['params']} -> {variant['result']}")


def _signature(export: dict[str, Any]) -> str:
    if export["kind"] == "value":
        return f"{export['name']} : {export['result_type']}"
    parameters = [f"{n} : {t}" for n, t in zip(export["params"], export["param_types"], strict=True)]
    if export["rest"]:
        parameters.insert(-1, "&")
    return f"({export['name']} [{' '.join(parameters)}]) : {export['result_type']}"
