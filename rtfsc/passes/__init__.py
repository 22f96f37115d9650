"""Optimisation passes: one a file, registered by name, put in order by plain lists.

A pass is a function from a module that it may change to nothing.  `run` copies the module first, so
the caller's stays as it was.  Constraints that all passes keep: valid IR in, valid IR out; the order of
evaluation; what can raise is neither moved nor deleted; calls that are not in tail position stay calls
(unbounded recursion still ends in StackOverflow).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Final

from rtfsc.ir.nodes import Module
from rtfsc.ir.walk import copy_function, deep

Pass = Callable[[Module], None]

PASSES: Final[dict[str, str]] = {
    "tail": "rtfsc.passes.tail",
    "inline": "rtfsc.passes.inline",
    "lift": "rtfsc.passes.lift",
    "infer": "rtfsc.passes.infer",
    "specialise": "rtfsc.passes.specialise",
    "scalars": "rtfsc.passes.scalars",
    "counting": "rtfsc.passes.counting",
    "fuse": "rtfsc.passes.fuse",
    "owned": "rtfsc.passes.owned",
    "fold": "rtfsc.passes.fold",
    "branches": "rtfsc.passes.branches",
    "cases": "rtfsc.passes.cases",
    "common": "rtfsc.passes.common",
    "ranges": "rtfsc.passes.ranges",
    "dead": "rtfsc.passes.dead",
    "peel": "rtfsc.passes.peel",
}

O0: Final[list[str]] = []
O1: Final = ["tail", "fold", "branches", "dead"]
O2: Final = [
    "tail", "inline", "lift", "dead", "scalars", "specialise", "counting", "cases", "ranges", "fuse",
    "common", "owned", "branches", "dead", "peel",
]  # fmt: skip
"""`fuse` knows from `ranges` what cannot raise, and finds loops that `common` has not taken apart yet;
`owned` comes after `common`: a vector that is changed in place must not be shared between rounds;
`peel` is last: what it writes twice is as small as it gets."""
PIPELINES: Final = {0: O0, 1: O1, 2: O2}


def load(name: str) -> Pass:
    """The pass of that name; ValueError names the known ones."""
    if name not in PASSES:
        raise ValueError(f"no pass {name!r}; known: {', '.join(PASSES)}")
    loaded: Pass = import_module(PASSES[name]).run
    return loaded


def run(module: Module, level: int, print_after: str | None = None, verify: bool = False) -> Module:
    """The module after the passes of ``level``. ``print_after``: name of a pass after which the module
    is written to standard error; ``verify``: check the IR between passes (IRError)."""
    if print_after is not None:
        load(print_after)
    return run_passes(module, PIPELINES[level], print_after, verify)


def run_passes(
    module: Module, names: list[str], print_after: str | None = None, verify: bool = False
) -> Module:
    if not names:
        return module
    with deep():
        module = copy_module(module)
        for name in names:
            load(name)(module)
            if verify:
                _verify(module)
            if name == print_after:
                _print(module, name)
    return module


def copy_module(module: Module) -> Module:
    """A copy whose functions, exports and tables may be changed (constants' values are shared)."""
    return Module(
        module.name,
        {name: copy_function(f) for name, f in module.functions.items()},
        dict(module.globals),
        [replace(e, variants=list(e.variants)) for e in module.exports],
        list(module.sites),
        module.separate,
        module.needs,
        module.guards,
        module.own,
    )


def _verify(module: Module) -> None:
    from rtfsc.ir.verify import verify

    verify(module)


def _print(module: Module, name: str) -> None:
    from rtfsc.ir.text import show

    sys.stderr.write(f"; after {name}\n{show(module)}")
