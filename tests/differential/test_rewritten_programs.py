"""Programs that the passes of -O2 rewrite thoroughly: every level of both engines tells the same."""

import pytest
from differential import CUT, outcomes

CALLBACKS = [
    "(sort (fn [a b] (> a b)) [3 1 2 5 4])",
    "(sort (fn [a b] (- a b)) [3 1 2 5 4])",
    "(let [sign -1] (sort (fn [a b] (< (* sign a) (* sign b))) (range 0 40)))",
    "(sort (fn [a b] (/ 1 (- a b))) [1 2 2 3])",
    "(sort (fn [a b] (+ a \"x\")) [1 2 2 3])",
    "(sort-by (fn [p] (get p :n)) [{:n 3} {:n 1} {:n 2 :m 4}])",
    "(defn walk [f t] (if (vector? t) (map (fn [x] (walk f x)) t) (f t))) (walk inc [1 [2 [3]] []])",
    "(defn fold [f a xs] (if (empty? xs) a (fold f (f a (first xs)) (rest xs)))) (fold (fn [a x] "
    "(+ a x)) 0 [1 2.5 3])",
    "(defn fold [f a n] (if (< n 1) a (f (fold f a (- n 1)) n))) (let [k 10] (fold (fn [a x] (+ (* "
    "k a) x)) 0 5))",
    "(defn twice [f n x] (if (< n 1) x (twice (fn [y] (f (f y))) (- n 1) (f x)))) (twice inc 5 0)",
    "(defn fold [f a n] (if (< n 1) a (f (fold f a (- n 1)) n))) (fold (fn [a x] (/ a (- x 2))) 1 5)",
    "(defn each [f n] (if (< n 1) [] (conj (each f (- n 1)) (f n)))) [(each str 3) (each (fn [x] "
    "(* x 1.5)) 2)]",
]  # fmt: skip


ELEMENTS = [
    "(defn f [v i] (+ (nth v i) 1)) [(f [1 2 3] 2) (f [1.5 2] 0)]",
    "(defn f [v i] (+ (nth v i) 1)) (f [1 2 3] 3)",
    '(defn f [v i] (+ (nth v i) 1)) (f [1 "a"] 1)',
    "(defn total [m] (reduce + 0 (map (fn [row] (reduce + 0 row)) m))) [(total [[1 2] [3]]) (total "
    "[[1.5]]) (total [])]",
    '(defn f [v n] (if (< n 1) v (f (conj v n) (- n 1)))) [(f [] 3) (f [1.5] 2) (f ["a"] 1)]',
    "(let [m {:a 1 :b 2}] [(+ (get m :a) 1) (get m :c) (:b m) (get m :c 2.5)])",
    "(loop [v [] i 0] (if (< i 40) (recur (conj v (* i i)) (inc i)) [(nth v 3) (nth v 39) (get v "
    "40) (get v -1)]))",
    "(let [v (map (fn [x] (if (even? x) x (* x 0.5))) (range 0 5))] (reduce + 0 v))",
    "(let [[a b] [1 2] {:keys [c]} {:c 3}] (+ a b c))",
    '(reduce (fn [acc w] (assoc acc w (inc (get acc w 0)))) {} (split "a b a" " "))',
    "(let [v [[1 2] [3 4]]] (nth (nth v 1) 2))",
    "(let [v (subvec (range 0 100) 30 70)] [(nth v 0) (nth v 39) (get v 40)])",
    "(+ 1 (first []))",
    "(let [v (rest [1 2])] (+ (nth v 0) (first v) (last v)))",
    '(let [v (assoc [1 2] 0 "x")] (+ (nth v 1) (nth v 0)))',
    "(reduce max 0 (vals (frequencies [1 1 2])))",
    "(loop [m {} i 0] (if (< i 20) (recur (assoc m i (* 1.5 i)) (inc i)) (+ (get m 3) (get m 19))))",
]

PIPES = [
    "(defn f [n] (reduce + 0 (filter even? (map (fn [x] (* x 3)) (range 0 n))))) (f 20)",
    "(defn f [a b] (reduce + 0 (map (fn [x] (* x 3)) (range a b)))) [(f 3 9) (f 9 3) (f -2 2)]",
    '(reduce + 0 (map (fn [x] (* x 3)) (range 0 "a")))',
    "(reduce + 0 (map (fn [x] (* x 3)) (range 1.5 3)))",
    "(reduce + 9223372036854775800 (map (fn [x] (* x 3)) (range 0 9)))",
    "(reduce + 9223372036854775800 (map (fn [x] (* x 1152921504606846976)) (range 0 9)))",
    "(reduce + 9223372036854775800 (map (fn [x] (* x 1152921504606846976)) (range 5 9)))",
    "(reduce (fn [a x] (/ a (- x 2))) 1 (map (fn [x] (/ 6 (- 4 x))) (range 0 9)))",
    "(reduce (fn [a x] (/ a (- x 2))) 1 (map (fn [x] (/ 6 (- 40 x))) (range 0 9)))",
    "(reduce (fn [a x] (/ a (- x 2))) 1 (filter (fn [x] (< (/ 6 (- 4 x)) 5)) (range 0 9)))",
    '(try (reduce (fn [a x] (throw (str x))) 1 (map (fn [x] (if (= x 3) (throw "m") x)) (range 0 9)))'
    " (catch Any e (getMessage e)))",
    '(try (reduce (fn [a x] (throw (str x))) 1 (map (fn [x] (if (= x 30) (throw "m") x)) (range 0 9)))'
    " (catch Any e (getMessage e)))",
    "(some (fn [x] (if (> x 3) x nil)) (map (fn [x] (* x 2)) (range 0 9)))",
    "(some (fn [x] (if (> x 3) x nil)) (map (fn [x] (/ 4 (- x 4))) (range 0 9)))",
    "(every? even? (map (fn [x] (* x 2)) (range 0 9)))",
    "(every? even? (map (fn [x] (/ 2 (- x 5))) (range 0 9)))",
    "(every? (fn [x] x) (map (fn [x] (* x 2)) (range 0 9)))",
    "(map-indexed (fn [i x] [i x]) (filter odd? (range 0 9)))",
    "(count (filter odd? (map (fn [x] (* x x)) (range 0 9))))",
    "(map (fn [x] (/ 1 x)) (filter (fn [x] (> x 0)) (map (fn [x] (- x 2)) (range 0 9))))",
    "(map (fn [x] (/ 1 x)) (map (fn [x] (- x 2)) (range 0 9)))",
    "(reduce (fn [a x] (+ a (reduce + 0 (range 0 x)))) 0 (map (fn [x] (* x 2)) (range 0 9)))",
    "(map (fn [x] (reduce + 0 (map (fn [y] (* x y)) (range 0 x)))) (range 0 6))",
    '(join "," (map str (filter odd? (range 0 9))))',
    "(let [v (map inc (range 0 5))] [(reduce + 0 v) (reduce max 0 v)])",
    "(let [v (map inc (range 0 5)) w (/ 1 0)] (reduce + 0 v))",
    '(let [v (map (fn [x] (/ 1 (- x 1))) (range 0 5)) w (throw "w")] (reduce + 0 v))',
    "(if (even? 3) (reduce + 0 (map inc (range 0 5))) (reduce + 0 (map dec (range 0 5))))",
    "(defn f [c] (let [v (map (fn [x] (/ 1 x)) (range 0 5))] (if c (reduce + 0 v) 1))) [(f true)]",
    "(map (fn [p] (nth p 1)) (map (fn [x] [x (* x x)]) (range 0 5)))",
    "(reduce (fn [a x] (conj a x)) [] (remove even? (map inc (range 0 9))))",
    "(group-by even? (map (fn [x] (* x x)) (range 0 6)))",
    "(sort-by (fn [x] (- 0 x)) (map (fn [x] (* x 0.5)) (range 0 6)))",
    "(partition-by even? (map (fn [x] (quot x 2)) (range 0 9)))",
    "(loop [i 0] (if (< i 3) (recur (+ i (count (filter odd? (map inc (range 0 9)))))) i))",
    '(reduce + (map (fn [x] (if (= x 4) "a" x)) (filter odd? (range 0 9))))',
    '(reduce + (map (fn [x] (if (= x 4) "a" x)) (range 0 9)))',
]

DECLARED = [
    "(defn f [v : [:vector Int] n : Int] : [:vector Int] (if (< n 1) v (f (conj v n) (- n 1)))) (f [] 3)",
    "(defn f [v : [:vector Int]] (nth v 0)) [(f [1 2]) (f (map inc (range 0 3)))]",
    "(defn f [v : [:vector Int]] (nth v 0)) (f (conj [1 2] 2.5))",
    "(defn f [v : [:vector Float]] (reduce + 0.5 v)) [(f [1 2]) (f [1.5])]",
    "(defn f [v : [:vector [:vector Int]]] (reduce + 0 (first v))) [(f [[1 2] []]) (f [[3]])]",
    "(defn f [v : [:vector [:vector Int]]] (reduce + 0 (first v))) (f [[1 2] [1.5]])",
    "(defn f [m : [:map-of Keyword Int]] (+ 1 (get m :a 0))) [(f {:a 1}) (f {})]",
    '(defn f [m : [:map-of Keyword Int]] (+ 1 (get m :a 0))) (f {"a" 1})',
    '(defn f [v : [:vector String?]] (count v)) (f ["a" nil])',
    "(defn f [v : [:vector [:vector [:vector [:vector Int]]]]] (count v)) (f [[[[1 :a]]]])",
    '(defn f [v : [:union [:vector Int] [:vector String]]] (count v)) (f [1 "a"])',
]

OWNED = [
    "(loop [i 0 v []] (if (< i 70) (recur (inc i) (conj v (* i i))) [v (count v)]))",
    "(loop [i 0 v [] w nil] (if (< i 40) (recur (inc i) (conj v i) (if (= i 20) v w)) [v w]))",
    "(loop [i 0 v []] (if (< i 70) (recur (inc i) (conj v (if (> i 0) (nth v (- i 1)) i))) v))",
    "(loop [i 0 v []] (if (< i 9) (recur (inc i) (if (even? i) (conj (conj v i) (count v)) v)) v))",
    "(reduce (fn [a x] (conj a [x (count a)])) [] (range 0 40))",
    "(reduce (fn [a x] (conj x a)) [] [[1] [2]])",
    "(loop [i 0 m {}] (if (< i 40) (recur (inc i) (assoc m i (get m (- i 1) 0))) [(count m) m]))",
    '(reduce (fn [m w] (assoc m w (inc (get m w 0)))) {} ["a" "b" "a"])',
    "(reduce (fn [m w] (assoc m w (inc (get m w 0)))) {} [:a 1 2.5])",
    "(loop [i 0 m {} old {}] (if (< i 20) (recur (inc i) (assoc m i i) m) [(count m) (count old)]))",
    "(loop [i 0 m {}] (if (< i 20) (recur (inc i) (update m (mod i 3) (fn [x] (if x (inc x) 0)))) m))",
    "(map (fn [n] (loop [i 0 v []] (if (< i n) (recur (inc i) (conj v i)) v))) (range 0 5))",
    "(loop [i 0 v []] (if (< i 5) (recur (inc i) (conj v (fn [] (count v)))) (map (fn [f] (f)) v)))",
    "(defn f [i v] (if (< i 5) (f (inc i) (conj v i)) v)) [(f 0 []) (f 3 [1])]",
    "(loop [i 0 v [] seen []] (if (< i 5) (recur (inc i) (conj v i) (conj seen (count v))) [v seen]))",
]

TAKEN_APART = [
    "(defn f [n] (loop [i 0 p [0 1]] (if (< i n) (let [[a b] p] (recur (inc i) [b (+ a b)])) p))) (f 9)",
    "(defn f [n] (loop [i 0 p [0 1]] (if (< i n) (let [[a b c] p] (recur (inc i) [b (+ a b)])) p))) (f 9)",
    "(defn f [xs] (let [[s n] (reduce (fn [[s n] x] [(+ s x) (inc n)]) [0 0] xs)] (/ s n))) (f [1 2 4])",
    '(defn f [xs] (let [[s n] (reduce (fn [[s n] x] [(+ s x) (inc n)]) [0 0] xs)] (/ s n))) (f [1 "a"])',
    "(defn f [a b] (let [p {:x a :y b}] (+ (:x p) (get p :y) (count p)))) [(f 1 2) (f 1.5 2)]",
    "(reduce (fn [{:keys [lo hi]} x] {:lo (min lo x) :hi (max hi x)}) {:lo 9 :hi 0} [3 1 2])",
    "(let [v [1 2 3]] (match v [a b c] (+ a b c)))",
    "(let [[a & more] [1 2 3]] [a more])",
    "(loop [p [1 2]] (if (< (first p) 9) (recur (if (even? (first p)) [(+ 1 (nth p 0)) (nth p 1)]"
    " [(+ 3 (nth p 0)) 0])) p))",
    "(loop [i 0 p [0 0]] (if (< i 5) (recur (inc i) (if (even? i) p [(nth p 1) i])) [p (count p)]))",
    "(loop [i 0 p [0 0]] (if (< i 5) (recur (inc (if (= i 3) (/ i 0) i)) (if (even? i) p [(nth p 1) i])) p))",
    "(map (fn [[k v]] (+ k v)) (map (fn [x] [x (* 2 x)]) (range 0 5)))",
]


@pytest.mark.parametrize("program", CALLBACKS + ELEMENTS + PIPES + DECLARED + OWNED + TAKEN_APART)
def test_all_levels_of_both_engines_agree(program):
    found = outcomes(program)
    assert found is not None and not any(CUT in told for told in found.values()), found
    assert len(found) >= 4 and len(set(found.values())) == 1, found
