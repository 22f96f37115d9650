from __future__ import annotations

import re

from rtfsc.diagnostics.codes import explain, find, runtime_codes, static_codes
from rtfsc.diagnostics.suggest import close_names, did_you_mean


def test_codes_are_well_formed_and_apart() -> None:
    assert all(re.fullmatch(r"[A-Z]{1,2}\d{3}", code) for code in static_codes())
    assert not set(static_codes()) & set(runtime_codes())
    assert all(entry.title and entry.explanation for entry in static_codes().values())


def test_explain_shows_both_lists() -> None:
    text = explain("s003")
    assert (
        text is not None and text.startswith("S003: Mismatched bracket\n") and "    (let [a 1) a)\n" in text
    )
    runtime = explain("R005")
    assert runtime is not None and runtime.startswith("R005: DivisionByZero\n")
    assert "(catch DivisionByZero e" in runtime
    assert explain("X999") is None


def test_host_limits_are_said_not_to_be_catchable() -> None:
    entry = find("R029")
    assert entry is not None and "cannot catch" in entry.explanation


def test_did_you_mean() -> None:
    assert did_you_mean("redcue", ["map", "reduce", "remove"]) == "did you mean reduce?"
    assert did_you_mean("zzz", ["map", "reduce"]) is None
    assert did_you_mean("map", ["map"]) is None
    assert close_names("ab", ["abc", "abd"], limit=2) == ["abc", "abd"]
