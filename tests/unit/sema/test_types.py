"""Annotations: canonical text, masks, exactness."""

from __future__ import annotations

import pytest

from rtfsc.ast.core import struct_type  # noqa: F401  (the parser loads it on demand)
from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.sema.types import TypeExpr, TypeParser
from rtfsc.source import SourceFile
from rtfsc.syntax.reader import read


def parsed(text: str, structs: str = "") -> tuple[TypeExpr, list[str]]:
    source = SourceFile("<test>", text)
    sink = Sink(source)
    defined = read(SourceFile("<structs>", structs), sink)
    names = {form.items[1].name: form for form in defined}
    (form,) = read(source, sink)
    return TypeParser(sink, names).parse(form), [d.code for d in sink.diagnostics]


@pytest.mark.parametrize(
    ("text", "canonical", "mask", "exact"),
    [
        ("Int", ":int", T.INT, True),
        (":int", ":int", T.INT, True),
        ("float", ":float", T.NUM, True),
        ("String?", "[:union :nil :string]", T.STR | T.NIL, True),
        ("Any", ":any", T.ANY, True),
        ("Any?", ":any", T.ANY, True),
        (":never", ":never", T.NEVER, False),
        ("[:vector Int]", "[:vector :int]", T.VEC, False),
        ("[:vector :any]", "[:vector :any]", T.VEC, True),
        ("[:array Float [2 ? 3]]", "[:array :float [2 ? 3]]", T.VEC, False),
        ("[:tuple Int String]", "[:tuple :int :string]", T.VEC, False),
        ("[:map [:k Int] [:j String ?] [:* Any]]", "[:map [:k :int] [:j :string ?]]", T.MAP, False),
        ("[:record {:k Int}]", "[:map [:k :int]]", T.MAP, False),
        ("[:map]", "[:map]", T.MAP, True),
        ("[:dict :keyword Int]", "[:map-of :keyword :int]", T.MAP, False),
        ("[:=> [Int & String] Bool]", "[:fn [:int & :string] :bool]", T.FN, True),
        ('[:enum 1 "a" :k]', '[:enum 1 "a" :k]', T.INT | T.STR | T.KW, False),
        ("[:val 1.5]", "[:enum 1.5]", T.FLOAT, False),
        ("[:union String Int String]", "[:union :int :string]", T.INT | T.STR, True),
        ("[:union Int? [:union Nil String]]", "[:union :int :nil :string]", T.INT | T.STR | T.NIL, True),
        ("[:union Int]", ":int", T.INT, True),
        ("[:and Int [:> 3] [:in-range 1 9]]", "[:and :int [:> 3] [:in-range 1 9]]", T.INT, False),
        (
            "[:and :string [:is-url] [:min-length 3]]",
            "[:and :string [:is-url] [:min-length 3]]",
            T.STR,
            False,
        ),
        ("[:resource File]", "[:resource :File]", T.RESOURCE, False),
    ],
)
def test_canonical(text: str, canonical: str, mask: int, exact: bool) -> None:
    found, codes = parsed(text)
    assert (found.text, found.mask, found.exact, codes) == (canonical, mask, exact, [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Number", "N005"),
        (":fn", "N005"),
        (":integer", "N005"),
        ("[:vector Thing]", "N005"),
        ("[:vector]", "F006"),
        ("[:what Int]", "F006"),
        ("[:and Int [:>]]", "F006"),
        ("5", "F006"),
        ("[:map [:k]]", "F006"),
        ('[:map ["k" Int]]', "F006"),
        ("[:enum x]", "F006"),
        ("[:fn Int]", "F006"),
        ("[:and :string [:matches-regex 5]]", "F006"),
    ],
)
def test_faults(text: str, code: str) -> None:
    assert parsed(text)[1] == [code]


def test_names_of_structs_are_aliases() -> None:
    found, codes = parsed("[:vector Point]", "(defstruct Point :x Int :tag String?)")
    assert found.text == "[:vector [:map [:x :int] [:tag [:union :nil :string] ?]]]"
    assert codes == []


def test_a_struct_cannot_contain_itself() -> None:
    assert parsed("Node", "(defstruct Node :next Node?)")[1] == ["F006"]


@pytest.mark.parametrize(
    ("narrow", "wide", "holds"),
    [
        ("Int", "Float", True),
        ("Int", "Int?", True),
        ("Int?", "Int", False),
        ("[:vector Int]", "[:vector :any]", True),
        ("[:vector Int]", "[:vector Int]", True),
        ("[:vector Int]", "[:vector Float]", False),
        ("[:and Int [:> 3]]", "Int", True),
        ("Int", "[:and Int [:> 3]]", False),
    ],
)
def test_implies(narrow: str, wide: str, holds: bool) -> None:
    assert parsed(narrow)[0].implies(parsed(wide)[0]) is holds
