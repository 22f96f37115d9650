from __future__ import annotations

import pytest

from runtime.providers.base import Message, Request
from runtime.providers.echo import Echo
from runtime.providers.errors import Misconfigured, ProviderError, Refused, TimedOut
from runtime.providers.record import Recorded, Replayed
from runtime.providers.rules import Rules

SPAM = r"""
default = "ham"
[[rule]]
answer = "spam"
words = ["lottery", "c++"]
patterns = ['click\s+here']
weight = 2
[[rule]]
answer = "work"
words = ["meeting"]
"""


def request(text, **options):
    return Request("m", (Message("system", "lottery"), Message("user", text)), **options)


@pytest.mark.parametrize(
    ("text", "answer", "confidence"),
    [
        ("You won the LOTTERY", "spam", 1.0),
        ("lotteryticket", "ham", 0.0),
        ("C++ meeting", "spam", 2 / 3),
        ("meeting", "work", 1.0),
        ("click   here, lottery, meeting", "spam", 4 / 5),
    ],
)
def test_rules_classify(text, answer, confidence):
    response = Rules("m", text=SPAM).infer(request(text))
    assert (response.text, response.confidence) == (answer, pytest.approx(confidence))


def test_rules_without_default_refuse():
    with pytest.raises(Refused, match="no rule fires"):
        Rules("m", text='[[rule]]\nanswer = "a"\nwords = ["b"]').infer(request("c"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default = 3", "default must be a string"),
        ("x = 3", "no setting 'x'"),
        ("rule = 3", "rules are written as"),
        ("[[rule]]\nwords = ['a']", "rule 1: answer"),
        ("[[rule]]\nanswer = 'a'", "rule 1: needs words or patterns"),
        ("[[rule]]\nanswer = 'a'\nwords = 'b'", "rule 1: words must be a list"),
        ("[[rule]]\nanswer = 'a'\nwords = ['b']\nweight = 0", "rule 1: weight"),
        ("[[rule]]\nanswer = 'a'\npatterns = ['(']", r"rule 1: pattern '\('"),
        ("[[rule]]\nanswer = 'a'\nword = ['b']", "rule 1: no key 'word'"),
        ("[[rule]\n", "line 1"),
    ],
)
def test_mistakes_in_rules(text, message):
    rules = Rules("m", text=text)
    with pytest.raises(Misconfigured, match=message):
        rules.infer(request("x"))
    assert not rules.health().ok


def test_rules_from_a_file(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(SPAM)
    assert Rules("m", path=path).infer(request("lottery")).text == "spam"
    with pytest.raises(Misconfigured, match="cannot be read"):
        Rules("m", path=tmp_path / "none").infer(request("x"))


def test_revision_changes_with_the_rules():
    assert Rules("m", text=SPAM).revision != Rules("m", text=SPAM + "\n").revision


class Moody(Echo):
    def __init__(self):
        super().__init__("m")
        self.count = 0

    def infer(self, request, on_text=None):
        self.count += 1
        if self.count == 2:
            raise TimedOut("m", "too slow")
        return super().infer(Request("m", (Message("user", str(self.count)),)))


def test_recording_and_replay(tmp_path):
    path = tmp_path / "answers.jsonl"
    model = Recorded(Moody(), path)

    def outcomes(model):
        found = []
        for text in ("a", "a", "b", "a"):
            try:
                found.append(model.infer(request(text)).text)
            except ProviderError as error:
                found.append((type(error), error.message))
        return found

    first = outcomes(model)
    assert first == ["[ECHO] 1", (TimedOut, "too slow"), "[ECHO] 3", "[ECHO] 4"]
    assert outcomes(Replayed("m", path=path)) == first
    with pytest.raises(Refused, match="no answer to this request"):
        Replayed("m", path=path).infer(request("a", temperature=0.5))


def test_a_recording_cut_off_by_a_crash_is_read_up_to_there(tmp_path):
    path = tmp_path / "answers.jsonl"
    model = Recorded(Echo("m"), path)
    model.infer(request("a"))
    model.infer(request("b"))
    path.write_text(path.read_text()[:-30])
    replayed = Replayed("m", path=path)
    assert replayed.infer(request("a")).text == "[ECHO] a"
    with pytest.raises(Refused):
        replayed.infer(request("b"))


def test_a_damaged_recording_is_refused_with_its_line(tmp_path):
    path = tmp_path / "answers.jsonl"
    Recorded(Echo("m"), path).infer(request("a"))
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(Misconfigured, match=r"answers\.jsonl:1"):
        Replayed("m", path=path).infer(request("a"))


def test_the_key_of_a_request_covers_all_that_decides():
    base = request("a")
    variants = [
        request("b"), request("a", temperature=1), request("a", max_tokens=1), request("a", seed=1),
        request("a", stop=("a",)), request("a", grammar="a"), request("a", schema="a"),
        request("a", top_p=0.5), request("a", tools=("{}",)), Request("n", base.messages),
        Request("m", (Message("system", "lotterya"), Message("user", ""))),
    ]  # fmt: skip
    keys = {r.key("1") for r in [base, *variants]} | {base.key("2")}
    assert len(keys) == len(variants) + 2
    assert base.key("1") == request("a", timeout=1, temperature=0).key("1")


def test_of_a_call_rules_see_the_arguments_alone():
    model = Rules("m", text='default = "ham"\n[[rule]]\nanswer = "spam"\nwords = ["lottery"]')
    messages = (Message("user", "Is it about a lottery?\n\ntext = dinner"),)
    assert model.infer(Request("m", messages)).text == "spam"
    assert model.infer(Request("m", messages, core="dinner")).text == "ham"


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "3", "[]", '{"request": "x"}', '{"request": []}', "nonsense"]
)
def test_lines_that_are_no_recorded_answers(tmp_path, line):
    file = tmp_path / "recording.jsonl"
    file.write_text(f"{line}\n{line}\n")
    model = Replayed("m", path=file)
    assert not model.health().ok
    with pytest.raises(Misconfigured, match="jsonl:1: not a recorded answer"):
        model.infer(Request("m", (Message("user", "x"),)))
