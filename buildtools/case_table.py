"""Writes ``backend_wasm/rt/case_table.h`` from Python's Unicode data. Run by hand, the result is checked in:
all users and both engines share one Unicode version, whatever Python builds the package.

    python -m buildtools.case_table
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def ranges(delta: dict[int, int]) -> list[tuple[int, int, int, int]]:
    """(first, last, step, delta): runs of neighbours, or of every second code, with one distance."""
    found: list[tuple[int, int, int, int]] = []
    for code in sorted(delta):
        if found:
            first, last, step, d = found[-1]
            gap = code - last
            if d == delta[code] and (gap == step or (first == last and gap in (1, 2))):
                found[-1] = (first, code, gap, d)
                continue
        found.append((code, code, 1, delta[code]))
    return found


def c_octal(text: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in text.encode())


def case_rows(name: str, change: Callable[[str], str]) -> list[str]:
    simple = {
        c: ord(change(chr(c))) - c
        for c in CODES
        if c > 127 and len(change(chr(c))) == 1 and change(chr(c)) != chr(c)
    }
    special = [c for c in CODES if len(change(chr(c))) > 1]
    rows = [f"static const case_range to_{name}[] = {{"]
    rows += [f"    {{0x{first:X}, 0x{last:X}, {step}, {d}}}," for first, last, step, d in ranges(simple)]
    rows += ["};", f"static const case_special special_{name}[] = {{"]
    rows += [f'    {{0x{c:X}, "{c_octal(change(chr(c)))}"}},' for c in special]
    return [*rows, "};"]


def set_rows(name: str, member: Callable[[str], bool]) -> list[str]:
    runs: list[list[int]] = []
    for code in CODES:
        if not member(chr(code)):
            continue
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return [f"static const code_range {name}[] = {{", *(f"    {{0x{a:X}, 0x{b:X}}}," for a, b in runs), "};"]


def ignorable(c: str) -> bool:
    """Case_Ignorable, seen by what it does: a final sigma stays one across it."""
    return f"a{c}\u03a3".lower().endswith("\u03c2") and f"{c}\u03a3".lower().endswith("\u03c3")


def is_cased(c: str) -> bool:
    return f"{c}\u03a3".lower().endswith("\u03c2")


def main() -> None:
    lines = [
        f"/* Case mapping of Unicode {unicodedata.unidata_version}; written by buildtools/case_table.py */",
        "#pragma once",
        "#include <stdint.h>",
        "typedef struct { uint32_t first, last, step; int32_t delta; } case_range;",
        "typedef struct { uint32_t from; char to[8]; } case_special;",
        "typedef struct { uint32_t first, last; } code_range;",
        *case_rows("upper", str.upper),
        *case_rows("lower", str.lower),
        *set_rows("cased", is_cased),
        *set_rows("case_ignorable", ignorable),
    ]
    path = Path(__file__).resolve().parent.parent / "backend_wasm/rt/case_table.h"
    path.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
