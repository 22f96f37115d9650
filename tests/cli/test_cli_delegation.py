"""``--delegation`` and ``rtfsc why route``."""

from __future__ import annotations

import json

import pytest
from cli_runner import Cli

PROGRAM = """(defn classify "Whether a mail is spam or ham" [text : String] : String "unknown")
(defn ^:delegation :remote "far" hinted [x] x)
(defn ^:delegation :local pinned [x] x)
(classify "You are a lottery winner")
"""
RULES = """[models.words]
provider = "rules"
text = '''
default = '"ham"'
[[rule]]
answer = '"spam"'
words = ["lottery", "winner"]
'''

[[rule]]
name = "mail by words"
symbol = "classify"
target = "local-words"
tenant = ["", "acme"]
fallback = ["local-pure"]
"""


@pytest.fixture
def mail(cli: Cli) -> Cli:
    (cli.folder / "mail.rtfs").write_text(PROGRAM)
    (cli.folder / "delegation.toml").write_text(RULES)
    return cli


@pytest.mark.parametrize("engine", ["wasm", "evaluator"])
def test_run(mail: Cli, engine: str) -> None:
    given = ("run", "--engine", engine, "mail.rtfs")
    assert mail(*given).stdout == '"unknown"\n', "a file of the folder is not taken by itself"
    rules = ("--delegation", "delegation.toml")
    assert mail(*given, *rules).stdout == '"spam"\n'
    assert mail(*given, "classify", '"hello"', *rules).stdout == '"ham"\n'
    assert mail(*given, *rules, "--tenant", "other").stdout == '"unknown"\n'
    mail.env["RTFSC_DELEGATION"] = "delegation.toml"
    assert mail(*given).stdout == '"spam"\n'


@pytest.mark.parametrize("engine", ["wasm", "evaluator", "both"])
def test_eval(mail: Cli, engine: str) -> None:
    told = mail("eval", "-", "--engine", engine, "--delegation", "delegation.toml", input=PROGRAM)
    assert told.stdout == '"spam"\n'


@pytest.mark.parametrize("engine", ["wasm", "evaluator", "both"])
def test_batches_and_tests_follow_rules_too(mail: Cli, engine: str) -> None:
    rules = ("--engine", engine, "--delegation", "delegation.toml")
    lines = "".join(json.dumps({"id": n, "source": PROGRAM}) + "\n" for n in range(2))
    for tenant, value in (("acme", '"spam"'), ("other", '"unknown"')):
        told = mail("eval", "--jsonl", *rules, "--tenant", tenant, input=lines).stdout.splitlines()
        assert [json.loads(line)["value"] for line in told] == [value, value]
    mail.file(
        "mail_test.rtfs",
        PROGRAM + '(deftest far (is (= ["spam" "ham"] (map classify ["a winner" "hello"]))))',
    )
    assert mail("test", "mail_test.rtfs", *rules).returncode == 0
    assert '["unknown" "unknown"]' in mail("test", "mail_test.rtfs", "--engine", engine, code=1).stdout


@pytest.mark.parametrize("engine", ["wasm", "evaluator"])
def test_sessions_follow_rules_too(mail: Cli, engine: str) -> None:
    lines = '(classify "a winner")\n(def kept (classify "hello"))\nkept\n'
    granted = ("--allow", "ccos.state.kv.put", "--allow", "ccos.state.kv.get")
    lines += "(do (call :ccos.state.kv.put :a 1) nil)\n(call :ccos.state.kv.get :a)"
    told = mail(
        "repl", "--engine", engine, "--delegation", "delegation.toml", *granted, "mail.rtfs", input=lines
    ).stdout
    assert told.splitlines()[-5:] == ['"spam"', '"ham"', '"ham"', "nil", "1"]


def test_profiles_follow_rules_too(mail: Cli) -> None:
    mail.file(
        "delegation.toml", RULES.replace("'\"ham\"'", "'12'").replace('fallback = ["local-pure"]\n', "")
    )
    call = ("profile", "mail.rtfs", "--call", "classify", '"hello"')
    assert mail(*call).returncode == 0
    told = mail(*call, "--delegation", "delegation.toml", code=1).stderr
    assert "classify by local-words: answered twice with no value of type :string" in told
    assert "mail.rtfs:1:7" in told, "where the function is defined"


def test_what_is_decided_can_be_logged(mail: Cli) -> None:
    log = ("--log-format", "json", "--log-level", "debug")
    told = mail("run", "mail.rtfs", "--no-store", "--delegation", "delegation.toml", *log).stderr
    events = {event["event"]: event for event in map(json.loads, told.splitlines())}
    assert events["call.decided"]["decided_by"] == "rule mail by words (delegation.toml:10)"
    assert events["model.asked"]["model"] == "words"


def test_mistakes_in_the_file(mail: Cli) -> None:
    (mail.folder / "delegation.toml").write_text(RULES.replace("local-words", "local-word"))
    told = mail("run", "mail.rtfs", "--delegation", "delegation.toml", code=2).stderr
    assert "delegation.toml:13: no model 'word' (did you mean words?)" in told
    assert "No such file" in mail("run", "mail.rtfs", "--delegation", "none.toml", code=2).stderr
    (mail.folder / "delegation.toml").write_bytes(b"\xff")
    assert "UTF-8" in mail("run", "mail.rtfs", "--delegation", "delegation.toml", code=2).stderr


@pytest.mark.parametrize(
    "command",
    [("run", "mail.rtfs"), ("models",), ("cache", "stats"), ("dashboard",), ("why", "route", "classify")],
)
def test_who_named_the_file(mail: Cli, command: tuple[str, ...]) -> None:
    assert "it names a file" in mail(*command, "--delegation", "", code=2).stderr
    assert "rtfsc: --delegation: No such file" in mail(*command, "--delegation", "none", code=2).stderr
    mail.env["RTFSC_DELEGATION"] = "none"
    assert "rtfsc: RTFSC_DELEGATION: No such file" in mail(*command, code=2).stderr


def test_why_route(mail: Cli) -> None:
    why = ("why", "route", "--delegation", "delegation.toml")
    told = mail(*why, "classify", '"hello"').stdout
    assert told.splitlines() == [
        "classify (string) runs at local-words",
        "  decided by rule mail by words (delegation.toml:10): rule mail by words names it (confidence 1)",
        "  for privacy internal",
        "  2 tries of 30 s",
        "  then local-pure",
    ]
    other = json.loads(mail(*why, "classify", "--tenant", "other", "--json").stdout)
    assert (other["target"], other["tenant"]) == ("local-pure", "other")
    assert other["rejected"] == [
        {"target": "local-words", "reason": "rule mail by words: tenant is other, not none or acme"}
    ]


def test_why_route_of_hints(mail: Cli) -> None:
    why = ("why", "route", "--delegation", "delegation.toml", "--program", "mail.rtfs", "--json")
    hinted = json.loads(mail(*why, "hinted").stdout)
    assert (hinted["target"], hinted["decided_by"]) == ("local-pure", "hint")
    assert hinted["rejected"] == [{"target": "remote-far", "reason": "there is no model far"}]
    pinned = json.loads(mail(*why, "pinned").stdout)
    assert (pinned["target"], pinned["reason"]) == ("local-pure", "the author says so")


def test_why_route_called_wrongly(mail: Cli) -> None:
    assert "--delegation FILE" in mail("why", "route", "classify", code=2).stderr
    why = ("why", "route", "--delegation", "delegation.toml", "--program", "mail.rtfs")
    assert "functions: classify, hinted, pinned" in mail(*why, "nothing", code=2).stderr
    assert mail(*why, "classify", "(", code=1).stderr
    assert "classify takes 1 argument, not 2" in mail(*why, "classify", '"a"', "2", code=2).stderr
    assert "the argument text: " in mail(*why, "classify", "2", code=2).stderr
    assert "takes one program" in mail("why", "hit", "mail.rtfs", "1", code=2).stderr


@pytest.mark.parametrize("target", ["wasm32", "rtfs-ir"])
def test_files_with_guards(mail: Cli, target: str) -> None:
    (mail.folder / "mail.rtfs").write_text(PROGRAM + "(defn both [a b] [(classify a) (classify b)])")
    file = {"wasm32": "mail.wasm", "rtfs-ir": "mail.rtfs-ir"}[target]
    rules = ("--delegation", "delegation.toml")
    call = ("run", file, "both", '"a winner"', '"hello"')
    mail("build", "--target", target, "mail.rtfs")
    assert mail(*call, *rules).stdout == '["unknown" "unknown"]\n'
    assert "guards" not in mail("inspect", file).stdout
    mail("build", "--target", target, "--guard", "class*", "--guard", "both", "mail.rtfs")
    assert mail(*call, *rules).stdout == '["spam" "ham"]\n'
    assert mail(*call).stdout == '["unknown" "unknown"]\n'
    shown = mail("inspect", file).stdout
    assert "\nguards:\n  0 classify\n  1 both\n" in shown
    assert "features: guard=both, guard=class*" in shown
    guards = json.loads(mail("inspect", "--json", file).stdout)["interface"]["guards"]
    assert [guard["export"] for guard in guards] == ["classify", "both"]


def test_guards_that_cannot_be(mail: Cli) -> None:
    told = mail("build", "--guard", "class*", "--guard", "pinned", "mail.rtfs", code=2).stderr
    assert "no function 'pinned' in mail.rtfs that can be guarded; there are: classify" in told
    for mode in (["--standalone"], ["--js"], ["--separate"], ["--emit", "wat"]):
        told = mail("build", *mode, "--guard", "*", "mail.rtfs", code=2).stderr
        assert f"--guard is for modules that 'rtfsc run' and 'load' take: not with {' '.join(mode)}" in told
    (mail.folder / "mail.rtfs").write_text("".join(f"(defn f{i} [x] (+ x {i}))" for i in range(889)))
    told = mail("build", "--guard", "*", "mail.rtfs", code=2).stderr
    assert "--guard: 889 functions are to be guarded, a module has room for 888: mail.rtfs" in told
    assert not (mail.folder / "mail.wasm").exists()
    (mail.folder / "other.rtfs").write_text("(defn other [x] x)")
    mail("build", "--guard", "other", ".")
    assert "  0 other\n" in mail("inspect", "other.wasm").stdout
