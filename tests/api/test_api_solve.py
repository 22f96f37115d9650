"""``rtfsc.solve`` as a newcomer calls it: nothing is set up, the first call makes key, trust and store."""

from __future__ import annotations

import pytest
from scripted import Scripted

import rtfsc

TASK, SIGNATURE = "Double the number", "[x : Int] : Int"
RIGHT = "(defn solution [x : Int] : Int (* x 2))"


def test_solve_twice() -> None:
    first = rtfsc.solve(TASK, SIGNATURE, [((2,), 4)], model=Scripted(RIGHT))
    second = rtfsc.solve(TASK, SIGNATURE)
    assert (first(4), second(4)) == (8, 8)
    assert (first.generated, second.generated) == (True, False)
    assert isinstance(first, rtfsc.Solution) and first.module == second.module


def test_what_it_cannot_do_is_one_family_of_errors() -> None:
    with pytest.raises(rtfsc.SolveError) as caught:
        rtfsc.solve(TASK, SIGNATURE)
    assert caught.value.code == "SV002" and "delegation.toml" in str(caught.value.hint)


def test_the_function_keeps_working_and_raises_like_any_other() -> None:
    solution = rtfsc.solve(TASK, SIGNATURE, [((2,), 4)], model=Scripted(RIGHT))
    with pytest.raises(rtfsc.ArithmeticOverflow):
        solution(2**62)
    with pytest.raises(rtfsc.RtfsTypeError):
        solution("two")
    assert solution(5) == 10
