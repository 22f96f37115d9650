"""One bad program per static code, and all that is said about it.

Programs are the examples of ``codes.toml``. Rewrite the snapshots with
``RTFSC_UPDATE_SNAPSHOTS=1 pytest tests/diagnostics`` and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtfsc.diagnostics import Sink
from rtfsc.diagnostics.codes import static_codes
from rtfsc.diagnostics.render import render
from rtfsc.source import SourceFile

SNAPSHOTS = Path(__file__).parent / "snapshots"
EXAMPLES = {code: entry.example for code, entry in static_codes().items() if entry.example}
NO_EXAMPLE = {"IO001", "IO002", "IO003", "S013"}
"""Shown by tests/unit/test_source.py and tests/unit/syntax/test_errors.py."""


def diagnose(code: str, example: str) -> tuple[Sink, SourceFile]:
    source = SourceFile("example.rtfs", example + "\n")
    sink = Sink(source)
    from rtfsc.syntax.reader import read

    read(source, sink)
    return sink, source


@pytest.mark.parametrize("code", [code for code in EXAMPLES if code.startswith("S")])
def test_example(code: str) -> None:
    sink, source = diagnose(code, EXAMPLES[code])
    assert {diagnostic.code for diagnostic in sink.diagnostics} == {code}
    rendered = render(sink.diagnostics, source) + "\n"
    snapshot = SNAPSHOTS / f"{code}.txt"
    if os.environ.get("RTFSC_UPDATE_SNAPSHOTS"):
        snapshot.write_text(rendered, "utf-8")
    assert rendered == snapshot.read_text("utf-8")


def test_every_code_has_an_example_or_a_test_of_its_own() -> None:
    assert {code for code in static_codes() if code not in EXAMPLES and code[0] in "SI"} == NO_EXAMPLE
