"""Patterns against Python's `re` where the rules coincide, against written cases where they do not."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rt_harness import Err, Kw, Ls, Raised, Rt

from backend_wasm import layout as L

relaxed = settings(max_examples=400)


def error(rt: Rt, name: str, *args: object) -> Err:
    with pytest.raises(Raised) as caught:
        rt(name, *args)
    return caught.value.error


class Pattern(NamedTuple):
    """The same pattern for us and for Python; whether it may match the empty text."""

    ours: str
    python: str
    empty: bool


WORD = "[0-9A-Za-z_]"
EDGE = f"(?:(?<!{WORD})(?={WORD})|(?<={WORD})(?!{WORD}))"
INSIDE = f"(?:(?<!{WORD})(?!{WORD})|(?<={WORD})(?={WORD}))"
END = r"(?:\Z)"  # what $ is without the flag m
PLACES = [("^", "^"), ("$", END), (r"\b", EDGE), (r"\B", INSIDE), (r"\A", r"\A"), (r"\z", r"\Z")]
SETS = [
    (r"\d", "[0-9]"),
    (r"\D", "[^0-9]"),
    (r"\w", WORD),
    (r"\W", "[^0-9A-Za-z_]"),
    (r"\s", r"[\t\n\f\r ]"),
    (r"\S", r"[^\t\n\f\r ]"),
    (".", "."),
    ("[a-c]", "[a-c]"),
    ("[^a1]", "[^a1]"),
    ("[[:digit:]é-]", "[0-9é-]"),
    (r"[\w漢]", "[0-9A-Za-z_漢]"),
    ("[à-ü]", "[à-ü]"),
    (r"[^\s\d]", r"[^\t\n\f\r 0-9]"),
    (r"\Qa.\E", r"a\."),
    (r"\x61", "a"),
    (r"\x{e9}", "é"),
]
CHARS = "abAB12 _-.\né漢😀É"

atoms = st.one_of(
    st.sampled_from(CHARS).map(lambda c: Pattern(re.escape(c) if c.isascii() else c, re.escape(c), False)),
    st.sampled_from(SETS).map(lambda pair: Pattern(*pair, False)),
    st.sampled_from(PLACES).map(lambda pair: Pattern(*pair, True)),
)


def combined(parts: st.SearchStrategy[Pattern]) -> st.SearchStrategy[Pattern]:
    def join(items: list[Pattern]) -> Pattern:
        return Pattern(
            "".join(p.ours for p in items), "".join(p.python for p in items), all(p.empty for p in items)
        )

    def choose(items: list[Pattern]) -> Pattern:
        ours, python = "|".join(p.ours for p in items), "|".join(p.python for p in items)
        return Pattern(f"({ours})", f"({python})", any(p.empty for p in items))

    def repeat(pair: tuple[Pattern, str]) -> Pattern:
        body, count = pair
        if body.empty:
            return body
        return Pattern(
            f"(?:{body.ours}){count}", f"(?:{body.python}){count}", count[0] in "*?" or "{0" in count
        )

    counts = st.sampled_from(
        ["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,3}", "{1,3}?", "{2,}", "{0,1}?"]
    )
    return st.one_of(
        st.lists(parts, max_size=4).map(join),
        st.lists(parts, min_size=1, max_size=3).map(choose),
        st.tuples(parts, counts).map(repeat),
    )


patterns = st.recursive(atoms, combined, max_leaves=10)


def all_matches(pattern: re.Pattern[str], text: str) -> list[str]:
    """What `re-seq` gives: unlike in Python, no match that is empty right after the one before it."""
    found, at, last = [], 0, -1
    while at <= len(text) and (match := pattern.search(text, at)):
        start, end = match.span()
        if start < end or start != last:
            found.append(match.group())
        at, last = (end if start < end else end + 1), end
    return found


@relaxed
@given(
    pattern=patterns,
    text=st.text(CHARS, max_size=12),
    flags=st.sampled_from(["", "i", "m", "s", "im", "ims"]),
)
def test_as_python_where_the_rules_coincide(rt: Rt, pattern: Pattern, text: str, flags: str) -> None:
    prefix = f"(?{flags})" if flags else ""
    python = pattern.python.replace(END, "$") if "m" in flags else pattern.python
    model = re.compile(prefix + python)
    ours = prefix + pattern.ours
    match = model.search(text)
    assert rt("re.find", ours, text) == (match and match.group())
    assert rt("re.matches", ours, text) == (match is not None)
    assert rt("re.seq", ours, text) == all_matches(model, text)


PIECES = [
    *"()[]{}|*+?^$.-:,ab01é\\",
    *[
        r"(?:",
        r"(?i)",
        r"(?P<n>",
        r"{2}",
        r"{1,3}",
        r"[^",
        r"[[:alpha:]]",
        r"\d",
        r"\pL",
        r"\p{",
        r"\Q",
        r"\E",
        r"\b",
        r"\x{",
        r"a-z",
        r"*?",
        r"(|",
    ],
]


@relaxed
@given(
    pattern=st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    text=st.text("ab01-é\n", max_size=10),
)
def test_any_text_is_a_pattern_or_refused(rt: Rt, pattern: str, text: str) -> None:
    try:
        found = rt("re.seq", pattern, text)
    except Raised as refused:
        assert refused.error.message.startswith("Runtime error: Invalid pattern ")
        return
    assert rt("re.find", pattern, text) == (found[0] if found else None)
    assert rt("re.matches", pattern, text) is bool(found)
    assert all(match in text for match in found)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("", "ab", ["", "", ""]),
        ("a*", "baaac", ["", "aaa", ""]),
        ("a|", "ab", ["a", ""]),
        ("a|ab", "ab", ["a"]),  # the first alternative, not the longest
        ("(a|ab)(c|bcd)(d*)", "abcd", ["abcd"]),
        ("(?:a|b)*?c", "ababc", ["ababc"]),
        ("a{2,3}", "aaaaaaa", ["aaa", "aaa"]),
        ("a{2,3}?", "aaaaaaa", ["aa", "aa", "aa"]),
        ("a{,2}", "a{,2}", ["a{,2}"]),
        ("a{", "a{", ["a{"]),
        ("x{0}", "x", ["", ""]),
        ("(?:){3}a", "a", ["a"]),
        ("(|a)*", "aa", ["", "", ""]),
        ("(|a)+", "aa", ["", "", ""]),
        ("(a*)*b", "aab", ["aab"]),
        ("(a*)+", "aab", ["aa", ""]),
        ("(?:^)*a", "aa", ["a", "a"]),
        ("a$", "a\n", []),  # $ is the end of the text only
        ("(?m)a$", "a\n", ["a"]),
        ("(?m)^", "a\nb", ["", ""]),
        ("(?m)^$", "\n\n", ["", "", ""]),
        (".", "\n", []),
        ("(?s).", "\n", ["\n"]),
        ("(?U)a+", "aaa", ["a", "a", "a"]),
        ("(?U)a+?", "aaa", ["aaa"]),
        ("(?i)a(?-i)b", "AB Ab ab", ["Ab", "ab"]),
        ("(?i:a)b", "AB Ab", ["Ab"]),
        ("(a(?i)b|c)d", "aBd Cd CD", ["aBd", "Cd"]),
        ("(?P<year>[0-9]{4})", "in 2024", ["2024"]),
        ("(?<year>[0-9]{4})", "in 2024", ["2024"]),
        (r"\v", "\v", ["\v"]),
        (r"\s", "\v", []),
        (r"[[:space:]]", "\v", ["\v"]),
        (r"\101\x42\x{43}\0", "ABC\0", ["ABC\0"]),
        (r"[\n\t\]\\^-]+", "\n\t]\\^-", ["\n\t]\\^-"]),
        ("[]a]+", "a]", ["a]"]),
        ("[^]a]+", "a]b", ["b"]),
        ("[a-]+", "a-", ["a-"]),
        ("[[:^alpha:]]+", "a1é", ["1é"]),
        ("[a[:digit:]]+", "a1b", ["a1"]),
        (r"[\d-z]+", "1-za", ["1-z"]),
        (r"\w", "é", []),  # ASCII
        (r"\bb", "éb", ["b"]),
        (r"\pL+", "héllo 漢字 12", ["héllo", "漢字"]),
        (r"\p{Lu}", "aÉ", ["É"]),
        (r"\p{^Lu}", "aÉ", ["a"]),
        (r"\P{Lu}", "aÉ", ["a"]),
        (r"\P{^Lu}", "aÉ", ["É"]),
        (r"[^\pL\d]+", "é1;!", [";!"]),
        (r"(?i)\p{Lu}+", "aÉ1", ["aÉ"]),
        ("(?i)k", "kK\u212a", ["k", "K", "\u212a"]),
        ("(?i)[^k]", "kK\u212aj", ["j"]),
        ("(?i)ß", "ßẞ", ["ß", "ẞ"]),
        ("(?i)σ", "σςΣ", ["σ", "ς", "Σ"]),
        ("(?i)[α-ω]+", "ΑΩ", ["ΑΩ"]),
        (r"(?i)\w+", "k\u212a", ["k"]),  # \w stays ASCII
        ("(?i)[a-y]+", "AbZ", ["Ab"]),
        (r"\Qa.b", "a.b axb", ["a.b"]),
        (r"\Qab\E+", "abbb", ["abbb"]),
        (r"[+-]?\d+(?:\.\d+)?", "1 -2.5 +3.", ["1", "-2.5", "+3"]),
        ("😀+", "😀😀x", ["😀😀"]),
        ("[😀-😂]", "😁", ["😁"]),
    ],
)
def test_written_cases(rt: Rt, pattern: str, text: str, found: list[str]) -> None:
    assert rt("re.seq", pattern, text) == found
    assert rt("re.find", pattern, text) == (found[0] if found else None)
    assert rt("re.matches", pattern, text) == bool(found)


@pytest.mark.parametrize(
    ("pattern", "at", "reason"),
    [
        ("(", 1, "this group is not closed"),
        ("é(b", 2, "this group is not closed"),
        (")", 1, "there is no group to close"),
        ("a**", 3, "a repetition cannot be repeated without a group"),
        ("a{2}{3}", 5, "a repetition cannot be repeated without a group"),
        ("a*+", 3, "a repetition cannot be repeated without a group"),
        ("*", 1, "there is nothing to repeat"),
        ("(+)", 2, "there is nothing to repeat"),
        ("a|?", 3, "there is nothing to repeat"),
        ("a{1001}", 2, "more than 1000 repetitions"),
        ("a{2,99999999999}", 2, "more than 1000 repetitions"),
        ("a{3,2}", 2, "these counts go backwards"),
        ("[b-a]", 2, "this range goes backwards"),
        (r"[a-\d]", 4, "a range must go from character to character"),
        ("[a", 1, "this class is not closed"),
        ("[]", 1, "this class is not closed"),
        ("[[:foo:]]", 2, "there is no class of this name"),
        ("[[:d:]]", 2, "there is no class of this name"),
        ("\\", 1, "a backslash at the end"),
        ("[\\", 2, "a backslash at the end"),
        (r"a\1", 2, "references back to a group are not supported"),
        (r"\8", 1, "references back to a group are not supported"),
        (r"\q", 1, "this escape is unknown"),
        (r"\_", 1, "this escape is unknown"),
        (r"\é", 1, "this escape is unknown"),
        (r"[\b]", 2, "this escape is unknown"),
        ("(?=a)", 1, "look-around is not supported"),
        ("(?!a)", 1, "look-around is not supported"),
        ("(?<=a)", 1, "look-around is not supported"),
        ("(?<!a)", 1, "look-around is not supported"),
        ("(?x)a", 1, "this group begins in an unknown way"),
        ("(?", 1, "this group begins in an unknown way"),
        ("(?P=n)", 1, "this group begins in an unknown way"),
        ("(?P<n", 1, "the name of this group is not valid"),
        ("(?P<é>a)", 1, "the name of this group is not valid"),
        (r"\p{Greek}", 1, "this is no general category of Unicode (scripts are not supported)"),
        (r"\p{", 1, "the name of a category is not closed"),
        (r"\p", 1, "the name of a category is missing"),
        (r"\x4", 1, "this is no code point"),
        (r"\x{110000}", 1, "this is no code point"),
        (r"\x{}", 1, "this is no code point"),
        ("(" * 251 + ")" * 251, 251, "groups are nested too deeply"),
        ("((a{1000}){1000})", 16, "the pattern is too large, mind its repetitions"),
        ("a" * 10_001, 10_001, "the pattern is too large, mind its repetitions"),
        (r"\pL" * 200, 235, "the classes of this pattern are too large"),
        ("[" + "a" * 100_000, 1, "longer than 100000 bytes"),
    ],
)
def test_faults_are_told_with_their_place(rt: Rt, pattern: str, at: int, reason: str) -> None:
    fault = error(rt, "re.find", pattern, "")
    assert (fault.kind, fault.type) == ("Generic", "generic")
    assert fault.message.startswith("Runtime error: Invalid pattern ")
    assert fault.message.endswith(f" at character {at}: {reason}")
    assert error(rt, "re.seq", pattern, "x") == error(rt, "re.matches", pattern, "x") == fault


def test_long_patterns_are_shortened_in_messages(rt: Rt) -> None:
    assert error(rt, "re.find", "é" * 70 + '"(', "").message == (
        f'Runtime error: Invalid pattern "{"é" * 60}"… at character 72: this group is not closed'
    )


def test_kinds_of_arguments(rt: Rt) -> None:
    assert rt("re.find", "a", None) is None
    assert rt("re.seq", "a", None) == []
    assert rt("re.matches", "a", None) is False
    for name, spelled in [("re.find", "re-find"), ("re.seq", "re-seq"), ("re.matches", "re-matches")]:
        assert error(rt, name, None, "a").message == f"Type error in {spelled}: expected string, got nil"
        assert error(rt, name, "a", Ls()).message == f"Type error in {spelled}: expected string, got list"


def test_time_is_linear_in_the_text(rt: Rt) -> None:
    text = "a" * 40_000  # a backtracking matcher would need centuries
    assert rt("re.find", "(a*)*b", text) is None
    assert rt("re.find", "(?:a?){100}a{100}b|a$", text) == "a"
    assert rt("re.matches", "(x+x+)+y", "x" * 40_000) is False
    assert rt("re.find", "^(?:(?:a|aa)+)+$", text) == text


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="Python has another Unicode version")
@pytest.mark.parametrize(
    "name", ["Lu", "Ll", "Lt", "Mn", "Nd", "No", "Pc", "Sc", "So", "Zs", "Cf", "Cn", "L", "P"]
)
def test_categories_are_those_of_unicode(rt: Rt, name: str) -> None:
    step = 1 if name in ("Lu", "Nd") else 7
    chars = [chr(c) for c in range(0, sys.maxunicode + 1, step) if not 0xD800 <= c < 0xE000]
    expected = [c for c in chars if unicodedata.category(c).startswith(name)]
    assert rt("re.seq", rf"\p{{{name}}}", "".join(chars)) == expected


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="Python has another Unicode version")
def test_case_folding_joins_what_unicode_joins(rt: Rt) -> None:
    for char in "aſkKåÅΩωΘϑІǅẞÿᾳꭰ":
        same = "".join(
            c for c in map(chr, range(0x10000)) if len(c.casefold()) == 1 and c.casefold() == char.casefold()
        )
        assert "".join(rt("re.seq", f"(?i){char}", same + "bz")) == same, char


def test_type_predicate(rt: Rt) -> None:
    zip_code = [Kw("and"), Kw("string"), [Kw("matches-regex"), "^[0-9]{5}$"]]
    assert rt("check.type", "12345", zip_code) == "12345"
    assert error(rt, "check.type", "1234", zip_code).message == (
        'Type validation error: Type mismatch at value: expected [:matches-regex "^[0-9]{5}$"], got "1234"'
    )
    assert error(rt, "check.type", 5, [Kw("matches-regex"), "5"]).kind == "TypeValidationError"
    assert error(rt, "check.type", "a", [Kw("matches-regex"), "("]).message.startswith(
        "Runtime error: Invalid pattern"
    )


def test_kept_patterns_go_with_their_region(rt: Rt) -> None:
    rt.engine.invoke("rt_reset", "i32")
    before = rt.state(L.STATE_HP)
    texts = {f"[a-{chr(98 + i)}]+{i}": f"zzabc{i}" for i in range(12)}  # more than are kept
    for _ in range(3):
        found = {pattern: rt("re.find", pattern, text) for pattern, text in texts.items()}
        assert all(
            found[pattern] == text[2:] or pattern.startswith("[a-b]") for pattern, text in texts.items()
        )
        assert rt.state(L.STATE_FRESH) == 12  # whoever drops a part of the region sees that it must not
        rt.engine.invoke("rt_reset", "i32")
        assert (rt.state(L.STATE_HP), rt.state(L.STATE_FRESH)) == (before, 0)
        rt.put("[" * 20_000)  # overwrites what they were


def test_a_kept_pattern_costs_no_memory_again(rt: Rt) -> None:
    pattern, text = rt.put("[a-z]+@[a-z]+"), rt.put("to a@b")
    rt.op("re.matches", pattern, text)
    at = rt.state(L.STATE_HP)
    for _ in range(10):
        assert rt.op("re.matches", pattern, text) == L.SPECIAL_TRUE
    assert rt.state(L.STATE_HP) == at
