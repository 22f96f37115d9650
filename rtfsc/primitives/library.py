"""Names that every program can use: each is an op per arity, a fold of a binary op, or RTFS code.

One line each: ``name  how  | doc``. ``how`` is one of

* ``ARITY:op`` pairs, for example ``2:nth 3:nth3``; ``N+:op`` takes N or more (a variadic op);
* ``fold:op ARITY:op`` a left fold of a binary op over two or more arguments;
* ``rtfs`` defined in ``rtfsc/stdlib/*.rtfs`` under the same name.

An ``imm`` of an op is written after a slash: ``1:num.check/+``. The op ``as-is`` is the argument itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LibraryFunction:
    """``arities``: exact arity → (op, imm). ``at_least``: (minimum, op) of a variadic op.
    ``fold``: binary op folded from the left. ``rtfs``: defined in RTFS."""

    name: str
    doc: str
    arities: dict[int, tuple[str, str | None]]
    at_least: tuple[int, str] | None = None
    fold: str | None = None
    rtfs: bool = False


_TABLE: Final = """
+ fold:num.add 1:num.check/+ | Sum; an integer if all are. Overflow is an error.
- fold:num.sub 1:num.neg | Difference from the left; one argument: negation.
* fold:num.mul 1:num.check/* | Product.
/ fold:num.div 1:num.check// | Quotient from the left; an integer if it has no fraction.
mod 2:num.mod | Remainder with the sign of the dividend.
rem 2:num.mod | Alias of mod.
quot rtfs | Quotient without its fraction, towards zero.
inc 1:num.inc | One more.
dec 1:num.dec | One less.
max fold:num.max 1:as-is | The largest; ties keep the earlier.
min fold:num.min 1:as-is | The smallest; ties keep the earlier.
abs 1:num.abs | Absolute value.
sqrt 1:num.sqrt | Square root, always a float.
pow 2:num.pow | Power; an integer if both are integers and the exponent is not negative.
factorial 1:num.factorial | n! for 0 to 20.
even? 1:num.even | True for an even number; a float is truncated first.
odd? 1:num.odd | True for an odd number; a float is truncated first.
zero? 1:num.zero | True for 0 and 0.0.
pos? 1:num.pos | True above zero.
neg? 1:num.neg-p | True below zero.
= rtfs 2:eq | True if all are equal: structural and kind-sensitive.
!= 2:ne | Negation of =.
not= 2:ne | Negation of =.
< 2:lt | Less: two numbers, or two strings by code point.
> 2:gt | Greater.
<= 2:le | Less or equal.
>= 2:ge | Greater or equal.
and rtfs | First falsy argument, else the last; as a call it stops there.
or rtfs | First truthy argument, else the last; as a call it stops there.
not 1:not | True for nil and false only.
int? 1:is/int | True for an integer.
float? 1:is/float | True for a float.
number? 1:is/num | True for an integer or a float.
string? 1:is/str | True for a string.
string-p 1:is/str | Alias of string?.
bool? 1:is/bool | True for a boolean.
boolean? 1:is/bool | Alias of bool?.
nil? 1:is/nil | True for nil.
map? 1:is/map | True for a map.
vector? 1:is/vec | True for a vector.
list? 1:is/list | True for a list, as rest parameters are.
keyword? 1:is/kw | True for a keyword.
symbol? 1:is/sym | True for a symbol.
fn? 1:is/fn | True for a function.
symbol 1:symbol | The symbol of this name.
keyword 1:keyword | The keyword of this name.
gensym rtfs 1:gensym | A symbol that occurs nowhere else, its name starting with the argument.
type-name 1:type-name | The kind of a value as text.
empty? 1:empty | True for nil, "", [], () and {}.
int 1:to-int | To an integer; what cannot be read is 0.
float 1:to-float | To a float; what cannot be read is 0.0.
parse-int 1:parse-int | Text to an integer, nil if it is none.
parse-float 1:parse-float | Text to a float, nil if it is none.
str 0+:str | Text of all arguments, joined.
string-length 1:str.length | Number of code points.
length 1:length | Number of elements, or code points.
substring 2:str.substring 3:str.substring3 | From start (inclusive) to end (exclusive).
subs 2:str.substring 3:str.substring3 | Alias of substring.
string-contains 2:str.contains | True if the text (first) holds the second.
string-contains? 2:str.contains | Alias of string-contains.
starts-with? 2:str.starts-with | True if the text (first) starts with the second.
split 2:str.split | Pieces of a text between a literal separator.
join 2:str.join | Elements as text, with the separator (first) between them.
string-join 2:str.join | Alias of join.
string-upper 1:str.upper | Upper case, full Unicode mapping.
string-lower 1:str.lower | Lower case, full Unicode mapping.
string-trim 1:str.trim | Without blanks at both ends.
upper 1:str.upper | Alias of string-upper.
lower 1:str.lower | Alias of string-lower.
trim 1:str.trim | Alias of string-trim.
re-find 2:re.find | First match of a pattern (first) in a text, or nil.
re-seq 2:re.seq | All matches that do not overlap.
re-matches 2:re.matches | True if the pattern (first) occurs anywhere in the text.
parse-json 1:json.parse | Value of JSON text; objects are maps with string keys.
tool/parse-json 1:json.parse | Alias of parse-json.
serialize-json 1:json.write | JSON text without blanks.
tool/serialize-json 1:json.write | Alias of serialize-json.
serialize-json-pretty 1:json.pretty | JSON text, two blanks per level.
tool/serialize-json-pretty 1:json.pretty | Alias of serialize-json-pretty.
vector 0+:vector | A vector of the arguments.
vec 1:seq/vec | The elements as a vector; those of a map are [key value].
list 0+:list | A list of the arguments.
count 1:count | Number of elements, entries or code points.
len 1:count | Alias of count.
first 1:first | First element, nil if empty.
rest 1:rest | All but the first, of the same kind.
last 1:last | Last element, nil if empty.
nth 2:nth 3:nth3 | Element at an index; out of range is an error, or the default.
cons 2:cons | A vector with one more element in front.
conj rtfs 2:conj | A vector with more elements at its end.
concat 0+:concat | One vector of the elements of all arguments.
subvec 2:subvec 3:subvec3 | Part of a vector.
take 2:take | The first n.
drop 2:drop | All but the first n.
reverse 1:reverse | In reverse order.
sort rtfs 1:sort | In ascending order, stable; with a comparator first: by it.
sort-by rtfs | Sorted by the key that a function gives, stable.
distinct 1:distinct | First occurrences.
partition 2:partition | Groups of n; a short last group is kept.
range 1:range1 2:range 3:range3 | Integers from start (inclusive) to end (exclusive).
numbers 2:numbers | Integers from start to end, both inclusive.
contains? 2:contains | Membership in a vector or list, key of a map, part of a string.
hash-map 0+:map | A map from keys and values.
get 2:get 3:get-or | Value of a key or index, nil or the default if missing.
get-in 2:get-in 3:get-in-or | Value at a path of keys and indices.
find 2:find | The entry [key value], or nil.
keys 1:keys | The keys in order.
vals 1:vals | The values in order.
assoc rtfs 3:assoc | With keys set.
dissoc rtfs 2:dissoc | Without keys.
merge fold:merge 1:map.check | Maps from left to right, later wins.
map rtfs | Results of a function for each element.
filter rtfs | Elements for which the function is truthy.
remove rtfs | Elements for which the function is not exactly true.
reduce rtfs | Left fold.
map-indexed rtfs | Results of a function of index and element.
group-by rtfs | Map from key to the vector of elements with it.
apply rtfs | Calls a function with the elements of the last argument.
every? rtfs | True if the predicate holds for every element.
some? rtfs | True if the predicate holds for some element.
some rtfs | First truthy result, or nil.
update rtfs | With the value of a key replaced by a function of it.
assoc-in rtfs | With the value at a path set.
update-in rtfs | With the value at a path replaced by a function of it.
select-keys 2:select-keys | Only these keys.
rename-keys 2:rename-keys | With keys renamed.
frequencies 1:frequencies | Map from element to how often it occurs.
into 2:into | The elements of the second added to the first.
identity rtfs | Its argument.
constantly rtfs | A function that always gives this value.
complement rtfs | A function that is true where this one is not truthy, else false.
partial rtfs | A function with its first arguments given.
comp rtfs | Functions one after the other, the last one first.
partition-by rtfs | Runs of elements with the same result.
Exception. 1+:err.new | An error value with a message and data.
getMessage 1:err.message | The message of an error value.
throw 1:throw | Raises an error value, a text or a map with :type, :message, :data.
call rtfs | Calls a capability of the host by its id, a keyword or string.
context/get rtfs | Value of a key in the host's context, or nil.
context/set rtfs | Sets a key in the host's context; nil.
llm-execute rtfs | Asks a model: (llm-execute model prompt) or keys :model :prompt :system.
println rtfs | Text of all arguments and a line end, through ccos.io.println; nil.
print rtfs | Text of all arguments, through ccos.io.print; nil.
log rtfs | Text of all arguments to the log, through ccos.io.log; nil.
tool/log rtfs | Alias of log.
tool.log rtfs | Alias of log.
tool/time-ms rtfs | Milliseconds since 1970, through ccos.system.current-timestamp-ms.
tool.time-ms rtfs | Alias of tool/time-ms.
current-time-millis rtfs | Alias of tool/time-ms.
current-timestamp-ms rtfs | Alias of tool/time-ms.
tool/current-timestamp-ms rtfs | Alias of tool/time-ms.
thread/sleep rtfs | Waits so many milliseconds, through ccos.system.sleep-ms; nil.
get-env rtfs | An environment variable or nil, through ccos.system.get-env.
file-exists? rtfs | Whether a file exists, through ccos.io.file-exists.
tool/open-file rtfs | The text of a file, through ccos.io.read-file.
http-fetch rtfs | A map of :status :headers :body, through ccos.network.http-fetch.
tool/http-fetch rtfs | Alias of http-fetch.
kv/assoc! rtfs | Sets keys in the map that the host's state holds under a name; the new map.
kv/dissoc! rtfs | Removes keys from the map under a name; the new map.
kv/conj! rtfs | Adds elements to the vector under a name; the new vector.
deftype rtfs | Nil; a placeholder.
process-data rtfs | Its argument; a placeholder.
read-file rtfs | Always an error: files are read through the host.
"""


def _parse() -> dict[str, LibraryFunction]:
    functions: dict[str, LibraryFunction] = {}
    for line in _TABLE.strip().splitlines():
        head, doc = line.split(" | ", 1)
        name, *how = head.split()
        arities: dict[int, tuple[str, str | None]] = {}
        at_least, fold, rtfs = None, None, False
        for item in how:
            if item == "rtfs":
                rtfs = True
                continue
            key, value = item.split(":", 1)
            op, _, imm = value.partition("/")
            if key == "fold":
                fold = op
            elif key.endswith("+"):
                at_least = (int(key[:-1]), op)
            else:
                arities[int(key)] = (op, imm or None)
        functions[name] = LibraryFunction(name, doc, arities, at_least, fold, rtfs)
    return functions


LIBRARY: Final[dict[str, LibraryFunction]] = _parse()
