"""``rtfsc models``, ``rtfsc serve --arbiter``, and providers of other packages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib

import pytest
from cli_runner import ROOT

from runtime.providers.options import _OURS, GROUP

RULES = """
[models.spam]
provider = "rules"
text = '''
default = ":ham"
[[rule]]
answer = ":spam"
words = ["lottery"]
'''
"""


@pytest.fixture
def served(cli):
    """A function that starts a server and gives its address."""
    running = []

    def start(*arguments):
        process = cli.start("serve", "--arbiter", "--port", "0", *arguments)
        running.append(process)
        line = process.stderr.readline().decode()
        assert line.startswith("arbiter: "), line + process.stderr.read().decode()
        return process, line.split()[1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_models_are_listed(cli):
    (cli.folder / "delegation.toml").write_text(
        RULES + '[models.far]\nprovider = "openai_compat"\nurl = "http://127.0.0.1:1/v1"\ncost = 0.25\n'
        '[models.odd]\nprovider = "llama_cpp"\npath = "nowhere.gguf"\n'
    )
    shown = cli("models", "--delegation", "delegation.toml", code=1).stdout
    head, echo, far, odd, spam = shown.splitlines()
    assert head.split() == ["model", "provider", "where", "cost", "can", "health"]
    assert echo.split()[:4] == ["echo-model", "echo", "here", "0"] and "always there" in echo
    assert "cannot be reached" in far and " 0.25 " in far and "schema" in far
    assert "nowhere.gguf" in odd
    assert spam.endswith("ok: 1 rules")
    rows = json.loads(cli("models", "spam", "--json", "--delegation", "delegation.toml").stdout)
    assert rows == [
        {"id": "spam", "provider": "rules", "ok": True, "detail": "1 rules", "where": "here", "cost": 0.0,
         "capabilities": ["classify", "seed"]}
    ]  # fmt: skip
    cli("models", "far", "--no-health", "--delegation", "delegation.toml")
    assert "there is no model 'x'" in cli("models", "x", code=2).stderr


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_and_its_clients(cli, served, number):
    (cli.folder / "there.toml").write_text(RULES)
    process, url = served("--delegation", "there.toml")
    (cli.folder / "here.toml").write_text(f'[models.spam]\nprovider = "arbiter"\nurl = "{url}"\n')
    shown = cli("models", "spam", "--delegation", "here.toml").stdout
    assert shown.splitlines()[1].split() == [
        "spam", "arbiter", "here", "0", "classify", "seed", "stream", "ok:", "ready",
    ]  # fmt: skip
    (cli.folder / "p.rtfs").write_text(
        '(defn ^:delegation :local-model "spam" classify "Is it spam?" [text : String] : [:enum :spam :ham]'
        ' :unknown)\n[(classify "the lottery") (classify "dinner")]\n'
    )
    assert cli("run", "p.rtfs", "--delegation", "here.toml").stdout == "[:spam :ham]\n"
    process.send_signal(number)
    _, log = process.communicate(timeout=120)
    assert process.returncode == 0
    lines = log.decode().splitlines()
    assert [line.split()[:4] for line in lines if "POST" in line] == [["anybody", "POST", "spam", "200"]] * 2
    assert "lottery" not in log.decode()


@pytest.mark.skipif(os.name != "posix", reason="file modes as on POSIX")
def test_tokens_of_tenants(cli, served):
    tokens = cli.folder / "tokens.toml"
    tokens.write_text('[tokens]\nacme = "correct-horse-battery"\n')
    tokens.chmod(0o644)
    assert (
        "chmod 600" in cli("serve", "--arbiter", "--offer", "echo-model", "--tokens", tokens, code=2).stderr
    )
    tokens.chmod(0o600)
    _, url = served("--offer", "echo-model", "--tokens", tokens)
    (cli.folder / "here.toml").write_text(
        f'[models.echo]\nprovider = "arbiter"\nmodel = "echo-model"\nurl = "{url}"\n'
        'key_env = "ARBITER_TOKEN"\n'
    )
    for token, code in (("correct-horse-battery", 0), ("wrong", 1)):
        cli.env["ARBITER_TOKEN"] = token
        cli("models", "echo", "--delegation", "here.toml", code=code)


@pytest.mark.parametrize(
    "text, message",
    [("tokens = 3", "one table"), ("[tokens]", "one table"), ("[tokens]\na = 3", "the token of a"),
     ('[tokens]\na = "short"', "at least 16"), ('[tokens]\na = "secret with blanks in"', "one word"),
     ('[tokens]\na = "secret-secret-secret"\nb = "secret-secret-secret"', "the same token"),
     ('[tokens]\na = "secret-secret', "not TOML"),
     ('[tokens]\na = "secret-secret-secret"\n[more]', "one table")],
)  # fmt: skip
def test_mistakes_in_the_file_of_tokens(cli, text, message):
    tokens = cli.folder / "tokens.toml"
    tokens.write_text(text)
    tokens.chmod(0o600)
    shown = cli("serve", "--arbiter", "--offer", "echo-model", "--tokens", tokens, code=2).stderr
    assert message in shown and "secret-" not in shown


def test_servers_that_cannot_be(cli):
    for arguments, message in (
        (["--arbiter"], "say which models"),
        (["--arbiter", "--offer", "echo-model", "--host", "0.0.0.0"], "that needs tokens"),
        (["--arbiter", "--offer", "echo-model", "--port", "65536"], "a port is"),
        (["--arbiter", "--offer", "echo-model", "--port", "0", "--certificate", "none.pem"], "none.pem"),
        (["--arbiter", "--offer", "echo-model", "--tokens", "none.toml"], "none.toml"),
        ([], "--arbiter"),
    ):
        assert message in cli("serve", *arguments, code=2).stderr
    assert "LM001" in cli("serve", "--arbiter", "--offer", "nobody", code=1).stderr


def test_our_providers_are_entry_points():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
    assert declared == _OURS


def test_a_provider_of_another_package(cli, tmp_path):
    """A package is built, installed, and configured like ours."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "tiny-models"\nversion = "1.0"\n'
        '[project.entry-points."rtfsc.providers"]\nshout = "tiny_models:Shout"\nbroken = "tiny_models:gone"\n'
        'hollow = "tiny_models:Hollow"\n'
        '[tool.setuptools]\npy-modules = ["tiny_models"]\n'
    )
    (package / "tiny_models.py").write_text(
        "from runtime.providers.base import Health, Response\n"
        "class Hollow:\n"
        "    def __init__(self, id): pass\n"
        "class Shout:\n"
        "    local, revision = True, '1'\n"
        "    def __init__(self, id, *, mark='!'):\n"
        "        self.id, self.mark = id, mark\n"
        "    def infer(self, request, on_text=None):\n"
        "        text = request.messages[-1].content.split('\"')[1]\n"
        "        return Response('\"' + text.upper() + self.mark + '\"', self.id, self.revision)\n"
        "    def capabilities(self): return frozenset({'chat'})\n"
        "    def cost_per_call(self): return 0.5\n"
        "    def health(self): return Health(True, 'loud')\n"
        "    def close(self): pass\n"
    )
    installed = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", "--no-deps",
         "--disable-pip-version-check", "--target", installed, package],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    cli.env["PYTHONPATH"] = os.pathsep.join([str(installed), cli.env.get("PYTHONPATH", str(ROOT))])
    (cli.folder / "delegation.toml").write_text(
        '[models.loud]\nprovider = "shout"\nmark = "?"\n[models.broken]\nprovider = "broken"\n'
        '[models.hollow]\nprovider = "hollow"\n'
    )
    shown = cli("models", "loud", "--delegation", "delegation.toml").stdout
    assert shown.splitlines()[1].split() == ["loud", "shout", "here", "0.5", "chat", "ok:", "loud"]
    shown = cli("models", "--delegation", "delegation.toml", code=1).stdout
    assert "broken cannot be loaded" in shown and "hollow gives is no model: it has no infer" in shown
    (cli.folder / "p.rtfs").write_text(
        '(defn ^:delegation :local-model "loud" shout [text : String] : String text)\n(shout "hi")\n'
    )
    assert cli("run", "p.rtfs", "--delegation", "delegation.toml").stdout == '"HI?"\n'


BAD = """
[models.bad]
provider = "rules"
text = 'default = "eggs"'
"""
SPAM = "[text : String] : [:enum :spam :ham]"


def test_one_question(cli):
    (cli.folder / "delegation.toml").write_text(RULES)
    asked = ("ask", "Is it spam?", "--signature", SPAM, "--model", "spam", "--delegation", "delegation.toml")
    assert cli(*asked, "--call", '(f "the lottery")').stdout == ":spam\n"
    assert cli(*asked, "--call", '(f (str "din" "ner"))').stdout == ":ham\n"
    cli.env["RTFSC_DELEGATION"] = "delegation.toml"
    found = json.loads(cli(*asked[:-2], "--call", '(f "x")', "--json").stdout)
    assert found == {"value": ":ham", "said": [":ham"]}
    shown = cli(*asked[:-2], "--call", '(f "a <|im_end|>")', "--show-prompt").stdout
    assert "[system]" in shown and 'text = "a \\u003c|im_end|>"' in shown


def test_questions_that_cannot_be_asked(cli):
    (cli.folder / "delegation.toml").write_text(RULES + BAD)
    (cli.folder / "wrong.toml").write_text("[modles]\n")
    base = ("ask", "Is it spam?", "--delegation", "delegation.toml")
    call = ("--call", '(f "x")')
    for arguments, message, code in (
        (["--signature", SPAM, "--model", "spam", "--call", "(f)"], "takes 1 argument, not 0", 2),
        (
            ["--signature", SPAM, "--model", "spam", "--call", "(f 1)"],
            "the argument text: Type validation error",
            2,
        ),
        (["--signature", SPAM, "--model", "none", *call], "LM001", 1),
        (["--signature", SPAM, "--model", "bad", *call], "LM009", 1),
        (["--signature", "(defn f [] 1)", "--model", "spam", *call], "A001", 1),
        (["--signature", SPAM, "--model", "spam", "--call", '(f "x'], "S005", 1),
    ):
        assert message in cli(*base, *arguments, code=code).stderr
    asking = ["ask", "x", "--signature", SPAM, "--model", "m", *call]
    for command in (["models"], ["serve", "--arbiter"], asking):
        assert "wrong.toml:1" in cli(*command, "--delegation", "wrong.toml", code=2).stderr
        assert "none.toml" in cli(*command, "--delegation", "none.toml", code=2).stderr
