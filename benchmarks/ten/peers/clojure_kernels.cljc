;; The kernels in Clojure, for Basilisp and nbb: persistent vectors and maps.
(ns clojure-kernels
  (:require #?(:lpy [basilisp.string :as str] :cljs [clojure.string :as str])))

(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))

(defn tak [x y z]
  (if (< y x) (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y)) z))

(defn loop-sum [n] (loop [i 0 total 0] (if (< i n) (recur (inc i) (+ total i)) total)))

(defn escape-time [cx cy limit]
  (loop [x 0.0 y 0.0 n 0]
    (let [xx (* x x) yy (* y y)]
      (if (or (>= n limit) (> (+ xx yy) 4.0))
        n
        (recur (+ (- xx yy) cx) (+ (* 2.0 (* x y)) cy) (inc n))))))

(defn mandelbrot [size limit]
  (let [step (/ 2.5 size)]
    (loop [row 0 total 0]
      (if (< row size)
        (recur (inc row)
               (loop [col 0 sum total]
                 (if (< col size)
                   (recur (inc col)
                          (+ sum (escape-time (+ -2.0 (* step col)) (+ -1.25 (* step row)) limit)))
                   sum)))
        total))))

(defn safe? [queens column]
  (let [row (count queens)]
    (loop [r 0]
      (if (< r row)
        (let [q (nth queens r)]
          (if (or (= q column) (= (abs (- q column)) (- row r)))
            false
            (recur (inc r))))
        true))))

(defn place [queens n]
  (if (= (count queens) n)
    1
    (loop [column 0 found 0]
      (if (< column n)
        (recur (inc column)
               (if (safe? queens column) (+ found (place (conj queens column) n)) found))
        found))))

(defn queens [n] (place [] n))

(defn pipeline [n]
  (reduce + 0 (filter (fn [x] (= 0 (mod x 3))) (map (fn [x] (* x 2)) (range 0 n)))))

(defn words [text]
  (let [counts (frequencies (str/split (str/lower-case text) #" "))]
    (reduce (fn [sum word] (+ sum (* (count word) (get counts word)))) (count counts) (keys counts))))

(defn key-of [i] (mod (* i 7919) 1000003))

(defn assoc-keys [n]
  (let [filled (reduce (fn [m i] (assoc m (key-of i) i)) {} (range 0 n))]
    (loop [i 0 sum 0]
      (if (< i n) (recur (inc i) (+ sum (get filled (key-of i)))) sum))))

(defn mixed [i]
  (let [x (mod (* i 1103515245) 2147483647)]
    (mod (* x (+ 12345 (mod x 1000))) 2147483647)))

(defn sort-numbers [n seed]
  (let [numbers (mapv mixed (range seed (+ seed n)))
        sorted (vec (sort numbers))]
    (loop [i 0 sum 0]
      (if (< i n) (recur (+ i 100) (+ sum (nth sorted i))) sum))))

(defn matrix [n seed]
  (mapv (fn [i] (mapv (fn [j] (mod (+ (* i 31) (* j 17) seed) 100)) (range 0 n))) (range 0 n)))

(defn dot [row b j n]
  (loop [k 0 sum 0]
    (if (< k n) (recur (inc k) (+ sum (* (nth row k) (nth (nth b k) j)))) sum)))

(defn matmul [n seed]
  (let [a (matrix n seed)
        b (matrix n (+ seed 1))
        product (mapv (fn [row] (mapv (fn [j] (dot row b j n)) (range 0 n))) a)]
    (reduce + 0 (map (fn [row] (reduce + 0 row)) product))))

(def kernels
  {"fib" fib "tak" tak "loop" loop-sum "mandelbrot" mandelbrot "queens" queens "pipeline" pipeline
   "words" words "assoc" assoc-keys "sort" sort-numbers "matmul" matmul})
