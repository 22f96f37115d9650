"""Modules that are imported, from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import rtfsc

Compile = Callable[..., rtfsc.Module]

TAX = "(module tax (:exports [vat rate]) (def rate 19) (defn vat [n] (/ (* n rate) 0)))"
MAIN = "(import tax)\n(defn price [n] (tax/vat n))\n(def rate tax/rate)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "tax.rtfs").write_text(TAX.replace(" 0)", " 100)"), "utf-8")
    return tmp_path / "modules"


def test_path(compile: Compile, folder: Path) -> None:
    module = compile(MAIN, path=[folder])
    assert (module.price(200), module.rate, list(module)) == (38, 19, ["price", "rate"])


def test_folder_of_the_file(compile: Compile, folder: Path) -> None:
    assert compile(MAIN, filename=str(folder / "main.rtfs")).price(100) == 19


def test_text_alone_has_no_folder(compile: Compile, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(rtfsc.DiagnosticError) as caught:
        compile(MAIN)
    assert (caught.value.code, caught.value.message) == ("M001", "There is no module tax")


def test_error_names_the_module(compile: Compile, folder: Path) -> None:
    (folder / "tax.rtfs").write_text(TAX, "utf-8")
    module = compile(MAIN, path=[folder])
    with pytest.raises(rtfsc.DivisionByZero) as caught:
        module.price(1)
    assert caught.value.module == "tax"
    assert caught.value.span is not None and TAX[slice(*caught.value.span)] == "(/ (* n rate) 0)"


def test_module_as_program_exports_what_it_lists(compile: Compile) -> None:
    module = compile("(module m (:exports [f]) (def k 2) (defn f [x] (* k x)))")
    assert (list(module), module.f(4)) == (["f"], 8)


def test_store_is_asked_for_the_meaning_of_the_whole(runtime: rtfsc.Runtime, folder: Path) -> None:
    from rtfsc.source import SourceFile

    main = SourceFile(str(folder / "main.rtfs"), MAIN)
    runtime.publish(main, name="main", inputs=3)
    found = runtime.compile_source(main)
    assert (found.__provenance__.origin, found.price(200)) == ("store", 38)
    (folder / "tax.rtfs").write_text(TAX.replace(" 0)", " 10)"), "utf-8")
    changed = runtime.compile_source(main)
    assert (changed.__provenance__.origin, changed.price(200)) == ("compiled", 380)


def test_error_of_a_stored_module_points_into_the_callers_own_files(
    runtime: rtfsc.Runtime, folder: Path
) -> None:
    from rtfsc.source import SourceFile

    (folder / "tax.rtfs").write_text(TAX, "utf-8")
    main = SourceFile(str(folder / "main.rtfs"), MAIN)
    runtime.publish(main, name="main", inputs=3)
    moved = "\n\n; moved\n" + TAX
    (folder / "tax.rtfs").write_text(moved, "utf-8")
    module = runtime.compile_source(main)
    assert module.__provenance__.origin == "store"
    with pytest.raises(rtfsc.DivisionByZero) as caught:
        module.price(1)
    assert caught.value.module == "tax"
    assert caught.value.span is not None and moved[slice(*caught.value.span)] == "(/ (* n rate) 0)"
