"""Parse tables: the stored ones are those of the grammar, and nothing else is trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtfsc.syntax import tables


def test_same_bytes_under_every_hash_seed(tmp_path: Path) -> None:
    outputs = []
    for seed in ("0", "1", "42"):
        target = tmp_path / seed
        code = f"from rtfsc.syntax.tables import build_tables; build_tables({str(target)!r})"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        outputs.append(target.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_stored_tables_are_used_only_for_their_grammar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grammar = tables.GRAMMAR.read_text("utf-8")
    target = tmp_path / "grammar.tables"
    monkeypatch.setattr(tables, "TABLES", target)
    assert tables._stored(grammar) is None
    tables.build_tables(target)
    stored = tables._stored(grammar)
    assert stored == json.loads(target.read_bytes())
    assert tables._stored(grammar + "\n") is None
    target.write_text("{broken", "utf-8")
    assert tables._stored(grammar) is None


def test_stored_and_computed_tables_are_the_same() -> None:
    data = tables.compile_grammar(tables.GRAMMAR.read_text("utf-8"))
    direct, stored = tables.Tables(data), tables.Tables(json.loads(json.dumps(data)))
    assert direct.actions == stored.actions
    assert direct.gotos == stored.gotos
    assert direct.rules == stored.rules
    assert direct.token.pattern == stored.token.pattern


def test_every_maker_named_in_the_grammar_exists() -> None:
    from rtfsc.diagnostics import Sink
    from rtfsc.syntax.build import Builder

    loaded, builder = tables.load(), Builder(Sink())
    named = {makes for _, _, makes in loaded.rules} - {"", "first", "more"}
    assert named and all(callable(getattr(builder, name)) for name in named)
    assert set(builder.tokens) <= set(loaded.terminals)
