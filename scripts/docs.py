"""Writes the pages of docs/ that are derived from data; with ``--check`` only says whether they are so."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

GENERATED = "<!-- Derived from {source} by scripts/docs; change that file. -->\n"


def errors() -> str:
    data = tomllib.loads((ROOT / "rtfsc/errors.toml").read_text())
    lines = [
        "# Error kinds",
        GENERATED.format(source="rtfsc/errors.toml"),
        "What a running program can raise. `catch` names a kind, a group, or everything (`_`, `Any`, "
        "`Error`, …); `(:type e)` is the keyword. Kinds that are not catchable are limits of the host: they "
        "have the place and the functions (`trace`) that WebAssembly was at, and none in the evaluator.",
        "",
        "| kind | `:type` | code | message | catchable |",
        "|---|---|---|---|---|",
    ]
    for kind in data["kind"]:
        name, catchable = kind["name"], "yes" if kind.get("catchable", True) else "no"
        lines.append(f"| {name} | `:{kebab(name)}` | {kind['code']} | {kind['message']} | {catchable} |")
    lines += ["", "| group | kinds |", "|---|---|"]
    lines += [f"| {name} | {', '.join(members)} |" for name, members in data["groups"].items()]
    return "\n".join(lines) + "\n"


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def library() -> str:
    from rtfsc.primitives.library import LIBRARY
    from rtfsc.reference.library import usages

    lines = [
        "# Library",
        GENERATED.format(source="rtfsc/primitives/library.py and rtfsc/reference/library.py"),
        "`rtfsc doc NAME` also shows types and errors.",
        "",
        "| call | what it does | example |",
        "|---|---|---|",
    ]
    for function in LIBRARY.values():
        usage = usages()[function.name]
        example = f"{code(usage.example[0])} → {code(usage.example[1])}" if usage.example else ""
        lines.append(f"| {' '.join(map(code, usage.calls))} | {function.doc} | {example} |")
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """In a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def diagnostics() -> str:
    data = tomllib.loads((ROOT / "rtfsc/diagnostics/codes.toml").read_text())
    entries = [{"code": code, **entry} for code, entry in data.items()]
    lines = [
        "# Diagnostics",
        GENERATED.format(source="rtfsc/diagnostics/codes.toml"),
        "What is wrong with source text, or with the call of a command. `rtfsc explain CODE` shows an "
        "example. Errors of running programs are in [errors.md](errors.md).",
        "",
        "| code | what |",
        "|---|---|",
    ]
    lines += [f"| {entry['code']} | {entry['title']} |" for entry in entries]
    return "\n".join(lines) + "\n"


PAGES = {"docs/errors.md": errors, "docs/library.md": library, "docs/diagnostics.md": diagnostics}


def stale() -> list[str]:
    """Pages that are not what their data says."""
    return [
        name
        for name, make in PAGES.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text() != make()
    ]


if __name__ == "__main__":
    old = stale()
    if "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(old)}; run scripts/docs" if old else 0)
    for name in old:
        (ROOT / name).write_text(PAGES[name]())
        print(f"wrote {name}")
