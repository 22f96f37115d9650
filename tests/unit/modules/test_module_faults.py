"""What is said of modules that cannot be linked, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile


def refusal(folder: Path, text: str, **files: str) -> DiagnosticError:
    """What is said of ``text`` as main.rtfs beside ``files`` (``a__b`` is a/b.rtfs)."""
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ".rtfs")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")
    with pytest.raises(DiagnosticError) as caught:
        Compilation(SourceFile(str(folder / "main.rtfs"), text)).check()
    return caught.value


def said(error: DiagnosticError) -> tuple[str, str, str]:
    """Code, message and the text that is pointed at."""
    assert error.source is not None and error.span is not None
    return error.code, error.message, error.source.text[slice(*error.span)]


def test_missing_module_names_the_folders(tmp_path: Path) -> None:
    error = refusal(tmp_path, "(import a.b)")
    assert said(error) == ("M001", "There is no module a.b", "a.b")
    assert error.first.hint == f"looked for a/b.rtfs in {tmp_path}"


def test_program_without_a_file_has_no_folder() -> None:
    with pytest.raises(DiagnosticError) as caught:
        Compilation(SourceFile("<source>", "(import a)")).check()
    assert caught.value.first.hint == "looked for a.rtfs in no folder: give one with --path"


@pytest.mark.parametrize(
    "content, message",
    [
        ("(module b)", "holds the module b, not a"),
        ("(def x 1)", "holds no module form"),
        ("", "holds no module form"),
    ],
)
def test_file_of_another_module(tmp_path: Path, content: str, message: str) -> None:
    error = refusal(tmp_path, "(import a)", a=content)
    assert said(error) == ("M002", f"{tmp_path / 'a.rtfs'} {message}", "a")


def test_only_the_first_module_of_a_file_counts(tmp_path: Path) -> None:
    error = refusal(tmp_path, "(import a)", a="(module b) (module a)")
    assert error.code == "M002"


def test_fault_in_an_imported_module_is_shown_there(tmp_path: Path) -> None:
    error = refusal(tmp_path, "(import a)", a="(module a (:exports [x]) (def y 1))")
    assert said(error) == ("M003", "a exports x, which it does not define", "x")
    assert error.source is not None and error.source.name == str(tmp_path / "a.rtfs")


def test_imported_names_cannot_be_exported_again(tmp_path: Path) -> None:
    files = {
        "a": "(module a (:exports [x]) (import b :only [x]))",
        "b": "(module b (:exports [x]) (def x 1))",
    }
    assert refusal(tmp_path, "(import a)", **files).code == "M003"


def test_cycle_is_named_as_a_whole_with_its_places(tmp_path: Path) -> None:
    a, b, c = (f"(module {name}\n  (import {other}))" for name, other in ("ab", "bc", "ca"))
    error = refusal(tmp_path, "(import a)", a=a, b=b, c=c)
    assert said(error) == ("M005", "Modules import each other: a → b → c → a", "a")
    assert error.source is not None and error.source.name == str(tmp_path / "c.rtfs")
    places = [f"{tmp_path}/{one}.rtfs:2:11 imports {other}" for one, other in ("ab", "bc", "ca")]
    assert error.first.hint == "; ".join(places)


def test_cycle_through_the_program_itself(tmp_path: Path) -> None:
    error = refusal(tmp_path, "(module main (import a))", a="(module a (import main))")
    assert said(error)[:2] == ("M005", "Modules import each other: main → a → main")


@pytest.mark.parametrize(
    "text, code, at",
    [
        ("(import a :only [nope])", "M004", "nope"),
        ("(import a :as k :only [x])", "F001", "(import a :as k :only [x])"),
        ("(import a :from b)", "F001", ":from"),
        ("(import a :as)", "F001", ":as"),
        ('(import "a")', "F001", '"a"'),
        ("(import)", "F001", "(import)"),
        ("(import a/b)", "M007", "a/b"),
        ("(import a..b)", "M007", "a..b"),
        ("(do (import a))", "M007", "(import a)"),
        ("(let [x (module m)] x)", "M007", "(module m)"),
        ("(import a :only [x]) (def x 2)", "M006", "x"),
        ("(import a :only [x]) (import b :only [x])", "M006", "x"),
        ("(module)", "F001", "(module)"),
        ("(module m (:exports x))", "F001", "(:exports x)"),
        ("(module m (+ 1 2))", "F001", "(+ 1 2)"),
        ("(module m (def x 1) (:exports [x]))", "F001", "(:exports [x])"),
        ("(module m) (module m) 1", "M007", "m"),
    ],
)
def test_malformed_and_misplaced(tmp_path: Path, text: str, code: str, at: str) -> None:
    error = refusal(
        tmp_path, text, a="(module a (:exports [x]) (def x 1))", b="(module b (:exports [x]) (def x 1))"
    )
    assert (error.code, said(error)[2]) == (code, at)


def test_what_is_not_exported_is_an_unknown_name(tmp_path: Path) -> None:
    (tmp_path / "a.rtfs").write_text("(module a (:exports [open]) (def open 1) (def hidden 2))", "utf-8")
    compilation = Compilation(
        SourceFile(str(tmp_path / "main.rtfs"), "(import a) a/hidden"), CompileOptions()
    )
    compilation.check()
    assert [(d.code, d.message) for d in compilation.sink.diagnostics] == [("N001", "Unknown name a/hidden")]


def test_warnings_of_an_imported_module_are_refused_with_its_source(tmp_path: Path) -> None:
    (tmp_path / "a.rtfs").write_text("(module a (:exports [f]) (defn f [] (nope)))", "utf-8")
    for _ in range(2):  # a unit that is kept would lose its warnings
        compilation = Compilation(SourceFile(str(tmp_path / "main.rtfs"), "(import a) (a/f)"))
        with pytest.raises(DiagnosticError) as caught:
            compilation.refuse_warnings()
        assert said(caught.value) == ("N001", "Unknown name nope", "nope")
