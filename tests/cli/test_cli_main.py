"""What is common to all commands: help, wrong use, internal errors, interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from cli_runner import Cli

from rtfsc.cli.main import COMMANDS
from rtfsc.version import __version__


def test_help_lists_every_command_and_exit_code(cli: Cli) -> None:
    text = cli("--help").stdout
    assert all(f"  {name} " in text for name in COMMANDS)
    assert "0 ok, 1 error in the program, 2 usage, 3 trust, 5 store, 70 internal" in text
    assert cli("-h").stdout == cli("help").stdout == text
    assert cli(code=2).stdout == text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_refuses_unknown_options(cli: Cli, command: str) -> None:
    assert cli(command, "--help").stdout.startswith(f"usage: rtfsc {command}")
    assert "usage: rtfsc" in cli(command, "--no-such-option", code=2).stderr
    assert list(cli.folder.iterdir()) == [] and not cli.home.exists()


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout == cli("-V").stdout == f"rtfsc {__version__}\n"


def test_an_unknown_command_is_a_usage_error_with_a_suggestion(cli: Cli) -> None:
    assert "no command 'evla'; did you mean 'eval'?" in cli("evla", code=2).stderr


BROKEN = """
import sys
import rtfsc.evaluation
from rtfsc.cli.main import main
def broken(*_):
    raise ZeroDivisionError("a fault of ours")
rtfsc.evaluation.evaluate = broken
sys.exit(main(["eval", "1"]))
"""


def test_an_internal_error_says_so_and_how_to_report_it(cli: Cli) -> None:
    def broken(**more: str) -> subprocess.CompletedProcess[str]:
        env = {**cli.env, **more}
        return subprocess.run([sys.executable, "-c", BROKEN], env=env, capture_output=True, text=True)

    result = broken()
    assert result.returncode == 70 and result.stdout == ""
    assert "internal error: ZeroDivisionError: a fault of ours" in result.stderr
    assert "report" in result.stderr and "Traceback" not in result.stderr
    result = broken(RTFSC_DEBUG="1")
    assert result.returncode == 70 and "in broken" in result.stderr


def test_ctrl_c_ends_a_running_program(cli: Cli) -> None:
    for engine in ("evaluator", "wasm"):
        source = '(defn spin [x] (spin x)) (println "begun") (spin 1)'
        process = cli.start("eval", "--engine", engine, source)
        assert process.stdout is not None and process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 130 and err == b"rtfsc: interrupted\n"


def test_a_reader_that_goes_away_is_no_error(cli: Cli) -> None:
    read, write = os.pipe()
    os.close(read)
    process = cli.start("emit", "-", "--emit", "wat", stdout=write)
    os.close(write)
    _, err = process.communicate(b"(defn f [x] x)", timeout=60)
    assert process.returncode == 0 and err == b""


def test_a_terminal_without_the_characters_gets_escapes(cli: Cli) -> None:
    cli.env["PYTHONIOENCODING"] = "ascii"
    assert cli("eval", '"é→"').stdout == '"\\xe9\\u2192"\n'


def test_python_m_rtfsc_is_the_console_script(cli: Cli) -> None:
    script = os.path.join(os.path.dirname(sys.executable), "rtfsc")
    out = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    assert out == cli("--help").stdout
