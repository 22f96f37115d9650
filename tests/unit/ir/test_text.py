"""The text form: what is printed, and that it reads back."""

import pytest
from ir_samples import EVERYTHING

from rtfsc.ir import types as T
from rtfsc.ir.errors import IRError
from rtfsc.ir.nodes import Const, Export, Function, If, Let, Local, Module, Prim, Site, Var, Variant, integer
from rtfsc.ir.text import parse, parse_function, show, show_expr, show_function


def test_show_inverts_parse_on_every_kind_of_node():
    assert show(parse(EVERYTHING)) == EVERYTHING


def test_locals_get_unique_names():
    a, b, c = Var("x"), Var("x", T.INT), Var("x y")
    body = Let(b, integer(1), Let(c, Local(a), Prim("vector", [Local(a), Local(b), Local(c)], T.VEC)))
    text = show_function(Function("f", [a], body))
    assert text == "(function f (params x)\n  (let (x.1 int 1)\n    (|x y| x)\n    (vector x x.1 |x y|)))"
    assert show_function(parse_function(text)) == text


def test_names_that_look_like_something_else_are_quoted():
    names = ["nil", "12", "-1", "+", "->x", "@a", "^b", "!c", ":d", "a|b", "a b", "", "é", "-"]
    params = [Var(n) for n in names]
    f = Function("f", params, Prim("vector", [Local(v) for v in params], T.VEC))
    again = parse_function(show_function(f))
    assert [v.name for v in again.params] == names
    assert show_function(again) == show_function(f)


def test_explicit_type_of_if_survives():
    f = Function("f", [], If(Const(T.BOOL, True), integer(1), integer(2), T.ANY))
    again = parse_function(show_function(f))
    assert again.body.type == T.ANY


def test_values_survive():
    m = parse(EVERYTHING)
    assert m.sites == [Site(22, 29, "fact", 0), Site(30, 31, "$init", 0)]
    assert m.exports[0] == Export(
        "fact", "fact", ["n"], [":any"], ":any", True, 'a "doc"', (":pure",), "ab", "cd",
        [Variant("fact#i", (T.INT,))], ["(fact 3)"],
    )  # fmt: skip
    assert m.globals == {"limit": T.INT, "12 a": T.ANY}
    assert m.functions["lam"].self_var is not None and m.functions["lam"].library


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(module",
        "(module \"m\"))",
        "(module \"m\" (what))",
        "(module \"m\" (function f (params) x))",
        "(module \"m\" (function f (params) (if true 1)))",
        "(module \"m\" (function f (params) (recur)))",
        "(module \"m\" (function f (params (x whatever)) 1))",
        "(module \"m\" (function f (params) (let (x)) 1))",
        "(module \"m\" (function f (params) (letrec (x 1) 1)))",
        "(module \"m\" (function f (params) (const-map 1)))",
        "(module \"m\" (function f (params) \"open))",
    ],
)  # fmt: skip
def test_bad_text_is_an_ir_error(text):
    with pytest.raises(IRError):
        parse(text)


def test_deep_trees_print_and_parse():
    body = integer(0)
    for _ in range(3000):
        body = Prim("num.inc", [body], T.NUM)
    f = Function("f", [], body)
    assert show_function(parse_function(show_function(f))) == show_function(f)


def test_show_expr_is_cut_off():
    e = Prim("vector", [integer(n) for n in range(1000)], T.VEC)
    assert len(show_expr(e, 50)) == 51


def test_module_without_anything():
    assert show(Module("m", {})) == '(module "m")\n'
