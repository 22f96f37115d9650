"""Texts that try to get past the gate: numbers written in other ways, signs, code, languages, lengths."""

from __future__ import annotations

import pytest

from runtime.meaning.gate import differences
from runtime.meaning.tokens import LONGEST, normal, tokens

OTHERS = [
    # numbers
    ("Add 1,5 to x", "Add 15 to x"), ("Add -1 to x", "Add 1 to x"), ("Give 10² of it", "Give 102 of it"),
    ("Take 10% of the price", "Take 0.1 of the price"),
    ("Take 10 of the price", "Take 10% of the price"),
    ("Clamp to -1..1", "Clamp to 1..1"), ("Compute 1½ of x", "Compute 11/2 of x"),
    ("Pick code 007", "Pick code 7"),
    ("Sum of two numbers", "Twice the sum of the numbers"),
    ("A third of the amount", "The third amount"),
    ("Half of the sum", "The sum"), ("Every other word", "Every word"), ("Round to 1e3", "Round to 1e4"),
    ("Count one million items", "Count one billion items"), ("Add ٣ to x", "Add 4 to x"),
    ("Events on 2024-01-31", "Events on 2024-01-30"), ("Open at 12:30", "Open at 12:45"),
    ("Events on 1/2/2024", "Events on 2/1/2024"), ("A dozen eggs", "Eggs"),
    ("Version 1.2.3", "Version 1.3.2"),
    ("Give 5' of wall", 'Give 5" of wall'), ("A list of twenty one", "A list of twenty two"),
    ("Add 1e-999999999 to x", "Add 0 to x"), ("Add " + "1" * 30, "Add " + "1" * 29 + "2"),
    ("Add " + "1" * 28 + "2 million", "Add " + "1" * 28 + "3 million"),
    # signs and code
    ("Compute a / b", "Compute a * b"), ("Compute a - b", "Compute a + b"), ("Is x != y?", "Is x == y?"),
    ("x in [0, 1)", "x in [0, 1]"), ("x in (0, 1]", "x in [0, 1]"), ("Is x > 3?", "Is x ≥ 3?"),
    ("Is x < 3?", "Is x <= 3?"), ("Factorial n!", "Factorial n"), ("Call `foo_bar`", "Call `foo_baz`"),
    ("Call `encode`", "Call `decode`"), ("Call `userId`", "Call `userID`"),
    ("Read user_id", "Read user_ids"),
    ("Split at ';'", "Split at ','"), ('Join with ", "', 'Join with ","'),
    ("Is x² even?", "Is x2 even?"),
    ("Set :price", "Set :cost"), ("Read foo.bar", "Read foo.baz"), ("Price in ¥", "Price in ₹"),
    ("Price in £", "Price in €"), ("Speed in Mb", "Speed in MB"), ("Power in mW", "Power in MW"),
    ("Size in MB", "Size in MiB"), ("Angle in degrees", "Angle in radians"),
    ("Angle in degrees", "The angle"),
    # who does what to whom
    ("Round the sum of the prices", "Sum of the rounded prices"),
    ("The longest list of words", "The list of the longest words"),
    ("The largest sum of the rows", "The sum of the largest rows"),
    ("Reverse the list of words", "List of the reversed words"),
    ("Square the sum", "Sum of the squares"),
    ("Strings contained in the text", "Strings that contain the text"),
    ("Elements followed by a zero", "Elements that follow a zero"),
    ("Users who were invited", "Users who have invited"), ("Users inviting", "Users invited"),
    ("Employees managed by the user", "Employees managing the user"), ("The inner box", "The outer box"),
    ("Subtract the cost from the price", "Subtract the price from the cost"),
    ("Difference of the total and the sum", "Difference of the sum and the total"),
    ("Words that contain the string", "Words that occur in the string"),
    ("Sum of each row", "Sum of all rows"), ("The total of each customer", "The total of all customers"),
    ("Sort everything except the first element", "Sort the list, drop its first element"),
    ("Messages to Alice", "Messages of Alice"), ("The price with tax", "The price of tax"),
    ("Subtract from x", "Subtract x"), ("Distance to A", "Distance from A"),
    ("Letters from Bob", "Letters to Bob"),
    ("First name and last name", "Last name and first name"),
    ("Bill to the shipping address", "Ship to the billing address"),
    ("Number of words in each line", "Number of lines with each word"),
    ("From start to end", "From end to start"),
    ("Price of the tax", "Tax of the price"), ("The mean of the maxima", "The maximum of the means"),
    ("Sorted unique values", "Unique sorted values"), ("Rank the scores", "Sort the scores"),
    ("a plus b times c", "a times b plus c"), ("Parents of the child", "Children of the parent"),
    ("Rows where a is b", "Rows where b is a"),
    ("Is the list longer than the string?", "Is the string longer than the list?"),
    ("Users without orders", "Orders without users"), ("Follow the leader", "Lead the follower"),
    ("Capitalise every word", "Capitalise the word"), ("Trim all words", "Trim the word"),
    ("None of the rows is paid", "Not all of the rows are paid"),
    ("No row is paid", "Not every row is paid"),
    ("Convert from Fahrenheit to Celsius", "Given degrees in Celsius, return them in Fahrenheit"),
    ("Square all numbers and add the results", "Square the sum of the numbers"),
    ("Given the price with tax, return the price before it", "Price with tax from the price before it"),
    ("Every third item", "The third item"), ("Reverse each word", "Reverse the words"),
    ("Sum each row", "Sum the rows"), ("Sort each list", "Sort the lists"),
    # words that look alike, or say nothing
    ("Round the number up", "Round the number"), ("Orders in the evening", "Even orders"),
    ("Jobs of Jones", "Jobs of Jon"), ("Compute the result", "Find the answer"),
    ("", "Sum of the numbers"),
    ("", "the"), ("?", "!"), ("Percentage change from a to b", "Percentage from a to b"),
    ("One of the flags is set", "The flags are set"), ("A or b", "A, b"),
    ("The keys of a map", "The keys"),
    ("Count the hits per user", "Count the hits per group"), ("Width of the box", "Length of the box"),
    ("Remove one matching item", "Remove every matching item"), ("Rows with no key", "Rows with a key"),
    ("Users who haven't paid", "Users who have paid"), ("We can't pay", "We can pay"),
    ("Age 18 or more", "Age more than 18"), ("Age 18 or older", "Age over 18"),
    ("18 and over", "over 18"),
    ("Up to 10 items", "Under 10 items"), ("No more than 3 tries", "Less than 3 tries"),
    ("Time in UTC", "Time in CET"), ("Text as Latin-1", "Text as UTF-8"),
    ("Sales in May", "Sales in June"),
    ("The string in upper case", "The string"), ("Sort ignoring case", "Sort"),
    ("Unsigned sum", "Signed sum"),
    # other languages
    ("Sortiere die Zahlen", "Sortiere eine Zahl"), ("Summe der Zahlen", "Summe den Zahlen"),
    ("Addiere eine Zahl", "Addiere keine Zahl"), ("Suma los números", "Suma lo número"),
    ("Сумма чисел", "Сумма чисел списка"), ("数字の合計", "数字の平均"),
    ("Somme des nombres", "Somme nombre"),
    ("Sum of the Zahlen und numbers", "Sum of Zahlen und number"), ("Cчитать words", "Считать words"),
]  # fmt: skip


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_is_told_apart(one, other, confirmed):
    assert differences(one, other, confirmed)
    assert differences(other, one, confirmed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Add 1000 to x", "Add 1e3 to x"), ("Add 1,000 to x", "Add 1000 to x"),
        ("Add 2.50 to x", "Add 2.5 to x"),
        ("Add twelve to x", "Add 12 to x"), ("Add a dozen to x", "Add 12 to x"),
        ("Add ٣ to x", "Add 3 to x"),
        ("Add ３ to x", "Add 3 to x"), ("Add twenty-one to x", "Add 21 to x"),
        ("Two million rows", "2000000 rows"),
        ("10% of the price", "ten per cent of the price"), ("Is x ≥ 3?", "Is x >= 3?"),
        ("Is x at least 3?", "Is x >= 3?"),
        ("Case-insensitive search", "Case insensitive search"), ("Join with “,”", 'Join with ","'),
        ("Sort the list — ascending", "Sort the list, ascending"),
        ("The user’s name", "The user's name"),
        ("The 2nd word", "The second word"), ("Normalise the colour", "Normalize the color"),
        ("Age 18 or more", "Age at least 18"), ("Double the price", "Twice the price"),
        ("20 °C", "20 degrees Celsius"),
        ("Words that are long", "Long words"), ("calcualte the average", "calculate the average"),
        ("Сумма  чисел", "Сумма чисел"), ("Summe der Zahlen", " Summe der Zahlen "),
        ("数字の合計", "数字の合計 "),
        ("List maximum", "Maximum of the list"), ("Users that aren't paid", "Users that are not paid"),
    ],
)  # fmt: skip
def test_is_the_same(one, other):
    assert differences(one, other) == []
    assert differences(other, one) == []


def test_two_words_of_one_group_stand_for_themselves_where_both_texts_have_both():
    assert differences("Divide the total by the sum", "Divide the sum by the total")
    assert differences("Divide the letters by the characters", "Divide the characters by the letters", True)
    assert not differences("Sort in ascending order", "Sort ascending")


def test_a_very_long_text_is_only_compared_as_a_whole():
    text = "Sum the numbers " * (LONGEST // 10)
    assert differences(text, text) == []
    assert differences(text, text + " please") == [
        f"length: texts of more than {LONGEST} characters must be the same"
    ]


def test_nothing_is_left_out_of_the_tokens():
    text = normal("a+b=c #x @y [z] {w} ~v ^u |t| \\s «r» 3..4 p&q ¥ ₹ → ∑")
    shown = "".join(token.text for token in tokens(text))
    assert set(text) - set(shown) == {" "}
