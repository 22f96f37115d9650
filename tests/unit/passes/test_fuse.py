"""counting and fuse: text before and after, and what is left alone."""

import pytest
from ir_checker import body, exported

MAP = """(loop A ((i int) 0) ((out builder) (builder))
  (if (int.lt i 9) (recur A (int.add i 1) (builder.push out {0})) (builder.done out)))"""
FILTER = """(loop A ((i int) 0) ((out builder) (builder))
  (if (int.lt i 9) (recur A (int.add i 1) (if (int.odd i) (builder.push out i) out)) (builder.done out)))"""
SUM = """(loop B ((j int) 0) ((sum int) 0)
  (if (int.lt j (seq.length v)) (recur B (int.add j 1) {0}) sum))"""
ELEMENT = "(as [int] (seq.nth v j))"


def fused(producer: str, consumer: str) -> str:
    source = f"""{exported("f", 1)}
      (function f (params a) (let (v vec {producer}) {consumer}))"""
    return body(source, "fuse")


def test_loops_that_do_not_raise_become_one():
    assert fused(MAP.format("i"), SUM.format(f"(int.max sum {ELEMENT})")) == (
        "(loop A ((i int) 0) ((sum int) 0) (if (int.lt i 9) (let (element int i) "
        "(recur A (int.add i 1) (int.max sum element))) sum))"
    )


def test_what_is_not_kept_leaves_the_accumulator():
    assert fused(FILTER, SUM.format(f"(int.add sum {ELEMENT} @1)")) == (
        "(loop A ((i int) 0) ((sum int) 0) (if (int.lt i 9) (if (int.odd i) (let (element int i) "
        "(recur A (int.add i 1) (int.add sum element @1))) (recur A (int.add i 1) sum)) sum))"
    )


def test_where_both_raise_errors_of_the_first_come_first():
    assert fused(MAP.format("(int.mul i i @1)"), SUM.format(f"(int.add sum {ELEMENT} @2)")) == (
        "(try (loop A ((i int) 0) ((sum int) 0) (if (int.lt i 9) (let (element int (int.mul i i @1)) "
        "(recur A (int.add i 1) (int.add sum element @2))) sum)) (error) (do (loop A~f1 ((i.1 int) 0) "
        "(if (int.lt i.1 9) (do (int.mul i.1 i.1 @1) (recur A~f1 (int.add i.1 1))) nil)) (throw error)))"
    )


def test_a_counter_that_is_used_stays():
    assert "(loop A ((i int) 0) ((j int) 0) ((sum int) 0)" in fused(
        FILTER, SUM.format(f"(int.add (int.mul sum j @1) {ELEMENT} @1)")
    )


STOPPING = """(loop B ((j int) 0)
  (if (int.lt j (seq.length v))
    (if (int.odd (as [int] (seq.nth v j))) true (recur B (int.add j 1)))
    false))"""


@pytest.mark.parametrize(
    ("producer", "consumer"),
    [
        (MAP.format("(int.mul i i @1)"), STOPPING),
        (MAP.format("(call-value a i @1)"), SUM.format(f"(int.add sum {ELEMENT} @2)")),
        (MAP.format('(host ["x"] i @1)'), SUM.format(f"(int.add sum {ELEMENT} @2)")),
        (MAP.format("(int.mul i i @1)"), SUM.format(f"(as [int] (call-value a sum {ELEMENT} @2))")),
        (MAP.format("i"), f'(do (raise.generic "x" @1) {SUM.format(f"(int.max sum {ELEMENT})")})'),
        (MAP.format("i"), f"(if (truthy a) {SUM.format(f'(int.max sum {ELEMENT})')} 1)"),
        (MAP.format("i"), f"(vector v {SUM.format(f'(int.max sum {ELEMENT})')})"),
        (MAP.format("i"), SUM.format("(int.max sum (as [int] (seq.nth v 0)))")),
        (MAP.format("(seq.length (builder.done out))"), SUM.format(f"(int.max sum {ELEMENT})")),
    ],
)
def test_what_would_be_told_apart_stays(producer, consumer):
    assert "(builder.push" in fused(producer, consumer)


def test_calls_may_be_fused_with_what_cannot_raise():
    assert "builder" not in fused(MAP.format("(call-value a i @1)"), SUM.format("(int.max sum j)"))
    assert "builder" not in fused(MAP.format("i"), SUM.format(f"(as [int] (call-value a {ELEMENT} @2))"))


def test_a_loop_that_stops_early_is_fused_with_one_that_cannot_raise():
    assert "builder" not in fused(MAP.format("i"), STOPPING)


def counted(made: str, rest: str) -> str:
    source = f"{exported('f', 1)} (function f (params a) (let (v vec {made}) {rest}))"
    return body(source, "counting")


def test_ranges_that_are_walked_through_are_counted():
    assert counted("(range 0 a @1)", SUM.format(f"(int.add sum {ELEMENT} @2)")) == (
        "(let (size int (range.size 0 a @1)) (loop B ((j int) 0) ((sum int) 0) "
        "(if (int.lt j size) (recur B (int.add j 1) (int.add sum j @2)) sum)))"
    )
    assert counted("(range a 9 @1)", "(seq.nth v 3)").startswith(
        "(let (start a) (size int (range.size start 9 @1)) "
    )
    assert counted("(range1 a @1)", "(seq.length v)") == "(let (size int (range.size 0 a @1)) size)"


@pytest.mark.parametrize(
    "rest", ["(vector v (seq.length v))", "(nth v 1 @1)", "(let (w vec v) (seq.length w))"]
)
def test_ranges_that_are_more_than_walked_through_are_built(rest):
    assert "(range a 9 @1)" in counted("(range a 9 @1)", rest)


@pytest.mark.parametrize(
    "program",
    [
        "(defn run [n] (reduce + 0 (filter odd? (map (fn [x] (* x 2)) (range 0 n)))))",
        "(defn run [v] (reduce max 0 (map (fn [x] (* x 2)) v)))",
        "(defn run [v] (some (fn [x] x) (map not v)))",
    ],
)
def test_pipelines_are_fused_by_all_passes_together(program):
    from rtfsc.driver import compile_text
    from rtfsc.ir.text import show

    assert "(builder" not in show(compile_text(program).ir)
