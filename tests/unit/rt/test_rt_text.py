from __future__ import annotations

import math
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rt_harness import Err, Kw, Ls, Raised, Rt

relaxed = settings(max_examples=80)
texts = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aΣßİéǅ ͅ'.")), max_size=12
)
same_unicode = pytest.mark.skipif(
    unicodedata.unidata_version != "14.0.0", reason="Python has another Unicode version"
)


def error(rt: Rt, name: str, *args: object) -> Err:
    with pytest.raises(Raised) as caught:
        rt(name, *args)
    return caught.value.error


@relaxed
@given(text=texts, a=st.integers(0, 13), b=st.integers(0, 13))
def test_positions_are_code_points(rt: Rt, text: str, a: int, b: int) -> None:
    assert rt("str.length", text) == rt("count", text) == len(text)
    if a <= b <= len(text):
        assert rt("str.substring3", text, a, b) == text[a:b]
        assert rt("take", a, text) == text[:a] and rt("drop", a, text) == text[a:]
    assert rt("reverse", text) == text[::-1]
    assert rt("seq", text, imm="map") == list(text)


@relaxed
@given(text=st.text("ab,", max_size=10), part=st.text("ab,", min_size=1, max_size=2))
def test_split_join_and_search(rt: Rt, text: str, part: str) -> None:
    assert rt("str.split", text, part) == text.split(part)
    assert rt("str.join", part, text.split(part)) == text
    assert rt("str.contains", text, part) is (part in text)
    assert rt("str.starts-with", text, part) is text.startswith(part)


@same_unicode
@relaxed
@given(text=texts)
def test_case_mapping_is_full_unicode(rt: Rt, text: str) -> None:
    assert rt("str.upper", text) == text.upper()
    assert rt("str.lower", text) == text.lower()


@same_unicode
def test_case_mapping_of_every_code_point(rt: Rt) -> None:
    everything = "".join(chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000)
    boxed = rt.put(everything)
    assert rt.take(rt.op("str.upper", boxed)) == everything.upper()
    assert rt.take(rt.op("str.lower", boxed)) == everything.lower()


def test_case_mapping_examples(rt: Rt) -> None:
    assert rt("str.upper", "straße ŉ ǆ") == "STRASSE ʼN Ǆ"
    assert rt("str.lower", "ΟΔΟΣ ΣΑΣ. İ") == "οδος σας. i̇"


def test_trim_knows_unicode_blanks_only(rt: Rt) -> None:
    assert rt("str.trim", "\u3000 \t\u0085 aé\u00a0b \u2028\n") == "aé\u00a0b"
    assert rt("str.trim", "\u200b\x1f") == "\u200b\x1f"
    assert rt("str.trim", " \u3000") == ""


def test_edge_cases(rt: Rt) -> None:
    assert (
        rt("str.split", "aé", "") == ["a", "é"]
        and rt("str.split", None, ",") == [""]
        and rt("str.split", "", ",") == [""]
    )
    assert rt("str.starts-with", None, "a") is False and rt("str.contains", "", "") is True
    assert rt("str.join", "-", Ls((1, None, [Kw("a"), "b"]))) == '1-nil-[:a "b"]'
    assert error(rt, "str.join", "-", {}).kind == "TypeError"
    assert error(rt, "str.substring", "abc", 4).data == {Kw("index"): 4, Kw("length"): 3}
    assert error(rt, "str.substring3", "abc", 2, 1).kind == "IndexOutOfBounds"
    assert (
        error(rt, "str.substring", "abc", 1.0).message
        == "Type error in substring: expected integer, got float"
    )
    assert error(rt, "str.upper", None).message == "Type error in string-upper: expected string, got nil"


@relaxed
@given(x=st.floats(allow_nan=False, allow_infinity=False))
def test_printed_floats_read_back(rt: Rt, x: float) -> None:
    printed, plain = rt("str.pr", x), rt("str", x)
    assert float(printed) == x and "." in printed
    assert float(plain) == x and "e" not in plain
    assert rt("to-float", printed) == x and rt("parse-float", plain) == x
    digits = repr(x).split("e")[0].replace(".", "").replace("-", "").strip("0")
    assert printed.split("e")[0].replace(".", "").replace("-", "").strip("0") == digits


@relaxed
@given(
    x=st.floats(allow_nan=False),
    y=st.one_of(st.floats(-400, 400), st.integers(-30, 30).map(float), st.sampled_from([0.5, -0.5, 1 / 3])),
)
def test_powers(rt: Rt, x: float, y: float) -> None:
    try:
        expected = math.pow(x, y)
    except OverflowError:
        expected = math.inf if x > 0 or y % 2 == 0 else -math.inf
    except ValueError:
        expected = math.inf if x == 0 else math.nan
        if x == 0 and y % 2 == 1 and math.copysign(1, x) < 0:
            expected = -math.inf
    result = rt("num.pow", x, y)
    if math.isnan(expected):
        assert math.isnan(result)
    else:
        assert result == expected or abs(result - expected) <= math.ulp(expected)
