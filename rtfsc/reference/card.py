"""The language on one card, for whoever writes RTFS and knows Clojure: language models above all.

Forms and library come from the tables beside this file, so that the card cannot fall behind them; every
example on it is run on both engines by a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from rtfsc.primitives.library import LIBRARY
from rtfsc.reference.library import Usage, usages
from rtfsc.reference.special_forms import SpecialForm, special_forms

FORMS: Final = (
    "defn", "fn", "let", "if", "when", "cond", "case", "match", "loop", "for", "->", "->>", "if-let",
    "try",
)  # fmt: skip
ABSENT: Final = (
    "mapv", "filterv", "mapcat", "second", "doseq", "while", "atom", "set", "char", "format",
    "reduce-kv", "iterate", "repeat", "take-while", "drop-while", "interleave", "zipmap", "flatten", "juxt",
    "if-not", "when-not", "some->", "letfn", "defn-", "not-empty", "replace", "str/join",
)  # fmt: skip
"""What Clojure or habit has and RTFS has not; a test holds the list to that."""
_SHOWN: Final = (
    "/", "mod", "int", "parse-int", "str", "substring", "split", "join", "re-find", "re-seq", "re-matches",
    "nth", "conj", "sort", "sort-by", "distinct", "partition", "range", "contains?", "get-in", "find",
    "reduce", "map-indexed", "group-by", "some", "update", "frequencies", "into",
)  # fmt: skip
"""Functions whose example is shown: order of arguments or results that one could get wrong."""
_LEFT_OUT: Final = (
    "gensym", "symbol", "keyword", "Exception.", "deftype", "process-data", "read-file", "numbers",
    "context/get", "context/set", "list?", "symbol?", "throw", "serialize-json-pretty", "rename-keys",
    "select-keys",
)  # fmt: skip
_NOT_PURE: Final = ("SecurityViolation", "UnknownCapability")

_VALUES: Final = """\
RTFS is a small, pure, strict language with the syntax of Clojure. A program is definitions; the value of \
a function is that of its last expression. There is no assignment, no state, no input or output, no \
laziness, no macro needed, no Java, no namespace: library names are written as they stand here.

Values: nil, true, false, 64-bit integers 42, floats 1.5 (digits on both sides of the point), strings \
"a\\n" (escapes \\n \\t \\r \\\\ \\"), keywords :a, vectors [1 2], maps {:a 1 "b" 2} (keys: keywords, \
strings, integers; in order of insertion), functions. There are no sets, characters, ratios, regex \
literals or lazy sequences. Only nil and false are false. = compares kinds too: (= 1 1.0) is false. nil \
is no empty collection: (count nil) is an error. Indexes and lengths of strings are in code points; \
(split s "") gives the characters. Integer overflow is an error. map, filter, rest, take and the like \
give vectors."""
_TYPES: Final = """\
Types stand after parameters and after the parameter list, and are checked when the program runs: Int \
Float (takes integers too) String Bool Nil Keyword Any, T? (or nil), [:vector T], [:tuple T U], [:map [:k \
T] [:j T ?]] (? marks an optional field), [:map-of K V], [:fn [T] R], [:enum :a :b], [:union T U], [:and \
Int [:>= 0]]."""
_PROGRAM: Final = """\
(defn initials "First letters of words, upper case" [text : String] : String
  (->> (split (string-trim text) " ")
       (filter (fn [word] (not (= word ""))))
       (map (fn [word] (string-upper (substring word 0 1))))
       (join "")))
(defn collatz [n : [:and Int [:> 0]]] : Int
  (loop [n n steps 0]
    (cond (= n 1) steps
          (even? n) (recur (quot n 2) (inc steps))
          :else (recur (inc (* 3 n)) (inc steps)))))"""
_PROGRAM_EXAMPLES: Final = (('(initials " ada king ")', '"AK"'), ("(collatz 6)", "8"))
_TEXT_EXAMPLES: Final = (
    ("(= 1 1.0)", "false"),
    ('(split "abc" "")', '["a" "b" "c"]'),
    ("(map inc '(1 2))", "[2 3]"),
    ("(defn f [c] (try (count c) (catch _ e :error))) (f nil)", ":error"),
    ("(try (+ 9223372036854775807 1) (catch _ e :error))", ":error"),
)
"""What the text above says, as programs."""


@cache
def card() -> str:
    """Some 5 KB of text."""
    forms = [_line(special_forms()[name]) for name in FORMS]
    shown = [_line(usage) for name, usage in _pure() if name in _SHOWN]
    others = [" ".join(usage.calls) for name, usage in _pure() if name not in _SHOWN]
    parts = (
        _VALUES, _TYPES, "\n".join(["Forms:", *forms]), "\n".join(["Library:", *shown]),
        f"The rest of the library: {' '.join(others)}", f"Not there: {' '.join(ABSENT)}",
        f"A program:\n{_PROGRAM}",
    )  # fmt: skip
    return "\n\n".join(parts) + "\n"


def examples() -> list[tuple[str, str]]:
    """All that the card shows as a program and its printed value, and what it says of values."""
    found = [shown for name in FORMS if (shown := special_forms()[name].example) is not None]
    found += [usage.example for name, usage in _pure() if name in _SHOWN and usage.example is not None]
    return [*found, *_TEXT_EXAMPLES, *((f"{_PROGRAM}\n{call}", value) for call, value in _PROGRAM_EXAMPLES)]


def _line(entry: SpecialForm | Usage) -> str:
    shown = f"   {entry.example[0]} => {entry.example[1]}" if entry.example is not None else ""
    return " ".join(entry.calls) + shown


def _pure() -> Iterator[tuple[str, Usage]]:
    """Without what asks the host, and without second names."""
    for name, usage in usages().items():
        effect = any(error in usage.errors for error in _NOT_PURE)
        if not (effect or name in _LEFT_OUT or LIBRARY[name].doc.startswith("Alias of")):
            yield name, usage
