"""Writes ``backend_wasm/rt/regex_table.h`` from Python's Unicode data. Run by hand, the result is checked in:

python -m buildtools.regex_table
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from itertools import groupby
from pathlib import Path

from buildtools.case_table import CODES, ranges

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn"
BYTES_PER_LINE = 20


def folded(char: str) -> str:
    """Simple case folding: that of the full one where it is one character, else the simple lower case."""
    for fold in (char.casefold(), char.lower()):
        if len(fold) == 1:
            return fold
    return char


def fold_rows() -> list[str]:
    """From each character to every other one of its orbit: one step reaches them all."""
    orbits: defaultdict[str, list[int]] = defaultdict(list)
    for code in CODES:
        orbits[folded(chr(code))].append(code)
    members = [orbit for orbit in orbits.values() if len(orbit) > 1]
    rows: list[tuple[int, int, int, int]] = []
    for distance in range(1, max(map(len, members))):
        turned = {
            code: orbit[(i + distance) % len(orbit)] - code
            for orbit in members
            if distance < len(orbit)
            for i, code in enumerate(orbit)
        }
        for up in (False, True):  # apart, so that pairs of neighbours make one run of every second code
            rows += ranges({code: delta for code, delta in turned.items() if (delta > 0) == up})
    body = [f"    {{0x{first:X}, 0x{last:X}, {step}, {delta}}}," for first, last, step, delta in sorted(rows)]
    return ["static const case_range case_folds[] = {", *body, "};"]


def seven_bits(number: int) -> bytes:
    groups = []
    while number:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups[-1] &= 0x7F
    return bytes(groups)


def category_rows() -> list[str]:
    """Runs of one category: number of the category | length << 5; a length above 7 is 0 there and follows
    in groups of seven bits, lowest first."""
    data, names = bytearray(), CATEGORIES.split()
    for name, run in groupby(unicodedata.category(chr(code)) for code in range(0x110000)):
        length = sum(1 for _ in run)
        number = names.index(name)
        data += bytes([number | length << 5]) if length < 8 else bytes([number]) + seven_bits(length)
    lines = [
        "    " + ",".join(map(str, data[i : i + BYTES_PER_LINE])) + ","
        for i in range(0, len(data), BYTES_PER_LINE)
    ]
    return [
        f'static const char category_names[] = "{CATEGORIES} ";',
        "static const uint8_t category_runs[] = {",
        *lines,
        "};",
    ]


def main() -> None:
    lines = [
        f"/* Case folding and categories of Unicode {unicodedata.unidata_version};"
        " written by buildtools/regex_table.py */",
        "#pragma once",
        '#include "case_table.h"',
        *fold_rows(),
        *category_rows(),
    ]
    path = Path(__file__).resolve().parent.parent / "backend_wasm/rt/regex_table.h"
    path.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
