"""One bad program per code, and all that is said about it.

Programs are the examples of ``codes.toml``. Rewrite the snapshots with
``RTFSC_UPDATE_SNAPSHOTS=1 pytest tests/diagnostics`` and read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rtfsc.diagnostics import DiagnosticError
from rtfsc.diagnostics.codes import static_codes
from rtfsc.diagnostics.render import render
from rtfsc.driver import Compilation
from rtfsc.source import SourceFile

SNAPSHOTS = Path(__file__).parent / "snapshots"
ROOT = Path(__file__).parents[2]
EXAMPLES = {code: entry.example for code, entry in static_codes().items() if entry.example}
TESTED_ELSEWHERE = {
    "IO001": "tests/unit/test_source.py",
    "IO002": "tests/unit/test_source.py",
    "IO003": "tests/unit/test_source.py",
    "M002": "tests/unit/modules/test_module_faults.py",
    "S013": "tests/unit/syntax/test_reader_errors.py",
}


@pytest.mark.parametrize("code", EXAMPLES)
def test_example(code: str) -> None:
    source = SourceFile("example.rtfs", EXAMPLES[code] + "\n")
    compilation = Compilation(source)
    try:
        compilation.ast  # noqa: B018
        compilation.check()
    except DiagnosticError as error:
        assert error.source is source
    diagnostics = compilation.sink.diagnostics
    assert {diagnostic.code for diagnostic in diagnostics} == {code}
    rendered = render(diagnostics, source) + "\n"
    snapshot = SNAPSHOTS / f"{code}.txt"
    if os.environ.get("RTFSC_UPDATE_SNAPSHOTS"):
        snapshot.write_text(rendered, "utf-8")
    assert rendered == snapshot.read_text("utf-8")


@pytest.mark.parametrize("code", TESTED_ELSEWHERE)
def test_codes_without_an_example_have_their_own_test(code: str) -> None:
    assert code in static_codes() and code not in EXAMPLES
    assert f'"{code}"' in (ROOT / TESTED_ELSEWHERE[code]).read_text("utf-8")


def test_every_code_that_is_used_is_listed_and_the_other_way_round() -> None:
    used: set[str] = set()
    for folder in ("rtfsc", "runtime", "backend_wasm"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            used |= set(re.findall(r'"((?:IO|LM|ST|SV|TK|[SFNMATXW])\d{3})"', path.read_text("utf-8")))
    assert used == set(static_codes())
