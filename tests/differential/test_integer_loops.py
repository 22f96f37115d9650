"""Programs whose integer operations lose their tests at -O2: every level of both engines tells the same."""

import pytest
from differential import CUT, LEVELS, outcomes

MIN, MAX = -(1 << 63), (1 << 63) - 1
ENDS = f"[{MIN} {MIN + 1} -10 -3 -1 0 1 3 10 {MAX - 1} {MAX}]"

PROGRAMS = [
    f"(map (fn [a] (map (fn [b] (try (quot a b) (catch _ e (getMessage e)))) {ENDS})) {ENDS})",
    f"(defn q [a b] (quot a b)) (q {MIN} -1)",
    "(defn digits [n] (loop [n n s 0] (if (= n 0) s (recur (quot n 10) (+ s (mod n 10))))))"
    f" (map digits {ENDS})",
    f"(defn low [n] (mod n 16)) (map low {ENDS})",
    "(defn low [n] (if (< n 0) 0 (mod n 16))) (map low [0 15 16 17 -5 31])",
    "(defn gcd [a b] (if (= b 0) a (gcd b (mod a b)))) [(gcd 48 36) (gcd -48 36) (gcd 7 0) (gcd 0 0)]",
    "(defn f [a b] (do (mod a b) (mod 7 b))) (f 1 0)",
    "(defn up [n] (loop [i n] (if (> i 0) (recur (+ i i)) i))) (up 1)",
    f"(loop [i {MAX - 2} n 0] (if (< n 5) (recur (inc i) (inc n)) i))",
    f"(loop [i {MIN + 2} n 0] (if (< n 5) (recur (dec i) (inc n)) i))",
    "(loop [i 0 h 5381] (if (< i 1000) (recur (inc i) (mod (+ (* h 31) i) 1000003)) h))",
    "(defn square [a] (if (< (* a a) 100) (+ (* a a) 1) a)) [(square 3) (square 10) (square -3)]",
    "(defn square [a] (* a a)) (square 3037000500)",
    "(defn power [b n] (loop [i 0 t 1] (if (< i n) (recur (inc i) (* t b)) t))) [(power 2 62) (power -2 63)]",
    "(defn power [b n] (loop [i 0 t 1] (if (< i n) (recur (inc i) (* t b)) t))) (power 2 63)",
    "(let [v [1 2 3]] (loop [i 0 t 0] (if (< i (count v)) (recur (inc i) (+ t (nth v i))) t)))",
    "(let [v [1 2 3]] (loop [i 0 t 0] (if (<= i (count v)) (recur (inc i) (+ t (nth v i))) t)))",
    "(let [v [1 2 3]] (loop [i (- (count v) 1) t 0] (if (>= i 0) (recur (dec i) (+ t (nth v i))) t)))",
    "(let [v [1 2 3]] (loop [i (- (count v) 1) t 0] (if (>= i -1) (recur (dec i) (+ t (nth v i))) t)))",
    "(defn pairs [v] (loop [i 1 t []] (if (< i (count v))"
    " (recur (inc i) (conj t (- (nth v i) (nth v (- i 1))))) t)))"
    " [(pairs (vec [1 4 9])) (pairs (vec [5])) (pairs (vec []))]",
    "(defn f [n] (loop [y 0 t 0] (if (< y 40) (recur (inc y) (loop [x 0 t t]"
    " (if (< x 40) (recur (inc x) (if (< (+ (* x x) (* y y)) n) (inc t) t)) t))) t))) [(f 100) (f 0)]",
    f"(defn f [a] (if (< a 0) (throw \"negative\") (abs (- a {MAX})))) [(f 1) (f {MAX})]",
    f"(defn f [a] (- (abs a))) (map f {ENDS})",
]  # fmt: skip


@pytest.mark.parametrize("source", PROGRAMS)
def test_all_levels_of_both_engines_agree(source: str) -> None:
    found = outcomes(source)
    assert found is not None and CUT not in str(found)
    assert len(found) == 2 * len(LEVELS) and len(set(found.values())) == 1, found
    assert not next(iter(found.values())).startswith("crash")
