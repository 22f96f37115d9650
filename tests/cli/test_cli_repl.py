"""``rtfsc repl`` through a pipe and on a pseudo-terminal."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from cli_runner import EXAMPLES, Cli


def session(cli: Cli, *lines: str, **options: object) -> list[str]:
    result = cli("repl", *options.get("arguments", ()), input="\n".join(lines))  # type: ignore[attr-defined]
    return result.stdout.splitlines()


def test_values_and_definitions(cli: Cli) -> None:
    lines = ("(defn f [x]", "  (* x 2)) ; two lines", "(f 21)", "1 2 :a", "(def y [1 2])", "(first y)")
    assert session(cli, *lines) == ["f", "42", "1", "2", ":a", "[1 2]", "1"]


@pytest.mark.parametrize("engine", ["evaluator", "wasm"])
def test_engines(cli: Cli, engine: str) -> None:
    lines = ("(defn f [x] (+ x 1))", "(f 1)", ":engine", "(/ 1 0)", "(f 2)")
    assert session(cli, *lines, arguments=("--engine", engine)) == ["f", "2", engine, "3"]


def test_errors_are_shown_and_do_not_end_it(cli: Cli) -> None:
    text = "(/ 1 0)\n(no-name)\n(if)\n(f]\n:engine nope\n:type\n:load none.rtfs\n:doc nope\n(+ 1 1)\n(open"
    result = cli("repl", input=text)
    assert result.stdout == "2\n"
    for part in (
        "R005",
        "N001",
        "F001",
        "S003",
        "not nope",
        "write :type EXPR",
        "IO001",
        "no 'nope'",
        "S002",
    ):
        assert part in result.stderr


def test_redefinitions_reach_back_and_values_are_kept(cli: Cli) -> None:
    lines = (
        "(defn f [] 1)", "(defn g [] (f))", "(defn f [] 2)", "(g)",
        "(def n 1)", "(def n (+ n 1))", "(def n (+ n 1))", "n",
        "(def h inc)", "(def h (comp h h))", "(h 1)", "(def s '(a \"b\" :c))", "(count s)",
    )  # fmt: skip
    assert session(cli, *lines) == ["f", "g", "f", "2", "1", "2", "3", "3", "h", "h", "3", '(a "b" :c)', "3"]


def test_a_failed_definition_changes_nothing(cli: Cli) -> None:
    lines = ("(def n 1)", "(def n (/ 1 0))", "n", "(defn n [] (if))", "n")
    assert session(cli, *lines) == ["1", "1", "1"]


def test_warnings_are_given_once(cli: Cli) -> None:
    result = cli("repl", input="(defn f [] (later))\n(+ 1 1)\n(defn later [] 7)\n(f)")
    assert result.stdout.splitlines() == ["f", "2", "later", "7"]
    assert result.stderr.count("N001") == 1


def test_macros_structs_and_modules(cli: Cli) -> None:
    cli.file("m.rtfs", "(module m (:exports [two]) (defn two [] 2))")
    lines = (
        "(defmacro twice [e] `(do ~e ~e))",
        "(twice 4)",
        "(import m)",
        "(m/two)",
        "(do (def a 1) (def b 2))",
        "(+ a b)",
    )
    out = session(cli, *lines)
    assert out == ["twice", "4", "import m", "2", "1", "2", "3"]


def test_commands(cli: Cli) -> None:
    out = session(cli, "(defn f [n : Int] : Int (* n 2))", ":type f", ":type (f 1)", ":type", ':type "a"')
    assert out == ["f", "f : [:fn [:int] :int]", "int", "str"]
    out = session(cli, "(defn f [n : Int] : Int (* n 2))", ":ir f")
    assert "(int.mul n 2" in "\n".join(out)
    out = session(cli, "(defn f [n : Int] : Int (* n 2))", ":wat f")
    assert out[1].startswith("(func $f ")
    out = session(cli, ":time (+ 1 2)")
    assert out[0] == "3"
    assert re.fullmatch(r"[0-9.]+ ms on the evaluator engine, compiling included", out[1])
    assert ":load FILE" in "\n".join(session(cli, ":help"))
    assert session(cli, "1", ":quit", "2") == ["1"]
    assert session(cli, ":not-a-command") == [":not-a-command"]


def test_doc(cli: Cli) -> None:
    out = session(cli, '(defn f "Twice." [n] (* n 2))', '(def c "Count." 3)', ":doc f", ":doc c", ":doc inc")
    assert "  Twice." in out
    assert "  Count." in out
    assert "inc: library function" in out


def test_load(cli: Cli) -> None:
    path = EXAMPLES / "pricing.rtfs"
    assert session(cli, f":load {path}", "(discount-percent 50)") == [f"6 definitions from {path}", "10"]
    assert session(cli, "(discount-percent 10)", arguments=(path,)) == [f"6 definitions from {path}", "5"]


def test_nothing_is_written_without_a_terminal(cli: Cli) -> None:
    session(cli, "(+ 1 2)")
    assert not cli.home.exists()


# --- on a terminal


class Terminal:
    """A session on a pseudo-terminal. `expect` waits for text that was not yet seen."""

    def __init__(self, cli: Cli) -> None:
        self.master, slave = os.openpty()
        env = {**cli.env, "TERM": "dumb", "NO_COLOR": "1"}
        streams = {"stdin": slave, "stdout": slave, "stderr": slave}
        self.process = Cli(cli.folder, env).start("repl", **streams, start_new_session=True)
        os.close(slave)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, text: str, seconds: float = 120) -> str:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited for {text!r}, saw {self.seen!r}")
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.master, 4096).decode(errors="replace")
                except OSError:
                    assert text in self.seen, f"ended before {text!r}: {self.seen!r}"
        before, self.seen = self.seen.split(text, 1)
        return before

    def interrupt(self) -> None:
        import signal

        self.process.send_signal(signal.SIGINT)

    def interrupt_until(self, text: str) -> None:
        """Readline misses a signal between its prompt and its wait."""
        for _ in range(5):
            time.sleep(0.5)
            self.interrupt()
            with suppress(TimeoutError):
                self.expect(text, seconds=60)
                return
        raise TimeoutError(f"{text!r} did not come: {self.seen!r}")

    def close(self) -> None:
        os.close(self.master)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def terminal(cli: Cli) -> Iterator[Terminal]:
    if sys.platform == "win32":
        pytest.skip("no pseudo-terminals")
    terminal = Terminal(cli)
    yield terminal
    terminal.close()


def test_prompts_history_and_end(cli: Cli, terminal: Terminal) -> None:
    terminal.expect("rtfs> ")
    terminal.type("(+ 1\n")
    terminal.expect("    > ")
    terminal.type("2)\n")
    terminal.expect("3\r\n")
    terminal.expect("rtfs> ")
    terminal.type("\x04")
    assert terminal.process.wait(timeout=120) == 0
    history = cli.home / "repl-history"
    assert "(+ 1" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


def test_completion(terminal: Terminal) -> None:
    terminal.expect("rtfs> ")
    terminal.type('(string-up\t "a")\n')
    terminal.expect('"A"')
    terminal.expect("rtfs> ")
    terminal.type(":engi\t\n")
    terminal.expect("evaluator")


@pytest.mark.parametrize("engine", ["evaluator", "wasm"])
def test_interrupts_end_what_runs_and_what_is_typed(terminal: Terminal, engine: str) -> None:
    terminal.expect("rtfs> ")
    terminal.type(f":engine {engine}\n")
    terminal.expect(f"{engine}\r\n{engine}")
    terminal.expect("rtfs> ")
    terminal.type('(do (println "begun") (loop [i 0] (recur (if (> i 5) 0 (inc i)))))\n')
    terminal.expect("begun\r\n")
    terminal.interrupt()
    terminal.expect("rtfsc: interrupted")
    terminal.expect("rtfs> ")
    terminal.type("(+ 1\n")
    terminal.expect("    > ")
    terminal.interrupt_until("rtfs> ")
    terminal.type("(+ 20 22)\n")
    terminal.expect("42")


def test_the_host_lasts_as_long_as_the_session(cli: Cli) -> None:
    lines = (
        '(println "n =" 1)',
        "(context/set :a 5)",
        "(context/get :a)",
        '(def x (do (println "once") 3))',
        "x",
    )
    assert session(cli, *lines) == ["n = 1", "nil", "nil", "5", "once", "3", "3"]
    assert "R023" in cli("repl", input='(get-env "HOME")').stderr
    out = cli("repl", "--allow", "ccos.system.get-env=RTFSC_HOME", input='(get-env "RTFSC_HOME")').stdout
    assert out == f'"{cli.home}"\n'


def test_what_cannot_be_inspected(cli: Cli) -> None:
    text = "(defmacro m [x] x)\n:type m\n:ir 1 2\n:doc m\n:type (nope)\n:wat (defn g [n : Int] : Int n)"
    result = cli("repl", input=text)
    assert "nothing is left of m" in result.stderr
    assert "write one expression" in result.stderr
    assert "N001" in result.stderr
    assert result.stdout.startswith("m\nm: macro\n  (defmacro m [x] x)\nany\n(func $g ")
