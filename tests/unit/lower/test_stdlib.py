"""The library in RTFS: it compiles without warnings, matches the table of names, and travels as a bundle."""

from __future__ import annotations

from pathlib import Path

from rtfsc.ir.serial import Bundle
from rtfsc.ir.text import show_function
from rtfsc.ir.verify import verify
from rtfsc.lower.library import Linker
from rtfsc.primitives.library import LIBRARY
from rtfsc.stdlib import Installed, installed
from rtfsc.stdlib.build import build, compile_library, digest, functions


def test_it_is_valid_ir() -> None:
    verify(compile_library())


def test_every_library_name_can_be_called() -> None:
    linker = Linker(installed())
    for name in LIBRARY:
        assert any(linker.target(name, n) is not None for n in range(7)), name


def test_names_in_rtfs_are_those_of_the_table() -> None:
    """A function ``name/N`` is one of the library; others are helpers."""
    for full in functions():
        name, _, arity = full.removeprefix("lib/").rpartition("/")
        if name and arity.rstrip("+").isdigit():
            assert LIBRARY[name].rtfs or LIBRARY[name].at_least, name


def test_library_functions_have_no_sites() -> None:
    module = compile_library()
    assert module.sites == []
    assert all(f.library for n, f in module.functions.items() if n != "$init")


def test_a_bundle_holds_the_same_functions(tmp_path: Path) -> None:
    path = tmp_path / "stdlib.irb"
    build(path)
    data = path.read_bytes()
    assert data[:32] == digest()
    loaded = Installed(Bundle(data[32:]))
    for name, function in functions().items():
        copy = loaded.function(name)
        assert copy is not None
        assert show_function(copy) == show_function(function)


def test_each_use_gets_its_own_copy() -> None:
    assert installed().function("lib/map/2") is not installed().function("lib/map/2")


def test_expected_counts_in_words() -> None:
    linker = Linker(installed())
    words = {
        name: linker.expected(name) for name in ("inc", "nth", "range", "+", "map", "apply", "str", "sort")
    }
    assert words == {
        "inc": "1", "nth": "2 or 3", "range": "1 to 3", "+": "at least 1", "map": "at least 2",
        "apply": "at least 2", "str": "at least 0", "sort": "1 or 2",
    }  # fmt: skip
