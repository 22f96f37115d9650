"""Text before, passes, text after; valid IR before and after."""

from __future__ import annotations

import textwrap

from rtfsc.ir.nodes import Module
from rtfsc.ir.text import parse, show, show_function
from rtfsc.ir.verify import verify
from rtfsc.passes import run_passes

SITES = "".join(f'(site {i} {i} {i + 1} "d" {i}) ' for i in range(1, 6))


def module(text: str) -> Module:
    """A module of these functions and other parts; an empty ``$init`` if there is none."""
    init = "" if "(function $init" in text else "(function $init (params) nil)"
    m = parse(f'(module "m" {SITES}{text}\n{init})')
    verify(m)
    return m


def after(text: str, *passes: str) -> Module:
    """The module after the passes; the input must stay as it was."""
    before = module(text)
    kept = show(before)
    result = run_passes(before, list(passes), verify=True)
    assert show(before) == kept
    return result


def function(text: str, name: str, *passes: str) -> str:
    return show_function(after(text, *passes).functions[name])


def body(text: str, *passes: str) -> str:
    """Body of the function ``f`` after the passes, in one line."""
    shown = function(text, "f", *passes)
    return " ".join(shown.split("\n", 1)[1].split())[:-1]


def exported(name: str, params: int) -> str:
    names = " ".join(f'"p{i}"' for i in range(params))
    types = " ".join(['":any"'] * params)
    return f'(export "{name}" (func {name}) (params {names}) (types {types}) (result ":any"))'


def text(indented: str) -> str:
    return textwrap.dedent(indented).strip()
