"""Collections against Python models: random programs of persistent operations, old versions kept alive."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rt_harness import Err, Kw, Ls, Raised, Rt

relaxed = settings(max_examples=60)
sizes = st.sampled_from([0, 1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 1023, 1024, 1025, 1056, 1057, 2100])


def error(rt: Rt, name: str, *args: object) -> Err:
    with pytest.raises(Raised) as caught:
        rt(name, *args)
    return caught.value.error


@relaxed
@given(
    start=sizes,
    steps=st.lists(
        st.tuples(
            st.sampled_from(["push", "rest", "slice", "set", "concat", "cons", "back"]), st.integers(0, 2**20)
        ),
        max_size=25,
    ),
)
def test_vectors_behave_as_python_lists(rt: Rt, start: int, steps: list[tuple[str, int]]) -> None:
    versions: list[tuple[int, list[Any]]] = [(rt.put(list(range(start))), list(range(start)))]
    v, model = versions[0]
    for action, n in steps:
        if action == "push":
            for i in range(n % 40):
                v, model = rt.op("conj", v, rt.put(i)), [*model, i]
        elif action == "rest":
            v, model = rt.op("rest", v), model[1:]
        elif action == "slice":
            a, b = sorted((n % (len(model) + 1), n // 7 % (len(model) + 1)))
            v, model = rt.op("seq.slice", v, a, b), model[a:b]
        elif action == "set" and model:
            i = n % len(model)
            v, model = rt.op("assoc", v, rt.put(i), rt.put(-n)), [*model[:i], -n, *model[i + 1 :]]
        elif action == "concat":
            other, items = versions[n % len(versions)]
            v, model = rt.op("concat", v, other), model + items
        elif action == "cons":
            v, model = rt.op("cons", rt.put(n), v), [n, *model]
        elif action == "back":
            v, model = versions[n % len(versions)]
        if len(model) > 6000:
            v, model = versions[0]
        versions.append((v, model))
    for value, items in versions:
        assert rt.take(value) == items
        if items:
            assert rt.take(rt.op("seq.nth", value, len(items) - 1)) == items[-1]


keys = st.one_of(
    st.integers(-5, 60),
    st.integers(2**62 - 2, 2**62 + 2),
    st.sampled_from(["a", "b", "c", "é"]),
    st.sampled_from(["a", "b", "c"]).map(Kw),
)


@relaxed
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["put", "put", "put", "put", "drop", "merge", "back"]), keys, st.integers(0, 99)
        ),
        max_size=120,
    )
)
def test_maps_keep_insertion_order(rt: Rt, steps: list[tuple[str, Any, int]]) -> None:
    def tagged(key: Any) -> tuple[bool, Any]:  # a keyword is not the string of the same spelling
        return (isinstance(key, Kw), key)

    m, model = rt.put({}), dict[Any, Any]()
    versions = [(m, model)]
    for action, key, n in steps:
        if action == "put":
            m, model = rt.op("assoc", m, rt.put(key), rt.put(n)), {**model, tagged(key): n}
        elif action == "drop":
            m, model = rt.op("dissoc", m, rt.put(key)), {k: v for k, v in model.items() if k != tagged(key)}
        elif action == "merge":
            other, entries = versions[n % len(versions)]
            m, model = rt.op("merge", m, other), {**model, **entries}
        else:
            m, model = versions[n % len(versions)]
        versions.append((m, model))
    for value, entries in versions:
        assert rt.take(rt.op("keys", value)) == [k for _, k in entries]
        assert rt.take(rt.op("vals", value)) == list(entries.values())
        for key in (3, "a", Kw("a"), 2**62):
            assert rt.take(rt.op("map.get", value, rt.put(key))) == entries.get(tagged(key))
            assert rt.op("map.has", value, rt.put(key)) == (tagged(key) in entries)


def test_large_map_with_removals_compacts_and_stays_right(rt: Rt) -> None:
    m = rt.put({i: i for i in range(3000)})
    for i in range(0, 3000, 3):
        m = rt.op("dissoc", m, rt.put(i))
    m = rt.op("assoc", m, rt.put(0), rt.put("again"))
    expected = [i for i in range(3000) if i % 3] + [0]
    assert rt.take(rt.op("keys", m)) == expected
    for i in range(1, 2990):
        m = rt.op("dissoc", m, rt.put(i))
    assert rt.take(m) == {**{i: i for i in range(2990, 3000) if i % 3}, 0: "again"}


def test_map_equality_ignores_order_and_history(rt: Rt) -> None:
    forward = rt.put({i: [i] for i in range(100)})
    backward = rt.put({i: [i] for i in reversed(range(100))})
    assert rt.op("eq", forward, backward) == 1
    assert rt.op("compare", forward, backward) == 0
    changed = rt.op("assoc", backward, rt.put(50), rt.put([51]))
    assert rt.op("eq", forward, changed) == 0
    assert rt.op("compare", forward, changed) == -1
    assert rt.take(rt.op("distinct", rt.op("vector", forward, backward, changed))) == [
        rt.take(forward),
        rt.take(changed),
    ]


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-9, 9),
        st.floats(-9, 9),
        st.text("ab", max_size=2),
        st.sampled_from("xy").map(Kw),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(Ls),
        st.dictionaries(st.sampled_from(["a", "b", 1]), inner, max_size=3),
    ),
    max_leaves=8,
)


@relaxed
@given(items=st.lists(values, max_size=12))
def test_order_is_total_and_sorting_stable(rt: Rt, items: list[Any]) -> None:
    boxed = [rt.put(item) for item in items]
    for a in boxed:
        for b in boxed:
            assert rt.op("compare", a, b) == -rt.op("compare", b, a)
            if rt.op("eq", a, b):
                assert rt.op("compare", a, b) == 0
    result = rt.op("sort", rt.op("vector", *boxed))
    parts = [rt.op("seq.nth", result, i) for i in range(len(items))]
    assert all(rt.op("compare", a, b) <= 0 for a, b in pairwise(parts))
    assert sorted(rt.take(rt.op("str.pr", p)) for p in parts) == sorted(
        rt.take(rt.op("str.pr", b)) for b in boxed
    )


@relaxed
@given(items=st.lists(values, max_size=12))
def test_distinct_agrees_with_equality(rt: Rt, items: list[Any]) -> None:
    boxed = [rt.put(item) for item in items]
    kept: list[int] = []
    for item in boxed:
        if not any(rt.op("eq", k, item) for k in kept):
            kept.append(item)
    assert rt.take(rt.op("distinct", rt.op("vector", *boxed))) == [rt.take(k) for k in kept]


def test_kinds_sort_in_their_order(rt: Rt) -> None:
    ordered = [None, False, True, -1, 0.5, 1, "a", "é", Kw("a"), [], [1], [1, 0], [2], Ls(), {}, {Kw("a"): 1}]
    assert rt("sort", list(reversed(ordered))) == ordered


def test_parts_of_sequences(rt: Rt) -> None:
    assert rt("first", "éa") == "é" and rt("first", []) is None and rt("first", Ls((1,))) == 1
    assert rt("rest", "éa") == "a" and rt("rest", []) == [] and rt("rest", Ls((1, 2))) == Ls((2,))
    assert rt("last", "aé") == "é" and rt("last", "") == "" and rt("last", [1, 2]) == 2
    assert (
        rt("take", 2, [1, 2, 3]) == [1, 2] and rt("take", -1, [1, 2]) == [1, 2] and rt("drop", -1, [1]) == []
    )
    assert (
        rt("drop", 1, "aéb") == "éb"
        and rt("reverse", "aéb") == "béa"
        and rt("reverse", Ls((1, 2))) == Ls((2, 1))
    )
    assert rt("partition", 2, [1, 2, 3]) == [[1, 2], [3]] and rt("partition", 5, []) == []
    assert rt("concat", [1], Ls((2,)), "aé", None, {1: 2}, 3) == [1, 2, "a", "é", None, {1: 2}, 3]
    assert rt("nth3", [1], 1, Kw("none")) == Kw("none")
    assert rt("subvec3", [1, 2, 3], 1, 2) == [2] and rt("subvec", [1, 2, 3], 3) == []
    assert error(rt, "subvec", [1], 2).kind == "IndexOutOfBounds"
    assert error(rt, "subvec3", [1, 2], 2, 1).kind == "IndexOutOfBounds"
    assert error(rt, "partition", 0, [1]).kind == "TypeError"
    assert error(rt, "first", None).message == "Type error in first: expected vector, list or string, got nil"
    assert [rt("empty", v) for v in (None, "", [], Ls(), {}, 0, [None])] == [1, 1, 1, 1, 1, 0, 0]


def test_ranges(rt: Rt) -> None:
    assert rt("range1", 3) == [0, 1, 2] and rt("range", 2, 5) == [2, 3, 4] and rt("range", 5, 2) == []
    assert rt("range3", 10, 0, -3) == [10, 7, 4, 1] and rt("range3", 0, 10, 4) == [0, 4, 8]
    assert rt("range3", 2**63 - 3, 2**63 - 1, 5) == [2**63 - 3]
    assert rt("numbers", 1.9, 3) == [1, 2, 3]
    assert error(rt, "range3", 0, 1, 0).kind == "InvalidArgument"


def test_look_ups(rt: Rt) -> None:
    m = {Kw("a"): {"b": [10, None]}}
    assert rt("get-in", m, [Kw("a"), "b", 0]) == 10
    assert (
        rt("get-in-or", m, [Kw("a"), "x", 0], "d") == "d"
        and rt("get-in-or", m, [Kw("a"), "b", 1], "d") is None
    )
    assert rt("get-in", 5, []) == 5
    assert (
        rt("get", [1], -1) is None and rt("get-or", [1], 1, 2) == 2 and rt("get", {1.0 and 1: 2}, 1.0) is None
    )
    assert error(rt, "get", None, 1).message == "Type error in get: expected map or vector, got nil"
    assert rt("kw-get", Kw("a"), None) is None and rt("kw-get-or", Kw("z"), m, 7) == 7
    assert error(rt, "kw-get", Kw("a"), [1]).message == "Type error in :a: expected map, got vector"
    assert rt("find", m, Kw("a")) == [Kw("a"), {"b": [10, None]}] and rt("find", m, 2.0) is None
    assert (
        rt("contains", [1, [2]], [2]) is True
        and rt("contains", "aéb", "éb") is True
        and rt("contains", {1: 1}, 1.5) is False
    )


def test_map_builders(rt: Rt) -> None:
    assert rt("map", 1, "a", 2, "b", 1, "c") == {1: "c", 2: "b"}
    assert error(rt, "map", 1).kind == "ArityMismatch"
    assert error(rt, "map", 1.5, 2).message == "Type error in hash-map: expected map key, got float"
    assert rt("select-keys", {1: 2, 3: 4, 5: 6}, [5, 1, 9]) == {5: 6, 1: 2}
    assert rt("rename-keys", {1: 2, 3: 4}, {1: Kw("one")}) == {Kw("one"): 2, 3: 4}
    assert rt("frequencies", "abca") == {"a": 2, "b": 1, "c": 1}
    assert error(rt, "frequencies", [None]).kind == "TypeError"
    assert rt("into", [1], {2: 3}) == [1, [2, 3]] and rt("into", {1: 2}, [[3, 4], [1, 5]]) == {1: 5, 3: 4}
    assert rt("into", Ls((1,)), [2]) == Ls((1, 2))
    assert error(rt, "assoc", [1], 1, 2).kind == "IndexOutOfBounds"
    assert error(rt, "merge", {}, None).message == "Type error in merge: expected map, got nil"


def test_destructuring_checks_length(rt: Rt) -> None:
    assert rt("destructure.vec", Ls((1, 2)), 2, 0) == [1, 2] and rt("destructure.vec", [1, 2, 3], 2, 1) == [
        1,
        2,
        3,
    ]
    assert (
        error(rt, "destructure.vec", [1], 2, 0).message
        == "Type error in destructuring: expected vector of 2, got vector of 1"
    )
    assert (
        error(rt, "destructure.vec", None, 2, 1).message
        == "Type error in destructuring: expected vector of at least 2, got nil"
    )
