"""``rtfsc ticket``."""

from __future__ import annotations

import json
import signal

import pytest
from cli_runner import Cli

TWICE = (
    '(defn twice [n] (* 2 n))\n(defn fails [n] (/ n 0))\n(defn home [] (call :ccos.system.get-env "HOME"))'
)
SPIN = '(defn spin [] (do (println "begun") (loop [i 0] (if (< i 0) i (recur (+ 1 (rem i 1000)))))))'


def submit(cli: Cli, *arguments: str) -> str:
    return cli("ticket", "submit", *arguments).stdout.strip()


def state(cli: Cli, ticket: str) -> str:
    return cli("ticket", "poll", ticket).stdout.strip()


def test_from_submission_to_result(cli: Cli) -> None:
    cli.file("p.rtfs", TWICE)
    good, bad = (
        submit(cli, "p.rtfs", "twice", "21"),
        submit(cli, "p.rtfs", "fails", "1", "--label", "bad one"),
    )
    denied = submit(cli, "p.rtfs", "home")
    assert state(cli, good) == "queued"
    assert "after 1 s" in cli("ticket", "wait", good, "--timeout", "1", code=1).stderr
    assert "3 tickets" in cli("ticket", "work", "--drain").stderr
    assert cli("ticket", "wait", good).stdout == "42\n"
    assert "Division by zero" in cli("ticket", "wait", bad, code=1).stderr
    assert "Security violation" in cli("ticket", "wait", denied, code=1).stderr
    assert cli.json("ticket", "wait", good)["value"] == "42"
    found = cli.json("ticket", "ls")
    assert [t["ticket"] for t in found] == [denied, bad, good]
    assert found[1]["label"] == "bad one" and found[1]["error"] == "DivisionByZero"
    assert len(cli.json("ticket", "ls", "--state", "done")) == 1
    assert "bad one" in cli("ticket", "ls").stdout


def test_keys_and_cancelling(cli: Cli) -> None:
    cli.file("p.rtfs", TWICE)
    first = submit(cli, "p.rtfs", "twice", "1", "--key", "k")
    assert submit(cli, "p.rtfs", "twice", "1", "--key", "k") == first
    assert cli("ticket", "cancel", first).stdout == "cancelled\n"
    assert "0 tickets" in cli("ticket", "work", "--drain").stderr
    assert "was cancelled" in cli("ticket", "wait", first, code=1).stderr
    other = submit(cli, "p.rtfs", "twice", "1")
    cli("ticket", "work", "--most", "1")
    assert "had ended before: done" in cli("ticket", "cancel", other, code=1).stdout


def test_stored_modules_only(cli: Cli) -> None:
    cli("init", "--home")
    cli.file("twice.rtfs", TWICE.splitlines()[0])
    cli("publish", "twice.rtfs", "--inputs", "2")
    stored, brought = submit(cli, "twice", "twice", "4", "--stored"), submit(cli, "twice.rtfs", "twice", "4")
    cli("ticket", "work", "--drain", "--stored-only")
    assert cli("ticket", "wait", stored).stdout == "8\n"
    assert "stored modules only" in cli("ticket", "wait", brought, code=1).stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_worker_that_is_stopped_or_killed(cli: Cli, how: int) -> None:
    """Its ticket is run by the next one."""
    cli.file("p.rtfs", SPIN)
    ticket = submit(cli, "p.rtfs", "spin")
    worker = cli.start("ticket", "work", "--lease", "6")
    assert worker.stdout is not None and worker.stdout.readline() == b"begun\n"
    assert state(cli, ticket) == "running"
    worker.send_signal(how)
    worker.communicate(timeout=120)
    assert worker.returncode == (0 if how == signal.SIGINT else -how), "as servers that Ctrl-C ends"
    cli("ticket", "work", "--lease", "2", "--most", "1", "--deadline-ms", "50")
    assert "error[R027]" in cli("ticket", "wait", ticket, code=1).stderr
    found = cli.json("ticket", "poll", ticket)
    assert (found["state"], found["attempts"]) == ("failed", 2)


def test_what_is_asked_for_wrongly(cli: Cli) -> None:
    cli.file("p.rtfs", TWICE)
    assert "error[TK004]" in cli("ticket", "submit", "p.rtfs", "nope", code=2).stderr
    assert (
        "twice takes 1 argument, not 3"
        in cli("ticket", "submit", "p.rtfs", "twice", "1", "2", "3", code=2).stderr
    )
    assert "error[TK001]" in cli("ticket", "poll", "0" * 32, code=2).stderr
    assert "error[TK003]" in cli("ticket", "ls", "--tickets", "ftp://x", code=5).stderr
    for place in ("redis://127.0.0.1:1", "nats://127.0.0.1:1"):
        told = cli("ticket", "ls", "--tickets", place, code=5).stderr
        assert f"error[TK003]: tickets on {place}: " in told and "onnection refused" in told
        assert "RTFSC_TICKETS" in told
    assert "offline" in cli("--offline", "ticket", "ls", "--tickets", "nats://127.0.0.1:1", code=5).stderr
    assert "error" in cli("ticket", "submit", "p.rtfs", "twice", "(", code=1).stderr
    cli.file("bad.rtfs", "(defn f [")
    cli("ticket", "submit", "bad.rtfs", code=1)
    cli("ticket", code=2)


def test_who_only_looks_makes_no_file(cli: Cli) -> None:
    place = ("--tickets", "new.sqlite")
    assert cli("ticket", "ls", *place).stdout == "no tickets\n"
    assert "0 tickets" in cli("ticket", "work", "--drain", *place).stderr
    for action in ("poll", "cancel", "wait"):
        assert "error[TK001]" in cli("ticket", action, "0" * 32, *place, code=2).stderr
    assert list(cli.folder.glob("new*")) == []


def test_a_drain_that_is_interrupted_says_so(cli: Cli) -> None:
    cli.file("p.rtfs", SPIN)
    ticket = submit(cli, "p.rtfs", "spin")
    worker = cli.start("ticket", "work", "--drain")
    assert worker.stdout is not None and worker.stdout.readline() == b"begun\n"
    assert state(cli, ticket) == "running"
    worker.send_signal(signal.SIGINT)
    worker.communicate(timeout=120)
    assert worker.returncode == 130
    assert state(cli, ticket) == "running", "its lease has run out, the next worker takes it"


def test_what_failed_is_logged_with_its_error(cli: Cli) -> None:
    cli.file("p.rtfs", TWICE)
    submit(cli, "p.rtfs", "fails", "1")
    told = cli("ticket", "work", "--drain", "--log-format", "json", "--log-level", "debug").stderr
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert [e["error"] for e in events if e["event"] == "ticket.failed"] == ["DivisionByZero"]


def test_warnings_show_when_it_is_submitted(cli: Cli) -> None:
    cli.file("p.rtfs", "(defn f [xs] (mapv inc xs))")
    shown = cli("ticket", "submit", "p.rtfs", "f", "[1]")
    assert "N001" in shown.stderr and "did you mean map?" in shown.stderr
    assert len(shown.stdout.strip()) == 32
    assert "arguments are required: module\n" in cli("ticket", "submit", code=2).stderr


def test_a_worker_has_rules_of_its_own(cli: Cli) -> None:
    cli.file("p.rtfs", '(defn kind "Of a mail" [text : String] : String "unknown")')
    cli.file(
        "delegation.toml",
        "[models.words]\nprovider = \"rules\"\ntext = '''default = '\"ham\"' '''\n"
        '[[rule]]\nsymbol = "kind"\ntarget = "local-words"\ntenant = "acme"\n',
    )
    for options, value in [
        ((), "unknown"),
        (("--delegation", "delegation.toml"), "unknown"),
        (("--delegation", "delegation.toml", "--tenant", "acme"), "ham"),
    ]:
        ticket = submit(cli, "p.rtfs", "kind", '"x"')
        assert "1 ticket\n" in cli("ticket", "work", "--drain", *options).stderr
        assert cli("ticket", "wait", ticket).stdout == f'"{value}"\n'
