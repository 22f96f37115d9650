"""The kernels in plain Python: its own lists and dicts."""

from collections import Counter


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def tak(x, y, z):
    return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) if y < x else z


def loop(n):
    total = i = 0
    while i < n:
        total += i
        i += 1
    return total


def escape_time(cx, cy, limit):
    x = y = 0.0
    n = 0
    while True:
        xx, yy = x * x, y * y
        if n >= limit or xx + yy > 4.0:
            return n
        x, y = xx - yy + cx, 2.0 * (x * y) + cy
        n += 1


def mandelbrot(size, limit):
    step = 2.5 / size
    total = 0
    for row in range(size):
        for col in range(size):
            total += escape_time(-2.0 + step * col, -1.25 + step * row, limit)
    return total


def safe(queens, column):
    row = len(queens)
    for r in range(row):
        q = queens[r]
        if q == column or abs(q - column) == row - r:
            return False
    return True


def place(queens, n):
    if len(queens) == n:
        return 1
    found = 0
    for column in range(n):
        if safe(queens, column):
            found += place([*queens, column], n)
    return found


def queens(n):
    return place([], n)


def pipeline(n):
    doubled = [x * 2 for x in range(n)]
    return sum([x for x in doubled if x % 3 == 0])


def words(text):
    counts = Counter(text.lower().split(" "))
    return len(counts) + sum(len(word) * counts[word] for word in counts)


def key_of(i):
    return i * 7919 % 1000003


def assoc(n):
    filled = {}
    for i in range(n):
        filled[key_of(i)] = i
    total = 0
    for i in range(n):
        total += filled[key_of(i)]
    return total


def assoc_immutables(n):
    import immutables

    filled = immutables.Map()
    for i in range(n):
        filled = filled.set(key_of(i), i)
    total = 0
    for i in range(n):
        total += filled[key_of(i)]
    return total


def mixed(i):
    x = i * 1103515245 % 2147483647
    return x * (12345 + x % 1000) % 2147483647


def sort(n, seed):
    numbers = [mixed(i) for i in range(seed, seed + n)]
    ordered = sorted(numbers)
    return sum(ordered[i] for i in range(0, n, 100))


def matrix(n, seed):
    return [[(i * 31 + j * 17 + seed) % 100 for j in range(n)] for i in range(n)]


def dot(row, b, j, n):
    total = 0
    for k in range(n):
        total += row[k] * b[k][j]
    return total


def matmul(n, seed):
    a, b = matrix(n, seed), matrix(n, seed + 1)
    product = [[dot(row, b, j, n) for j in range(n)] for row in a]
    return sum(sum(row) for row in product)
