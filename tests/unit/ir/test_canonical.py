"""Hashes: what they depend on and what they do not."""

import tomllib
from dataclasses import replace
from pathlib import Path

from rtfsc.ir import keys
from rtfsc.ir.canonical import definition_hashes, module_hash
from rtfsc.ir.nodes import Export
from rtfsc.ir.text import parse

BASE = """(module "m" (global k int) (site 1 0 9 "f" 0)
  (export "f" (func f) (params "n") (types ":int") (result ":any"))
  (export "k" (result ":int"))
  (function f (params n) (origin "f" 0) (loop L (i n) (if (lt i (global k ^int) @1) (recur L (call g i)) i)))
  (function g (params x) (origin "g" 0) (num.inc x @1))
  (function even (params n) (if (eq n 0) true (call odd (num.dec n))))
  (function odd (params n) (if (eq n 0) false (call even (num.dec n))))
  (function $init (params) (set-global k 3)))
"""


def hashes(*changes: tuple[str, str]) -> dict[str, str]:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return definition_hashes(parse(text))


def test_names_spans_labels_and_docs_play_no_part():
    base = hashes()
    other = hashes(
        ("(site 1 0 9", "(site 1 5 7"),
        ("(i n)", "(j n)"),
        ("lt i", "lt j"),
        ("g i", "g j"),
        (" i))", " j))"),
        (" L ", " M "),
        ('(origin "g" 0)', '(display "gg") (origin "h" 2)'),
        (" @1", ""),
    )
    assert other == base


def test_the_name_of_a_callee_plays_no_part_and_its_meaning_does():
    base = hashes()
    renamed = hashes(("call g", "call gg"), ("function g", "function gg"))
    assert renamed["f"] == base["f"] and renamed["gg"] == base["g"]
    changed = hashes(("num.inc x", "num.dec x"))
    assert changed["g"] != base["g"] and changed["f"] != base["f"]
    assert changed["even"] == base["even"]


def test_the_value_of_a_global_is_part_of_its_readers():
    base = hashes()
    changed = hashes(("(set-global k 3)", "(set-global k 4)"))
    assert changed["k"] != base["k"] and changed["f"] != base["f"] and changed["g"] == base["g"]


def test_recursive_groups_have_no_order_and_no_names():
    base = hashes()
    assert base["even"] != base["odd"]
    swapped = hashes(
        ("function even", "function tmp"),
        ("function odd", "function even"),
        ("function tmp", "function odd"),
        ("call odd", "call tmp"),
        ("call even", "call odd"),
        ("call tmp", "call even"),
    )
    assert swapped["even"] == base["odd"] and swapped["odd"] == base["even"]
    changed = hashes(("false (call", "nil (call"))
    assert changed["even"] != base["even"] and changed["odd"] != base["odd"]


def test_members_that_differ_only_through_the_group():
    """a calls b, b calls a, c calls itself: bisimilar shapes of different groups keep apart from others."""
    text = """(module "m"
      (function a (params n) (call b n)) (function b (params n) (call a n))
      (function p (params n) (call q n)) (function q (params n) (call r n))
      (function r (params n) (vector (call p n)))
      (function $init (params) nil))"""
    h = definition_hashes(parse(text))
    assert h["a"] == h["b"]
    assert len({h["a"], h["p"], h["q"], h["r"]}) == 4


def test_types_and_literals_matter():
    base = hashes()
    assert hashes(("(function g (params x)", "(function g (params (x num))"))["g"] != base["g"]
    assert hashes(("(eq n 0) true", "(eq n 1) true"))["even"] != base["even"]


def test_long_call_chains_do_not_recurse():
    functions = "".join(f"(function f{i} (params) (call f{i + 1}))" for i in range(3000))
    module = parse(f'(module "m" {functions}(function f3000 (params) 1) (function $init (params) nil))')
    assert len(set(definition_hashes(module).values())) == 3002


def test_module_hash_covers_exports_and_top_level():
    base = module_hash(parse(BASE))
    assert module_hash(parse(BASE.replace("  (function g", " ;\n (function g"))) == base
    assert (
        module_hash(
            parse(BASE.replace('(export "k"', '(export "k"').replace("(set-global k 3)", "(set-global k 4)"))
        )
        != base
    )
    assert module_hash(parse(BASE.replace('"f" (func f)', '"ff" (func f)'))) != base


def test_interface_hash_is_types_arity_and_effects():
    e = Export("f", "f", ["n"], [":int"], ":any", doc="d", effects=(":b", ":a"))
    base = keys.interface_hash(e)
    assert base == keys.interface_hash(
        replace(e, name="g", func="g", params=["m"], doc="", def_hash="x", effects=(":a", ":b"))
    )
    others = [
        replace(e, param_types=[":any"]),
        replace(e, result_type=":int"),
        replace(e, rest=True),
        replace(e, effects=(":a",)),
        replace(e, param_types=[":int", ":int"]),
        replace(e, func=None),
    ]
    assert len({base, *map(keys.interface_hash, others)}) == 7


def test_fields_are_framed():
    assert keys.digest("t", "ab", "c") != keys.digest("t", "a", "bc")
    assert keys.digest("t", ["a"], "b") != keys.digest("t", ["a", "b"])
    assert keys.digest("t", 1) != keys.digest("t", "1") != keys.digest("t", b"1")


def test_keys_depend_on_each_part():
    a = keys.action_key("s", "c", "r", ["x", "y"], 2)
    assert a == keys.action_key("s", "c", "r", ["y", "x"], 2)
    assert (
        len(
            {
                a,
                keys.action_key("t", "c", "r", ["x", "y"], 2),
                keys.action_key("s", "d", "r", ["x", "y"], 2),
                keys.action_key("s", "c", "q", ["x", "y"], 2),
                keys.action_key("s", "c", "r", ["x"], 2),
                keys.action_key("s", "c", "r", ["x", "y"], 1),
            }
        )
        == 6
    )
    r = keys.retrieval_key("d", "i", "wasm32")
    assert (
        len(
            {
                r,
                keys.retrieval_key("e", "i", "wasm32"),
                keys.retrieval_key("d", "j", "wasm32"),
                keys.retrieval_key("d", "i", "rtfs-ir"),
                keys.retrieval_key("d", "i", "wasm32", 2),
            }
        )
        == 5
    )


def test_module_key_depends_on_the_target():
    m = parse(BASE)
    assert keys.module_key(m, "wasm32") != keys.module_key(m, "rtfs-ir")


def test_abi_major_is_that_of_the_layout():
    layout = tomllib.loads((Path(__file__).parents[3] / "backend_wasm" / "layout.toml").read_text())
    assert layout["abi_major"] == keys.ABI_MAJOR
