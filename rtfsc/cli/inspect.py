"""``rtfsc inspect``: what a compiled module is, without running it."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a .wasm file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--disassemble", action="store_true", help="also print the code as text")


def run(options: argparse.Namespace) -> int:
    data = Path(options.path).read_bytes()
    facts = describe(data)
    if options.json:
        print_json(facts)
    else:
        _print(options.path, facts)
    if options.disassemble:
        from backend_wasm.disassemble import disassemble

        print(disassemble(data))
    return OK


def describe(data: bytes) -> dict[str, Any]:
    """Digest, size, interface, imports, sections and provenance; raises `MalformedModule`."""
    from backend_wasm.sections import list_imports, list_sections, read_interface, read_sections

    custom = read_sections(data)
    return {
        "digest": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "interface": read_interface(data),
        "imports": list_imports(data),
        "sections": list_sections(data),
        "action": json.loads(custom.get("rtfs.action", b"{}")),
    }


def _print(path: str, facts: dict[str, Any]) -> None:
    interface = facts["interface"]
    print(f"{path}: {facts['bytes']:,} bytes, sha256 {facts['digest']}")
    print(f"module {interface['name']}, ABI {interface['abi'][0]}.{interface['abi'][1]}\n\nexports:")
    for export in interface["exports"]:
        print(f"  {_signature(export)}")
        for line in export["doc"].splitlines()[:1]:
            print(f"      {line}")
        for variant in export.get("variants", []):
            print(f"      direct entry for ({variant['params']}) -> {variant['result']}")
    print("\nimports:")
    for module, name in facts["imports"]:
        print(f"  {module}.{name}")
    print("\nsections:")
    for name, size in facts["sections"]:
        print(f"  {name:<24} {size:>8,} bytes")
    print("\nbuilt from:")
    for key, value in sorted(facts["action"].items()):
        print(f"  {key}: {value}")


def _signature(export: dict[str, Any]) -> str:
    if export["kind"] == "value":
        return f"{export['name']} : {export['result_type']}"
    parameters = " ".join(f"{n} : {t}" for n, t in zip(export["params"], export["param_types"], strict=True))
    return f"({export['name']} [{parameters}]) : {export['result_type']}"
