"""The formatter: layouts by example, and for random texts that nothing but blanks changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfsc.diagnostics import DiagnosticError, Sink
from rtfsc.source import SourceFile
from rtfsc.syntax import cst
from rtfsc.syntax.format import WIDTH, format_source
from rtfsc.syntax.reader import read
from rtfsc.syntax.tables import load

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").rglob("*.rtfs"))


def formatted(text: str, width: int = WIDTH) -> str:
    return format_source(SourceFile("<test>", text), width)


LAYOUTS = {
    "blanks": ("(  +  1,2\t3 )", "(+ 1 2 3)\n"),
    "nothing": ("  \n ", ""),
    "comment alone": ("  ; a  ", "; a\n"),
    "a form a line": ("1 (f) 2", "1\n(f)\n2\n"),
    "one empty line stays": ("1\n\n\n\n2\n3", "1\n\n2\n3\n"),
    "line ends": ("(f\r\n  a)\r\n", "(f\n a)\n"),
    "body": ("(let [a 1]\n a)", "(let [a 1]\n  a)\n"),
    "body is broken as a whole": ("(if a\n b c)", "(if a\n  b\n  c)\n"),
    "bindings": ("(let [a 1 b\n 2] a)", "(let [a 1\n      b\n      2]\n  a)\n"),
    "typed bindings": (
        "(let [a : Int 1 b :int 2 c:int 3\n d 4] a)",
        "(let [a : Int 1\n      b :int 2\n      c:int 3\n      d 4]\n  a)\n",
    ),
    "arguments": ("(foo a\n b c)", "(foo a\n     b c)\n"),
    "arguments below the head": ("(foo\n a\n b)", "(foo\n a\n b)\n"),
    "closers": ("(f (g a\n)\n)", "(f (g a))\n"),
    "doc": (
        '(defn f "One\n   two." [x : Int] : Int (* 2 x))',
        '(defn f\n  "One\n   two."\n  [x : Int] : Int\n  (* 2 x))\n',
    ),
    "result type": ("(defn f [x]:int\n x)", "(defn f [x]:int\n  x)\n"),
    "optional type": (
        "(defn f [x : [:vector Int]?]\n x)",
        "(defn f [x : [:vector Int]?]\n  x)\n",
    ),
    "match": (
        "(match x [a b] a n when (> n 0) n\n _ 0)",
        "(match x\n  [a b] a\n  n when (> n 0) n\n  _ 0)\n",
    ),
    "case": ("(case x 1 :a\n :b)", "(case x\n  1 :a\n  :b)\n"),
    "cond": ("(cond a 1 b 2\n :else 3)", "(cond a 1\n      b 2\n      :else 3)\n"),
    "cond below": ("(cond\n a 1\n b 2)", "(cond\n  a 1\n  b 2)\n"),
    "try": (
        "(try (f)\n (catch _ e 1) (finally (g)))",
        "(try\n  (f)\n  (catch _ e 1)\n  (finally (g)))\n",
    ),
    "map": ("{:a 1\n:b  2}", "{:a 1\n :b 2}\n"),
    "trailing comment": ("(f a ; why\nb)", "(f a ; why\n   b)\n"),
    "comment before the closer": ("[a\n;x\n]", "[a\n ;x\n ]\n"),
    "block comment": ("(f #|a|# b)", "(f #|a|# b)\n"),
    "shorthands": ("' x `(a ~ b ~@ c)  @ d #( + % 1)", "'x\n`(a ~b ~@c)\n@d\n#(+ % 1)\n"),
    "unquoted reference": ("`(~ @x)", "`(~ @x)\n"),
    "comment behind a mark": ("(f ' ; c\n a)", "(f ; c\n 'a)\n"),
    "metadata": ("^ {:a 1}\n(f)", "^{:a 1}\n(f)\n"),
    "delegation": ('^:delegation  :remote "m" (f)', '^:delegation :remote "m" (f)\n'),
    "delegation of a string": ('(f ^:delegation :local "m" )', '(f ^:delegation :local "m")\n'),
    "key delegation": ("^ :delegation x", "^ :delegation x\n"),
    "handle": ("[resource://a ]", "[resource://a ]\n"),
    "glued keywords": ("[a:b c :d]", "[a:b c :d]\n"),
    "string with a line break": ('(f "a\n b" c d)', '(f "a\n b"\n   c d)\n'),
    "numbers fill lines": (
        f"[{'1234567 ' * 30}]",
        f"[{' '.join(['1234567'] * 12)}\n {' '.join(['1234567'] * 12)}\n {' '.join(['1234567'] * 6)}]\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_layout(text: str, expected: str) -> None:
    assert formatted(text) == expected
    assert formatted(expected) == expected


def test_long_calls_are_broken_into_arguments() -> None:
    long = "argument-of-some-length"
    assert formatted(f"(call {' '.join([long] * 5)})") == f"(call {f'{chr(10)}      '.join([long] * 5)})\n"


def test_long_maps_are_broken_into_pairs() -> None:
    pairs = [f":key-{n} value-of-some-length-{n}" for n in range(4)]
    assert formatted(f"{{{' '.join(pairs)}}}") == "{" + "\n ".join(pairs) + "}\n"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_formatted(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text) == text
    assert max(map(len, text.splitlines())) >= 40


def test_syntax_errors_are_refused() -> None:
    with pytest.raises(DiagnosticError) as caught:
        formatted("(f [a)")
    assert caught.value.code == "S003"


def test_deep_nesting() -> None:
    text = "(f " * 490 + ")" * 490
    once = formatted(text)
    assert formatted(once) == once
    assert "".join(once.split()) == "".join(text.split())


# --- random texts

ATOMS = st.sampled_from(
    [
        *("a", "f", "let", "fn", "defn", "if", "cond", "match", "when", "def", "case", "try", "catch"),
        *(":k", ":int", ":delegation", "1", "-2.5", '"s"', '"two\nlines"', "nil", "&", ":", "?", "%"),
        *("resource://x/y", "long-name" * 5, "2026-01-31T08:00:00Z", "##Inf"),
    ]
)
GAPS = st.sampled_from(
    ["", " ", " ", " ", "\n", "\n\n\n", ", ", " ; note\n", "\n;x\n", " #|b|# ", "#|b\nc|#", "\r\n"]
)
MARKS = st.sampled_from(["'", "`", "~", "~@", "@", "^", "^:k ", "^:delegation :local ", "^{:a 1}"])
BRACKETS = st.sampled_from([("(", ")"), ("[", "]"), ("{", "}"), ("#(", ")")])


def _bracketed(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(st.tuples(parts, GAPS), max_size=6).map(lambda pairs: "".join(p + g for p, g in pairs))
    return st.tuples(BRACKETS, GAPS, items).map(lambda t: f"{t[0][0]}{t[1]}{t[2]}{t[0][1]}")


FORMS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(_bracketed(inner), st.tuples(MARKS, GAPS, inner).map("".join)),
    max_leaves=25,
)
TEXTS = st.lists(st.tuples(GAPS, FORMS), max_size=4).map(lambda pairs: "".join(g + f for g, f in pairs))


def _tokens(text: str) -> list[tuple[str, bool]]:
    return [(t.text, t.glued) for t in cst._tokens(text, load())]


def _comments(text: str) -> list[str]:
    return [comment.text for token in cst._tokens(text, load()) for comment in token.comments]


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from([WIDTH, 30, 10]))
def test_nothing_but_blanks_changes_and_twice_is_once(text: str, width: int) -> None:
    sink = Sink()
    read(SourceFile("<test>", text), sink)
    if sink.has_errors:
        with pytest.raises(DiagnosticError):
            formatted(text)
        return
    once = formatted(text, width)
    assert _tokens(once) == _tokens(text)
    assert sorted(_comments(once)) == sorted(_comments(text))
    assert formatted(once, width) == once
    again = Sink()
    read(SourceFile("<test>", once), again)
    assert not again.has_errors
    assert all(line == line.rstrip(" ") for line in once.split("\n")) or '"' in once or "#|" in once


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["alpha", "beta-gamma", ":k", "12"]), max_size=60), st.sampled_from(["(f ", "["])
)
def test_flat_forms_fit_the_width(items: list[str], opener: str) -> None:
    text = formatted(f"{opener}{' '.join(items)}{')' if opener[0] == '(' else ']'}")
    assert max(map(len, text.splitlines())) <= WIDTH
