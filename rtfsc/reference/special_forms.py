"""Special forms for people: ``name | calls | doc | example => printed value``."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from rtfsc.reference.table import calls, example, rows


class SpecialForm(NamedTuple):
    """``calls``: ways to write it; ``example``: a program and its printed value, None where it needs more."""

    name: str
    calls: tuple[str, ...]
    doc: str
    example: tuple[str, str] | None


_TABLE: Final = """
if | (if test then) (if test then else) | Evaluates one of two; without else: nil.
  | (if (> 2 1) :yes :no) => :yes
do | (do e …) | All in order; the value of the last. | (do 1 2) => 2
let | (let [pattern e …] body …) | Names values, each visible to the next.
  | (let [a 1 [b c] [2 3]] (+ a b c)) => 6
fn | (fn [parameters] body …) #(… % …) | A function without a name.
  | ((fn [a & more] (count more)) 1 2 3) => 2
λ | (λ [parameters] body …) | The same as fn. | ((λ [a] (inc a)) 1) => 2
def | (def name e) (def name "doc" : T e) | A top-level value; inside of a body it is local.
  | (def a 1) a => 1
defn | (defn name "doc" [parameters] : T body …) | A function with a name.
  | (defn f [a : Int] : Int (* 2 a)) (f 21) => 42
defstruct | (defstruct Name :field T …) | A type, and a function that checks maps against it.
  | (defstruct P :x Int) (P {:x 1}) => {:x 1}
defmacro | (defmacro name [parameters] body …) | A function from forms to the form that replaces its calls.
  | (defmacro twice [e] `(do ~e ~e)) (twice 7) => 7
quote | (quote form) 'form | The form as data. | '(a 1) => (a 1)
when | (when test body …) | The body if the test is true, else nil. | (when true 1 2) => 2
unless | (unless test body …) | The body if the test is not true, else nil. | (unless false 1) => 1
cond | (cond test e … :else e) | The first whose test is true, else nil. | (cond (< 2 1) :a :else :b) => :b
case | (case e literal result … default) | By equality with literals; none is a MatchError.
  | (case 2 1 :one 2 :two) => :two
if-let | (if-let [pattern e] then else) | Binds if the value is true.
  | (if-let [x (get {:a 1} :a)] x 0) => 1
when-let | (when-let [pattern e] body …) | Binds if the value is true, else nil.
  | (when-let [x nil] x) => nil
-> | (-> e step …) | Passes a value on as the first argument. | (-> 5 inc (- 1)) => 5
->> | (->> e step …) | Passes a value on as the last argument. | (->> [1 2 3] (map inc) (reduce +)) => 9
loop | (loop [pattern e …] body …) | Names values that recur binds anew.
  | (loop [n 3 sum 0] (if (= n 0) sum (recur (dec n) (+ sum n)))) => 6
recur | (recur e …) | The next round of the loop or function around it; in tail position only.
  | ((fn [n] (if (> n 99) n (recur (* n n)))) 3) => 6561
dotimes | (dotimes [i n] body …) | Repeats with i from 0; the value of the last round.
  | (dotimes [i 3] i) => 2
for | (for [pattern c …] e) | A vector of all combinations, the last varying fastest.
  | (for [a [1 2] b [3 4]] (* a b)) => [3 4 6 8]
match | (match e pattern body …) (match e pattern when guard body …) | By shape; none is a MatchError.
  | (match [1 2] [a b] (+ a b) _ 0) => 3
try | (try body … (catch Kind e handler …) (finally cleanup …)) | Catches errors.
  | (try (/ 1 0) (catch DivisionByZero e :no)) => :no
catch | (try … (catch Kind e handler …)) | A kind, a group, a :type, or _ for all; e is the error value.
  | (try (throw "a") (catch _ e (:message e))) => "a"
finally | (try … (finally cleanup …)) | Runs whatever happens; its value is dropped.
  | (try 1 (finally 2)) => 1
module | (module a.b (:exports [name …]) definition …) | A file that others import. | -
import | (import a.b) (import a.b :as b) (import a.b :only [name …]) | Uses the exports of a module. | -
declare | (declare name [parameters] : T "doc")
  | A function that the host may know; else a call is an UndefinedSymbol.
  | (declare f [a]) (try (f 1) (catch UndefinedSymbol e :none)) => :none
deftest | (deftest name body …) | A test; run by rtfsc test. | -
is | (is e) (is e "message") (is (= expected actual)) | True, or an error that ends the test.
  | (is (= 4 (+ 2 2))) => true
quasiquote | (quasiquote form) `form | The form as data, with what is unquoted put in.
  | `(1 ~(+ 1 1)) => (1 2)
unquote | (unquote e) ~e | In a template: the value of e.
  | `[~(+ 1 1)] => [2]
unquote-splicing | (unquote-splicing e) ~@e | In a template: the elements of e.
  | `(1 ~@[2 3]) => (1 2 3)
context-ref | @name @:key | A name of the program, else a value of the host's context.
  | (def a 5) @a => 5
step | (step "name" body …) | The body; the host is told that it starts and how it ends.
  | (step "add" (+ 1 2)) => 3
step-if | (step-if test then else) | if, told to the host. | (step-if true 1 2) => 1
step-loop | (step-loop test e) | Repeats while the test is true, told to the host; at most 10,000 rounds.
  | (step-loop false 1) => nil
step-parallel | (step-parallel e …) | A vector of the values, told to the host.
  | (step-parallel 1 2) => [1 2]
resource:ref | (resource:ref "name") | A name of the program, else a value of the host's context. | -
capability | (capability "id" :key value …) | A description as data.
  | (capability "id" :k 1) => {"type" "capability" "name" "id" "k" 1}
plan | (plan "id" :key value …) | A description as data.
  | (plan "p" :k 1) => {"type" "plan" "name" "p" "k" 1}
resource | (resource name (property :key value) …) | A description as data.
  | (resource r (property :k 1)) => {"type" "resource" "name" "r" "k" 1}
"""


@cache
def special_forms() -> dict[str, SpecialForm]:
    """By name, in the order of the table."""
    return {
        name: SpecialForm(name, calls(ways), doc, example(shown)) for name, ways, doc, shown in rows(_TABLE)
    }
