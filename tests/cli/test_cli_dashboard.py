"""``rtfsc dashboard`` and ``rtfsc metrics`` as processes."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_runner import Cli
from prometheus_client.parser import text_string_to_metric_families

from runtime.obs.statistics import FILE, read

TOKEN = "0123456789abcdef"


@contextmanager
def serving(cli: Cli, *arguments: str | Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    process = cli.start(*arguments, "--port", "0")
    assert process.stderr is not None
    try:
        line = process.stderr.readline().decode()
        assert "http://" in line, line + process.stderr.read().decode()
        yield line.split()[1], process
    finally:
        process.terminate()
        process.communicate(timeout=120)


def get(url: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120) as response:
        text: str = response.read().decode()
        return text


def get_until(text: str, url: str) -> str:
    """The page when it shows the text: what was collected a moment ago is shown again, for the longer the
    longer that took."""
    end = time.monotonic() + 120
    while text not in (page := get(url)) and time.monotonic() < end:
        time.sleep(0.2)
    assert text in page
    return page


def counted(text: str) -> dict[str, float]:
    return {
        s.name: s.value
        for f in text_string_to_metric_families(text)
        for s in f.samples
        if not s.labels.get("le")
    }


def test_what_other_commands_did_is_shown(published: Cli, tmp_path: Path) -> None:
    program = tmp_path / "twice.rtfs"
    program.write_text('(defn twice "Doubles <b>a</b> number." [n : Int] : Int (* 2 n))')
    with serving(published, "dashboard") as (url, _):
        assert "No call was observed" in get(url)
        published("publish", program)
        published("run", program, "twice", "21")
        page = get_until(">twice", url)
        assert "Recent hits in the store (L4)" in page and ">twice" in page and ">local" in page
        assert "Verified" in page and "How long calls on wasm took" in page
        assert "<b>a</b>" not in page
        assert counted(get(f"{url}metrics"))["rtfsc_calls_total"] == 1
    assert counted(published("metrics").stdout)["rtfsc_calls_total"] == 1


def test_nobody_did_anything_yet(cli: Cli) -> None:
    with serving(cli, "dashboard") as (url, _):
        page = get(url)
        assert "The store has no modules" in page and "rtfsc publish FILE.rtfs" in page
    assert not list(cli.home.rglob("*")), "looking makes nothing"
    assert counted(cli("metrics").stdout) == {"rtfsc_build_info": 1.0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [("dashboard",), ("metrics", "--serve")])
def test_it_ends_when_it_is_asked_to(cli: Cli, command: tuple[str, ...], number: int) -> None:
    with serving(cli, *command) as (url, process):
        get(url)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out, err) == (0, b"", b"")
    with pytest.raises(urllib.error.URLError):
        get(url)


def test_metrics_are_served(cli: Cli) -> None:
    with serving(cli, "metrics", "--serve") as (url, _):
        assert url.endswith("/metrics")
        assert counted(get(url)) == {"rtfsc_build_info": 1.0}


def test_others_need_a_token(cli: Cli) -> None:
    for command in (["dashboard"], ["metrics", "--serve"]):
        assert "needs a token" in cli(*command, "--host", "0.0.0.0", code=2).stderr
    short = cli.file("short", "abc")
    assert "at least 16" in cli("dashboard", "--token-file", short, code=2).stderr
    assert "--token-file" in cli("dashboard", "--token-file", cli.folder / "none", code=2).stderr
    token = cli.file("token", TOKEN + "\n")
    with serving(cli, "dashboard", "--host", "0.0.0.0", "--token-file", token) as (url, _):
        here = url.partition("?")[0].replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(here)
        assert "dashboard" in get(here, Authorization=f"Bearer {TOKEN}")
    cli.env["RTFSC_DASHBOARD_TOKEN"] = TOKEN
    with serving(cli, "dashboard") as (url, _), pytest.raises(urllib.error.HTTPError, match="401"):
        get(url.partition("?")[0])


def test_an_address_that_cannot_be_had(cli: Cli) -> None:
    with serving(cli, "dashboard") as (url, _):
        port = url.rstrip("/").rpartition(":")[2]
        assert f"port {port}" in cli("dashboard", "--port", port, code=2).stderr
    for port in ("x", "-1", "65536", "٣"):
        assert "a port is a number" in cli("dashboard", "--port", port, code=2).stderr
    assert "needs a token" in cli("dashboard", "--host", "no.such.host.invalid", code=2).stderr


def test_a_policy_with_a_mistake_is_said_at_once(cli: Cli) -> None:
    policy = cli.file("delegation.toml", '[[rule]]\nfunction = "f"\ntarget = "nowhere"\n')
    assert "delegation.toml:2" in cli("dashboard", "--delegation", policy, code=2).stderr
    assert "No such file" in cli("dashboard", "--delegation", "none.toml", code=2).stderr


def test_an_arbiter_counts_what_it_answers(cli: Cli) -> None:
    with serving(cli, "serve", "--arbiter", "--offer", "echo-model", "--metrics") as (url, _):
        metrics = f"{url.rstrip('/')}/metrics"
        assert counted(get(metrics)) == {"rtfsc_build_info": 1.0}
        policy = cli.file(
            "d.toml", f'[models.far]\nprovider = "arbiter"\nurl = "{url}"\nmodel = "echo-model"\n'
        )
        cli("models", "far", "--delegation", policy)
    with (
        serving(cli, "serve", "--arbiter", "--offer", "echo-model") as (url, _),
        pytest.raises(urllib.error.HTTPError, match="404"),
    ):
        get(f"{url.rstrip('/')}/metrics")


def test_health_of_models_is_remembered(cli: Cli) -> None:
    cli("models", "echo-model")
    with serving(cli, "dashboard") as (url, _):
        assert "echo-model" in get(url) and "in order" in get(url)
    health = [event for event in read(cli.home / FILE).events if event.name == "model.health"]
    assert [event.attributes["model"] for event in health] == ["echo-model"]


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(published: Cli) -> None:
    with serving(published, "dashboard") as (url, _):
        assert 'role="alert"' not in get(url)
        (published.home / "trust.json").write_text("{")
        (published.home / FILE).write_text("no database")
        get_until("The store cannot be read", url)
        (published.home / "trust.json").unlink()
        assert "its key is not trusted here" in get_until("unknown key", url)
