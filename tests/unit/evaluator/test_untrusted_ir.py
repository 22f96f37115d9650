"""Serialised IR may come from anywhere: what a pass would have proved need not hold, and nothing crashes."""

from __future__ import annotations

import pytest

from rtfsc.ir.parser import parse_module
from rtfsc.ir.serial import dumps
from rtfsc.registry import executor
from runtime.values import RtfsError

MODULE = """
(module "main"
  (export "f" (func f) (params "v" "i")
    (types ":any" ":any") (result ":any") (def-hash "{0}") (interface-hash "{0}"))
  (function $init (params) (closure f))
  (function f (params v i) (display "f") (origin "f" 0) {1}))
"""


def f(body):
    data = dumps(parse_module(MODULE.format("0" * 64, body)))
    return executor("rtfs-ir").instantiate(data).function("f")


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("(seq.nth (as [vec] v) (as [int] i))", ([1, 2], 2)),
        ("(seq.nth (as [vec] v) (as [int] i))", ([1, 2], -1)),
        ("(seq.nth (as [vec] v) (as [int] i))", ("no vector", 0)),
        ("(as [int] v)", ("no integer", 0)),
        ("(i64.div (as [int] v) (as [int] i))", (1, 0)),
        ("(i64.rem (as [int] v) (as [int] i))", (1, 0)),
        ("(i64.div (as [int] v) (as [int] i))", (-(2**63), -1)),
    ],
)
def test_a_proof_that_does_not_hold_is_an_error(body, arguments):
    function = f(body)
    with pytest.raises(RtfsError):
        function(*arguments)
    with pytest.raises(RtfsError):
        function(*arguments)


def test_what_holds_is_computed():
    assert f("(seq.nth (as [vec] v) (as [int] i))")([1, 2], 1) == 2
