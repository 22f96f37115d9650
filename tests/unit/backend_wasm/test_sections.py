"""Reader and writer of sections, with hostile input."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_wasm import sections as S
from backend_wasm.assemble import AssemblyError, assemble
from backend_wasm.backend import Wasm32Backend
from rtfsc.ir.parser import parse_module

MODULE = """(module "demo"
  (site 3 9 "f" 0)
  (export "f" (func f) (params "n") (types ":int") (result ":int") (doc "Doubles \\u00fc.") (variant f.i int))
  (export "x" (result ":any"))
  (global x int)
  (function f (params n) (call f.i (check n [int] @1) ^int @1))
  (function f.i (params (n int)) (result int) (int.add n n @1))
  (function $init (params) (set-global x 3)))"""


@pytest.fixture(scope="module")
def binary() -> bytes:
    return Wasm32Backend().compile(parse_module(MODULE.replace("(site 3", "(site 1 3")), action={"level": 2})


def test_the_sections_of_a_module(binary: bytes) -> None:
    assert sorted(S.read_sections(binary)) == ["producers", "rtfs.action", "rtfs.interface", "rtfs.sites"]
    assert S.read_sites(binary) == [("f", 0, 3, 9)]
    assert S.read_action(binary) == {"level": 2}
    interface = S.read_interface(binary)
    assert interface["abi"] == [1, 0] and interface["name"] == "demo"
    f, x = interface["exports"]
    assert (f["name"], f["kind"], f["params"], f["doc"]) == ("f", "function", ["n"], "Doubles ü.")
    assert f["variants"] == [{"export": "f#i", "params": "i", "result": "i", "raises": True}]
    assert (x["name"], x["kind"], x["variants"]) == ("x", "value", [])


def test_canonical_json(binary: bytes) -> None:
    payload = S.read_sections(binary)["rtfs.interface"]
    assert payload == S.canonical_json(json.loads(payload))
    assert b": " not in payload.replace(b"Doubles", b"")


def test_names_are_kept_on_demand() -> None:
    module = parse_module('(module "m" (function $init (params) nil))')
    assert "name" in S.read_sections(Wasm32Backend(names=True).compile(module))
    assert "name" not in S.read_sections(Wasm32Backend().compile(module))


@pytest.mark.parametrize("n", [0, 1, 127, 128, 300, 2**32 - 1])
def test_uleb(n: int) -> None:
    data = S.uleb(n)
    assert S.read_uleb(data, 0, len(data)) == (n, len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff\xff\xff\x7f", b"\x80\x80\x80\x80\x80\x00"])
def test_bad_uleb(data: bytes) -> None:
    with pytest.raises(S.MalformedModule):
        S.read_uleb(data, 0, len(data))


def section(name: str, payload: bytes) -> bytes:
    return S.MAGIC + S.custom_section(name, payload)


GOOD_EXPORT = {
    "name": "f", "kind": "function", "params": [], "param_types": [], "rest": False, "result_type": ":any",
    "doc": "", "effects": [], "examples": [], "def_hash": "", "interface_hash": "", "variants": [],
}  # fmt: skip


def interface(**changes: object) -> bytes:
    value = {"abi": [1, 0], "name": "m", "exports": [GOOD_EXPORT], "functions": []}
    return section(S.INTERFACE, json.dumps({**value, **changes}).encode())


def test_a_good_interface() -> None:
    assert S.read_interface(interface())["exports"] == [GOOD_EXPORT]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0asm", b"\x7fELF\x01\0\0\0", S.MAGIC, section(S.INTERFACE, b"{"), section(S.INTERFACE, b"[]"),
        section(S.INTERFACE, b"\xff\xfe"), section(S.INTERFACE, b"[" * 200_000),
        interface(abi=[1]), interface(abi=["1", 0]), interface(abi=[True, 0]), interface(name=3),
        interface(exports={}), interface(exports=[1]), interface(exports=[{**GOOD_EXPORT, "kind": "thing"}]),
        interface(exports=[{**GOOD_EXPORT, "params": [1]}]), interface(exports=[{**GOOD_EXPORT, "rest": 1}]),
        interface(exports=[{**GOOD_EXPORT, "variants": [{"export": "f#z", "params": "z", "result": "i",
                                                         "raises": True}]}]),
        interface(functions=[{"name": "f", "origin": ["f"]}]),
        interface(functions=[{"name": "f", "origin": ["f", "0"]}]),
        S.MAGIC + b"\x00\x05\x06abcd", S.MAGIC + b"\x00\x7f", S.MAGIC + b"\x00\x80", S.MAGIC + b"\x40\x00",
        S.MAGIC + b"\x00\x02\x01\xff",
        section(S.INTERFACE, b"{}") + S.custom_section(S.INTERFACE, b"{}"),
    ],
)  # fmt: skip
def test_a_malformed_interface_is_refused(data: bytes) -> None:
    with pytest.raises(S.MalformedModule):
        S.read_interface(data)


@pytest.mark.parametrize(
    "sites",
    [{}, [1], [["f", 0, 1]], [[1, 0, 1, 2]], [["f", 0, -1, 2]], [["f", 0, 1, 2.5]], [["f", True, 1, 2]]],
)
def test_malformed_sites_are_refused(sites: object) -> None:
    with pytest.raises(S.MalformedModule):
        S.read_sites(section(S.SITES, json.dumps(sites).encode()))


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = S.read_sections(S.MAGIC + data)
    except S.MalformedModule:
        return
    assert sum(map(len, found.values())) <= len(data)


def test_every_truncation_of_a_module_is_read_or_refused(binary: bytes) -> None:
    for end in range(len(binary) - 1):
        try:
            S.read_interface(binary[:end])
        except S.MalformedModule:
            continue
        assert end > binary.index(b"rtfs.interface")


def test_drop_section(binary: bytes) -> None:
    less = S.drop_section(binary, "rtfs.sites")
    assert "rtfs.sites" not in S.read_sections(less)
    assert len(S.section_sizes(less)) == len(S.section_sizes(binary)) - 1
    assert S.drop_section(binary, "no such") == binary


def test_the_assembler_reports_what_is_wrong() -> None:
    assert assemble("(module)") == S.MAGIC
    with pytest.raises(AssemblyError, match="unknown func"):
        assemble("(module (func call $nowhere))")
