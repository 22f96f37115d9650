"""What names mean (C14, C22), what functions capture, which globals need a test before they are read."""

from __future__ import annotations

import pytest

from rtfsc.ast import build
from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Sink
from rtfsc.sema.resolve import Resolver, resolve
from rtfsc.sema.scopes import GlobalDef, LibraryName, Undefined
from rtfsc.source import SourceFile
from rtfsc.syntax.reader import read


def resolved(text: str) -> tuple[A.Program, Resolver, Sink]:
    source = SourceFile("<test>", text)
    sink = Sink(source)
    program = build(read(source, sink), sink)
    resolver = resolve(program, sink)
    return program, resolver, sink


def function(program: A.Program, index: int) -> A.Fn:
    node = program.body[index]
    assert isinstance(node, A.Def) and isinstance(node.value, A.Fn)
    return node.value


def test_a_global_means_the_nearest_earlier_definition() -> None:
    program, resolver, _ = resolved("(def x 1) (defn g [] x) (def x 2) (defn h [] x)")
    first, second = resolver.globals["x"]
    assert function(program, 1).body.binding is first  # type: ignore[attr-defined]
    assert function(program, 3).body.binding is second  # type: ignore[attr-defined]


def test_else_the_first_later_one() -> None:
    program, resolver, sink = resolved("(defn a [] b) (def b 1) (def b 2)")
    assert function(program, 0).body.binding is resolver.globals["b"][0]  # type: ignore[attr-defined]
    assert sink.diagnostics == []


def test_else_the_library_else_nothing() -> None:
    program, _, sink = resolved("[map mapp]")
    items = program.body[0].items  # type: ignore[attr-defined]
    assert isinstance(items[0].binding, LibraryName)
    assert isinstance(items[1].binding, Undefined)
    (warning,) = sink.diagnostics
    assert (warning.code, warning.severity, tuple(warning.span)) == ("N001", "warning", (5, 9))
    assert warning.hint == "did you mean map?"


def test_user_definitions_hide_the_library() -> None:
    program, _, _ = resolved("(defn map [f] f) (map 1)")
    assert isinstance(program.body[1].callee.binding, GlobalDef)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "checked"),
    [
        ("(def x 1) x", False),
        ("x (def x 1)", True),
        ("(def x 1) (defn f [] x) (f)", False),
        ("(defn f [] x) (f) (def x 1)", True),
        ("(defn f [] x) (def x 1) (f)", False),
        ("(defn f [] x) (def x (f))", True),
        ("(defn g [] (f)) (defn f [] x) (g) (def x 1)", True),
        ("(defn g [] (f)) (defn f [] x) (def x 1) (g)", False),
        ("(defn f [] x) (def x 1)", False),
        ("(if (f) (def x 1)) (defn f [] x)", True),
        ("(def g (fn [y] [(fn [] x)])) (def x 1)", False),
        ("(def g [(fn [] x)]) (def x 1)", True),
    ],
)
def test_reads_that_need_a_test(text: str, checked: bool) -> None:
    program, _, _ = resolved(text)
    found: list[A.Name] = []
    stack: list[object] = list(program.body)
    while stack:
        node = stack.pop()
        if isinstance(node, A.Name) and node.name == "x":
            found.append(node)
        elif isinstance(node, list | tuple):
            stack += node
        elif isinstance(node, A.Node):
            stack += [
                getattr(node, slot) for slot in type(node).__slots__ if slot not in ("binding", "captures")
            ]
    (name,) = found
    assert isinstance(name.binding, GlobalDef)
    assert name.checked is checked


def test_captures_are_the_free_locals_in_order() -> None:
    program, _, _ = resolved("(defn f [a b c] (fn [x] (fn [y] [c y x a])))")
    outer = function(program, 0)
    middle = outer.body
    assert isinstance(middle, A.Fn) and isinstance(middle.body, A.Fn)
    assert [c.name for c in outer.captures] == []
    assert [c.name for c in middle.captures] == ["c", "a"]
    assert [c.name for c in middle.body.captures] == ["c", "x", "a"]


@pytest.mark.parametrize(
    ("text", "static"),
    [
        ("(let [f (fn [n] (f n))] f)", [True]),
        ("(let [f (fn [n] (g n)) g (fn [n] (f n))] f)", [True, True]),
        ("(let [k 1 f (fn [n] (g n)) g (fn [n] k)] f)", [False, False]),
        ("(let [k 1 f (fn [n] n) g (fn [n] [k (f n)])] f)", [True, False]),
    ],
)
def test_functions_that_capture_nothing_are_static(text: str, static: list[bool]) -> None:
    _, resolver, _ = resolved(text)
    assert [local.static for local in resolver.fn_locals] == static


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("(let [a 1 b 2] a)", "a; b"),
        ("(let [f (fn [] 1) a (f) g (fn [] a)] a)", "{f}; a; {g}"),
        ("(let [f (fn [] (g)) g (fn [] 1)] f)", "{f g}"),
        ("(let [f (fn [] (g)) k 3 g (fn [] k)] f)", "k; {f g}"),
        ("(let [f (fn [] (g)) k (f) g (fn [] 5)] k)", "{f g}; k"),
        ("(let [f (fn [] (g)) k (fn [] 1) g (fn [] (k))] f)", "{f k g}"),
    ],
)
def test_order_of_binding(text: str, plan: str) -> None:
    program, _, sink = resolved(text)
    steps = []
    for step in program.body[0].plan:  # type: ignore[attr-defined]
        names = [b.pattern.name for b in step.functions]
        steps.append(f"{{{' '.join(names)}}}" if names else step.value.pattern.name)
    assert "; ".join(steps) == plan
    assert sink.diagnostics == []


def test_a_function_that_is_needed_too_early_is_an_error() -> None:
    _, _, sink = resolved("(let [f (fn [] (g)) k (f) g (fn [] k)] k)")
    assert [(d.code, d.severity) for d in sink.diagnostics] == [("F009", "error")]


def test_nested_definitions_are_local() -> None:
    _, resolver, sink = resolved("(defn f [] (def y 1) (defn h [] y) (h)) y")
    assert list(resolver.globals) == ["f"]
    assert [d.message for d in sink.diagnostics] == ["Unknown name y"]


def test_do_opens_no_scope() -> None:
    _, resolver, sink = resolved("(do (def y 1)) y (defn f [] (do (def z 1)) z)")
    assert list(resolver.globals) == ["y", "f"]
    assert sink.diagnostics == []
