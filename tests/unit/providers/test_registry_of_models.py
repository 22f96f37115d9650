from __future__ import annotations

import pytest

from runtime.providers.base import Message, Request
from runtime.providers.echo import Echo
from runtime.providers.errors import Misconfigured, UnknownModel
from runtime.providers.options import providers
from runtime.providers.registry import ModelRegistry


def ask(model, text="hi"):
    return model.infer(Request(model.id, (Message("user", text),))).text


def test_echo_is_always_there():
    registry = ModelRegistry()
    assert ask(registry.get("echo-model")) == "[ECHO] hi"
    assert registry.get("echo-model") is registry.get("echo-model")
    assert "echo-model" in registry
    assert registry.ids() == ["echo-model"]


def test_configured_models():
    registry = ModelRegistry({"loud": {"provider": "echo", "prefix": "! "}})
    assert ask(registry.get("loud")) == "! hi"


def test_registered_models_replace_others():
    registry = ModelRegistry()
    registry.register(Echo("echo-model", prefix="mine "))
    assert ask(registry.get("echo-model")) == "mine hi"


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ({}, "names no provider", None),
        ({"provider": "ecko"}, "no provider 'ecko'", "did you mean echo?"),
        ({"provider": "echo", "prefi": "x"}, "no option 'prefi'", "did you mean prefix?"),
        ({"provider": "openai_compat"}, "needs the option 'url'", None),
        ({"provider": "rules"}, "a path or a text", None),
        ({"provider": "openai_compat", "url": 3}, "the option url must be :string, not integer", None),
        ({"provider": "openai_compat", "url": "http://x", "cost": "much"}, "cost must be :float", None),
        ({"provider": "openai_compat", "url": "http://x", "key_env": 1}, "key_env must be", None),
        ({"provider": "arbiter", "url": "http://[::1"}, "not an http address", None),
    ],
)
def test_mistakes_in_the_table(table, message, hint):
    with pytest.raises(Misconfigured, match=message) as caught:
        ModelRegistry({"m": table}).get("m")
    assert caught.value.hint == hint


def test_unknown_models_get_a_hint():
    with pytest.raises(UnknownModel) as caught:
        ModelRegistry().get("echo-modle")
    assert caught.value.hint == "did you mean echo-model?"


def test_entry_points_are_found(monkeypatch):
    class Point:
        name = "mine"

        def load(self):
            return lambda id, **options: Echo(id, **options)

    def entry_points(group, name=None):
        return [Point()] if group == "rtfsc.providers" and name in (None, "mine") else []

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    assert "mine" in providers()
    assert ask(ModelRegistry({"x": {"provider": "mine", "prefix": "> "}}).get("x")) == "> hi"


def test_closing_closes_models():
    closed = []

    class Model(Echo):
        def close(self):
            closed.append(self.id)

    registry = ModelRegistry()
    registry.register(Model("a"))
    registry.close()
    assert closed == ["a"]


def test_what_a_model_is_asked_can_be_recorded_and_answered_from_the_recording(tmp_path):
    file = str(tmp_path / "asked.jsonl")
    registry = ModelRegistry({
        "loud": {"provider": "echo", "prefix": "! ", "record": file},
        "again": {"provider": "record", "path": file},
    })  # fmt: skip
    request = Request("loud", (Message("user", "hi"),), core="hi", accept=lambda response: True)
    assert registry.get("loud").infer(request).text == "! hi"
    assert registry.get("again").infer(request).text == "! hi"
    with pytest.raises(Misconfigured, match="path of a file"):
        ModelRegistry({"m": {"provider": "echo", "record": 3}}).get("m")


class Stubborn(Echo):
    def close(self):
        raise RuntimeError("no")


def test_a_model_that_cannot_be_closed_keeps_no_other_open(caplog):
    closed = []

    class Closing(Echo):
        def close(self):
            closed.append(self.id)

    registry = ModelRegistry()
    for model in (Closing("a"), Stubborn("b"), Closing("c")):
        registry.register(model)
    registry.close()
    assert closed == ["a", "c"] and "the model b cannot be closed" in caplog.text
