"""cases: chains of comparisons with texts become look-ups."""

import pytest
from differential import LEVELS, outcomes
from ir_checker import SITES, body, function, text

from rtfsc.ir.nodes import Const, Expr, Var
from rtfsc.ir.text import parse
from rtfsc.passes import cases


def test_a_chain_is_looked_up_and_decided_by_halves() -> None:
    source = """
        (function f (params x)
          (if (eq x "a") (vector 1)
            (if (eq "b" x) 2
              (if (if (eq x "c") true (eq x (kw "c"))) 3
                (if (eq x 7) 4
                  (if (eq x "a") 5
                    (num.inc x @1)))))))"""
    assert function(source, "f", "cases") == text("""
        (function f (params x)
          (let (place (map.get (const-map "a" 0 "b" 1 "c" 2 (kw "c") 2 7 3) x))
            (if
              (is [int] place)
              (let (case int (as [int] place))
                (if
                  (int.lt case 2)
                  (if (int.lt case 1) (vector 1) 2)
                  (if (int.lt case 3) 3 (if (int.lt case 4) 4 5))))
              (num.inc x @1))))""")


THREE = '(if (eq x "a") 1 (if (eq x "b") 2 (if (eq x "c") 3 {})))'


@pytest.mark.parametrize(
    "rest",
    ["nil", '(if (eq y "d") 4 nil)', '(if (ne x "d") 4 nil)', '(if (if (eq x "d") (eq y "d") false) 4 nil)',
     '(if (eq x y) 4 nil)', "(if (eq x 1.5) 4 nil)", "(if (eq x 4) 4 (if (eq x (kw \"e\")) 5 nil))"],
)  # fmt: skip
def test_what_is_no_chain_of_texts_stays(rest: str) -> None:
    source = THREE.format(rest)
    got = body(f"(function f (params x y) {source})", "cases")
    assert got == body(f"(function f (params x y) {source})") and "map.get" not in got


def test_a_chain_inside_another() -> None:
    inner = THREE.format('(if (eq x "d") 4 nil)')
    shown = body(f"(function f (params x y) (if (eq y 1) {inner} (if (eq y 2) {inner} nil)))", "cases")
    assert shown.count("map.get") == 2


def test_long_chains_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def counted(test: Expr, x: Var) -> list[Const] | None:
        nonlocal read
        read += 1
        return keys(test, x)

    keys = cases._keys
    monkeypatch.setattr(cases, "_keys", counted)
    chain = "nil"
    for i in range(500):
        chain = f'(if (eq x (kw "k{i}")) {i} {chain})'
    f = parse(
        f'(module "m" {SITES} (function f (params x) {chain}) (function $init (params) nil))'
    ).functions["f"]
    cases.walk(f.body)
    assert read == 500


VALUES = '["a" "b" "c" "d" "e" "zz" :a :b 1 2 1.0 nil true [] {} "1" (list 1) 4611686018427387904]'


@pytest.mark.parametrize(
    "source",
    [
        f'(defn f [x] (match x "a" 1 "b" 2 "c" 3 "d" 4 :a 5 1 6 _ 7)) (map f {VALUES})',
        f'(defn f [x] (cond (= x "a") 1 (= "b" x) 2 (or (= x "c") (= x :a)) 3 (= x "d") 4 (= x "a") 5'
        f" (= x 4611686018427387904) 8 :else x)) (map f {VALUES})",
        '(defn f [x n] (loop [x x n n] (cond (= x "a") (recur "b" (inc n)) (= x "b") (recur "c" (inc n))'
        ' (= x "c") (recur "d" (inc n)) (= x "d") n :else (throw "odd")))) [(f "a" 0) (f "c" 0) (f "x" 0)]',
        '(defn f [x] (cond (= x "a") (f "b") (= x "b") (f "c") (= x "c") (f "d") (= x "d") (/ 1 0)'
        ' :else (+ x 1)))'
        ' (f "a")',
        '(defn f [x : String] (match x "a" 1 "b" 2 "c" 3 "d" 4 _ (count x))) [(f "a") (f "d") (f "long")]',
        "(defn f [x] (cond (= x :a) 1 (= x :b) 2 (= x nil) 3 (= x true) 4 (not= x false) 5 :else 6))"
        f" (map f {VALUES})",
    ],
)  # fmt: skip
def test_all_levels_of_both_engines_agree(source: str) -> None:
    found = outcomes(source)
    assert found is not None
    assert len(found) == 2 * len(LEVELS) and len(set(found.values())) == 1, found
    assert not next(iter(found.values())).startswith("crash")
