"""Serialised IR: round trips, canonical bytes, and nothing but IRError for corrupt ones."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ir_generator import modules
from ir_samples import EVERYTHING

from rtfsc.ir.backend import IrBackend
from rtfsc.ir.errors import IRError
from rtfsc.ir.nodes import INIT, Function, Module, Prim, integer
from rtfsc.ir.serial import Bundle, dump_bundle, dumps, loads, read_note
from rtfsc.ir.text import parse, show, show_function
from rtfsc.ir.types import NUM
from rtfsc.ir.verify import verify

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(modules())
def test_generated_modules_round_trip(module):
    verify(module)
    data = dumps(module)
    again = loads(data)
    assert show(again) == show(module)
    assert dumps(again) == data
    verify(again)
    text = show(module)
    assert show(parse(text)) == text
    verify(parse(text))


def test_every_kind_of_node_survives():
    module = parse(EVERYTHING)
    assert show(loads(dumps(module))) == EVERYTHING


def test_same_module_same_bytes():
    assert dumps(parse(EVERYTHING)) == dumps(parse(EVERYTHING))


def test_the_note_is_carried():
    data = dumps(parse(EVERYTHING), '{"level":2}')
    assert read_note(data) == '{"level":2}'
    assert show(loads(data)) == EVERYTHING


def test_truncated_bytes():
    data = dumps(parse(EVERYTHING))
    for n in range(len(data)):
        try:
            module = loads(data[:n])
        except IRError:
            continue
        assert list(module.functions) != ["fact", "lam", INIT], "cut off between two functions at most"


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_flipped_bytes_load_and_verify_or_are_refused(data):
    raw = bytearray(dumps(parse(EVERYTHING)))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        module = loads(bytes(raw))
        verify(module)
        show(module)
    except IRError:
        pass


@given(st.binary(max_size=60))
def test_noise_is_refused(noise):
    with pytest.raises(IRError):
        loads(noise)


def test_other_version_is_named():
    data = bytearray(dumps(parse(EVERYTHING)))
    data[7] = 99
    with pytest.raises(IRError, match="version"):
        loads(bytes(data))


def test_nesting_is_bounded():
    body = integer(0)
    for _ in range(12_000):
        body = Prim("num.inc", [body], NUM)
    data = dumps(Module("m", {INIT: Function(INIT, [], body)}))
    with pytest.raises(IRError, match="deep"):
        loads(data)


def test_bundle_gives_single_functions():
    functions = list(parse(EVERYTHING).functions.values())
    data = dump_bundle(functions)
    bundle = Bundle(data)
    assert sorted(bundle.names()) == sorted(f.name for f in functions)
    for f in functions:
        assert f.name in bundle
        assert show_function(bundle.function(f.name)) == show_function(f)
    assert bundle.function("lam") is not bundle.function("lam")
    assert dump_bundle(reversed(functions)) == data
    with pytest.raises(KeyError):
        bundle.function("nope")


def test_corrupt_bundles():
    data = dump_bundle(parse(EVERYTHING).functions.values())
    for n in range(len(data)):
        with pytest.raises(IRError):
            Bundle(data[:n])
    with pytest.raises(IRError):
        Bundle(dumps(parse(EVERYTHING)))


def test_backend_writes_verified_ir_with_its_action():
    module = parse('(module "m" (function $init (params) 1))')
    data = IrBackend().compile(module, action={"level": 2, "a": 1})
    assert show(loads(data)) == show(module)
    assert read_note(data) == '{"a":1,"level":2}'
    with pytest.raises(IRError):
        IrBackend().compile(parse('(module "m" (function $init (params) (call nope)))'))
