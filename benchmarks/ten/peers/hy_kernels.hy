;; The kernels in Hy: Python's lists and dicts, in Hy's own forms.
(import collections [Counter])

(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))

(defn tak [x y z]
  (if (< y x) (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y)) z))

(defn loop [n]
  (setv total 0 i 0)
  (while (< i n)
    (+= total i)
    (+= i 1))
  total)

(defn escape-time [cx cy limit]
  (setv x 0.0 y 0.0 n 0)
  (while True
    (setv xx (* x x) yy (* y y))
    (when (or (>= n limit) (> (+ xx yy) 4.0)) (return n))
    (setv y (+ (* 2.0 (* x y)) cy)
          x (+ (- xx yy) cx))
    (+= n 1)))

(defn mandelbrot [size limit]
  (setv step (/ 2.5 size) total 0)
  (for [row (range size) col (range size)]
    (+= total (escape-time (+ -2.0 (* step col)) (+ -1.25 (* step row)) limit)))
  total)

(defn safe? [queens column]
  (setv row (len queens))
  (for [r (range row)]
    (setv q (get queens r))
    (when (or (= q column) (= (abs (- q column)) (- row r))) (return False)))
  True)

(defn place [queens n]
  (when (= (len queens) n) (return 1))
  (setv found 0)
  (for [column (range n)]
    (when (safe? queens column)
      (+= found (place [#* queens column] n))))
  found)

(defn queens [n] (place [] n))

(defn pipeline [n]
  (setv doubled (lfor x (range n) (* x 2)))
  (sum (lfor x doubled :if (= 0 (% x 3)) x)))

(defn words [text]
  (setv counts (Counter (.split (.lower text) " ")))
  (+ (len counts) (sum (gfor word counts (* (len word) (get counts word))))))

(defn key-of [i] (% (* i 7919) 1000003))

(defn assoc [n]
  (setv filled {})
  (for [i (range n)] (setv (get filled (key-of i)) i))
  (setv total 0)
  (for [i (range n)] (+= total (get filled (key-of i))))
  total)

(defn mixed [i]
  (setv x (% (* i 1103515245) 2147483647))
  (% (* x (+ 12345 (% x 1000))) 2147483647))

(defn sort [n seed]
  (setv numbers (lfor i (range seed (+ seed n)) (mixed i))
        ordered (sorted numbers))
  (sum (gfor i (range 0 n 100) (get ordered i))))

(defn matrix [n seed]
  (lfor i (range n) (lfor j (range n) (% (+ (* i 31) (* j 17) seed) 100))))

(defn dot [row b j n]
  (setv total 0)
  (for [k (range n)]
    (+= total (* (get row k) (get b k j))))
  total)

(defn matmul [n seed]
  (setv a (matrix n seed)
        b (matrix n (+ seed 1))
        product (lfor row a (lfor j (range n) (dot row b j n))))
  (sum (gfor row product (sum row))))
