"""Hosts whose wasmtime the bridge does not know: everything works through wasmtime-py, and doctor warns."""

from __future__ import annotations

import json

import pytest
from conformance_cases import CASES, Case

from rtfsc.cli.jsonl import answer
from rtfsc.cli.main import main
from runtime.values.limits import Limits
from runtime.wasm import bridge, capi

SAMPLE = [case for case in CASES if case.expected.get("error") != "StackOverflow"][::23]


@pytest.fixture(params=["version", "self-test", "structures", "environment"])
def reason(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes the bridge unusable in one way; answers what the reason must say."""
    monkeypatch.setattr(bridge, "_status", None)
    if request.param == "version":
        monkeypatch.setattr(capi, "VERSION", "51.0.")
        monkeypatch.setattr(capi, "load", _refuse_version)
        return "instead of 51.0.*"
    if request.param == "self-test":
        broken = bridge.TEST_MODULE.replace("(i64.add", "(i64.sub")
        monkeypatch.setattr(bridge, "TEST_MODULE", broken)
        return "self-test of wasmtime's C API failed"
    if request.param == "structures":
        monkeypatch.setattr(capi, "load", _refuse_layout)
        return "layout of wasmtime's structures"
    monkeypatch.setenv("RTFSC_WASM_BRIDGE", "slow")
    return "RTFSC_WASM_BRIDGE=slow"


def _refuse_version() -> None:
    """What `capi.load` does first, in a process that has not loaded the library yet."""
    _, version = capi.library()
    if not version.startswith(capi.VERSION):
        raise capi.BridgeError(f"wasmtime {version} instead of {capi.VERSION}*")


def _refuse_layout() -> None:
    raise capi.BridgeError("the layout of wasmtime's structures differs on this platform")


def test_doctor_warns(reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    rows = {row["what"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["bridge"]["warning"]
    assert reason in rows["bridge"]["text"]
    assert all(
        row["ok"] and not row["warning"] for row in rows.values() if row["what"] in ("wasm", "evaluator")
    )
    assert main(["doctor"]) == 0
    assert f"warn  bridge: {rows['bridge']['text']}" in capsys.readouterr().out


@pytest.mark.parametrize("case", SAMPLE, ids=[case.id for case in SAMPLE])
def test_conformance_through_the_slow_path(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "_status", bridge.BridgeStatus(False, "51.0.0", "", "for this test"))
    got = answer(case.request, "both", 2, Limits(deadline_ms=60_000))
    assert got["engines_agree"], got
    if "value" in case.expected:
        assert got["value"] == case.expected["value"]
    else:
        assert got["error"]["kind"] == case.expected["error"]


def test_a_module_is_built_and_run(reason: str, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    source, module = tmp_path / "m.rtfs", str(tmp_path / "m.wasm")
    source.write_text("(defn f [x] (map inc x)) (f [1 2])")
    assert main(["build", str(source), "-o", module]) == 0
    assert main(["run", "--no-store", module, "f", "[41 0]"]) == 0
    assert capsys.readouterr().out == "[42 1]\n"
    assert main(["profile", str(source)]) == 2
    assert "profiles need direct calls" in capsys.readouterr().err
