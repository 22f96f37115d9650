"""peel: the way out of a recursive loop is tested in front of it too."""

import pytest
from ir_checker import body

STEP = "(recur L (call f (int.min x.1 1) y.1 ^int @1) y.1)"
LOOP = "(loop L ((x.1 int) x) ((y.1 int) y) "


def peeled(loop: str, wrapped: str = "{}") -> str:
    return body(f"(function f (params (x int) (y int)) (result int) {wrapped.format(loop)})", "peel")


@pytest.mark.parametrize(
    ("inside", "in_front"),
    [
        (f"(if (int.ge y.1 x.1) y.1 {STEP})", "(if (int.ge y x) y {})"),
        (f"(if (int.lt y.1 x.1) {STEP} (int.max y.1 1))", "(if (int.lt y x) {} (int.max y 1))"),
    ],
)
def test_in_front(inside: str, in_front: str) -> None:
    loop = f"{LOOP}{inside})"
    assert peeled(loop) == in_front.format(loop)


def test_in_tail_position() -> None:
    loop = f"{LOOP}(if (int.ge y.1 x.1) y.1 {STEP}))"
    wrapped = "(let (z 1) (if (eq z y) {} 1))"
    assert peeled(loop, wrapped) == wrapped.format(f"(if (int.ge y x) y {loop})")
    held = "(int.max {} 1)"  # its result is needed here: the frame is counted before
    assert peeled(loop, held) == held.format(loop)


@pytest.mark.parametrize(
    "loop",
    [
        f"{LOOP}(if (int.ge y.1 x.1) y.1 (recur L (int.min x.1 1) y.1)))",  # no call: nothing to count
        f"{LOOP}(if (int.ge (call f y.1 x.1 ^int @1) x.1) y.1 {STEP}))",  # the test calls
        f"{LOOP}(if (int.ge y.1 x.1) (call f 1 y.1 ^int @2) {STEP}))",  # the result calls
        f"{LOOP}(if (int.ge y.1 (int.min (int.min x.1 2) (int.min (int.min 3 4) 5))) y.1 {STEP}))",  # long
        # A start that has to be computed, and one of another type.
        f"(loop L ((x.1 int) (int.min x 7)) ((y.1 int) y) (if (int.ge y.1 x.1) y.1 {STEP}))",
        "(loop L ((x.1 int) x) (y.1 y) (if (int.ge x.1 7) 1 (recur L (call f x.1 1 ^int @1) 1)))",
        f"{LOOP}{STEP})",
    ],
)
def test_left_alone(loop: str) -> None:
    assert peeled(loop) == loop
