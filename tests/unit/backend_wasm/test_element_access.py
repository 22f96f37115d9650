"""Elements read in place: every shape of a vector, both engines, in and out of range."""

import pytest

import rtfsc

PROGRAM = """
(defn sums [n]
  (let [v (range 0 n) part (subvec v (quot n 3))]
    (loop [i 0 a 0 b 0 c 0]
      (if (< i n)
        (recur (inc i)
               (+ a (nth v i))
               (+ b (if (< i (count part)) (nth part i) 0))
               (+ c (if (nil? (get part i)) 1 0)))
        [a b c]))))
(defn beyond [n step]
  (let [v (range 0 n)]
    (loop [i 0 t 0] (recur (+ i step) (+ t (nth v i))))))
"""


@pytest.fixture(scope="module", params=["wasm", "evaluator"])
def program(request):
    return rtfsc.compile(PROGRAM, engine=request.param)


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 64, 1023, 1024, 1025, 1056, 1057, 1088, 33_000])
def test_every_element_of_vectors_and_parts(program, n):
    part = list(range(n // 3, n))
    assert program.sums(n) == [sum(range(n)), sum(part), n - len(part)]


@pytest.mark.parametrize(("n", "step"), [(0, 1), (1, 1), (40, 1), (40, -1), (40, 1 << 40), (1100, 50)])
def test_out_of_range_is_an_error_with_its_place(program, n, step):
    with pytest.raises(rtfsc.RtfsError) as caught:
        program.beyond(n, step)
    index = 0
    while 0 <= index < n:
        index += step
    assert caught.value.kind == "IndexOutOfBounds" and str(index) in caught.value.message
    start, end = caught.value.span[:2]
    assert PROGRAM[start:end] == "(nth v i)"
