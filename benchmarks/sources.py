"""Ordinary code of any length for compile-time measurements: about 30 characters a line."""

from __future__ import annotations

_UNIT = """\
(defn total-{n}
  "Sum of prices over {n}."
  [prices limit]
  (reduce (fn [sum price]
            (if (> price limit)
              (+ sum price)
              sum))
          {n}
          prices))

(defn describe-{n} [item]
  (let [name (:name item)
        units (get item :units 1)
        cost (* units {n})]
    (cond
      (> cost 1000) (str name " is dear")
      (> cost 100) (str name " is fair")
      :else (str name " is cheap"))))

(defn steps-{n} [start goal]
  (loop [at start count 0]
    (if (>= at goal)
      count
      (recur (+ at {n}) (inc count)))))

(defn report-{n} [items]
  (let [known (filter :name items)
        texts (map describe-{n} known)
        cost (total-{n} [1 2 {n}] 1)]
    {{:texts texts
     :count (count texts)
     :cost (+ cost (steps-{n} 0 99))}}))

"""


def ordinary(lines: int) -> str:
    """A program of at least ``lines`` lines."""
    per_unit = _UNIT.count("\n")
    return "".join(_UNIT.format(n=n + 1) for n in range(-(-lines // per_unit)))
