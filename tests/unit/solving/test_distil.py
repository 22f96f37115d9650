"""Delegated calls that learn: record, distil, use within the domain, check, withdraw. Models are scripted."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, runtime_in

from runtime.delegation.context import Environment
from runtime.delegation.setup import open_delegation
from runtime.engine import Runtime
from runtime.providers.base import Request
from runtime.providers.errors import TimedOut
from runtime.solving import NotAccepted
from runtime.solving.distil import NotDistillable, distil, samples_of, task_of
from runtime.solving.samples import Function, Identity, Pair
from runtime.values import Keyword

PROGRAM = """\
(defn ^:delegation :local-model "grader" grade "The grade of some points: 50 and above pass"
  [points : Int] : String "nobody")
"""
POLICY = """\
[distil]
pairs = 10
model = "writer"
auto = {auto}
check = {check}
[models.grader]
provider = "echo"
[models.writer]
provider = "echo"
"""
RIGHT = '(defn grade [points : Int] : String (if (>= points 50) "pass" "fail"))'
WRONG = '(defn grade [points : Int] : String (if (>= points 90) "pass" "fail"))'


def answered(request: Request) -> str:
    """What a careful model says."""
    (points,) = re.findall(r"points = (-?\d+)", request.messages[-1].content)
    return '"pass"' if int(points) >= 50 else '"fail"'


class World:
    """A runtime whose grader and writer are scripted, and a program that has grades delegated."""

    def __init__(self, folder: Path, *, grader: Any = answered, writer: Any = RIGHT, auto: bool = False,
                 check: float = 0.0, **options: Any) -> None:  # fmt: skip
        self.grader, self.writer = Scripted(grader, id="grader"), Scripted(writer, id="writer")
        text = POLICY.format(auto=str(auto).lower(), check=check)
        delegating = open_delegation(text=text, models=[self.grader, self.writer])
        self.runtime: Runtime = runtime_in(folder, delegation=delegating, **options)
        self.grade = self.runtime.compile(PROGRAM).grade

    def learn(self, *points: int) -> None:
        for number in points or range(0, 100, 8):
            assert self.grade(number) == ("pass" if number >= 50 else "fail")

    @property
    def function(self) -> Function:
        (found,) = samples_of(self.runtime).all()
        return found

    def distil(self) -> Any:
        return distil(self.runtime, samples_of(self.runtime), self.function, model="writer", pairs=10)


def test_answers_are_recorded_with_what_was_asked(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn(10, 60)
    found = world.function
    assert (found.identity.name, found.identity.model) == ("grade", "grader")
    assert (found.state, found.pairs) == ("recording", 2)
    assert [pair[1:] for pair in samples_of(world.runtime).pairs(found.id)] == [
        ("[10]", '"fail"'), ("[60]", '"pass"'),
    ]  # fmt: skip


def test_a_distilled_function_answers_within_its_domain_and_the_model_elsewhere(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    world.distil()
    asked = len(world.grader.requests)
    assert [world.grade(n) for n in (1, 33, 49, 50, 77, 96)] == ["fail"] * 3 + ["pass"] * 3
    assert len(world.grader.requests) == asked
    assert world.grade(97) == "pass" and world.grade(-1) == "fail"
    assert len(world.grader.requests) == asked + 2


def test_it_is_used_by_other_processes_too(tmp_path: Path) -> None:
    first = World(tmp_path)
    first.learn()
    first.distil()
    first.runtime.close()
    other = World(tmp_path, grader=TimedOut("grader", "down"))
    assert other.grade(77) == "pass" and other.grader.requests == []


def test_by_itself_after_so_many_consistent_answers(tmp_path: Path) -> None:
    world = World(tmp_path, auto=True)
    world.learn(*range(0, 90, 10))
    assert world.runtime.learned is not None
    world.runtime.learned.wait()
    assert world.function.state == "recording" and world.writer.requests == []
    world.learn(90)
    world.runtime.learned.wait()
    assert world.function.state == "distilled"
    asked = len(world.grader.requests)
    assert world.grade(55) == "pass" and len(world.grader.requests) == asked


def test_what_is_published_is_signed_certified_and_says_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    solution = world.distil()
    (entry,) = world.runtime.store.list()
    assert (entry.status, entry.digest) == ("Verified", solution.module)
    assert entry.name.startswith("distilled.grade-")
    source = world.runtime.store.source(entry)
    assert source is not None and "example" not in source and "points: 50" not in source
    task = "The grade of some points: 50 and above pass"
    found = world.runtime.search(f'(declare g [n : Int] : String "{task}")')
    assert found.hit is None


def test_a_fifth_of_the_pairs_is_in_no_prompt(tmp_path: Path) -> None:
    world = World(tmp_path, writer=WRONG)
    world.learn()
    with pytest.raises(NotAccepted):
        world.distil()
    text = " ".join(message.content for request in world.writer.requests for message in request.messages)
    shown = {int(n) for n in re.findall(r"\(grade (\d+)\) =>", text)}
    assert len(shown) == 10 and len(set(range(0, 100, 8)) - shown) == 3


def test_a_table_of_the_answers_is_refused(tmp_path: Path) -> None:
    cases = " ".join(f'{n} "{"pass" if n >= 50 else "fail"}"' for n in range(0, 100, 8))
    table = f'(defn grade [points : Int] : String (get {{{cases}}} points "fail"))'
    world = World(tmp_path, writer=table)
    world.learn()
    with pytest.raises(NotAccepted, match="lists the examples"):
        world.distil()
    assert world.runtime.store.list() == []


def test_what_was_refused_is_tried_again_with_twice_as_many(tmp_path: Path) -> None:
    world = World(tmp_path, writer=WRONG)
    world.learn()
    with pytest.raises(NotAccepted):
        world.distil()
    found = world.function
    assert (found.state, found.next_at) == ("refused", 26) and "no answer may be published" in found.reason
    assert world.grade(3) == "fail"  # the model still answers


def test_an_inconsistent_function_is_never_distilled(tmp_path: Path) -> None:
    World(tmp_path, grader='"fail"').grade(10)
    world = World(tmp_path, grader='"pass"')  # its caches are its own
    assert world.grade(10) == "pass"
    assert world.function.state == "inconsistent"
    with pytest.raises(NotDistillable, match="is not consistent"):
        world.distil()


def test_too_few_answers_are_not_distilled(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn(1, 2, 3)
    with pytest.raises(NotDistillable, match="has 3 recorded calls; 10 are needed"):
        world.distil()
    assert world.writer.requests == []


def test_a_checked_call_that_disagrees_withdraws_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    world.distil()
    strict = World(tmp_path, grader='"merit"', check=1.0)
    assert strict.grade(77) == "merit"
    found = strict.function
    assert found.state == "withdrawn" and found.reason == '[77] gave "pass", the model "merit"'
    assert strict.grade(55) == "merit"  # not used any more


def test_a_checked_call_that_agrees_changes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    world.distil()
    strict = World(tmp_path, check=1.0)
    assert strict.grade(77) == "pass" and len(strict.grader.requests) == 1
    assert strict.function.state == "distilled"


def test_a_model_that_is_down_when_it_is_checked_costs_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    world.distil()
    strict = World(tmp_path, grader=TimedOut("grader", "down"), check=1.0)
    assert strict.grade(77) == "pass"


def test_a_distilled_function_that_fails_in_its_domain_is_withdrawn(tmp_path: Path) -> None:
    body = '(if (= points 77) (str (/ 1 0)) (if (>= points 50) "pass" "fail"))'
    fails = f"(defn grade [points : Int] : String {body})"
    world = World(tmp_path, writer=fails)
    world.learn()
    world.distil()
    assert world.grade(77) == "pass"
    assert world.function.state == "withdrawn" and "[77] ends in an error" in world.function.reason


def test_a_revoked_module_is_not_used(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    world.distil()
    (entry,) = world.runtime.store.list()
    world.runtime.store.revoke(entry, "wrong")
    asked = len(world.grader.requests)
    assert world.grade(77) == "pass" and len(world.grader.requests) == asked + 1


def test_another_revision_of_the_model_starts_anew(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    world.distil()
    newer = World(tmp_path, check=1.0)
    newer.grader.revision = "2"
    assert newer.grade(77) == "pass"
    assert (newer.function.state, newer.function.pairs) == ("recording", 1)


def test_tenants_do_not_share_what_was_learned(tmp_path: Path) -> None:
    world = World(tmp_path, environment=Environment("acme"))
    world.learn()
    world.distil()
    other = World(tmp_path, environment=Environment("other"))
    assert other.grade(77) == "pass" and len(other.grader.requests) == 1


def test_private_data_are_not_recorded(tmp_path: Path) -> None:
    world = World(tmp_path, environment=Environment(privacy="private"))
    world.learn(1, 2)
    assert samples_of(world.runtime).all() == []


def test_without_the_section_nothing_is_recorded(tmp_path: Path) -> None:
    delegating = open_delegation(models=[Scripted(answered, id="grader")])
    runtime = runtime_in(tmp_path, delegation=delegating)
    assert runtime.compile(PROGRAM).grade(60) == "pass"
    assert runtime.learned is None and not samples_of(runtime).path.exists()


def test_a_file_that_cannot_be_used_fails_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)

    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    assert world.runtime.learned is not None
    monkeypatch.setattr(world.runtime.learned.samples, "add", broken)
    monkeypatch.setattr(world.runtime.learned.samples, "find", broken)
    world.learn(1, 60)


def test_functions_of_other_names_are_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.runtime.learned is not None
    object.__setattr__(world.runtime.learned.settings, "functions", ("score-*",))
    world.learn(1)
    assert samples_of(world.runtime).all() == []


def test_the_same_pairs_are_shown_whatever_their_order() -> None:
    doc = "Grade it\nexample: (grade 1) => 1"
    identity = Identity("", "m/grade", "(declare m/grade [n : Int] : Int)", "aa", doc, "m")
    pairs = [Pair(n, f"[{n}]", str(n)) for n in range(20)]
    one, other = task_of(identity, pairs), task_of(identity, pairs[::-1])
    assert one == other and (len(one.shown), len(one.kept)) == (16, 4)
    assert (one.text, one.name, one.signature) == ("Grade it", "grade", "(declare grade [n : Int] : Int)")
    assert one.doc == ""


def test_threads_share_what_was_learned(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.learn()
    world.distil()
    modules = [world.runtime.compile(PROGRAM) for _ in range(4)]
    asked = len(world.grader.requests)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda module: [module.grade(n) for n in range(1, 96)], modules))
    assert all(answers == ["fail"] * 49 + ["pass"] * 46 for answers in found)
    assert len(world.grader.requests) == asked


@pytest.mark.parametrize("engine", ["wasm", "evaluator"])
def test_both_engines_learn_and_recall(tmp_path: Path, engine: str) -> None:
    world = World(tmp_path, engine=engine)
    world.learn()
    world.distil()
    asked = len(world.grader.requests)
    assert world.grade(61) == "pass" and len(world.grader.requests) == asked


def test_answers_that_are_maps_of_vectors(tmp_path: Path) -> None:
    program = """\
(defn ^:delegation :local-model "grader" stats "Length and sum of a vector" [xs : [:vector :int]]
  : [:map [:n :int] [:sum :int]] {:n 0 :sum 0})
"""
    right = """\
(defn stats [xs : [:vector :int]] : [:map [:n :int] [:sum :int]] {:n (count xs) :sum (reduce + 0 xs)})
"""

    def total(request: Request) -> str:
        (text,) = re.findall(r"xs = \[([^\]]*)\]", request.messages[-1].content)
        numbers = [int(word) for word in text.split()]
        return f"{{:n {len(numbers)} :sum {sum(numbers)}}}"

    world = World(tmp_path, grader=total, writer=right)
    stats = world.runtime.compile(program).stats
    for n in range(14):
        stats(list(range(n % 3, n + 1)))
    world.distil()
    asked = len(world.grader.requests)
    assert stats([3, 4, 5]) == {Keyword("n"): 3, Keyword("sum"): 12}
    assert len(world.grader.requests) == asked
    assert stats([100]) == {Keyword("n"): 1, Keyword("sum"): 100}
    assert len(world.grader.requests) == asked + 1


def test_a_fault_while_distilling_is_kept_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("runtime.solving.learned.distil", broken)
    world = World(tmp_path, auto=True)
    world.learn()
    assert world.runtime.learned is not None
    world.runtime.learned.wait()
    assert (world.function.state, world.function.reason) == ("refused", "out of luck")


@pytest.mark.parametrize(("head", "tail"), [("", ""), ("(module marks (:exports [grade twice])\n", ")")])
def test_calls_that_a_rule_gives_to_a_model_are_learned_too(tmp_path: Path, head: str, tail: str) -> None:
    program = """\
(defn grade "The grade of some points" [points : Int] : String "nobody")
(defn twice [points : Int] : [:vector :string] [(grade points) (grade (+ points 1))])
"""
    rule = '[[rule]]\nsymbol = "grade"\ntarget = "local-grader"\n'
    grader, writer = Scripted(answered, id="grader"), Scripted(RIGHT, id="writer")
    text = rule + POLICY.format(auto="false", check=0.0)
    runtime = runtime_in(tmp_path, delegation=open_delegation(text=text, models=[grader, writer]))
    module = runtime.compile(head + program + tail)
    for n in range(0, 100, 16):
        module.twice(n)
    (found,) = samples_of(runtime).all()
    assert found.pairs == 14 and found.identity.name.rpartition("/")[2] == "grade"
    distil(runtime, samples_of(runtime), found, model="writer", pairs=10)
    asked = len(grader.requests)
    assert module.twice(49) == ["fail", "pass"] and len(grader.requests) == asked
