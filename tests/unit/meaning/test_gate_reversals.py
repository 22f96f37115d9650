"""Short texts of other meaning, most of them the same words in other places; of neither corpus."""

from __future__ import annotations

import pytest

from runtime.meaning.gate import differences

PAIRS = """
Count the vowels, not the consonants | Count the consonants, not the vowels
Is Monday before Friday | Is Friday before Monday
Pay Alice 5 and Bob 3 | Pay Alice 3 and Bob 5
The first day of the second week | The second day of the first week
Sum of even-indexed values | Sum of even values
Remove leading zeros | Remove zeros
Longest run of equal values | Longest run of values
Split on the first comma | Split on commas
Minutes since midnight | Minutes until midnight
Add one day | Add one
Names of the parents of the users | Users of the names of the parents
Price in euros from price in dollars | Price in dollars from price in euros
temperature in Celsius given Fahrenheit | temperature in Fahrenheit given Celsius
hours given minutes | minutes given hours
Mean of the squares | Square of the mean
Last element but one | Last element
All but the last | The last
Values less than the mean | Values no less than the mean
Sort by name then age | Sort by age then name
Users who follow Bob | Users whom Bob follows
Does x divide y | Does y divide x
x divides y | x divided by y
Is a a multiple of b | Is b a multiple of a
Copy b into a | Copy a into b
Ratio of wins to losses | Ratio of losses to wins
Change tabs to spaces | Change spaces to tabs
Every third item | The third item
Half the items | Half of each item
Orders over 5 items and under 10 euros | Orders under 5 items and over 10 euros
5 to 10 | 10 to 5
Number of pages per book | Number of books per page
Users without email or phone | Users with email or phone
The second most common word | The most common second word
Largest of the smallest | Smallest of the largest
Add tax after discount | Add discount after tax
Keys with value 3 | Values with key 3
Is any of these true | Are all of these true
Who beat Bob | Who was beaten by Bob
Reverse each word | Reverse the words
Reverse the order of the words | Reverse the order of the letters
Insert before x | Insert after x
Sum times two | Sum plus two
Increase by 5 percent | Increase by 5
Sum of absolute differences | Absolute sum of differences
Sorted list of lengths | Lengths of the sorted list
Number of unique words | Unique number of words
Total price of items | Price of total items
Square roots of sums | Sums of square roots
First letters of the last words | Last letters of the first words
Sum of negative numbers | Negative sum of numbers
The prime factors of the number | The number of prime factors
The number of digits | The digits of the number
Count of items | Items of the count
From A to B in miles | From B to A in miles
Send to Bob from Al | Send from Bob to Al
"""


@pytest.mark.parametrize("pair", [line for line in PAIRS.splitlines() if line])
def test_another_meaning(pair: str) -> None:
    one, _, other = pair.partition(" | ")
    for confirmed in (False, True):
        assert differences(one, other, confirmed)
        assert differences(other, one, confirmed)
