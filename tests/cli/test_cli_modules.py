"""Programs of several modules on the command line: search folders, failures in other files, the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import Cli

SHOP = """(module lib.shop (:exports [total share])
  (def rate 2)
  (defn total [xs] (* rate (reduce + 0 xs)))
  (defn share [x n]
    (/ x n)))
"""
MAIN = "(import lib.shop :as s)\n(defn both [a b] (s/total [a b]))\n(both 1 2)\n"


@pytest.fixture
def shop(cli: Cli) -> Cli:
    (cli.folder / "lib").mkdir()
    cli.file("lib/shop.rtfs", SHOP)
    cli.file("main.rtfs", MAIN)
    return cli


def test_run_check_and_emit(shop: Cli) -> None:
    for engine in ("wasm", "evaluator"):
        assert shop("run", "main.rtfs", "--no-store", "--engine", engine).stdout == "6\n"
    assert shop("run", "main.rtfs", "both", "3", "4", "--no-store").stdout == "14\n"
    assert shop("check", ".").stdout == ""
    assert shop("emit", "main.rtfs", "--emit", "types").stdout == "both : [:fn [:any :any] :any]\n"
    assert "$module/lib.shop/total" in shop("emit", "main.rtfs", "--emit", "ir").stdout


def test_path_is_searched_after_the_own_folder(shop: Cli, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    elsewhere = tmp_path / "elsewhere" / "use.rtfs"
    elsewhere.write_text("(import lib.shop :only [total]) (total [1])", "utf-8")
    error = shop("run", elsewhere, "--no-store", code=1).stderr
    assert "error[M001]: There is no module lib.shop" in error
    assert f"looked for lib/shop.rtfs in {elsewhere.parent}" in error
    for command in (("run", "--no-store"), ("check",), ("emit",), ("build", "-o", "use.wasm")):
        shop(*command, elsewhere, "--path", ".")
    assert shop("run", elsewhere, "--no-store", "--path", ".").stdout == "2\n"
    assert shop("run", "use.wasm").stdout == "2\n"
    shop.env["RTFSC_PATH"] = str(shop.folder)
    assert shop("run", elsewhere, "--no-store").stdout == "2\n"


def test_eval_and_jsonl_search_the_current_folder(shop: Cli, tmp_path: Path) -> None:
    text = "(import lib.shop :as s) (s/total [1])"
    assert shop("eval", text, "--engine", "both").stdout == "2\n"
    assert shop("run", "-", "--no-store", input=text).stdout == "2\n"
    requests = [
        {"id": i, "source": s} for i, s in enumerate([text, "(import no)", "(import lib.shop :only [x])"])
    ]
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "other.rtfs").write_text("(module other (:exports [x]) (def x :other))", "utf-8")
    requests.append({"id": 3, "source": "(import other) other/x"})
    requests.append({"id": 4, "source": "(import lib.shop :as s) (s/share 1 0)"})
    lines = "\n".join(map(json.dumps, requests))
    told = shop("eval", "--jsonl", "--engine", "both", "--path", tmp_path / "p", input=lines).stdout
    answers = [json.loads(line) for line in told.splitlines()]
    assert [a.get("value") or a["error"]["kind"] for a in answers] == [
        "2",
        "ModuleNotFound",
        "ModuleError",
        ":other",
        "DivisionByZero",
    ]
    assert all(a["engines_agree"] for a in answers)
    assert answers[4]["error"]["module"] == "lib.shop"


@pytest.mark.parametrize("engine", ["wasm", "evaluator"])
def test_error_in_an_imported_module_shows_its_file(shop: Cli, engine: str) -> None:
    shop.file("main.rtfs", "(import lib.shop :as s)\n(defn f [x] (s/share x 0))\n(f 1)\n")
    for arguments in (("main.rtfs",), ("main.rtfs", "f", "1")):
        error = shop("run", *arguments, "--no-store", "--engine", engine, code=1).stderr
        assert error == (
            "error[R005]: Division by zero\n --> lib/shop.rtfs:5:5\n  |\n5 |     (/ x n)))\n  |     ^^^^^^^\n"
        )


def test_compiled_module_without_its_source_names_the_module(shop: Cli) -> None:
    shop.file("main.rtfs", "(import lib.shop :as s)\n(defn f [x] (s/share x 0))\n")
    shop("build", "main.rtfs")
    error = shop("run", "main.wasm", "f", "1", code=1).stderr
    assert "Division by zero" in error and "hint: raised in the module lib.shop" in error


def test_static_faults_are_shown_in_their_file(shop: Cli) -> None:
    shop.file("lib/shop.rtfs", SHOP.replace("(reduce + 0 xs)", "(fold + 0 xs)"))
    assert (
        "warning[N001]: Unknown name fold\n --> lib/shop.rtfs:3:29"
        in shop("check", "main.rtfs", code=1).stderr
    )
    assert "lib/shop.rtfs is refused" in shop("build", "main.rtfs", code=1).stderr
    shop.file("lib/shop.rtfs", "(module lib.shop (:exports [total]) (defn total [xs] (if)))")
    assert " --> lib/shop.rtfs:1:54" in shop("run", "main.rtfs", "--no-store", code=1).stderr


def test_builds_are_reproducible_whether_modules_were_kept_or_not(shop: Cli) -> None:
    shop("build", "main.rtfs", "-o", "one.wasm")
    shop("build", "main.rtfs", "-o", "two.wasm")
    shop.env["RTFSC_CACHE_DIR"] = str(shop.folder / "empty")
    shop("build", "main.rtfs", "-o", "three.wasm")
    bytes_of = [(shop.folder / f"{name}.wasm").read_bytes() for name in ("one", "two", "three")]
    assert bytes_of[0] == bytes_of[1] == bytes_of[2]


def test_the_store_tells_changed_modules_apart(shop: Cli) -> None:
    shop("init", "--home")
    first = shop.json("publish", "main.rtfs")
    assert first["created"] and not shop.json("publish", "main.rtfs")["created"]
    assert shop("run", "main.rtfs").stdout == "6\n"
    shop.file("lib/shop.rtfs", SHOP.replace("rate 2", "rate 10"))
    assert shop("run", "main.rtfs").stdout == "30\n"
    second = shop.json("publish", "main.rtfs")
    assert second["created"] and second["digest"] != first["digest"]
    assert shop("run", "main.rtfs").stdout == "30\n"
