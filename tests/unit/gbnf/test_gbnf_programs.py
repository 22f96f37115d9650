"""Grammars of programs: what they derive is accepted, and they know every special form."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from tiny_models import tiny_model

from rtfsc.ast.builder import special_names
from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.evaluation import evaluate, outcomes_agree
from rtfsc.gbnf import check_gbnf, gbnf
from rtfsc.gbnf.shapes import HOST, LEFT_OUT, PURE, TOP
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile
from rtfsc.syntax.forms import Form, List, Literal, Symbol
from runtime.providers.base import Message, Request
from runtime.providers.llama_cpp import LlamaCpp
from runtime.values.limits import Limits


def test_every_special_form_has_a_shape_or_a_reason():
    shaped = {head for head, _ in PURE + HOST + TOP}
    assert shaped | LEFT_OUT.keys() == special_names()
    assert not shaped & LEFT_OUT.keys()


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 6])
def test_they_pass_the_check(depth, closed):
    check_gbnf(gbnf(depth, closed=closed, host=True))
    check_gbnf(gbnf(depth, closed=closed, function="f", parameters=["a", "b"], result="Int"))


def test_the_same_arguments_give_the_same_text():
    assert gbnf(3, closed=True) == gbnf(3, closed=True)


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 0}, {"depth": 99}, {"width": 0}, {"function": "if"}, {"function": "a b"},
        {"function": "nil"},
        {"function": "f", "parameters": ["x", "x"]}, {"parameters": ["x"]},
        {"function": "f", "parameters": ["x"], "annotations": []}, {"function": "f", "parameters": ["let"]},
        {"function": "f", "result": "Int) (boom"}, {"function": ":k"}, {"function": "5"}, {"function": ""},
        {"function": "f", "parameters": ["& a", "b"]}, {"function": "f", "parameters": ["a", "& a"]},
    ],
)  # fmt: skip
def test_bad_arguments(arguments):
    with pytest.raises(ValueError):
        gbnf(**arguments)


@pytest.fixture(scope="module")
def model():
    provider = LlamaCpp("tiny", path=tiny_model(), threads=1)
    yield provider
    provider.close()


def write(model: LlamaCpp, grammar: str, seed: int) -> str:
    request = Request("tiny", (Message("user", f"task {seed}"),), temperature=1.0, seed=seed,
                      max_tokens=1500, grammar=grammar)  # fmt: skip
    response = model.infer(request)
    assert response.stop_reason == "stop", response
    return response.text


def built(text: str) -> Compilation:
    """Raises where the reader, the macros or the builder refuse it."""
    compilation = Compilation(SourceFile("<model>", text), CompileOptions())
    try:
        assert compilation.ast.body
    except DiagnosticError as error:
        raise AssertionError(f"{text!r}: {error}") from error
    assert compilation.sink.errors == [], text
    return compilation


def special(forms: list[Form], found: Counter[str]) -> None:
    for form in forms:
        head = form.items[0] if type(form) is List and form.items else None
        if type(head) is Symbol and head.name in special_names():
            found[head.name] += 1
        special(getattr(form, "items", None) or [], found)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        ("a->b", ["x"]), ("f", ["a->b", "k", "e"]), ("f", ["& more"]), ("f", ["x", "& more"]), ("f", []),
        ("f", ["inc", "map", "case", "when", "recur", "b", "_"]), ("even?", ["x"]), ("get", ["m"]),
        ("f", ["f"]), ("get", ["a", "b", "c", "d"]),
    ],
)  # fmt: skip
def test_names_hide_what_is_called_like_them(model, function, parameters):
    """Parameters and the function may be called like forms and functions of the library: these are left
    out. Every name in the answer means something, and is called with arguments that it takes."""
    grammar = gbnf(3, width=2, closed=True, function=function, parameters=parameters)
    check_gbnf(grammar)
    check_gbnf(gbnf(2, function=function, parameters=parameters))
    for seed in range(25):
        text = write(model, grammar, seed)
        compilation = built(text)
        compilation.unoptimised  # noqa: B018
        codes = {diagnostic.code for diagnostic in compilation.sink.diagnostics}
        assert codes <= {"N003", "N004", "N006"}, (text, compilation.sink.diagnostics)


@pytest.mark.slow
def test_a_thousand_outputs_of_a_random_model_are_accepted(model):
    found: Counter[str] = Counter()
    closed, free = gbnf(3, width=3, closed=True, host=True), gbnf(3, width=3, host=True)
    for seed in range(1000):
        text = write(model, closed if seed % 4 else free, seed)
        compilation = built(text)
        special(compilation.forms, found)
        if seed % 4:  # closed: every name means something, and functions take that many arguments
            compilation.unoptimised  # noqa: B018
            codes = {diagnostic.code for diagnostic in compilation.sink.diagnostics}
            assert codes <= {"N003", "N006", "N004"}, (text, compilation.sink.diagnostics)
    assert len(found) >= 20, found


def test_a_function_as_asked_for(model):
    grammar = gbnf(2, width=2, closed=True, function="total", parameters=["xs", "n"],
                   annotations=["[:vector Int]", ""], result="Int")  # fmt: skip
    for seed in range(20):
        compilation = built(write(model, grammar, seed))
        [form] = compilation.forms
        assert form.items[1].name == "total"
        assert compilation.unoptimised


def test_both_engines_agree_about_what_a_random_model_writes(model):
    grammar = gbnf(4, width=3, closed=True)
    limits = Limits(deadline_ms=3000)  # loops of random programs need not end
    for seed in range(60):
        source = SourceFile("<model>", write(model, grammar, 10_000 + seed))
        outcomes = [evaluate(source, engine, 2, limits) for engine in ("wasm", "evaluator")]
        assert outcomes_agree(*outcomes), (source.text, outcomes)


def test_names_are_none_of_the_language():
    """Outside of head position a free name is no special form, nil or truth."""
    rules = dict(line.split(" ::= ", 1) for line in gbnf(1).splitlines())
    pattern = re.compile(python_pattern("name", rules))
    for word in special_names() | {"nil", "true", "false", "catch", "finally"}:
        assert not pattern.fullmatch(word), word
    for word in ["x", "total", "iff", "i", "le", "lett", "nill", "when-lets", "ok?", "a1", "step-", "t"]:
        assert pattern.fullmatch(word), word


def python_pattern(name: str, rules: dict[str, str]) -> str:
    """A rule that uses no rule in a circle, as a Python expression."""
    parts = []
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^}]*\}|[|()?*+]|[a-z0-9-]+', rules[name]):
        if token[0] == '"':
            parts.append(re.escape(token[1:-1]))
        elif token[0] in "[{|()?*+":
            parts.append(token)
        else:
            parts.append(f"({python_pattern(token, rules)})")
    return "".join(parts)


def test_texts_and_numbers_are_readable():
    compilation = built('(str "a\\n\\"b" -12 3.25 :k)')
    assert [item.value for item in compilation.forms[0].items if type(item) is Literal] == [
        'a\n"b', -12, 3.25,
    ]  # fmt: skip
