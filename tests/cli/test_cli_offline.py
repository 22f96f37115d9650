"""``--offline`` opens no socket: no process may, and there is no network to open one to."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from cli_runner import EXAMPLES, Cli

REMOTE = "s3://bucket/prefix?endpoint=http://127.0.0.1:9 postgresql://nobody@127.0.0.1:9/db"
PRICING = str(EXAMPLES / "pricing.rtfs")
ORDER = "{:units 12 :price 999}"

# Python's own sockets are reported to the hook; those of libraries in other languages need the library.
FORBIDDING = """
import os, sys
def hook(event, arguments):
    if event.startswith("socket."):
        os.write(2, f"SOCKET {event} {arguments}".encode())
        os._exit(99)
sys.addaudithook(hook)
from rtfsc.cli.main import main
code = main(sys.argv[1:])
assert "obstore" not in sys.modules and "psycopg" not in sys.modules
sys.exit(code)
"""

FETCH = ("eval", "--allow", "ccos.network.http-fetch=127.0.0.1:9",
         '(call :ccos.network.http-fetch "http://127.0.0.1:9/")')  # fmt: skip
COMMANDS = {
    "run": ("run", PRICING, "line-total", ORDER),
    "run stored": ("run", "--stored", "pricing", "line-total", ORDER),
    "ls": ("store", "ls"),
    "stats": ("store", "stats"),
    "verify": ("store", "verify"),
    "eval": ("eval", "(+ 1 2)"),
    "check": ("check", PRICING),
    "keys": ("keys", "list"),
    "doctor": ("doctor",),
}


@pytest.fixture
def team(published: Cli) -> Cli:
    """Where a remote store is configured, and there is a local one too."""
    published.env["RTFSC_STORE"] = REMOTE
    return published


def forbidden(team: Cli, *command: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", FORBIDDING, *command]
    return subprocess.run(words, env=team.env, cwd=team.folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_opens_a_socket(team: Cli, name: str) -> None:
    command, *rest = COMMANDS[name]
    done = forbidden(team, command, "--offline", *rest)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


def test_without_offline_the_servers_are_asked(team: Cli) -> None:
    """So that the tests above show something."""
    done = forbidden(team, "run", PRICING, "line-total", ORDER)
    assert "ST012" in done.stderr and "AssertionError" in done.stderr, "the driver was loaded"
    assert forbidden(team, *FETCH).returncode == 99


def test_programs_have_no_network_either(team: Cli) -> None:
    done = forbidden(team, FETCH[0], "--offline", *FETCH[1:])
    assert done.returncode == 1 and "Network error: ccos.network.http-fetch while offline" in done.stderr


def test_nothing_is_published_to_the_folder_instead(team: Cli) -> None:
    done = team("publish", "--offline", PRICING, code=5)
    assert "Offline" in done.stderr and "--store FOLDER" in done.stderr


def test_a_remote_store_that_is_asked_for_is_refused(team: Cli) -> None:
    done = team("store", "ls", "--store", REMOTE, "--offline", code=2)
    assert "this is offline" in done.stderr


def test_the_environment_says_it_too(team: Cli) -> None:
    team.env["RTFSC_OFFLINE"] = "1"
    assert forbidden(team, "run", "--stored", "pricing", "line-total", ORDER).stdout == "11389\n"


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-n", "true"], check=False).returncode != 0,
    reason="this user may not make a network namespace",
)
@pytest.mark.parametrize("name", COMMANDS)
def test_it_works_where_there_is_no_network(team: Cli, name: str) -> None:
    command, *rest = COMMANDS[name]
    words = ["unshare", "-n", sys.executable, "-m", "rtfsc", command, *rest, "--offline"]
    done = subprocess.run(words, env=team.env, cwd=team.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
