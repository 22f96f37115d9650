"""Well-formed text to forms: every kind of token, bracket and prefix."""

from __future__ import annotations

import math

import pytest

from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.source import SourceFile, Span
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector
from rtfsc.syntax.reader import read


def forms(text: str) -> list[Form]:
    sink = Sink()
    result = read(SourceFile("<test>", text), sink)
    assert sink.diagnostics == []
    return result


def one(text: str) -> Form:
    (form,) = forms(text)
    return form


def shape(form: Form) -> object:
    """Forms as plain data, without spans."""
    if isinstance(form, Literal):
        return form.value
    if isinstance(form, Symbol):
        return f"'{form.name}"
    if isinstance(form, Keyword):
        return f":{form.name}"
    if isinstance(form, Map):
        return {"map": [(shape(k), shape(v)) for k, v in form.pairs]}
    if isinstance(form, Meta):
        return {"meta": shape(form.meta), "form": shape(form.form)}
    return (type(form).__name__, *map(shape, form.items))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("nil", T.NIL, None),
        ("true", T.BOOL, True),
        ("false", T.BOOL, False),
        ("0", T.INT, 0),
        ("+7", T.INT, 7),
        ("-5", T.INT, -5),
        ("007", T.INT, 7),
        ("9223372036854775807", T.INT, 2**63 - 1),
        ("-9223372036854775808", T.INT, -(2**63)),
        ("0" * 6000 + "12", T.INT, 12),
        ("-" + "0" * 30 + "9223372036854775808", T.INT, -(2**63)),
        ("0" * 30, T.INT, 0),
        ("1.5", T.FLOAT, 1.5),
        ("-0.25", T.FLOAT, -0.25),
        ("1.5e3", T.FLOAT, 1500.0),
        ("+1.5E-3", T.FLOAT, 0.0015),
        ("1.0e999", T.FLOAT, math.inf),
        ("##Inf", T.FLOAT, math.inf),
        ("##-Inf", T.FLOAT, -math.inf),
        ('""', T.STR, ""),
        (r'"a\n\t\r\\\"z"', T.STR, 'a\n\t\r\\"z'),
        ('"line\nline"', T.STR, "line\nline"),
        ('"; #| é 日 |#"', T.STR, "; #| é 日 |#"),
        (r'"\\n"', T.STR, r"\n"),
        ("2025-07-01T12:30:00Z", T.TIMESTAMP, "2025-07-01T12:30:00Z"),
        ("2025-07-01T12:30:00_250Z", T.TIMESTAMP, "2025-07-01T12:30:00_250Z"),
        ("9999-99-99T99:99:99Z", T.TIMESTAMP, "9999-99-99T99:99:99Z"),
        ("123e4567-e89b-12d3-A456-426614174000", T.UUID, "123e4567-e89b-12d3-A456-426614174000"),
        ("abcdefab-cdef-abcd-efab-cdefabcdefab", T.UUID, "abcdefab-cdef-abcd-efab-cdefabcdefab"),
        ("resource://a/b?c=(1)", T.RESOURCE, "resource://a/b?c=(1)"),
    ],
)
def test_literal(text: str, kind: int, value: object) -> None:
    form = one(text)
    assert isinstance(form, Literal)
    assert (form.kind, form.value, type(form.value)) == (kind, value, type(value))
    assert form.span == Span(0, len(text))


def test_nan() -> None:
    form = one("##NaN")
    assert isinstance(form, Literal) and isinstance(form.value, float) and math.isnan(form.value)


def test_negative_zero_keeps_its_sign() -> None:
    form = one("-0.0")
    assert isinstance(form, Literal) and isinstance(form.value, float)
    assert math.copysign(1, form.value) == -1


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a/b",
        "a.b",
        "->x",
        "*x*",
        "x-1",
        "Exception.",
        "truex",
        "false-alarm",
        "true?",
        "nilly",
        "nil?",
        "-",
        "+",
        "--",
        "--5",
        "-x",
        "+x",
        "/",
        "=",
        "<=",
        "%",
        "%1",
        "%params",
        "%&",
        "&",
        ":",
        ".",
        ".m",
        ".getMessage",
        "_",
        "$x",
        "a@b",
        "Int?",
        "?",
        ">=",
        "org.acme.mail:v2.1/send",
        "a.b/c.d",
        "λ",
        "resource",
    ],
)
def test_symbol(name: str) -> None:
    form = one(name)
    assert isinstance(form, Symbol)
    assert form.name == name


@pytest.mark.parametrize(
    "name", ["a", "a/b", ">=", "is-url", "org.acme.mail:v2.1/send", "true", "?", ".m", "%", "a.b"]
)
def test_keyword(name: str) -> None:
    form = one(f":{name}")
    assert isinstance(form, Keyword)
    assert (form.name, form.span) == (name, Span(0, len(name) + 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("()", [("List",)]),
        ("(+ 1 2)", [("List", "'+", 1, 2)]),
        ("[]", [("Vector",)]),
        ("[2 ? 3]", [("Vector", 2, "'?", 3)]),
        ("[:>= 0]", [("Vector", ":>=", 0)]),
        ("{}", [{"map": []}]),
        ('{:a 1 "b" 2 3 [4]}', [{"map": [(":a", 1), ("b", 2), (3, ("Vector", 4))]}]),
        ("{:a 1 :a 2}", [{"map": [(":a", 1), (":a", 2)]}]),
        ("{a :k & r}", [{"map": [("'a", ":k"), ("'&", "'r")]}]),
        (
            "`{~k v ~@m x}",
            [
                (
                    "List",
                    "'quasiquote",
                    {
                        "map": [
                            (("List", "'unquote", "'k"), "'v"),
                            (("List", "'unquote-splicing", "'m"), "'x"),
                        ]
                    },
                )
            ],
        ),
        ("#(+ % %2)", [("ShortFn", "'+", "'%", "'%2")]),
        ("#()", [("ShortFn",)]),
        ("'x", [("List", "'quote", "'x")]),
        (
            "`(a ~b ~@c)",
            [
                (
                    "List",
                    "'quasiquote",
                    ("List", "'a", ("List", "'unquote", "'b"), ("List", "'unquote-splicing", "'c")),
                )
            ],
        ),
        ("~ @x", [("List", "'unquote", ("List", "'context-ref", "'x"))]),
        ("@plan-id @:k", [("List", "'context-ref", "'plan-id"), ("List", "'context-ref", ":k")]),
        ("' ; note\n x", [("List", "'quote", "'x")]),
        (":foo:bar", [":foo", ":bar"]),
        ("tool:log", ["'tool", ":log"]),
        ("x:v1", ["'x", ":v1"]),
        ("[& r]", [("Vector", "'&", "'r")]),
        ("[&r]", [("Vector", "'&", "'r")]),
        ('(f(g)[h]"s"{})', [("List", "'f", ("List", "'g"), ("Vector", "'h"), "s", {"map": []})]),
        ("1,2 ,, 3", [1, 2, 3]),
        ("", []),
        (" \t\r\n,; only a comment", []),
        ("#| a #| b |# c", ["'c"]),
        ("#|||#1#||#2", [1, 2]),
        ("(a;b\n)c", [("List", "'a"), "'c"]),
        ("resource://x/y )"[:-1] + "(z)", ["resource://x/y", ("List", "'z")]),
        ('(resource:ref "x")', [("List", "'resource", ":ref", "x")]),
        ("(. name x)", [("List", "'.", "'name", "'x")]),
    ],
)
def test_structure(text: str, expected: list[object]) -> None:
    assert [shape(form) for form in forms(text)] == expected


@pytest.mark.parametrize(
    ("text", "meta", "form"),
    [
        ("^{:a 1} x", [(":a", 1)], "'x"),
        ("^:private x", [(":private", True)], "'x"),
        ("^:delegation :local x", [(":delegation", ":local")], "'x"),
        ('^:delegation :remote "m" f', [(":delegation", ("Vector", ":remote", "m"))], "'f"),
        (
            '^:delegation :local-model "m" [x]',
            [(":delegation", ("Vector", ":local-model", "m"))],
            ("Vector", "'x"),
        ),
        ('^:delegation :remote "m"', [(":delegation", ":remote")], "m"),
    ],
)
def test_metadata(text: str, meta: list[object], form: object) -> None:
    assert shape(one(text)) == {"meta": {"map": meta}, "form": form}


def test_spans_count_code_points_and_include_brackets() -> None:
    text = '("日本" [a]) \'b'
    call, quoted = forms(text)
    assert isinstance(call, List) and isinstance(quoted, List)
    assert [tuple(form.span) for form in (call, *call.items)] == [(0, 10), (1, 5), (6, 9)]
    assert [tuple(form.span) for form in (quoted, *quoted.items)] == [(11, 13), (11, 12), (12, 13)]


def test_only_adjacency_tells_an_annotation_from_a_keyword() -> None:
    tight, loose = forms("[x:Int] [x :Int]")
    assert isinstance(tight, Vector) and isinstance(loose, Vector)
    assert shape(tight) == shape(loose) == ("Vector", "'x", ":Int")
    assert tight.items[0].span.end == tight.items[1].span.start
    assert loose.items[0].span.end < loose.items[1].span.start


def test_lone_colon_is_a_symbol() -> None:
    assert [shape(form) for form in forms("[x : Int y : [:vector Int] z: T]")] == [
        ("Vector", "'x", "':", "'Int", "'y", "':", ("Vector", ":vector", "'Int"), "'z", "':", "'T")
    ]


def test_short_function_is_its_own_form() -> None:
    assert isinstance(one("#(f %)"), ShortFn)


@pytest.mark.parametrize("depth", [1, 100, 500])
def test_nesting_up_to_the_limit(depth: int) -> None:
    form = one("(" * depth + ")" * depth)
    for _ in range(depth - 1):
        assert isinstance(form, List)
        (form,) = form.items
    assert isinstance(form, List) and form.items == []


def test_long_flat_text_has_no_limit() -> None:
    assert len(forms("'x " * 20_000)) == 20_000
