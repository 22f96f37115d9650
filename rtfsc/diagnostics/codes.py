"""The lists of codes, as data: static ones from ``codes.toml``, kinds of run-time errors from
``rtfsc/errors.toml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

_HERE: Final = Path(__file__).parent


class Code(NamedTuple):
    """``example`` is a program that gets the code, "" where none can show it."""

    code: str
    title: str
    explanation: str
    example: str


@cache
def static_codes() -> dict[str, Code]:
    """Codes of diagnostics, in the order of the file."""
    return {
        code: Code(code, entry["title"], entry["explanation"].strip(), entry.get("example", "").strip("\n"))
        for code, entry in _read(_HERE / "codes.toml").items()
    }


@cache
def runtime_codes() -> dict[str, Code]:
    """Codes of the kinds of errors that a running program can raise."""
    kinds = _read(_HERE.parent / "errors.toml")["kind"]
    return {kind["code"]: _runtime_code(kind) for kind in kinds}


def find(code: str) -> Code | None:
    """The entry of a code in either list; letters of either case."""
    code = code.upper()
    return static_codes().get(code) or runtime_codes().get(code)


def explain(code: str) -> str | None:
    """What ``rtfsc explain CODE`` prints, None for an unknown code."""
    entry = find(code)
    if entry is None:
        return None
    from textwrap import fill, indent

    paragraphs = "\n".join(fill(line, 96) for line in entry.explanation.splitlines())
    text = f"{entry.code}: {entry.title}\n\n{paragraphs}\n"
    if entry.example:
        text += "\nExample:\n\n" + indent(entry.example, "    ") + "\n"
    return text


def _runtime_code(kind: dict[str, Any]) -> Code:
    catch = (
        f"A program can catch it: (try … (catch {kind['name']} e …))."
        if kind.get("catchable", True)
        else "A limit of the host: a program cannot catch it."
    )
    return Code(kind["code"], kind["name"], f"Run-time error, message: {kind['message']}\n{catch}", "")


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    with path.open("rb") as file:
        return tomllib.load(file)
