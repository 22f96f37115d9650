"""eval, run, check and explain: values, errors of programs, bad input."""

from __future__ import annotations

import json

import pytest
from cli_runner import EXAMPLES, Cli

DEEP = 10_000


def test_eval_prints_the_value_on_every_engine_and_level(cli: Cli) -> None:
    for engine in ("evaluator", "wasm", "both"):
        assert cli("eval", "(map inc [1 2 3])", "--engine", engine).stdout == "[2 3 4]\n"
    for level in "012":
        assert cli("eval", '{:a "x\\n" :b 1.5}', f"-O{level}").stdout == '{:a "x\\n" :b 1.5}\n'


def test_eval_reads_standard_input(cli: Cli) -> None:
    assert cli("eval", "-", input="(def x 20)\n(+ x 1)").stdout == "21\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("1", "2"),
        ("1", "--jsonl"),
        ("1", "--engine", "jit"),
        ("1", "-O7"),
        ("1", "--deadline-ms", "0"),
        ("1", "--memory-mb", "many"),
        ("1", "--memory-mb", "5000"),
        ("1", "--output-format", "xml"),
    ],
)
def test_wrong_use_of_eval(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli("eval", *arguments, code=2)
    assert result.stdout == "" and "rtfsc" in result.stderr


def test_an_error_of_the_program_points_into_its_text(cli: Cli) -> None:
    file = cli.file("divide.rtfs", "(defn half [n]\n  (/ n 0))\n(half 3)\n")
    for engine in ("evaluator", "wasm"):
        error = cli("run", file, "--engine", engine, code=1).stderr
        assert error == (
            f"error[R005]: Division by zero\n --> {file}:2:3\n  |\n2 |   (/ n 0))\n  |   ^^^^^^^\n"
        )


def test_diagnostics_as_json_and_concise(cli: Cli) -> None:
    cli.file("bad.rtfs", "(def a 1)\n(let [b 2) b)\n")
    [line] = cli("check", "bad.rtfs", "--output-format", "json", code=1).stdout.splitlines()
    told = json.loads(line)
    assert (told["code"], told["severity"], told["file"]) == ("S003", "error", "bad.rtfs")
    assert (told["line"], told["column"], told["span"]) == (2, 10, [19, 20])
    concise = cli("check", "bad.rtfs", "--output-format", "concise", code=1).stdout
    assert concise.startswith("bad.rtfs:2:10: S003 ")
    error = json.loads(cli("eval", "(/ 1 0)", "--output-format", "json", code=1).stderr)
    assert (error["code"], error["span"]) == ("R005", [0, 7])


def test_several_errors_are_shown_in_one_run(cli: Cli) -> None:
    cli.file("bad.rtfs", '(def a "x\\q")\n(def b 12abc)\n(if)\n')
    lines = cli("check", "bad.rtfs", "--output-format", "concise", code=1).stdout.splitlines()
    assert len(lines) >= 2
    assert {line.split(":")[1] for line in lines} >= {"1", "2"}


def test_more_errors_than_are_shown_are_counted(cli: Cli) -> None:
    cli.file("many.rtfs", "(no-such-name)\n" * 130)
    assert "… and 30 more" in cli("check", "many.rtfs", code=1).stderr


def test_warnings_let_a_program_run_but_not_ship(cli: Cli) -> None:
    file = cli.file("typo.rtfs", "(defn f [x] (reduse + x))\n(try (f 1) (catch UndefinedSymbol e :caught))\n")
    result = cli("run", file)
    assert result.stdout == ":caught\n"
    assert "warning[N001]: Unknown name reduse" in result.stderr and "did you mean reduce" in result.stderr
    for command in ("check", "build", "publish"):
        if command == "publish":
            cli("init", "--home")
        refused = cli(command, file, code=1)
        assert "Unknown name reduse" in refused.stderr
    assert not file.with_suffix(".wasm").exists()


def test_what_was_foreseen_is_shown_with_the_error(cli: Cli) -> None:
    error = cli("run", "-", input="(inc 1 2)", code=1).stderr
    assert "warning[N002]" in error and "error[R004]: Arity mismatch in inc" in error


def test_check_goes_through_folders(cli: Cli) -> None:
    (cli.folder / "a" / "b").mkdir(parents=True)
    cli.file("a/good.rtfs", "(def x 1)")
    cli.file("a/b/bad.rtfs", ")")
    result = cli("check", "a", "--output-format", "concise", code=1)
    assert result.stdout == "a/b/bad.rtfs:1:1: S004 Unexpected )\n"
    assert cli("check", EXAMPLES).stderr == ""
    (cli.folder / "empty").mkdir()
    assert "no .rtfs files in empty" in cli("check", "empty", code=2).stderr


# -- bad input


def test_an_empty_file_is_nil(cli: Cli) -> None:
    for text in ("", "\n ; only a comment\n", "\ufeff"):
        file = cli.file("empty.rtfs", text)
        for engine in ("evaluator", "wasm"):
            assert cli("run", file, "--engine", engine).stdout == "nil\n"
    cli("check", file)
    cli("build", file)
    assert cli("run", "empty.wasm").stdout == "nil\n"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (b"(+ 1", "S002", "1:1"),
        (b"(+ 1 9223372036854775808)", "S0", "1:6"),
        (b"(+ 1 \xff)", "IO003", "1:6"),
        (b"(" * DEEP + b")" * DEEP, "S013", "1:501"),
        (b"[" * DEEP, "S013", "1:501"),
        (b"{:a " * DEEP, "S013", "1:"),
        (b"(if)", "F0", "1:1"),
        (b"(let [x] 1)", "F0", "1:"),
    ],
)
def test_bad_source_is_a_diagnostic_with_a_place(cli: Cli, text: bytes, code: str, place: str) -> None:
    cli.file("bad.rtfs", text)
    for command in (("check",), ("run",), ("build",), ("emit", "--emit", "ir")):
        error = cli(*command, "bad.rtfs", code=1).stderr
        assert error.startswith(f"error[{code}") and f"--> bad.rtfs:{place}" in error
    assert not (cli.folder / "bad.wasm").exists()


def test_files_that_cannot_be_read(cli: Cli) -> None:
    assert "error[IO001]" in cli("run", "absent.rtfs", code=1).stderr
    assert "error[IO001]" in cli("run", "absent/x.rtfs", code=1).stderr
    cli.file("huge.rtfs", b"1 " * (9 << 20))
    assert "error[IO002]: The file is larger than 16 MiB" in cli("check", "huge.rtfs", code=1).stderr
    assert "error[IO003]" in cli("eval", "-", input=b"\xff", code=1).stderr
    (cli.folder / "folder.rtfs").mkdir()
    assert "error[IO001]" in cli("run", "folder.rtfs", code=1).stderr


def test_limits_end_a_program(cli: Cli) -> None:
    spin, grow = "(defn f [x] (f x)) (f 1)", "(defn f [v] (f (concat v v))) (f [1 2 3])"
    for engine in ("evaluator", "wasm"):
        end = ("--engine", engine)
        assert "Deadline of 50 ms" in cli("eval", spin, "--deadline-ms", "50", *end, code=1).stderr
        assert "error[R" in cli("eval", spin, "--fuel", "10000", *end, code=1).stderr
        assert "emory" in cli("eval", grow, "--memory-mb", "16", *end, code=1).stderr


# -- run with arguments


def test_run_calls_a_function_with_arguments(cli: Cli) -> None:
    file = EXAMPLES / "pricing.rtfs"
    assert cli("run", file, "round-half-up", "-5", "2").stdout == "-2\n"
    out = cli("run", file, "price-order", "[{:units 12 :price 999}]", ":de").stdout
    assert out == "{:net 11389 :tax 2164 :total 13553}\n"
    assert cli("run", file, "round-half-up", "(+ 2 3)", "2", "--engine", "evaluator").stdout == "3\n"


def test_run_refuses_wrong_calls(cli: Cli) -> None:
    file = EXAMPLES / "pricing.rtfs"
    error = cli("run", file, "nope", code=2).stderr
    assert "exports no function 'nope'; functions: round-half-up, discount-percent" in error
    assert "exports no function 'tiers'" in cli("run", file, "tiers", code=2).stderr
    assert "error[R004]" in cli("run", file, "round-half-up", "1", code=1).stderr
    error = cli("run", file, "round-half-up", "1", "(/ 1 0)", code=1).stderr
    assert "error[R005]" in error and "--> <argument>:1:1" in error
    assert "error[S002]" in cli("run", file, "round-half-up", "1", "(+ 1", code=1).stderr
    assert "error[R010]" in cli("run", file, "round-half-up", "1", '"2"', code=1).stderr
    assert "argument 0" in cli("run", file, "round-half-up", "(fn [x] x)", "1", code=2).stderr


# -- explain


def test_explain(cli: Cli) -> None:
    assert cli("explain", "s003").stdout.startswith("S003: Mismatched bracket\n")
    assert "Division by zero" in cli("explain", "R005").stdout
    assert cli("explain", "T003").stdout.startswith("T003: ")
    assert cli("explain", "ST008").stdout.startswith("ST008: ")
    assert "no diagnostic has the code 'X1'" in cli("explain", "X1", code=2).stderr
