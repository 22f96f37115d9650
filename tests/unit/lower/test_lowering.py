"""The IR of small programs, as text; every module passes the verifier."""

from __future__ import annotations

import pytest

from rtfsc.diagnostics import Sink
from rtfsc.ir.nodes import Module
from rtfsc.ir.text import show_function
from rtfsc.ir.verify import verify
from rtfsc.lower import lower
from rtfsc.source import SourceFile


def lowered(text: str) -> tuple[Module, Sink]:
    source = SourceFile("<test>", text)
    sink = Sink(source)
    module = lower(source, sink)
    verify(module)
    return module, sink


def body(text: str, name: str = "f") -> str:
    """The body of a function without sites."""
    shown = show_function(lowered(text)[0].functions[name])
    words = [w for w in " ".join(shown.split()).replace(")", " )").split() if not w.startswith("@")]
    text = " ".join(words).replace(" )", ")")
    head = text.index(")", text.index("(display") if "(display" in text else 0)
    start = text.index(")", text.index("(origin")) if "(origin" in text else head
    return text[start + 2 : -1]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("(defn f [a] (+ a 1 2))", "(num.add (num.add a 1) 2)"),
        ("(defn f [a] (- a))", "(num.neg a)"),
        ("(defn f [a] (max a))", "a"),
        (
            "(defn f [a b c] (+ a b (:k c)))",
            '(let (a0 a) (a1 b) (a2 (kw-get (kw "k") c)) (num.add (num.add a0 a1) a2))',
        ),
        ("(defn f [a] (if a 1))", "(if (truthy a) 1 nil)"),
        ("(defn f [a] (if (< a 1) 1 2))", "(if (lt a 1) 1 2)"),
        ("(defn f [a b] (if (and a (< b 1)) 1 2))", "(if (if (truthy a) (lt b 1) false) 1 2)"),
        ("(defn f [a b] (and a b))", "(let (t a) (if (truthy t) b t))"),
        ("(defn f [a b] (or (nil? a) b))", "(if (is [nil] a) true b)"),
        ("(defn f [a] [a 1])", "(vector a 1)"),
        ("(defn f [a] {:k a})", '(map (kw "k") a)'),
        ("(defn f [] [1 {:a 2}])", '(const-vec 1 (const-map (kw "a") 2))'),
        ("(defn f [a] (f a))", "(call f a !tail)"),
        ("(defn f [a] (a 1))", "(call-value a 1 !tail)"),
        ("(defn f [a] [(f a)])", "(vector (call f a))"),
        ("(defn f [a] (try (f a) (catch Any e (f e))))", "(try (call f a) (error) (call f error !tail))"),
        ("(defn f [a : Int] a)", "(let (a.1 int (check [int] a)) a.1)"),
        ("(defn f [a : Float] a)", "(let (a.1 num (check [num] a)) a.1)"),
        ("(defn f [a] : Int (f a))", "(call f a !tail)"),
        ("(defn f [a] : Int (g a)) (defn g [a] a)", "(check [int] (call g a))"),
        ("(defn f [a] : Int (g a)) (defn g [a] : Int a)", "(call g a !tail)"),
        ("(defn f [a] : Int (if a 1 (a)))", "(if (truthy a) 1 (check [int] (call-value a)))"),
        (
            "(defn f [a : [:vector Int]] 1)",
            '(let (a.1 vec (as [vec] (check.type a (const-vec (kw "vector") (kw "int"))))) 1)',
        ),
        ("(defn f [n] (if n n (recur 1)))", "(loop L1 (n.1 n) (if (truthy n.1) n.1 (recur L1 1)))"),
        (
            "(defn f [a] (case a 1 :x))",
            '(let (subject a) (if (eq subject 1) (kw "x") (raise.match subject)))',
        ),
        ("(defn f [[a _]] a)", "(let (parts vec (destructure.vec p1 2 false)) (a (seq.nth parts 0)) a)"),
        ("(defn f [] (g 1)) (defn g [] 2)", '(raise.arity "g" "0" 1)'),
        ("(defn f [] nope)", '(host ["symbol"] "nope")'),
        ("(defn f [] (g 1 2 3)) (defn g [a & r] r)", "(call g 1 (list 2 3) !tail)"),
        ("(defn f [] (let [g (fn [x] x)] (g 1)))", "(call f/fn 1 !tail)"),
        (
            "(defn f [k] (let [g (fn [x] k)] (g 1)))",
            "(let (g fn (closure f/fn k)) (call-closure f/fn g 1 !tail))",
        ),
        ("(def x 1) (defn f [] x)", "(global x ^int)"),
        ("(defn f [] x) (f) (def x 1)", "(global x !checked ^int)"),
    ],
)
def test_body(source: str, shown: str) -> None:
    assert body(source) == shown


def test_sites_count_per_definition_in_order_of_the_text() -> None:
    module, _ = lowered("(defn f [a] (+ (f a) 1))\n(f 1)\n(def x (f 2))")
    assert [(s.definition, s.ordinal, s.start, s.end) for s in module.sites] == [
        ("f", 0, 12, 23),
        ("f", 1, 15, 20),
        ("", 0, 25, 30),
        ("x", 0, 38, 43),
    ]


def test_sites_do_not_depend_on_names() -> None:
    one, _ = lowered("(defn area [width height] (* width height)) (area 1 2)")
    two, _ = lowered("(defn a [b c] (* b c)) (a 1 2)")
    assert [s.ordinal for s in one.sites] == [s.ordinal for s in two.sites]


def test_redefinitions_have_names_of_their_own() -> None:
    module, _ = lowered("(defn f [] 1) (defn g [] (f)) (defn f [] 2) (def x 1) (def x 2)")
    assert list(module.functions)[1:] == ["f$1", "g", "f"]
    assert list(module.globals) == ["x$1", "x"]
    assert body("(defn f [] 1) (defn g [] (f)) (defn f [] 2)", "g") == "(call f$1 !tail)"


def test_names_that_the_compiler_uses_are_not_taken() -> None:
    module, _ = lowered(
        "(defn lib/map [] 1) (defn $init [] 2) (defn f/fn [] 3) (defn f [] (fn [] 4)) (map inc [1])"
    )
    assert {e.name: e.func for e in module.exports} == {
        "lib/map": "$user/lib/map",
        "$init": "$user/$init",
        "f/fn": "f/fn",
        "f": "f",
    }
    assert "f/fn.2" in module.functions


def test_functions_know_where_they_come_from() -> None:
    module, _ = lowered("(defn f [] [(fn [] 1) (fn [] (fn [] 2))]) (map (fn [x] x) [])")
    assert [(f.display_name, f.origin) for f in module.functions.values() if not f.library] == [
        ("", ("", 0)),
        ("f", ("f", 0)),
        ("fn", ("f", 1)),
        ("fn", ("f", 2)),
        ("fn", ("f", 3)),
        ("fn", ("", 1)),
    ]


def test_only_what_is_used_is_linked() -> None:
    module, _ = lowered("(reduce + 0 [1])")
    assert sorted(n for n in module.functions if n.startswith("lib/")) == ["lib/+/2", "lib/reduce/3"]
    assert all(f.library for n, f in module.functions.items() if n.startswith("lib/"))


def test_a_library_name_is_one_function() -> None:
    module, _ = lowered("[+ + nth nth str = map]")
    assert [n for n in module.functions if n.startswith("lib/")] == [
        "lib/+",
        "lib/nth",
        "lib/map",
        "lib/str/0+",
        "lib/=/1+",
        "lib/map/2",
        "lib/map/3+",
        "lib/vectors",
        "lib/shortest",
        "lib/column",
    ]


def test_calls_with_many_arguments_are_chunked() -> None:
    def f(n: int) -> str:
        return " ".join(["x"] * n)

    for n in (200, 201, 450):
        text = f"(def x 1) (defn g [& r] r) [{f(n)}] (g {f(n)}) (str {f(n)}) (+ {f(n)}) ((identity g) {f(n)})"
        verify(lowered(text)[0])


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("(defn f [a b] a) (f 1)", "N002", "f takes 2 arguments, not 1"),
        ("(nth 1)", "N002", "nth takes 2 or 3 arguments, not 1"),
        ("(+)", "N002", "+ takes at least 1 argument, not 0"),
        ("(range)", "N002", "range takes 1 to 3 arguments, not 0"),
        ("(hash-map :a)", "N002", "hash-map takes an even number of arguments, not 1"),
        ("(:a)", "N002", ":a takes 1 or 2 arguments, not 0"),
        ('(+ 1 "a")', "N003", 'argument 2 of + must be a number, but this is string "a"'),
        ('(defn f [a : Int] a) (f "x")', "N003", 'argument 1 of f must be :int, but this is string "x"'),
        ('(let [a : Int "x"] a)', "N003", 'a must be :int, but this is string "x"'),
        ('(defn f [] : Int "x")', "N003", 'the result of f must be :int, but this is string "x"'),
        ("(def x : Int [1])", "N003", "x must be :int, but this is [:tuple [:enum 1]]"),
        ("(5 1)", "N004", "cannot be called"),
        ("(foo)", "N001", "Unknown name foo"),
        ("(defn f [a : Intt] a)", "N005", "Unknown type Intt"),
    ],
)
def test_warnings(text: str, code: str, words: str) -> None:
    _, sink = lowered(text)
    (warning,) = sink.diagnostics
    assert (warning.code, warning.severity) == (code, "warning")
    assert words in warning.message


@pytest.mark.parametrize(
    "text",
    [
        "(defn f [a : Float] a) (f 1)",
        "(defn f [a : Int?] a) (f nil)",
        "(let [a : Int (first [1])] a)",
        "(defn f [x] (+ x (first x)))",
        '(if true 1 (+ 1 (:a {:a "x"})))',
        "(defn f [a : [:vector Int]] a) (f [])",
    ],
)
def test_what_may_be_right_gets_no_warning(text: str) -> None:
    assert lowered(text)[1].diagnostics == []


def test_a_warning_shows_both_places() -> None:
    _, sink = lowered("(defn f [a] a) (f 1 2)")
    ((span, words),) = sink.diagnostics[0].labels
    assert (tuple(span), words) == ((6, 7), "f is defined here")


def test_an_empty_program_is_nil() -> None:
    module, _ = lowered("")
    assert " ".join(show_function(module.functions["$init"]).split()) == "(function $init (params) nil)"
