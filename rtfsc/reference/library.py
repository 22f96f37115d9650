"""How library functions are called, what they raise, and an example of each; their docs and types stand in
`rtfsc.primitives`.

One line each: ``name | calls | kinds of errors
  | example => printed value``, or ``name = other`` for the same
with another name. A dash stands for nothing. ArityMismatch is not listed: every function raises it.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from rtfsc.reference.table import calls, example, rows


class Usage(NamedTuple):
    """``calls``: ways to call it; ``errors``: kinds; ``example``: an expression and its printed value."""

    calls: tuple[str, ...]
    errors: tuple[str, ...]
    example: tuple[str, str] | None


_TABLE: Final = r"""
+ | (+ n …) | TypeError ArithmeticOverflow | (+ 1 2 3) => 6
- | (- n) (- n m …) | TypeError ArithmeticOverflow | (- 10 1 2) => 7
* | (* n …) | TypeError ArithmeticOverflow | (* 2 3.0) => 6.0
/ | (/ n m …) | TypeError DivisionByZero | (/ 7 2) => 3.5
mod | (mod n m) | TypeError DivisionByZero | (mod -7 3) => -1
rem = mod
quot | (quot n m) | TypeError DivisionByZero | (quot 7 2) => 3
inc | (inc n) | Generic ArithmeticOverflow | (inc 41) => 42
dec | (dec n) | Generic ArithmeticOverflow | (dec 43) => 42
max | (max n …) | Generic | (max 3 9 2) => 9
min | (min n …) | Generic | (min 3 9 2) => 2
abs | (abs n) | TypeError ArithmeticOverflow | (abs -5) => 5
sqrt | (sqrt n) | TypeError InvalidArgument | (sqrt 9) => 3.0
pow | (pow base exponent) | TypeError ArithmeticOverflow | (pow 2 10) => 1024
factorial | (factorial n) | TypeError InvalidArgument ArithmeticOverflow | (factorial 5) => 120
even? | (even? n) | TypeError | (even? 4) => true
odd? | (odd? n) | TypeError | (odd? 4) => false
zero? | (zero? n) | TypeError | (zero? 0.0) => true
pos? | (pos? n) | TypeError | (pos? 3) => true
neg? | (neg? n) | TypeError | (neg? 3) => false
= | (= a b …) | - | (= [1 2] [1 2]) => true
!= | (!= a b) | - | (!= 1 1.0) => true
not= = !=
< | (< a b) | TypeError | (< 1 2) => true
> | (> a b) | TypeError | (> "b" "a") => true
<= | (<= a b) | TypeError | (<= 2 2.0) => true
>= | (>= a b) | TypeError | (>= 1 2) => false
and | (and a …) | - | (and 1 nil 2) => nil
or | (or a …) | - | (or nil 3) => 3
not | (not a) | - | (not nil) => true
int? | (int? a) | - | (int? 1) => true
float? | (float? a) | - | (float? 1) => false
number? | (number? a) | - | (number? 1.5) => true
string? | (string? a) | - | (string? "a") => true
string-p = string?
bool? | (bool? a) | - | (bool? false) => true
boolean? = bool?
nil? | (nil? a) | - | (nil? nil) => true
map? | (map? a) | - | (map? {}) => true
vector? | (vector? a) | - | (vector? [1]) => true
list? | (list? a) | - | (list? '(1)) => true
keyword? | (keyword? a) | - | (keyword? :a) => true
symbol? | (symbol? a) | - | (symbol? 'a) => true
fn? | (fn? a) | - | (fn? inc) => true
symbol | (symbol name) | TypeError | (symbol "a") => a
keyword | (keyword name) | TypeError | (keyword "a") => :a
gensym | (gensym) (gensym prefix) | TypeError | (symbol? (gensym)) => true
type-name | (type-name a) | - | (type-name [1]) => "vector"
empty? | (empty? a) | - | (empty? []) => true
int | (int a) | - | (int "42") => 42
float | (float a) | - | (float 3) => 3.0
parse-int | (parse-int a) | - | (parse-int "12x") => nil
parse-float | (parse-float a) | - | (parse-float "1.5") => 1.5
str | (str a …) | - | (str "n=" 1 nil) => "n=1nil"
string-length | (string-length s) | TypeError | (string-length "añ") => 2
length | (length c) | TypeError | (length [1 2]) => 2
substring | (substring s start) (substring s start end) | TypeError IndexOutOfBounds
  | (substring "hello" 1 3) => "el"
subs = substring
string-contains | (string-contains s part) | TypeError | (string-contains "hello" "ell") => true
string-contains? = string-contains
starts-with? | (starts-with? s prefix) | TypeError | (starts-with? "hello" "he") => true
split | (split s separator) | TypeError | (split "a,b" ",") => ["a" "b"]
join | (join separator c) | TypeError | (join "-" [1 2 3]) => "1-2-3"
string-join = join
string-upper | (string-upper s) | TypeError | (string-upper "straße") => "STRASSE"
upper = string-upper
string-lower | (string-lower s) | TypeError | (string-lower "ABC") => "abc"
lower = string-lower
string-trim | (string-trim s) | TypeError | (string-trim " a ") => "a"
trim = string-trim
re-find | (re-find pattern s) | TypeError Generic | (re-find "[0-9]+" "ab12c345") => "12"
re-seq | (re-seq pattern s) | TypeError Generic | (re-seq "[0-9]+" "ab12c345") => ["12" "345"]
re-matches | (re-matches pattern s) | TypeError Generic | (re-matches "b+" "abc") => true
parse-json | (parse-json s) | TypeError Generic | (parse-json "{\"a\": [1, 2.5]}") => {"a" [1 2.5]}
tool/parse-json = parse-json
serialize-json | (serialize-json a) | Generic | (serialize-json {:a [1 nil]}) => "{\"a\":[1,null]}"
tool/serialize-json = serialize-json
serialize-json-pretty | (serialize-json-pretty a) | Generic | (serialize-json-pretty [1]) => "[\n  1\n]"
tool/serialize-json-pretty = serialize-json-pretty
vector | (vector a …) | - | (vector 1 2) => [1 2]
vec | (vec c) | TypeError | (vec '(1 2)) => [1 2]
list | (list a …) | - | (list 1 2) => (1 2)
count | (count c) | TypeError | (count {:a 1}) => 1
len = count
first | (first c) | TypeError | (first [1 2]) => 1
rest | (rest c) | TypeError | (rest [1 2 3]) => [2 3]
last | (last c) | TypeError | (last [1 2 3]) => 3
nth | (nth c index) (nth c index default) | TypeError IndexOutOfBounds | (nth [1 2] 5 :none) => :none
cons | (cons a c) | TypeError | (cons 0 [1 2]) => [0 1 2]
conj | (conj c a …) | TypeError | (conj [1] 2 3) => [1 2 3]
concat | (concat c …) | - | (concat [1] [2 3]) => [1 2 3]
subvec | (subvec v start) (subvec v start end) | TypeError IndexOutOfBounds | (subvec [1 2 3] 1) => [2 3]
take | (take n c) | TypeError | (take 2 [1 2 3]) => [1 2]
drop | (drop n c) | TypeError | (drop 2 [1 2 3]) => [3]
reverse | (reverse c) | TypeError | (reverse [1 2 3]) => [3 2 1]
sort | (sort c) (sort less? c) | TypeError | (sort [3 1 2]) => [1 2 3]
sort-by | (sort-by key c) | TypeError | (sort-by count ["ccc" "a" "bb"]) => ["a" "bb" "ccc"]
distinct | (distinct c) | TypeError | (distinct [1 2 1]) => [1 2]
partition | (partition n c) | TypeError | (partition 2 [1 2 3]) => [[1 2] [3]]
range | (range end) (range start end) (range start end step) | TypeError InvalidArgument
  | (range 1 4) => [1 2 3]
numbers | (numbers first last) | TypeError | (numbers 1 3) => [1 2 3]
contains? | (contains? c a) | TypeError | (contains? {:a 1} :a) => true
hash-map | (hash-map k v …) | TypeError | (hash-map :a 1) => {:a 1}
get | (get c k) (get c k default) | TypeError | (get {:a 1} :b 0) => 0
get-in | (get-in c path) (get-in c path default) | TypeError | (get-in {:a [1 2]} [:a 1]) => 2
find | (find m k) | TypeError | (find {:a 1} :a) => [:a 1]
keys | (keys m) | TypeError | (keys {:a 1 :b 2}) => [:a :b]
vals | (vals m) | TypeError | (vals {:a 1 :b 2}) => [1 2]
assoc | (assoc c k v …) | TypeError IndexOutOfBounds | (assoc {:a 1} :b 2) => {:a 1 :b 2}
dissoc | (dissoc m k …) | TypeError | (dissoc {:a 1 :b 2} :a) => {:b 2}
merge | (merge m …) | TypeError | (merge {:a 1} {:a 2 :b 3}) => {:a 2 :b 3}
map | (map f c) (map f c d …) | TypeError | (map + [1 2] [10 20]) => [11 22]
filter | (filter f c) | TypeError | (filter even? [1 2 3 4]) => [2 4]
remove | (remove f c) | TypeError | (remove even? [1 2 3 4]) => [1 3]
reduce | (reduce f c) (reduce f initial c) | TypeError Generic | (reduce + 0 [1 2 3]) => 6
map-indexed | (map-indexed f c) | TypeError | (map-indexed vector ["a" "b"]) => [[0 "a"] [1 "b"]]
group-by | (group-by f c) | TypeError | (group-by count ["a" "bb" "c"]) => {1 ["a" "c"] 2 ["bb"]}
apply | (apply f a … c) | TypeError | (apply + 1 [2 3]) => 6
every? | (every? f c) | TypeError | (every? even? [2 4]) => true
some? | (some? f c) | TypeError | (some? even? [1 2]) => true
some | (some f c) | TypeError | (some :a [{:b 1} {:a 2}]) => 2
update | (update c k f a …) | TypeError IndexOutOfBounds | (update {:a 1} :a + 10) => {:a 11}
assoc-in | (assoc-in c path v) | TypeError IndexOutOfBounds
  | (assoc-in {:a {:b 1}} [:a :b] 2) => {:a {:b 2}}
update-in | (update-in c path f a …) | TypeError IndexOutOfBounds
  | (update-in {:a {:b 1}} [:a :b] inc) => {:a {:b 2}}
select-keys | (select-keys m ks) | TypeError | (select-keys {:a 1 :b 2} [:a]) => {:a 1}
rename-keys | (rename-keys m names) | TypeError | (rename-keys {:a 1} {:a :b}) => {:b 1}
frequencies | (frequencies c) | TypeError | (frequencies ["a" "b" "a"]) => {"a" 2 "b" 1}
into | (into to from) | TypeError | (into [1] [2 3]) => [1 2 3]
identity | (identity a) | - | (identity 5) => 5
constantly | (constantly a) | - | (map (constantly 0) [1 2]) => [0 0]
complement | (complement f) | - | (filter (complement even?) [1 2 3]) => [1 3]
partial | (partial f a …) | - | (map (partial + 10) [1 2]) => [11 12]
comp | (comp f …) | - | (map (comp inc inc) [1 2]) => [3 4]
partition-by | (partition-by f c) | TypeError | (partition-by even? [1 3 2]) => [[1 3] [2]]
Exception. | (Exception. message a …) | - | (getMessage (Exception. "no")) => "no"
getMessage | (getMessage e) | TypeError | (getMessage (Exception. "no")) => "no"
throw | (throw e) | ApplicationError Generic TypeError | (try (throw "no") (catch _ e (:message e))) => "no"
call | (call id a …) | UnknownCapability SecurityViolation HostError TypeValidationError | -
context/get | (context/get k) | TypeError | -
context/set | (context/set k v) | TypeError | -
llm-execute | (llm-execute model prompt) (llm-execute :model m :prompt p :system s)
  | UnknownCapability SecurityViolation
  | -
println | (println a …) | UnknownCapability SecurityViolation | -
print = println
log = println
tool/log = println
tool.log = println
tool/time-ms | (tool/time-ms) | UnknownCapability SecurityViolation | -
tool.time-ms = tool/time-ms
current-time-millis = tool/time-ms
current-timestamp-ms = tool/time-ms
tool/current-timestamp-ms = tool/time-ms
thread/sleep | (thread/sleep ms) | UnknownCapability SecurityViolation | -
get-env | (get-env name) | UnknownCapability SecurityViolation | -
file-exists? | (file-exists? path) | UnknownCapability SecurityViolation IoError | -
tool/open-file | (tool/open-file path) | UnknownCapability SecurityViolation IoError | -
http-fetch | (http-fetch url) | UnknownCapability SecurityViolation NetworkError | -
tool/http-fetch = http-fetch
kv/assoc! | (kv/assoc! name k v …) | UnknownCapability SecurityViolation | -
kv/dissoc! | (kv/dissoc! name k …) | UnknownCapability SecurityViolation | -
kv/conj! | (kv/conj! name a …) | UnknownCapability SecurityViolation | -
deftype | (deftype name fields) | - | (deftype 'a 'b) => nil
process-data | (process-data a) | - | (process-data 5) => 5
read-file | (read-file path) | Generic | -
"""


@cache
def usages() -> dict[str, Usage]:
    """By name, in the order of the table."""
    table: dict[str, Usage] = {}
    for row in rows(_TABLE):
        if len(row) == 1:
            name, other = row[0].split(" = ")
            table[name] = _renamed(table[other], other, name)
            continue
        name, ways, errors, shown = row
        table[name] = Usage(calls(ways), () if errors == "-" else tuple(errors.split()), example(shown))
    return table


def _renamed(usage: Usage, old: str, new: str) -> Usage:
    ways = tuple(call.replace(f"({old}", f"({new}", 1) for call in usage.calls)
    shown = usage.example and (usage.example[0].replace(f"({old}", f"({new}", 1), usage.example[1])
    return Usage(ways, usage.errors, shown)
