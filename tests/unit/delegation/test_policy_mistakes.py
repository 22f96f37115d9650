from __future__ import annotations

import re

import pytest

from runtime.delegation.breaker import Breaker, Breakers, BreakerSettings
from runtime.delegation.policy_file import PolicyError, load, parse
from runtime.delegation.setup import open_delegation

GOOD = """\
[defaults]
target = "local-pure"

[models.big]
cost = 1

[[rule]]
symbol = "a"
target = "remote-big"

[[rule]]
# comment
symbol = "b"
target = "local-pure"
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "hint"),
    [
        ('symbol = "b"', 'simbol = "b"', 13, "no key 'simbol'", "did you mean symbol?"),
        ("remote-big", "remote-bug", 9, "no model 'bug'", "did you mean big?"),
        ("remote-big", "rmote-big", 9, "no target 'rmote-big'", None),
        ('target = "remote-big"', "", 7, "the rule says no target", 'target = "local-pure"'),
        ("cost = 1", "cost = -1", 5, "cost must be at least 0, not -1", None),
        ("cost = 1", 'cost = "1"', 5, "cost must be a number", None),
        ("# comment", "retries = 9", 12, "retries must be at most 5, not 9", None),
        ("# comment", "retries = 1.5", 12, "retries must be a whole number", None),
        ("# comment", "timeout_ms = 0", 12, "timeout_ms must be at least 1, not 0", None),
        ("# comment", "tenant = [1]", 12, "tenant must be a text or a list of texts", None),
        ("# comment", 'privacy = "secret"', 12, "privacy is public, internal or private, not 'secret'", None),
        ("# comment", "name = 3", 12, "the name must be a text", None),
        ("# comment", "allow_private = 1", 12, "allow_private must be true or false", None),
        ("[defaults]", "[default]", 1, "no key 'default'", "did you mean defaults?"),
        ("[[rule]]\n# comment", "[[rule]\n# comment", 11, "no TOML", None),
        ('symbol = "a"', 'note = """\nsymbol = 1\n"""\nsymbols = "a"', 8, "no key 'note'", None),
    ],
)
def test_mistakes_have_a_place(old, new, line, message, hint):
    assert old in GOOD
    with pytest.raises(PolicyError) as caught:
        parse(GOOD.replace(old, new, 1), "delegation.toml")
    error = caught.value
    assert (error.file, error.line) == ("delegation.toml", line)
    assert message in error.message
    if hint:
        assert hint in error.hint


def test_a_policy_from_a_file(tmp_path):
    path = tmp_path / "delegation.toml"
    path.write_text(GOOD)
    assert [rule.place for rule in load(path).rules] == [f"{path}:7", f"{path}:11"]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_breaker_opens_tries_and_closes():
    clock = Clock()
    breaker = Breaker(BreakerSettings(failures=2, cooldown_s=10, successes=2), clock=clock)
    for _ in range(2):
        breaker.failed(breaker.admit())
    assert (breaker.state, breaker.admit()) == ("open", 0)
    clock.now = 10
    assert breaker.state == "half-open"
    trying = breaker.admit()
    assert trying and not breaker.admit(), "one at a time"
    breaker.failed(trying)
    assert breaker.state == "open"
    clock.now = 20
    for _ in range(2):
        breaker.succeeded(breaker.admit())
    assert breaker.state == "closed"
    breaker.failed(breaker.admit())
    assert breaker.state == "closed", "failures count in a row"


def test_a_call_from_before_the_breaker_opened_is_no_news():
    clock = Clock()
    breaker = Breaker(BreakerSettings(failures=2, cooldown_s=10, successes=2), clock=clock)
    early = [breaker.admit() for _ in range(4)]
    for call in (breaker.admit(), breaker.admit()):
        breaker.failed(call)
    for call in early[:3]:
        breaker.succeeded(call)
    assert breaker.state == "open", "two answers that were asked for before"
    clock.now = 10
    trying = breaker.admit()
    breaker.failed(early[3])
    assert trying and not breaker.admit(), "still one at a time"
    breaker.abandoned(early[0])
    assert not breaker.admit()
    breaker.succeeded(trying)
    assert breaker.admit()


def test_breakers_are_one_per_model():
    breakers = Breakers(BreakerSettings(failures=1))
    breakers.of("a").failed(breakers.of("a").admit())
    assert breakers.of("b").admit()
    assert breakers.states() == {"a": "open", "b": "closed"}


@pytest.mark.parametrize(
    ("table", "line", "message", "hint"),
    [
        ('provider = "ecko"', 2, "no provider 'ecko' is installed", "did you mean echo?"),
        ("provider = 3", 2, "the table names no provider", None),
        ('url = "http://x"', 1, "the table names no provider", None),
        ('provider = "echo"\nprefi = "x"', 3, "echo has no option 'prefi'", "did you mean prefix?"),
        ('provider = "echo"\nprefix = 1', 3, "the option prefix must be :string, not integer", None),
        ('provider = "openai_compat"', 1, "openai_compat needs the option 'url'", None),
        ('provider = "rules"', 1, "rules need either a path or a text", None),
        ('provider = "rules"\npath = 1', 3, "path must be the path of a file", None),
        ('provider = "rules"\npath = "\\u0000"', 3, "path must be the path of a file", None),
        ('provider = "echo"\nrecord = ""', 3, "record must be the path of a file", None),
        ('provider = "llama_cpp"\npath = "x"\ncontext = 1', 1, "context must be a whole number", None),
        ('provider = "arbiter"\nurl = "http://[::1"', 1, "not an http address", None),
    ],
)
def test_mistakes_in_models_have_a_place(table, line, message, hint):
    """Else a fallback would hide them: programs would run as if there were no rule."""
    with pytest.raises(PolicyError, match=re.escape(message)) as caught:
        parse("[models.m]\n" + table)
    assert (caught.value.line, caught.value.hint) == (line, hint)


def test_what_any_model_may_say_and_models_that_are_brought_along():
    text = '[models.m]\nprovider = "echo"\ncost = 1\nlatency_ms = 2\n[models.given]\ncost = 3'
    with open_delegation(text=text) as delegation:
        assert delegation.policy.models["given"].cost == 3
        assert delegation.registry.get("m").id == "m"


def test_the_end_of_a_file_is_its_last_line():
    with pytest.raises(PolicyError) as caught:
        parse("[defaults]\n# one\ntarget =")
    assert caught.value.line == 3


def test_a_file_that_is_nested_too_deeply_is_a_mistake():
    with pytest.raises(PolicyError, match="nested too deeply"):
        parse("x = " + "[" * 20_000)


def test_a_day_is_the_longest_timeout():
    with pytest.raises(PolicyError, match="timeout_ms must be at most"):
        parse("[defaults]\ntimeout_ms = inf\n")
