"""``rtfsc test``."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from cli_runner import Cli

TESTS = """(defn add [a b] (+ a b))
(deftest adds
  (is (= 3 (add 1 2)))
  (is (= 4 (add 1 2)) "one and two"))
(deftest works (is (= [1] [1])))
(deftest untrue (is (nil? (add 1 2))))
(deftest raises (is (= 1 (/ (add 1 0) 0))))
(deftest broken (is (add-up 1)))
"""


@pytest.mark.parametrize("engine", ["evaluator", "wasm"])
def test_reports_what_failed_and_where(cli: Cli, engine: str) -> None:
    cli.file("a_test.rtfs", TESTS)
    out = cli("test", "a_test.rtfs", "--engine", engine, "--output-format", "concise", code=1).stdout
    blocks = out.split("\n\n")
    assert blocks[0].splitlines() == [
        "FAIL  adds  (a_test.rtfs:2)",
        "a_test.rtfs:4:3: R025 one and two",
        "  expected: 4",
        "    actual: 3",
    ]
    assert [block.splitlines()[0] for block in blocks[1:-1]] == [
        "FAIL  untrue  (a_test.rtfs:6)",
        "ERROR  raises  (a_test.rtfs:7)",
        "ERROR  broken  (a_test.rtfs:8)",
    ]
    assert "    actual: false" in blocks[1]
    assert "expected" not in blocks[1]
    assert "a_test.rtfs:7:26: R005" in blocks[2]
    assert blocks[-1] == "1 passed, 2 failed, 2 broken\n"


def test_both_engines(cli: Cli) -> None:
    cli.file("a_test.rtfs", TESTS)
    assert cli("test", "a_test.rtfs", "--engine", "both", "-k", "works", "-v").stdout == (
        "ok    works on evaluator\nok    works on wasm\n2 passed\n"
    )


def test_each_test_is_evaluated_afresh(cli: Cli) -> None:
    cli.file("a_test.rtfs", "(deftest first-one (def x 1) (is (= x 1)))\n(deftest second-one (is (= x 1)))")
    out = cli("test", "a_test.rtfs", code=1).stdout
    assert "UndefinedSymbol" in out or "Undefined symbol" in out
    assert out.endswith("1 passed, 1 broken\n")


def test_folders_and_files_without_tests(cli: Cli) -> None:
    (cli.folder / "sub").mkdir()
    cli.file("sub/a_test.rtfs", "(deftest a (is true))")
    cli.file("sub/b.rtfs", "(deftest b (is true))")
    cli.file("plain.rtfs", "(def x")
    assert cli("test", "sub", "-v").stdout == "ok    a\nok    b\n2 passed\n"
    assert cli("test", ".").stdout == "2 passed\n"
    cli.file("plain.rtfs", "(def x 1)")
    assert "there are no tests" in cli("test", "plain.rtfs", code=2).stderr
    assert "contains 'zz'" in cli("test", ".", "-k", "zz", code=2).stderr


def test_a_file_that_does_not_compile_is_one_failure(cli: Cli) -> None:
    cli.file("a_test.rtfs", "(defn f [x] (if))\n(deftest a (is true))\n(deftest b (is true))")
    out = cli("test", "a_test.rtfs", code=1).stdout
    assert out.startswith("ERROR  (file)  (a_test.rtfs:1)\nerror[F001]")
    assert out.endswith("0 passed, 1 broken\n")


def test_twins_and_malformed_tests_are_refused(cli: Cli) -> None:
    cli.file("a_test.rtfs", "(deftest a 1)\n(deftest a 2)")
    cli.file("b_test.rtfs", "(deftest a 1)")
    out = cli("test", ".", code=1).stdout
    assert "A second test is named a" in out
    assert out.endswith("1 passed, 1 broken\n")
    cli.file("a_test.rtfs", "(deftest a (is))\n(deftest 5 1)")
    assert "deftest name body" in cli("test", "a_test.rtfs", code=1).stdout


def test_modules_are_tested_from_outside(cli: Cli) -> None:
    cli.file("m.rtfs", "(module m (:exports [f]) (defn f [] (/ 1 0)))")
    cli.file("m_test.rtfs", "(import m)\n(deftest f (is (= 2 (m/f))))")
    out = cli("test", "m_test.rtfs", code=1).stdout
    assert " --> " in out
    assert "m.rtfs:1:37" in out
    assert out.endswith("0 passed, 1 broken\n")


def test_limits_hold_for_each_test(cli: Cli) -> None:
    cli.file("a_test.rtfs", "(deftest a (loop [] (recur)))\n(deftest b (is true))")
    out = cli("test", "a_test.rtfs", "--fuel", "10000", code=1).stdout
    assert out.endswith("1 passed, 1 broken\n")


def test_junit(cli: Cli) -> None:
    cli.file("a_test.rtfs", TESTS)
    cli("test", "a_test.rtfs", "--junit", "out.xml", code=1)
    root = ET.parse(cli.folder / "out.xml").getroot()
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "5",
        "failures": "2",
        "errors": "2",
    }
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert list(cases) == ["adds", "works", "untrue", "raises", "broken"]
    assert len(cases["works"]) == 0
    failure = cases["adds"].find("failure")
    assert failure is not None
    assert failure.get("message") == "one and two"
    assert "a_test.rtfs:4:3" in (failure.text or "")
    assert "expected: 4" in (failure.text or "")
    assert cases["raises"].find("error") is not None


def test_junit_replaces_what_xml_cannot_hold(cli: Cli) -> None:
    cli.file("a_test.rtfs", '(deftest a (is false "bell \x07"))')
    cli("test", "a_test.rtfs", "--junit", "out.xml", code=1)
    failure = next(ET.parse(cli.folder / "out.xml").getroot().iter("failure"))
    assert failure.get("message") == "bell \ufffd"


def test_tests_are_no_part_of_the_program(cli: Cli) -> None:
    cli.file("a.rtfs", "(defn f [] 7)\n(deftest a (no-such-name))\n")
    cli("check", "a.rtfs")
    assert cli("run", "a.rtfs", "f", "--no-store").stdout == "7\n"
    assert cli("run", "a.rtfs", "--no-store").stdout == "nil\n"
    cli("build", "a.rtfs")
    exports = cli.json("inspect", "a.wasm")
    assert "no-such-name" not in str(exports)


def test_tests_act_outside_once_and_only_if_allowed(cli: Cli) -> None:
    cli.file("a_test.rtfs", '(deftest a (println "hello") (is (string? (get-env "RTFSC_HOME"))))')
    assert "R023" in cli("test", "a_test.rtfs", code=1).stdout
    allowed = ("--allow", "ccos.system.get-env=RTFSC_HOME")
    assert cli("test", "a_test.rtfs", "--engine", "both", *allowed).stdout == "hello\n2 passed\n"
