"""What the static checker reports, and what it does not."""

# ruff: noqa: E501 (messages in full)

from __future__ import annotations

import pytest
from conformance_cases import CASES, Case

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions
from rtfsc.sema.algebra.show import show
from rtfsc.sema.check.checker import check_types
from rtfsc.source import SourceFile

CHECKED = {"N003", "N004", "N006", "N007"}


def reports(text: str, *, strict: bool = False) -> list[Diagnostic]:
    compilation = Compilation(SourceFile("<test>", text), CompileOptions(strict=strict))
    compilation.check()
    return [d for d in compilation.sink.diagnostics if d.code in CHECKED]


def shown(text: str, report: Diagnostic) -> str:
    """``code |place| message``, with a label as ``|label|`` after it."""
    assert report.span is not None
    labels = "".join(f" ({text[s[0] : s[1]]}: {said})" for s, said in report.labels)
    return f"{report.code} {text[report.span[0] : report.span[1]]}: {report.message}{labels}"


CONFLICTS = [
    ('(+ 1 "a")', 'N003 "a": Type conflict: argument 2 of + must be a number, but this is string "a"'),
    (
        '(defn f [x : Int] x) (f "s")',
        'N003 "s": Type conflict: argument 1 of f must be :int, but this is string "s" (x: declared here)',
    ),
    (
        "(defn f [& xs : Int] xs) (f 1 2.5)",
        "N003 2.5: Type conflict: argument 2 of f must be :int, but this is float 2.5 (xs: declared here)",
    ),
    (
        "(let [f (fn [x : Int] x)] (f nil))",
        "N003 nil: Type conflict: argument 1 of f must be :int, but this is :nil (x: declared here)",
    ),
    (
        '(let [x : Int "s"] x)',
        'N003 "s": Type conflict: x must be :int, but this is string "s" (x: declared here)',
    ),
    (
        "(def limit : [:and Int [:> 0]] 0)",
        "N003 0: Type conflict: limit must be [:and :int [:> 0]], but this is integer 0 (limit: declared here)",
    ),
    (
        "(defn f [c] : Int (if c 1 :none))",
        "N003 :none: Type conflict: the result of f must be :int, but this is keyword :none (f: declared here)",
    ),
    (
        "(defn f [c] : Int (cond (= c 1) 1 (= c 2) (str c) :else 3))",
        "N003 (str c): Type conflict: the result of f must be :int, but this is :string (f: declared here)",
    ),
    (
        "(defn f [x] : [:vector Int] [1 x :a])",
        "N003 [1 x :a]: Type conflict: the result of f must be [:vector :int], but this is "
        "[:tuple [:enum 1] :any [:enum :a]] (f: declared here)",
    ),
    (
        "(defstruct P :x Int :y Int?) (P {:y 1})",
        "N003 {:y 1}: Type conflict: argument 1 of P must be [:map [:x :int] [:y [:union :int :nil] ?]], "
        "but this is [:map [:y [:enum 1]]] (P: declared here)",
    ),
    (
        "(let [m {:name 1}] (string-upper (:name m)))",
        "N003 (:name m): Type conflict: argument 1 of string-upper must be a string, but this is integer 1",
    ),
    (
        "(defn f [p : [:map [:name String]]] (inc (:name p)))",
        "N003 (:name p): Type conflict: argument 1 of inc must be a number, but this is [:union :nil :string]",
    ),
    (
        "(defn name [n] (str n)) (+ 1 (name 5))",
        "N003 (name 5): Type conflict: argument 2 of + must be a number, but this is :string",
    ),
    (
        "(map (fn [x] (string-upper x)) [1 2])",
        "N003 x: Type conflict: argument 1 of string-upper must be a string, but this is [:enum 1 2]",
    ),
    (
        "(+ 1 (first (map :name [{:name \"a\"}])))",
        'N003 (first (map :name [{:name "a"}])): Type conflict: argument 2 of + must be a number, '
        'but this is [:union :nil [:enum "a"]]',
    ),
    (
        "(map 5 [1 2])",
        "N003 5: Type conflict: argument 1 of map must be a keyword or a function, but this is integer 5",
    ),
    (
        "(loop [i : Int 0] (if (< i 3) (recur (str i)) i))",
        "N003 (str i): Type conflict: i must be :int, but this is :string (i: declared here)",
    ),
    (
        "(defn f [n : Int] (if (= n 0) 0 (recur :x)))",
        "N003 :x: Type conflict: argument 1 of recur must be :int, but this is keyword :x (n: declared here)",
    ),
    (
        "(let [[a b] [1 2 3]] a)",
        "N003 [1 2 3]: Type conflict: the value of this pattern must be a vector or list of 2, "
        "but this is [:tuple [:enum 1] [:enum 2] [:enum 3]] ([a b]: the pattern)",
    ),
    (
        "(let [{:keys [a]} 5] a)",
        "N003 5: Type conflict: the value of this pattern must be a map, but this is integer 5 "
        "({:keys [a]}: the pattern)",
    ),
    ('(:k "text")', 'N003 "text": Type conflict: the argument of :k must be a map, nil or an error, but this is '
                    'string "text"'),
    ("(5 1)", "N004 5: This cannot be called"),
    ("(let [n (+ 1 2)] (n 1))", "N004 n: This cannot be called"),
    ("(match 1 _ 1 2 2)", "N006 2: This clause can never be taken: the clauses before it take all that it could"),
    ("(defn f [x] (match x :a 1 :b 2 :a 3))",
     "N006 :a: This clause can never be taken: the clauses before it take all that it could"),
    ("(defn f [b : Bool] (match b true 1 false 2 nil 3))",
     "N006 nil: This clause can never be taken: the value is :bool"),
    ("(defn f [k : [:enum :a :b]] (match k :a 1 :c 2 :b 3))",
     "N006 :c: This clause can never be taken: the value is [:enum :a :b]"),
    ("(defn f [x] (match x [:vector :any] 1 [:tuple :int] 2))",
     "N006 [:tuple :int]: This clause can never be taken: the clauses before it take all that it could"),
    ("(defn f [x] (match x [a & r] 1 [a b] 2))",
     "N006 [a b]: This clause can never be taken: the clauses before it take all that it could"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONFLICTS)
def test_conflicts(text: str, expected: str) -> None:
    found = reports(text)
    assert [shown(text, report) for report in found] == [expected]


CLEAN = [
    "(defn f [x] (+ x 1)) (f \"s\")",
    "(defn f [x : Int?] : Int (if (nil? x) 0 x))",
    "(defn f [x : [:union Int String]] (if (string? x) (string-upper x) (inc x)))",
    "(let [x 5] (if (string? x) (string-upper x) x))",
    "(let [x 5] (cond (string? x) (string-upper x) (map? x) (keys x) :else x))",
    "(let [x nil] (if x (inc x) 0))",
    "(let [x \"a\"] (and (int? x) (inc x)))",
    "(let [x \"a\"] (or (not (int? x)) (inc x)))",
    "(if false (+ 1 \"a\") 2)",
    "(let [f : [:fn [Int] Int] (fn [x y] x)] f)",
    "(defn f [g : [:fn [Int] Int]] (string-upper (g 1))) (f str)",
    "(let [x : [:vector Int] []] x)",
    "(let [x : [:map [:a Int ?]] {}] x)",
    "(let [x : [:map [:a Int]] {\"a\" 1}] x)",
    "(defn f [p : [:map [:a Int]]] (match (:a p) nil :none n n))",
    "(defn f [x : Float] (match x 1 :int 1.0 :float _ :other))",
    "(let [x : Float 1] x)",
    "(defn f [] : Int (throw \"never\"))",
    "(defn f [n] : Int (if (= n 0) 0 (recur (dec n))))",
    "(defn even [n] (if (= n 0) true (odd (dec n)))) (defn odd [n] (if (= n 0) false (even (dec n)))) (even 4)",
    "(match [1 :a] [x :b] 1 [x :a] 2 _ 3)",
    "(defn f [x] (match x n when (> n 0) 1 n 2))",
    "(map 5 [])",
    "(reduce + 0 [])",
    "(loop [xs [] i 0] (if (< i 3) (recur (conj xs i) (inc i)) (count xs)))",
    "(let [xs [1 \"a\"]] (inc (first xs)))",
    "(-> {:a 1} (assoc :b \"x\") :b string-upper)",
    "(let [f (fn [x] (if (> x 0) (f (dec x)) :done))] (f 3))",
]  # fmt: skip


@pytest.mark.parametrize("text", CLEAN)
def test_what_may_work_is_not_reported(text: str) -> None:
    assert [shown(text, report) for report in reports(text)] == []


STRICT = [
    ("(defn f [x] (inc x))",
     ["N007 x: Not proved: argument 1 of inc must be a number, and this may be :any"]),
    ("(defn f [x : Int?] (inc x))",
     ["N007 x: Not proved: argument 1 of inc must be a number, and this may be [:union :nil :int]"]),
    ("(defn g [f : [:fn [Int] Int]] (f 1)) (g (fn [x : String] x))",
     ["N007 (fn [x : String] x): Not proved: argument 1 of g must be [:fn [:int] :int], and this may be "
      "[:fn [:string] :string] (f: declared here)"]),
    ("(defn g [f : [:fn [Int] Int]] : String (f 1))",
     ["N003 (f 1): Type conflict: the result of g must be :string, but this is :int (g: declared here)"]),
    ("(defn f [n : [:and Int [:> 0]]] n) (defn g [n : Int] (f n))",
     ["N007 n: Not proved: argument 1 of f must be [:and :int [:> 0]], and this may be :int (n: declared here)"]),
    ("(map 5 [])", ["N003 5: Type conflict: argument 1 of map must be a keyword or a function, but this is integer 5"]),
]  # fmt: skip
PROVED = [
    "(defn f [x : Int] : Int (+ x 1))",
    "(defn f [x : Int?] : Int (if x x 0))",
    "(defn f [n : [:and Int [:>= 0]]] n) (defn g [n : [:and Int [:> 5]]] (f n)) (g 6)",
    "(defn f [xs : [:vector Int]] : Int (loop [i 0 sum 0] (if (< i (count xs)) (recur (inc i) (+ sum (nth xs i))) sum)))",
    "(defn f [xs : [:vector Int]] : [:vector String] (map (fn [x] (str x)) xs))",
    "(defn f [xs : [:vector Int]] : [:vector Int] (filter (fn [x : Int] (> x 2)) xs))",
    "(defn f [p : [:map [:x Int] [:y Int]]] : Int (+ (:x p) (:y p)))",
    "(defn f [{:keys [x y]} : [:map [:x Int] [:y Int]]] : Int (* x y))",
    "(defn f [s : [:union Int String]] : String (match s [:and :int [:> 3]] \"big\" _ (str s)))",
    "(defn f [k : [:enum :a :b]] : Int (match k :a 1 :b 2))",
    "(defn g [f : [:fn [Int] Int]] : Int (f 1)) (g (fn [x : Float] : Int 3))",
    "(defstruct P :x Int) (defn f [p : P] : Int (:x p)) (f (P {:x 1}))",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STRICT)
def test_strict_reports_what_is_not_proved(text: str, expected: list[str]) -> None:
    assert [shown(text, report) for report in reports(text, strict=True)] == expected


@pytest.mark.parametrize("text", PROVED)
def test_strict_is_content_with_what_is_proved(text: str) -> None:
    assert [shown(text, report) for report in reports(text, strict=True)] == []


TYPES = [
    ("[1 2.5]", "[:tuple [:enum 1] [:enum 2.5]]"),
    ("(if (first [1 nil]) 1 2.5)", "[:enum 1 2.5]"),
    ("(+ 1 2)", ":int"),
    ("(+ 1 2.5)", ":float"),
    ("(map inc [1 2])", "[:vector :int]"),
    ("(fn [x : Int] (str x))", "[:fn [:int] :string]"),
    ("(get {:a 1} :a)", "[:enum 1]"),
    ("(get {:a 1} :b)", ":nil"),
    ("(for [x [1 2]] (* x 1.5))", "[:vector :float]"),
    ("(try (throw 1) (catch Any e (getMessage e)))", ":string"),
    ("(assoc {:a 1} :b :x)", "[:map [:a [:enum 1]] [:b [:enum :x]]]"),
    ("(reduce + 0 [1 2])", ":int"),
    ("(loop [i 0] (if (< i 3) (recur (inc i)) :done))", "[:enum :done]"),
]


@pytest.mark.parametrize(("text", "expected"), TYPES)
def test_types_of_expressions(text: str, expected: str) -> None:
    compilation = Compilation(SourceFile("<test>", text))
    compilation.check()
    checker = check_types(compilation.ast, compilation.sink)
    assert show(checker.visit(compilation.ast.body[-1])) == expected


@pytest.mark.parametrize("case", [c for c in CASES if "value" in c.expected], ids=lambda case: case.id)
def test_programs_that_work_are_not_reported(case: Case) -> None:
    """No conflict is reported in code that runs: where one is, it is caught or never called."""
    compilation = Compilation(SourceFile("<test>", case.source))
    try:
        compilation.check()
    except DiagnosticError:
        return  # a module or another file that is not there
    conflicts = [d for d in compilation.sink.diagnostics if d.code in ("N003", "N004")]
    caught = [node.body.span for node in _nodes(compilation.ast)]
    for conflict in conflicts:
        assert conflict.span is not None
        start, end = conflict.span
        assert any(s <= start and end <= e for s, e in caught), f"{case.source}: {conflict.message}"


def _nodes(root: object) -> list[A.Try | A.Fn]:
    """Bodies of try, and functions: they need not be called."""
    found: list[A.Try | A.Fn] = []
    stack: list[object] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, A.Try) or (isinstance(node, A.Fn) and node.name is None):
            found.append(node)
        if isinstance(node, (list, tuple)):
            stack.extend(node)
        elif isinstance(node, (A.Node, A.Bind)) and type(node) is not A.BindName:
            names = type(node).__slots__
            stack.extend(getattr(node, n, None) for n in names if n not in ("binding", "plan", "captures"))
    return found


def test_deep_chains_of_calls_and_wide_types_are_bounded() -> None:
    calls = "".join(f"(defn f{i} [x] (f{i + 1} x))\n" for i in range(2000)) + "(defn f2000 [x] x)"
    doubling = " ".join(f"a{i + 1} [a{i} a{i}]" for i in range(60))
    assert reports(calls) == []
    assert len(reports(f"(let [a0 1 {doubling}] (+ 1 a60))")) == 1
    arms = " ".join(f"{i} :k{i}" for i in range(400))
    assert len(reports(f"(defn f [x] : Int (case x {arms}))")) > 90
    match = " ".join(f"{i} :k{i}" for i in range(900))
    assert reports(f"(defn f [x] (match x {match} _ 1))") == []
    tuples = " ".join(f"[:tuple Int [:val {i}]]" for i in range(200))
    assert len(reports(f"(defn f [x : [:union {tuples}]] x) (f [1 199]) (f [1 200])")) == 1
    values = " ".join(f":k{i}" for i in range(2000))
    assert len(reports(f"(defn f [x : [:enum {values}]] x) (f :k1999) (f :z)")) == 1


@pytest.mark.parametrize(
    "pattern", ["[" * 60 + "x" + "]" * 60, "{:a " * 60 + "x" + "}" * 60, "[1 " * 60 + "x" + "]" * 60]
)
def test_deep_patterns_have_types_of_bounded_size(pattern: str) -> None:
    assert reports(f"(defn f [a] (match a {pattern} 1 x 2)) (f [1])") == []


def test_a_pattern_that_is_told_apart_to_the_depth_of_types_covers_what_it_takes() -> None:
    shallow, deep = "[[[x]]]", "[" * 12 + "x" + "]" * 12
    [report] = reports(f"(defn f [a] (match a {shallow} 1 {shallow} 2 _ 3))")
    assert report.code == "N006"
    assert reports(f"(defn f [a] (match a {deep} 1 {deep} 2 _ 3))") == []
