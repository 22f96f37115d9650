"""Every ``example: (call) => value`` of the modules in examples/, on both engines, as printed."""

from __future__ import annotations

import pytest
from cli_runner import EXAMPLES

from rtfsc.evaluation import evaluate
from rtfsc.source import SourceFile
from runtime.values import Limits

FILES = sorted(EXAMPLES.glob("*.rtfs"))


def documented() -> list[tuple[str, str, str]]:
    """(file, call, printed value)."""
    found = []
    for path in FILES:
        for line in path.read_text().splitlines():
            if "example:" in line:
                text = line.split("example:", 1)[1].replace('\\"', '"')
                # The last line of a docstring ends in its closing quote.
                if line.rstrip().endswith('"') and not line.rstrip().endswith('\\"'):
                    text = text.rstrip()[:-1]
                call, value = text.split("=>", 1)
                found.append((path.name, call.strip(), value.strip()))
    return found


@pytest.mark.parametrize("engine", ["evaluator", "wasm"])
@pytest.mark.parametrize(("file", "call", "value"), documented())
def test_example_gives_what_its_doc_says(file: str, call: str, value: str, engine: str) -> None:
    source = SourceFile(file, (EXAMPLES / file).read_text() + "\n" + call)
    for level in (0, 2):
        outcome = evaluate(source, engine, level, Limits(deadline_ms=60_000))
        assert (outcome.value, outcome.error) == (value, None)


def test_every_exported_function_has_an_example() -> None:
    from rtfsc.driver import Compilation

    assert len(FILES) >= 4
    for path in FILES:
        exports = Compilation(SourceFile.read(path)).unoptimised.exports
        missing = [export.name for export in exports if export.func and not export.examples]
        assert missing == [], path.name
