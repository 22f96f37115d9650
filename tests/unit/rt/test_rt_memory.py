from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from rt_harness import ROOT, Kw, Native, Rt, Wasm, encode

from backend_wasm import layout as L
from rtfsc.primitives.ops import OPS
from runtime.values.layout import ERROR_KINDS

MEMORY_LIMIT = 1 + [kind[0] for kind in ERROR_KINDS].index("MemoryLimit")


@pytest.fixture(params=["native", "wasm"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Rt]:
    if request.param == "wasm":
        yield Rt(Wasm(8 << 20))
        return
    native = Native(request.getfixturevalue("native_library"), 8 << 20)
    yield Rt(native)
    native.close()


def test_every_op_is_exported(fresh: Rt) -> None:
    names = {op.c_name for op in OPS.values() if not op.inline}
    if isinstance(fresh.engine, Wasm):
        assert names <= {export.name for export in fresh.engine.module.exports}
    else:
        assert all(hasattr(fresh.engine.lib, name) for name in names)


def test_keywords_are_interned_and_forgotten_by_reset(fresh: Rt) -> None:
    known = fresh.put(Kw("before"))
    fresh.set_state(L.STATE_MARK, fresh.state(L.STATE_HP))
    fresh.set_state(L.STATE_FRESH, 0)
    mark = fresh.state(L.STATE_MARK)
    assert fresh.put(Kw("before")) == known and fresh.state(L.STATE_FRESH) == 0
    for round_ in range(3):  # enough names to replace the table twice
        names = [fresh.put(Kw(f"name-{i}")) for i in range(900)]
        assert fresh.state(L.STATE_FRESH) == 900
        assert [fresh.put(Kw(f"name-{i}")) for i in range(900)] == names
        fresh.engine.invoke("rt_reset", "i32")
        assert (fresh.state(L.STATE_HP), fresh.state(L.STATE_FRESH)) == (mark, 0)
        assert fresh.put(Kw("before")) == known
        assert fresh.take(known) == "before", round_
    assert fresh.put(Kw("type-error")) == fresh.put(Kw("type-error")) and fresh.state(L.STATE_FRESH) == 0


def test_a_value_from_before_survives_what_was_appended_to_it(fresh: Rt) -> None:
    v = fresh.op("builder")
    for i in range(3):
        v = fresh.op("builder.push", v, fresh.put(i))
    v = fresh.op("builder.done", v)  # its tail has room: the next append happens in place
    fresh.set_state(L.STATE_MARK, fresh.state(L.STATE_HP))
    for _ in range(2):
        assert fresh.take(fresh.op("conj", v, fresh.put("x"))) == [0, 1, 2, "x"]
        fresh.engine.invoke("rt_reset", "i32")
        assert fresh.take(v) == [0, 1, 2]


def test_the_memory_limit_traps_in_wasm() -> None:
    import wasmtime

    rt = Rt(Wasm(2 << 20))
    mark = rt.state(L.STATE_HP)
    with pytest.raises(wasmtime.Trap):
        rt("range1", 1_000_000)
    assert rt.state(L.STATE_TRAP) == MEMORY_LIMIT
    rt.set_state(L.STATE_MARK, mark)
    rt.engine.invoke("rt_reset", "i32")
    assert rt("range1", 1000) == list(range(1000))
    with pytest.raises(wasmtime.Trap):
        rt("range", -(2**63), 2**63 - 1)


GUARDED = r"""
#include "rt.h"
static void fill(void *n) { rt_range1(rt_box_int(*(int64_t *)n)); }
static void nest(void *n) { *(int64_t *)n = rt_guarded(fill, n); rt_trap(RT_ERRKIND_FUEL_EXHAUSTED); }
int guarded_fill(char *base, int64_t n) { rt_enter(base); return rt_guarded(fill, &n); }
int guarded_nest(char *base, int64_t *n) { rt_enter(base); return rt_guarded(nest, n); }
"""


def test_native_traps_return_to_the_innermost_guard(tmp_path: Path) -> None:
    from rt_harness import build_native

    (tmp_path / "guarded.c").write_text(GUARDED)
    native = Native(build_native(tmp_path, "-Ibackend_wasm/rt", str(tmp_path / "guarded.c")), 2 << 20)
    lib, base = native.lib, ctypes.c_void_p(native.base)
    mark = Rt(native).state(L.STATE_HP)
    assert lib.guarded_fill(base, ctypes.c_int64(1_000_000)) == MEMORY_LIMIT
    Rt(native).set_state(L.STATE_HP, mark)
    assert lib.guarded_fill(base, ctypes.c_int64(1000)) == 0
    n = ctypes.c_int64(1_000_000)
    assert lib.guarded_nest(base, ctypes.byref(n)) == 1 + L.ERRKIND_FUEL_EXHAUSTED and n.value == MEMORY_LIMIT
    native.close()


def test_hostile_buffers_are_refused_or_read_but_never_run_out(fresh: Rt) -> None:
    generator = random.Random(7)
    sample = encode({Kw("a"): [1, 2.5, "text", None], "b": [[], {1: True}], 3: Kw("k")})
    mark = fresh.state(L.STATE_HP)
    refused = 0
    for _ in range(3000):
        data = bytearray(sample)
        for _ in range(generator.randint(1, 4)):
            data[generator.randrange(len(data))] = generator.choice(
                [0, 1, 8, 11, 13, 14, 18, 19, 127, 255, generator.randrange(256)]
            )
        if generator.random() < 0.3:
            del data[generator.randrange(0, len(data), 8) :]
        refused += fresh.put_bytes(bytes(data)) == L.SPECIAL_UNDEF
        fresh.set_state(L.STATE_MARK, mark)
        fresh.engine.invoke("rt_reset", "i32")
    assert 500 < refused < 3000
    assert fresh.put_bytes(b"") == L.SPECIAL_UNDEF
    assert fresh.take(fresh.put([1, Kw("a")])) == [1, "a"]


def test_a_builder_that_is_done_can_no_longer_be_changed(fresh: Rt) -> None:
    builder = fresh.op("builder")
    for i in range(40):
        builder = fresh.op("builder.push", builder, fresh.put(i))
    done = fresh.op("builder.done", builder)
    pushed = [fresh.op("builder.push", builder, fresh.put("x")) for _ in range(2)]
    for i in range(100):
        pushed[1] = fresh.op("builder.push", pushed[1], fresh.put(i))
    assert fresh.take(done) == list(range(40))
    assert fresh.take(fresh.op("builder.done", pushed[0])) == [*range(40), "x"]
    assert fresh.take(fresh.op("builder.done", pushed[1])) == [*range(40), "x", *range(100)]
    assert fresh.take(fresh.op("builder.done", done)) == list(range(40))


def test_the_library_stays_small() -> None:
    assert (ROOT / "backend_wasm/rt.wasm").stat().st_size <= 250_000
