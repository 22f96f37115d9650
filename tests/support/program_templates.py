"""What `typed_programs` builds expressions of: atoms and templates per type of result."""

from __future__ import annotations

from typing import Final

_ATOMS: Final = {
    "small": "0 1 2 3 4 7",
    "int": "0 1 2 -1 -7 10 63 100 9223372036854775807 -9223372036854775808 4611686018427387904 "
    "4611686018427387903 -4611686018427387905 3037000500 9007199254740993 2147483648 -2147483649",
    "float": "0.0 -0.0 1.0 1.5 -2.5 0.1 1.0e300 1.0e-310 ##NaN ##Inf ##-Inf 9007199254740992.0 1.0e16 0.0001",
    "num": "0 1 -3 2.5 -0.0 9223372036854775807 ##NaN 0.5",
    "bool": "true false true false nil",
    "kw": ":a :b :c :k :x/y",
}
_STRINGS: Final = [
    "",
    "a",
    "abc",
    "é",
    "a😀b",
    "hello world",
    " x ",
    "1.5",
    "42",
    "ß",
    "A,B,,C",
    "-7",
    "\\n",
    '\\"',
]
ATOMS: Final[dict[str, list[str]]] = {
    **{name: text.split(" ") for name, text in _ATOMS.items()},
    "any": ["nil", "0", "1.5", '"s"', ":k", "[]", "{}", "()", "true", "[1 [2]]", "{:a 1}", "inc"],
    "str": [f'"{text}"' for text in _STRINGS],
}

_TEMPLATES: Final = """
small (mod ‹int› 5) | (count ‹int*›) | ‹small›
int (+ ‹int› ‹int›) | (- ‹int› ‹int›) | (* ‹int› ‹int›) | (+ ‹int› ‹small›) | (- ‹int› ‹small›)
int (* ‹int› ‹small›) | (mod ‹int› ‹int›) | (inc ‹int›) | (dec ‹int›) | (abs ‹int›) | (max ‹int› ‹int›)
int (min ‹int› ‹int›) | (- ‹int›) | (+ ‹int› ‹int› ‹int›) | (count ‹any*›) | (count ‹str›)
int (string-length ‹str›) | (length ‹int#›) | (int ‹num›) | (int ‹str›) | (parse-int ‹str›)
int (pow ‹small› ‹small›) | (factorial ‹small›) | (reduce + 0 ‹int*›) | (reduce ‹int>int>int› ‹int*›)
int (apply + 0 ‹int*›) | (apply max ‹int*›) | (get ‹int#› ‹kw› ‹int›)
int (reduce (fn [p q] (+ p (count q))) 0 ‹str*›) | (dotimes [i ‹small›] (+ i ‹int›)) | (first (sort ‹int*›))
int (#(+ % ‹int›) ‹int›) | (-> ‹int› inc (- ‹int›)) | (->> ‹int*› (map inc) (reduce + 0))
float (+ ‹float› ‹num›) | (- ‹num› ‹float›) | (* ‹float› ‹num›) | (float ‹num›) | (sqrt ‹num›)
float (float ‹str›) | (pow ‹float› ‹small›) | (parse-float ‹str›) | (mod ‹float› ‹num›) | (- ‹float›)
float (abs ‹float›) | (inc ‹float›) | (max ‹float› ‹float›) | (reduce + 0.0 ‹float*›) | (min ‹float› ‹num›)
float (* 0.5 ‹int›) | (pow ‹num› 0.5)
num (/ ‹int› ‹int›) | (/ ‹num› ‹small›) | (+ ‹num› ‹num›) | (* ‹num› ‹num›) | (max ‹num› ‹num›)
num (/ ‹float› ‹num›) | (if ‹bool› ‹int› ‹float›) | (reduce max ‹num*›) | (/ ‹int›)
num (/ ‹int› ‹small› ‹num›) | (mod ‹num› ‹num›) | ‹int›
bool (< ‹int› ‹int›) | (> ‹num› ‹num›) | (<= ‹num› ‹int›) | (>= ‹float› ‹int›) | (= ‹int› ‹int›)
bool (= ‹any› ‹any›) | (not= ‹num› ‹num›) | (= ‹str› ‹str›) | (< ‹str› ‹str›) | (not ‹any›) | (even? ‹num›)
bool (odd? ‹int›) | (nil? ‹any›) | (and ‹bool› ‹bool›) | (or ‹bool› ‹bool›) | (empty? ‹any›)
bool (contains? ‹int*› ‹int›) | (contains? ‹int#› ‹kw›) | (string-contains ‹str› ‹str›)
bool (starts-with? ‹str› ‹str›) | (every? ‹int>bool› ‹int*›) | (some? ‹int>bool› ‹int*›) | (zero? ‹num›)
bool (pos? ‹int›) | (neg? ‹float›) | (int? ‹any›) | (float? ‹num›) | (vector? ‹any›) | (fn? ‹any›)
bool (number? ‹any›) | (string? ‹any›) | (map? ‹any›) | (= ‹int*› ‹int*›) | (= ‹int#› ‹int#›)
bool (every? string? ‹str*›)
str (str ‹any› ‹any›) | (str ‹num›) | (str ‹str› ‹int›) | (join ‹str› ‹any*›) | (string-upper ‹str›)
str (type-name ‹any›) | (substring ‹str› ‹small›) | (substring ‹str› ‹small› ‹small›) | (string-trim ‹str›)
str (string-lower ‹str›) | (take ‹small› ‹str›) | (drop ‹small› ‹str›) | (reverse ‹str›) | (first ‹str›)
str (rest ‹str›) | (last ‹str›) | (nth ‹str› ‹small› ‹str›) | (sort ‹str›) | (distinct ‹str›)
str (reduce str "" ‹any*›) | (join "," (map str ‹int*›)) | (getMessage (Exception. ‹any›))
str (apply str ‹str*›) | (remove (fn [c] (= c "a")) ‹str›) | (str ‹float›)
kw (if ‹bool› ‹kw› ‹kw›) | (first (keys ‹int#›)) | (case ‹int› 0 :a 1 :b :k) | (case ‹str› "a" :a "abc" :b)
kw ‹kw› | (cond ‹bool› ‹kw› ‹bool› ‹kw› :else :c)
any ‹int› | ‹float› | ‹str› | ‹bool› | ‹int*› | ‹str*› | ‹int#› | ‹num*› | [‹any› ‹any›]
any {:a ‹any› "s" ‹any› 3 ‹int›} | (when ‹bool› ‹any›) | (fn [x] ‹any›) | (vector ‹any› ‹any›)
any (get-in {:a [1 ‹any›]} [:a ‹small›]) | (find ‹int#› ‹kw›) | (into [] ‹any*›) | (hash-map ‹kw› ‹any›)
any ((fn [& r] r) ‹any› ‹any›) | '(a ‹int› "s") | (some ‹int>any› ‹int*›)
vec [‹T› ‹T›] | [‹T›] | [] | (conj ‹T*› ‹T›) | (cons ‹T› ‹T*›) | (concat ‹T*› ‹T*›) | (rest ‹T*›)
vec (take ‹small› ‹T*›) | (drop ‹small› ‹T*›) | (reverse ‹T*›) | (distinct ‹T*›) | (filter ‹T>bool› ‹T*›)
vec (remove ‹T>bool› ‹T*›) | (sort ‹T*›) | (map ‹int>T› ‹int*›) | (map ‹T>T› ‹T*›) | (map ‹str>T› ‹str›)
vec (subvec ‹T*› ‹small›) | (subvec ‹T*› ‹small› ‹small›) | (assoc ‹T*› ‹small› ‹T›)
vec (update ‹T*› ‹small› ‹T>T›) | (map-indexed ‹int>T>T› ‹T*›) | (vals ‹T#›) | (for [x ‹int*›] ‹T›)
vec (for [x ‹small*› y ‹T*›] y) | (into ‹T*› ‹T*›) | (sort-by ‹T>int› ‹T*›) | (map ‹T>T>T› ‹T*› ‹T*›)
vec (apply vector ‹T*›) | (first (partition 2 ‹T*›)) | (map :a [{:a ‹T›} ‹T#›])
vec (reduce (fn [p q] (conj p q)) [] ‹T*›) | (concat ‹T*› [‹T›] ‹T*›)
int* (range 0 ‹small›) | (range ‹small›) | (numbers ‹small› ‹small›) | (map count ‹str*›) | (map inc ‹int*›)
int* (sort > ‹int*›)
str* (split ‹str› ‹str›) | (map str ‹any*›) | (map string-upper ‹str*›) | (split ‹str› ",")
str* (map type-name ‹any*›)
num* (map (fn [x] (/ x ‹int›)) ‹int*›) | (map + ‹int*› ‹float*›) | (map float ‹num*›)
bool* (map even? ‹int*›) | (map not ‹any*›)
map {:a ‹T› :b ‹T›} | {‹kw› ‹T›} | {} | (assoc ‹T#› ‹kw› ‹T›) | (dissoc ‹T#› ‹kw›) | (merge ‹T#› ‹T#›)
map (update ‹T#› ‹kw› ‹T>T›) | (select-keys ‹T#› [‹kw› ‹kw›]) | (hash-map ‹kw› ‹T›) | (into ‹T#› ‹T#›)
map (rename-keys ‹T#› {:a :z}) | (assoc-in ‹T#› [:a] ‹T›) | (update-in ‹T#› [:a] ‹T>T›)
map (reduce (fn [m k] (assoc m k ‹T›)) {} ‹kw*›) | (assoc ‹T#› ‹kw› ‹T› ‹kw› ‹T›)
int# (frequencies ‹kw*›) | (frequencies ‹str*›)
"""
TEMPLATES: Final[dict[str, list[str]]] = {}
for _line in _TEMPLATES.strip().splitlines():
    _type, _choices = _line.split(" ", 1)
    TEMPLATES.setdefault(_type, []).extend(_choices.split(" | "))

GENERIC: Final = """
(if ‹bool› ‹T› ‹T›)
(if ‹any› ‹T› ‹T›)
(do ‹any› ‹T›)
(nth ‹T*› ‹small›)
(nth ‹T*› ‹small› ‹T›)
(first ‹T*›)
(last ‹T*›)
(get ‹T#› ‹kw›)
(get ‹T#› ‹kw› ‹T›)
(‹kw› ‹T#›)
(get ‹T*› ‹small› ‹T›)
(cond ‹bool› ‹T› ‹bool› ‹T› :else ‹T›)
(or ‹T› ‹T›)
(and ‹any› ‹T›)
(identity ‹T›)
(reduce ‹T>T>T› ‹T*›)
(reduce ‹T>T>T› ‹T› ‹T*›)
(if-let [x ‹T›] x ‹T›)
(case ‹int› 0 ‹T› 1 ‹T› ‹T›)
(when ‹bool› ‹T›)
(#(if % ‹T› ‹T›) ‹bool›)
(:a {:a ‹T›} ‹T›)
(let [[x & r] ‹T*›] x)
(get-in {:a {:b ‹T›}} [:a :b])
(apply ‹T>T› [‹T›])
(let [g (fn [h] (h ‹T›))] (g ‹T>T›))
(dotimes [i ‹small›] ‹T›)
(try (throw ‹str›) (catch Any er ‹T›))
(if (and ‹bool› (or ‹bool› ‹bool›)) ‹T› ‹T›)
(let [m ‹T#›] (if (contains? m :a) (:a m) ‹T›))
""".strip().splitlines()
