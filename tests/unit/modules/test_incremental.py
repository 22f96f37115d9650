"""Only what changed, and what sees a difference, is compiled again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtfsc.driver import Compilation
from rtfsc.evaluation import evaluate_compiled
from rtfsc.ir.nodes import Global
from rtfsc.modules.cache import UnitCache, default_folder
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile
from runtime.values.limits import Limits

MODULES = {
    "base": "(module base (:exports [one]) (def one 1) (defn hidden [x] x))",
    "left": "(module left (:exports [l]) (import base) (defn l [x : Int] (+ x base/one)))",
    "right": "(module right (:exports [r]) (import base) (defn r [x] (- x base/one)))",
    "top": "(module top (:exports [t]) (import left) (import right) (defn t [x] (left/l (right/r x))))",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RTFSC_CACHE_DIR", str(tmp_path / "cache"))
    for name, text in MODULES.items():
        (tmp_path / f"{name}.rtfs").write_text(text, "utf-8")
    return tmp_path


def build(folder: Path, text: str = "(import top) (top/t 5)") -> tuple[list[str], str | None]:
    """The modules that were compiled, and the value of the program."""
    source = SourceFile(str(folder / "main.rtfs"), text)
    compilation = Compilation(source, CompileOptions(target="rtfs-ir"))
    outcome = evaluate_compiled(compilation, "evaluator", Limits())
    assert outcome.error is None
    return compilation.project.compiled, outcome.value


def change(folder: Path, name: str, old: str, new: str) -> None:
    assert old in MODULES[name]
    (folder / f"{name}.rtfs").write_text(MODULES[name].replace(old, new), "utf-8")


def test_everything_is_compiled_once(project: Path) -> None:
    assert build(project) == (["base", "left", "right", "top"], "5")
    assert build(project) == ([], "5")
    assert build(project, "(import left) (left/l 1)") == ([], "2")


def test_a_change_inside_compiles_the_module_alone(project: Path) -> None:
    build(project)
    change(project, "left", "(+ x base/one)", "(* 10 x base/one)")
    assert build(project) == (["left"], "40")


def test_a_changed_interface_compiles_the_importers_too(project: Path) -> None:
    build(project)
    change(project, "base", "(def one 1)", "(def one (inc 0))")
    assert build(project) == (["base", "left", "right"], "5")


def test_a_new_parameter_type_compiles_the_importers_too(project: Path) -> None:
    build(project)
    change(project, "left", "[x : Int]", "[x]")
    assert build(project) == (["left", "top"], "5")


def test_going_back_compiles_nothing(project: Path) -> None:
    build(project)
    change(project, "left", "(+ x base/one)", "(+ x 1)")
    build(project)
    change(project, "left", "(+ x base/one)", "(+ x base/one)")
    assert build(project) == ([], "5")


def test_the_same_ir_comes_from_the_cache(project: Path) -> None:
    from rtfsc.ir.text import show

    def text() -> str:
        return show(Compilation(SourceFile(str(project / "main.rtfs"), "(import top) (top/t 5)")).ir)

    assert text() == text()


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: d[:-1], lambda d: d[:40] + b"?" + d[41:]])
def test_a_damaged_file_is_compiled_anew(project: Path, damage: object) -> None:
    build(project)
    for file in default_folder().iterdir():
        file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert build(project) == (["base", "left", "right", "top"], "5")


def test_wrong_ir_under_a_right_digest_is_found_after_linking(project: Path) -> None:
    build(project)
    unit = UnitCache().get("base", SourceFile("base.rtfs", MODULES["base"]))
    assert unit is not None
    unit.unit.module.functions["$module/base/hidden"].body = Global("nowhere")
    UnitCache().put(unit.unit, unit.interfaces)
    compiled, value = build(project)
    assert (compiled, value) == (["base", "left", "right", "top"], "5")
    assert UnitCache().get("base", SourceFile("base.rtfs", MODULES["base"])) is None


def test_a_folder_of_others_is_not_used(project: Path) -> None:
    build(project)
    os.chmod(default_folder(), 0o777)
    assert build(project)[0] == ["base", "left", "right", "top"]


def test_what_is_signed_does_not_come_from_the_cache(project: Path) -> None:
    build(project)
    source = SourceFile(str(project / "main.rtfs"), "(import top) (top/t 5)")
    compilation = Compilation(source, CompileOptions(keep_modules=False))
    compilation.check()
    assert compilation.project.compiled == ["base", "left", "right", "top"]


def test_a_cycle_that_a_change_makes_is_found(project: Path) -> None:
    from rtfsc.diagnostics import DiagnosticError

    build(project)
    change(project, "base", "(def one 1)", "(import top) (def one 1)")
    with pytest.raises(DiagnosticError) as caught:
        build(project)
    assert caught.value.code == "M005"
    assert caught.value.message == "Modules import each other: top → left → base → top"


def test_the_newer_half_is_kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtfsc.modules.cache._MOST_FILES", 2)
    build(project)
    assert len(list(default_folder().iterdir())) <= 3
