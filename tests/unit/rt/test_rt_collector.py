"""The collector against a model: Python values beside their boxed twins, which live on the stack of roots."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from rt_harness import Kw, Ls, Rt

from backend_wasm import layout as L


class Roots:
    """Values of the instance that collections may move, with what they must be equal to."""

    def __init__(self, rt: Rt) -> None:
        self.rt, self.models = rt, []  # type: ignore[var-annotated]
        rt.set_state(L.STATE_ROOTS, L.LIMITS_ROOTS_BASE)

    def __len__(self) -> int:
        return len(self.models)

    def add(self, boxed: int, model: Any) -> None:
        self.models.append(model)
        self.set(len(self.models) - 1, boxed)
        self.rt.set_state(L.STATE_ROOTS, L.LIMITS_ROOTS_BASE + 8 * len(self.models))

    def set(self, i: int, boxed: int) -> None:
        self.rt.engine.write(L.LIMITS_ROOTS_BASE + 8 * i, struct.pack("<Q", boxed))

    def boxed(self, i: int) -> int:
        return self.rt.state(L.LIMITS_ROOTS_BASE + 8 * i, 8)

    def drop(self, i: int) -> None:
        self.set(i, self.boxed(len(self.models) - 1))
        self.models[i] = self.models[-1]
        self.models.pop()
        self.rt.set_state(L.STATE_ROOTS, L.LIMITS_ROOTS_BASE + 8 * len(self.models))

    def check(self) -> None:
        for i, model in enumerate(self.models):
            assert self.rt.take(self.boxed(i)) == model


@pytest.fixture
def roots(rt: Rt) -> Roots:
    rt.engine.invoke("rt_reset", "i32")
    rt.set_state(L.STATE_STRESS, 1)
    return Roots(rt)


def collect(rt: Rt) -> None:
    before = rt.state(L.STATE_COLLECTIONS)
    rt.engine.invoke("rt_collect", "i32")
    assert rt.state(L.STATE_COLLECTIONS) == before + 1


def live_bytes(rt: Rt) -> int:
    return rt.state(L.STATE_HP) - rt.state(L.STATE_MARK)


SAMPLES: list[Any] = [
    None, True, 1, 1 << 62, -(1 << 63), 2.5, "", "text", "Füße und mehr als acht Bytes",
    Kw("k"), Ls(), Ls((1, "a")), [], [1, 2.5, "x"], [[i] for i in range(40)], list(range(5000)),
    [str(i) for i in range(1100)], {}, {"a": 1, Kw("b"): [2]}, {i: str(i) for i in range(300)},
    {Kw(f"key-{i}"): {i: i} for i in range(40)},
]  # fmt: skip


@pytest.mark.parametrize("value", SAMPLES, ids=lambda v: repr(v)[:20])
def test_a_value_of_every_kind_survives_and_moves(rt: Rt, roots: Roots, value: Any) -> None:
    roots.add(rt.put(value), value)
    places = {roots.boxed(0)}
    for _ in range(3):
        collect(rt)
        roots.check()
        places.add(roots.boxed(0))
    if roots.boxed(0) & 7 == 0 and roots.boxed(0):
        assert len(places) > 1


def test_garbage_goes(rt: Rt, roots: Roots) -> None:
    rt.set_state(L.STATE_STRESS, 0)
    roots.add(rt.put(["keep", 1.5]), ["keep", 1.5])
    for _ in range(20):
        rt.put([str(i) for i in range(10_000)])
    assert live_bytes(rt) > 5_000_000
    collect(rt)
    roots.check()
    assert live_bytes(rt) < 300
    roots.drop(0)
    collect(rt)
    assert live_bytes(rt) == 0


def test_items_appended_by_values_that_are_gone_go_too(rt: Rt, roots: Roots) -> None:
    v = rt.op("builder.push", rt.op("builder"), rt.put("first"))
    roots.add(rt.op("builder.done", v), ["first"])
    rt.op("conj", roots.boxed(0), rt.put("x" * 100_000))  # in place, behind what the first one sees
    collect(rt)
    roots.check()
    assert live_bytes(rt) < 300
    roots.add(rt.op("conj", roots.boxed(0), rt.put("second")), ["first", "second"])
    roots.add(rt.op("conj", roots.boxed(0), rt.put("other")), ["first", "other"])
    collect(rt)
    roots.check()


def test_vectors_that_share_a_tail_keep_what_each_sees(rt: Rt, roots: Roots) -> None:
    roots.add(rt.put([]), [])
    for i in range(70):
        roots.add(rt.op("conj", roots.boxed(i), rt.put(str(i))), [str(n) for n in range(i + 1)])
        if i % 7 == 0:
            collect(rt)
    roots.check()


def test_nothing_is_appended_in_place_below_the_mark(rt: Rt, roots: Roots) -> None:
    v = rt.op("builder.done", rt.op("builder.push", rt.op("builder"), rt.put("old")))
    rt.engine.invoke("rt_settle", "i32")
    roots.add(rt.op("conj", v, rt.put("new")), ["old", "new"])
    collect(rt)
    roots.check()
    assert rt.take(v) == ["old"]


def test_a_builder_goes_on_after_a_collection(rt: Rt, roots: Roots) -> None:
    done = rt.put([str(i) for i in range(100)])
    roots.add(done, [str(i) for i in range(100)])
    roots.add(rt.op("builder.push", roots.boxed(0), rt.put("a")), None)
    roots.add(rt.op("builder.push", roots.boxed(0), rt.put("b")), None)
    for i in range(80):
        collect(rt)
        roots.set(1, rt.op("builder.push", roots.boxed(1), rt.put(f"a{i}")))
        roots.set(2, rt.op("builder.push", roots.boxed(2), rt.put(f"b{i}")))
    for slot, letter in ((1, "a"), (2, "b")):
        rt.op("builder.done", roots.boxed(slot))
        roots.models[slot] = [*roots.models[0], letter, *(f"{letter}{i}" for i in range(80))]
    roots.check()


def test_new_names_are_forgotten_unless_they_are_used(rt: Rt, roots: Roots) -> None:
    rt.set_state(L.STATE_STRESS, 0)
    for round_ in range(5):
        for i in range(3000):
            rt.put(Kw(f"gone-{round_}-{i}"))
        roots.add(rt.put(Kw(f"kept-{round_}")), f"kept-{round_}")
        collect(rt)
        roots.check()
        for i in range(len(roots)):
            assert rt.put(Kw(f"kept-{i}")) == roots.boxed(i)
    assert rt.state(L.STATE_FRESH) > 0
    rt.engine.invoke("rt_reset", "i32")
    assert live_bytes(rt) == 0 and rt.put(Kw("type-error")) == rt.put(Kw("type-error"))


def test_handles_are_roots_and_are_used_again(rt: Rt, roots: Roots) -> None:
    handles = [rt.engine.invoke("rt_handle", "i32", ("val", rt.put([str(i)]))) for i in range(40)]
    assert handles == list(range(40))
    for i in range(0, 40, 2):
        rt.engine.invoke("rt_handle_close", "i32", ("i32", i))
    rt.put("x" * 1_000_000)
    rt.engine.invoke("rt_evacuate", "i32")
    assert live_bytes(rt) < 4000
    for i in range(1, 40, 2):
        assert rt.take(rt.engine.invoke("rt_handle_value", "val", ("i32", i))) == [str(i)]
    again = {rt.engine.invoke("rt_handle", "i32", ("val", rt.put(i))) for i in range(20)}
    assert again == set(range(0, 40, 2))


def test_what_is_kept_stays_where_it_is(rt: Rt, roots: Roots) -> None:
    rt.put("garbage" * 100)
    kept = rt.engine.invoke("rt_keep", "val", ("val", rt.put({"a": [1, 2.5]})))
    assert live_bytes(rt) == 0
    roots.add(rt.put([1, "x"]), [1, "x"])
    collect(rt)
    roots.check()
    assert rt.take(kept) == {"a": [1, 2.5]}


def test_deep_structures_need_no_deep_stack(rt: Rt, roots: Roots) -> None:
    roots.add(rt.put([]), [])
    for _ in range(100_000):
        roots.set(0, rt.op("vector", roots.boxed(0), roots.boxed(0)))
    collect(rt)
    rt.set_state(L.STATE_STRESS, 0)
    before = live_bytes(rt)
    collect(rt)
    assert live_bytes(rt) == before


@pytest.mark.parametrize("seed", range(6))
def test_random_work_with_a_collection_after_every_step(rt: Rt, roots: Roots, seed: int) -> None:
    r = random.Random(seed)

    def value() -> Any:
        return r.choice(
            [r.randrange(100), 1 << 62, r.random(), f"s{r.randrange(50)}", Kw(f"k{r.randrange(500)}")]
        )

    for _ in range(250):
        of = [i for i in range(len(roots)) if isinstance(roots.models[i], (list, dict))]
        kind = r.randrange(8) if of else 0
        if kind <= 1:
            model: Any = r.choice([[], {}, [value() for _ in range(r.choice([3, 31, 33, 1030]))],
                                   {str(i): value() for i in range(r.choice([2, 9, 100]))}])  # fmt: skip
            roots.add(rt.put(model), model)
        elif kind == 2:
            roots.drop(r.randrange(len(roots)))
        else:
            i = r.choice(of)
            model, item = roots.models[i], value()
            boxed_item = rt.put(item)
            if r.random() < 0.3:
                other = r.choice(of)
                item, boxed_item = roots.models[other], roots.boxed(other)
            if len(str(item)) > 20_000:
                continue
            if isinstance(model, dict):
                key = r.choice([*model, "new", Kw("a-keyword"), 7])
                if r.random() < 0.3:
                    rest = {k: v for k, v in model.items() if k != key}
                    roots.add(rt.op("dissoc", roots.boxed(i), rt.put(key)), rest)
                else:
                    roots.add(rt.op("assoc", roots.boxed(i), rt.put(key), boxed_item), {**model, key: item})
            elif kind == 3 and model:
                roots.add(rt.op("rest", roots.boxed(i)), model[1:])
            elif kind == 4:
                n = r.randrange(len(model) + 1)
                roots.add(rt.op("take", rt.put(n), roots.boxed(i)), model[:n])
            elif kind == 5 and model:
                n = r.randrange(len(model))
                roots.add(
                    rt.op("assoc", roots.boxed(i), rt.put(n), boxed_item), [*model[:n], item, *model[n + 1 :]]
                )
            else:
                roots.add(rt.op("conj", roots.boxed(i), boxed_item), [*model, item])
        collect(rt)
    roots.check()
