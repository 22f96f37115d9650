"""``import rtfsc.importer``."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import rtfsc
from rtfsc import importer

SOURCE = """
(defn price-order "Cents." [n : Int] : Int (* n 250))
(defn large? [n] (> n 10))
(def limit 99)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    importer.install()
    yield tmp_path
    importer.install()
    for name in set(sys.modules) - before:
        if not name.startswith(("rtfsc", "runtime", "backend_wasm", "wasmtime")):
            del sys.modules[name]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()
    return path


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_exports_are_attributes(folder: Path) -> None:
    path = write(folder, "o_pricing.rtfs", SOURCE)
    module = load("o_pricing")
    assert module.price_order(2) == 500
    assert module.large(11) is True
    assert module.limit == 99
    assert module.__file__ == str(path)
    assert module.__all__ == ["price_order", "large", "limit"]
    assert {"price_order", "limit"} <= set(dir(module))
    assert module.__spec__.origin == str(path)
    assert load("o_pricing") is module
    with pytest.raises(AttributeError, match="exports no 'nothing'"):
        module.nothing  # noqa: B018
    namespace: dict[str, object] = {}
    exec("from o_pricing import *\nfrom o_pricing import limit as l", namespace)
    assert namespace["l"] == 99
    assert callable(namespace["price_order"])


def test_hyphens_packages_and_own_path(folder: Path) -> None:
    write(folder, "o-first-name.rtfs", "(def a 1)")
    write(folder, "o_package/inner.rtfs", "(def b 2)")
    write(folder, "elsewhere/o_third.rtfs", "(def c 3)")
    assert load("o_first_name").a == 1
    assert load("o_package.inner").b == 2
    with pytest.raises(ModuleNotFoundError):
        load("o_third")
    importer.install(path=[folder / "elsewhere"], engine="evaluator")
    assert load("o_third").c == 3
    assert load("o_third").__rtfs_module__.__provenance__.engine == "evaluator"


def test_python_comes_first(folder: Path) -> None:
    write(folder, "o_both.rtfs", "(def who :rtfs)")
    write(folder, "o_both.py", "who = 'python'")
    assert load("o_both").who == "python"
    write(folder, "json.rtfs", "(def who :rtfs)")
    assert load("json").loads("[1]") == [1]


def test_what_is_refused_is_an_import_error(folder: Path) -> None:
    path = write(folder, "o_bad.rtfs", "(defn f [x] (if))")
    with pytest.raises(
        ImportError, match=r"o_bad cannot be imported\n(.|\n)*F001(.|\n)*o_bad.rtfs:1:13"
    ) as caught:
        load("o_bad")
    assert (caught.value.name, caught.value.path) == ("o_bad", str(path))
    assert isinstance(caught.value.__cause__, rtfsc.DiagnosticError)
    assert "o_bad" not in sys.modules


def test_what_fails_is_an_import_error(folder: Path) -> None:
    write(folder, "o_fails.rtfs", "(def a 1)\n(def b (/ a 0))")
    with pytest.raises(ImportError, match=r"R005(.|\n)*o_fails.rtfs:2:8"):
        load("o_fails")


def test_modules_of_the_same_folder(folder: Path) -> None:
    write(folder, "base.rtfs", "(module base (:exports [two]) (defn two [] 2))")
    write(folder, "o_user.rtfs", "(import base)\n(defn four [] (* 2 (base/two)))")
    assert load("o_user").four() == 4


def test_warnings_are_given(folder: Path) -> None:
    write(folder, "o_warns.rtfs", "(defn f [] (later 1))")
    with pytest.warns(SyntaxWarning, match="N001"):
        load("o_warns")


def test_reload(folder: Path) -> None:
    path = write(folder, "o_again.rtfs", "(def a 1)\n(def old 1)")
    module = load("o_again")
    assert (module.a, module.old) == (1, 1)
    path.write_text("(def a 2)")
    assert importlib.reload(module).a == 2
    assert not hasattr(module, "old")


def test_uninstall(folder: Path) -> None:
    write(folder, "o_gone.rtfs", "(def a 1)")
    importer.uninstall()
    with pytest.raises(ModuleNotFoundError):
        load("o_gone")


def test_other_imports_load_nothing() -> None:
    code = (
        "import sys, rtfsc.importer, json\n"
        "try: import no_such_module_at_all\n"
        "except ModuleNotFoundError: pass\n"
        "print(sorted({'runtime.engine', 'rtfsc.driver', 'rtfsc.syntax'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
