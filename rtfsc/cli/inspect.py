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
    if options.json:
        print_json(facts)
    else:
        _print(options.path, facts)
    return OK


def describe_wasm(data: bytes) -> dict[str, Any]:
    """Digest, size, interface, imports, sections and provenance; raises `MalformedModule`."""
    from backend_wasm.imports import read_imports
    from backend_wasm.sections import read_action, read_interface, section_sizes

    return {
        **_common(data, "wasm32"),
        "interface": read_interface(data),
        "imports": [entry._asdict() for entry in read_imports(data)],
        "sections": [
            {"name": name or _SECTIONS[kind], "offset": offset, "bytes": size}
            for kind, name, offset, size in section_sizes(data)
        ],
        "action": read_action(data),
    }


def describe_ir(data: bytes) -> dict[str, Any]:
    """The same of serialised IR, which has no imports and no sections; raises `ModuleRejected`."""
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
    interface = {"name": module.name, "exports": exports}
    return {
        **_common(data, "rtfs-ir"),
        "interface": interface,
        "imports": [],
        "sections": [],
        "action": action,
    }


def _common(data: bytes, target: str) -> dict[str, Any]:
    return {"target": target, "digest": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _manifest(path: str) -> str | None:
    """The manifest beside the file; `run` and `load` verify it."""
    manifest = Path(f"{path}.dsse")
    return str(manifest) if manifest.exists() else None


def _print(path: str, facts: dict[str, Any]) -> None:
    interface = facts["interface"]
    abi = f", ABI {interface['abi'][0]}.{interface['abi'][1]}" if "abi" in interface else ""
    print(f"{path}: {facts['bytes']:,} bytes, sha256 {facts['digest']}")
    form = ", standalone" if interface.get("standalone") else ""
    print(f"module {interface['name']}, target {facts['target']}{abi}{form}")
    print(f"manifest: {facts['manifest'] or 'none beside it'}\n\nexports:")
    for export in interface["exports"]:
        _print_export(export)
    if facts["imports"]:
        print("\nimports:")
    for entry in facts["imports"]:
        print(f"  {entry['module']}.{entry['name']} ({entry['kind']})")
    if facts["sections"]:
        print("\nsections:")
    for section in facts["sections"]:
        print(f"  {section['name']:<16} {section['bytes']:>8,} bytes")
    print("\nbuilt from:")
    for key, value in sorted(facts["action"].items()):
        print(f"  {key}: {value}")


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
