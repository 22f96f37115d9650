"""What is refused of a grammar before llama.cpp sees it, and where."""

from __future__ import annotations

import random

import pytest

from rtfsc.gbnf.check import MOST_ELEMENTS, GbnfError, check_gbnf, only_ascii
from rtfsc.gbnf.programs import gbnf

GOOD = [
    'root ::= "a"',
    'root ::= a | b # comment\na ::= "x"+ \n\n# more\nb ::= [a-z^\\]-]* "\\"" | ""',
    "root ::= (\n  [0-9]{2,5} |\n  [^\\x00-\\x1F]{3} \n) .?\n",
    'root ::= "a" root | "b"',
    'root ::=\n  "a" |\n  "b"\r\n',
    'root ::= ("a" | "b"){2,} [\\u00e9\\U0001F600\\t]',
    'root ::= [-a] [a-]',
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_good_grammars(text):
    check_gbnf(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "no rule root"),
        ('start ::= "a"', 1, 1, "no rule root"),
        ("root ::= item", 1, 10, "no rule item"),
        ('root ::= "a"\n  itme\nitem ::= "b"', 2, 7, "::= is expected"),
        ('root ::= ( "a"\n itme )\nitem ::= "b"', 2, 2, "did you mean item?"),
        ('root ::= "a"\nroot ::= "b"', 2, 1, "defined twice"),
        ('root ::= "a', 1, 10, "never closed"),
        ('root ::= "a\n"', 1, 10, "write \\n"),
        ("root ::= [a", 1, 10, "never closed"),
        ("root ::= []", 1, 10, "without characters"),
        ("root ::= [z-a]", 1, 11, "z-a is empty"),
        ('root ::= ("a"', 1, 10, "never closed"),
        ('root ::= "a")', 1, 13, "no ( before"),
        ('root ::= "\\q"', 1, 11, "no escape \\q"),
        ('root ::= "\\x4"', 1, 11, "2 hexadecimal digits"),
        ('root ::= "\\U00110000"', 1, 11, "no character"),
        ("root ::= *", 1, 10, "nothing to repeat"),
        ('root ::= "a"**', 1, 14, "nothing to repeat"),
        ('root ::= "a"{5,2}', 1, 13, "ends before"),
        ('root ::= "a"{,2}', 1, 13, "write {2}"),
        ('root ::= "a"{1,1000000000}', 1, 13, "count of repetitions"),
        ('root ::= "a"{1,99999}', 1, 13, "more than 2000"),
        ("root ::= root", 1, 1, "never ends"),
        ('root ::= root "a" | "b"', 1, 1, "left recursion: root → root"),
        ('root ::= a "x"\na ::= b? c\nb ::= "y"\nc ::= root | "z"', 1, 1, "root → a → c → root"),
        ('root ::= ("a"*)*', 1, 16, "may be empty"),
        ('root ::= a+\na ::= "b"?', 1, 11, "may be empty"),
        ('root ::= "a" x\nx ::= "b" x', 1, 1, "never ends"),
        ("root = 5", 1, 6, "::= is expected"),
        ("my_rule ::= 5", 1, 3, "::= is expected"),
        ('root ::= "a"\0', 1, 13, "NUL"),
        ("root ::= 'a'", 1, 10, 'stand in "'),
        ("root ::= " + "(" * 200 + '"a"' + ")" * 200, 1, 110, "inside one another"),
    ],
)
def test_bad_grammars(text, line, column, words):
    with pytest.raises(GbnfError) as caught:
        check_gbnf(text)
    assert words in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    "text",
    [
        'root ::= ((("a"{1000}){1000}){1000}){1000}',
        'root ::= ("a" | "b"){0,2000}' * 1 + ' ("abc" ("d"{200}){500}){3}',
        "root ::= " + " | ".join(['"' + "a" * 100 + '"'] * (MOST_ELEMENTS // 100)),
    ],
)
def test_grammars_that_would_fill_the_memory(text):
    with pytest.raises(GbnfError, match="more than"):
        check_gbnf(text)


def test_messages_stay_short():
    with pytest.raises(GbnfError, match="a name of more than 100 letters"):
        check_gbnf("root ::= " + "a" * 100_000)
    count = 5000
    text = (
        "root ::= r0\n" + "".join(f'r{i} ::= r{i + 1} | "a"\n' for i in range(count)) + f"r{count} ::= root"
    )
    with pytest.raises(GbnfError, match="left recursion") as caught:
        check_gbnf(text)
    assert len(str(caught.value)) < 300


def test_long_chains_of_rules_are_no_trouble():
    count = 20_000
    text = "root ::= r0\n" + "".join(f"r{i} ::= r{i + 1}\n" for i in range(count)) + f'r{count} ::= "a"'
    check_gbnf(text)


def test_any_text_is_taken_or_refused():
    draw = random.Random(5)
    source = gbnf(1)
    for _ in range(400):
        at, size = draw.randrange(len(source)), draw.randrange(1, 300)
        text = list("root ::= " + source[at : at + size])
        for _ in range(draw.randrange(4)):
            text[draw.randrange(len(text))] = draw.choice('"[]()|*+?{}\\-^\n#\0é:=a0')
        try:
            check_gbnf("".join(text))
        except GbnfError as error:
            assert error.line >= 1 and error.column >= 1


def test_which_grammars_are_ascii():
    assert only_ascii('root ::= [a-z\\x41] "x\\n"')
    assert not any(map(only_ascii, ['root ::= "é"', "root ::= .", "root ::= [^a]", 'root ::= "\\u00e9"']))
