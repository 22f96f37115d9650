"""The batch protocol, as another program speaks it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from cli_runner import Cli

ENGINES = ("evaluator", "wasm", "both")


def ask(cli: Cli, *requests: Any, engine: str = "evaluator", more: tuple[str, ...] = ()) -> list[Any]:
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in requests]
    out = cli("eval", "--jsonl", "--engine", engine, *more, input=b"\n".join(lines) + b"\n").stdout
    return [json.loads(line) for line in out.splitlines()]


def program(id: Any, source: str) -> dict[str, Any]:
    return {"id": id, "source": source}


@pytest.mark.parametrize("engine", ENGINES)
def test_answers_come_in_order_with_their_ids(cli: Cli, engine: str) -> None:
    sources = {
        1: '{:a [1 2.5 nil] "b" "é→"}',
        "two": "(def x 1)",
        None: "",
        3: "(/ 1 0)",
        4: "(+ 1",
        5: "(if)",
        6: "x",
    }
    expected: list[dict[str, Any]] = [
        {"id": 1, "value": '{:a [1 2.5 nil] "b" "é→"}'},
        {"id": "two", "value": "1"},
        {"id": None, "value": "nil"},
        {"id": 3, "error": {"kind": "DivisionByZero", "message": "Division by zero", "span": [0, 7]}},
        {"id": 4, "error": {"kind": "SyntaxError", "message": "Unclosed (", "span": [0, 1]}},
    ]
    answers = ask(cli, *(program(id, source) for id, source in sources.items()), engine=engine)
    for answer in answers:
        assert answer.pop("engines_agree", None) == (True if engine == "both" else None)
    assert answers[:5] == expected
    assert answers[5]["error"]["kind"] == "SyntaxError" and answers[5]["error"]["span"] == [0, 4]
    assert answers[6]["error"]["kind"] == "UndefinedSymbol" and answers[6]["error"]["span"] == [0, 1]


def test_every_program_starts_afresh(cli: Cli) -> None:
    answers = ask(cli, program(1, "(def x 5)"), program(2, "(try x (catch UndefinedSymbol e :gone))"))
    assert [answer["value"] for answer in answers] == ["5", ":gone"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_program_without_end_does_not_harm_the_next(cli: Cli, engine: str) -> None:
    endless = {
        "500": {
            "DeadlineExceeded": "(defn spin [x] (spin x)) (spin 1)",
            "DeadlineExceeded again": "(loop [i 0] (recur (inc i)))",
        },
        "60000": {
            "StackOverflow": "(defn deep [x] (+ 1 (deep x))) (deep 1)",
            "MemoryLimit": "(defn grow [v] (grow (concat v v))) (grow [1 2 3])",
        },
    }
    for deadline, programs in endless.items():
        requests = [program(kind, source) for kind, source in programs.items()]
        more = ("--deadline-ms", deadline, "--memory-mb", "32")
        *failed, last = ask(cli, *requests, program(5, "(reduce + 0 [1 2 3])"), engine=engine, more=more)
        assert [answer["error"]["kind"] for answer in failed] == [kind.split()[0] for kind in programs]
        assert last["value"] == "6"
        assert all(answer["engines_agree"] for answer in [*failed, last] if engine == "both")


def test_the_deadline_has_a_default(cli: Cli) -> None:
    [answer] = ask(cli, program(1, "(loop [i 0] (recur (inc i)))"))
    assert answer["error"]["message"] == "Deadline of 2000 ms exceeded"


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b'{"source": 5}',
        b"\xff",
        b'{"source": "\\ud800"}',
        b"[" * 9999,
    ],
)
def test_lines_that_are_no_requests(cli: Cli, line: bytes) -> None:
    answers = ask(cli, line, program(1, "(inc 1)"))
    assert answers[0]["id"] is None and answers[0]["error"]["kind"] == "BadRequest"
    assert answers[1] == {"id": 1, "value": "2"}


def test_a_bad_request_keeps_its_id_and_blank_lines_are_skipped(cli: Cli) -> None:
    [answer, other] = ask(cli, b"", {"id": 8}, b"  ", {"id": {"a": [1]}, "source": "1"})
    assert (answer["id"], answer["error"]["kind"]) == (8, "BadRequest")
    assert other == {"id": {"a": [1]}, "value": "1"}


BROKEN = """
import sys
import rtfsc.cli.jsonl as jsonl
from rtfsc.cli.main import main
evaluate = jsonl.evaluate_compiled
def broken(compilation, *more):
    if compilation.source.text == "fail":
        raise RuntimeError("a fault of ours")
    return evaluate(compilation, *more)
jsonl.evaluate_compiled = broken
sys.exit(main(["eval", "--jsonl"]))
"""


def test_a_fault_of_ours_is_an_answer_too(cli: Cli) -> None:
    text = "".join(json.dumps(program(n, source)) + "\n" for n, source in enumerate(("fail", "7")))
    command = [sys.executable, "-c", BROKEN]
    done = subprocess.run(command, env=cli.env, input=text, capture_output=True, text=True, check=True)
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["error"]["kind"] == "InternalError" and "a fault of ours" in first["error"]["message"]
    assert second == {"id": 1, "value": "7"}


def test_answers_are_not_held_back(cli: Cli) -> None:
    """A program that asks one thing at a time gets each answer before it asks again."""
    process = cli.start("eval", "--jsonl")
    assert process.stdin is not None and process.stdout is not None
    for n in range(3):
        process.stdin.write(json.dumps(program(n, f"(inc {n})")).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"id": n, "value": str(n + 1)}
    process.communicate(timeout=120)
    assert process.returncode == 0
