/* The ten kernels: the algorithms and data structures of ../rtfs, integers checked. */
#include "map.h"

static NO_TAIL_CALLS int64_t fib(int64_t n) { return n < 2 ? n : add(fib(sub(n, 1)), fib(sub(n, 2))); }
EXPORT int64_t run_fib(int64_t n) { return fib(n); }

static NO_TAIL_CALLS int64_t tak(int64_t x, int64_t y, int64_t z) {
    return y < x ? tak(tak(sub(x, 1), y, z), tak(sub(y, 1), z, x), tak(sub(z, 1), x, y)) : z;
}
EXPORT int64_t run_tak(int64_t x, int64_t y, int64_t z) { return tak(x, y, z); }

EXPORT int64_t run_loop(int64_t n) {
    int64_t total = 0;
    for (int64_t i = 0; i < n; i = add(i, 1)) {
        total = add(total, i);
        BARRIER(total);
    }
    return total;
}

static int64_t escape_time(double cx, double cy, int64_t limit) {
    double x = 0, y = 0;
    int64_t n = 0;
    for (;;) {
        double xx = x * x, yy = y * y;
        if (n >= limit || xx + yy > 4.0) return n;
        y = 2.0 * (x * y) + cy;
        x = xx - yy + cx;
        n = add(n, 1);
    }
}

EXPORT int64_t run_mandelbrot(int64_t size, int64_t limit) {
    double step = 2.5 / (double)size;
    int64_t total = 0;
    for (int64_t row = 0; row < size; row++)
        for (int64_t col = 0; col < size; col++)
            total = add(total, escape_time(-2.0 + step * (double)col, -1.25 + step * (double)row, limit));
    return total;
}

static bool safe(const vector *queens, int64_t column) {
    int64_t row = queens->count;
    for (int64_t r = 0; r < row; r++) {
        int64_t q = nth(queens, r), distance = sub(q, column);
        if (distance == 0 || (distance < 0 ? sub(0, distance) : distance) == row - r) return false;
    }
    return true;
}

static int64_t place(const vector *queens, int64_t n) {
    if (queens->count == n) return 1;
    int64_t found = 0;
    for (int64_t column = 0; column < n; column++)
        if (safe(queens, column)) found = add(found, place(conjoin(queens, column), n));
    return found;
}

EXPORT int64_t run_queens(int64_t n) {
    char *mark = heap_mark();
    int64_t found = place(vector_new(), n);
    heap_at = mark;
    return found;
}

static vector *range(int64_t from, int64_t to) {
    vector *v = vector_new();
    for (int64_t i = from; i < to; i++) push(v, i, (char *)v);
    return v;
}

EXPORT int64_t run_pipeline(int64_t n) {
    char *mark = heap_mark();
    vector *numbers = range(0, n), *doubled = vector_new(), *kept = vector_new();
    EACH(numbers, x, push(doubled, mul(x, 2), (char *)doubled);)
    EACH(doubled, x, if (mod(x, 3) == 0) push(kept, x, (char *)kept);)
    int64_t sum = 0;
    EACH(kept, x, sum = add(sum, x);)
    heap_at = mark;
    return sum;
}

static text *text_new(const char *bytes, uint32_t size) {
    text *t = allocate(sizeof(text) + size);
    t->size = size;
    t->hash = 0;
    memcpy(t->text, bytes, size);
    return t;
}

/* Makes room for a text that the host fills in. */
EXPORT char *text_room(int64_t size) {
    text *t = allocate(sizeof(text) + (size_t)size);
    t->size = (uint32_t)size;
    t->hash = 0;
    return t->text;
}

static text *lower(const text *t) {
    text *out = allocate(sizeof(text) + t->size);
    out->size = t->size;
    out->hash = 0;
    for (uint32_t i = 0; i < t->size; i++) {
        char c = t->text[i];
        out->text[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return out;
}

static vector *split(const text *t, char separator) {
    vector *pieces = vector_new();
    uint32_t from = 0;
    for (uint32_t i = 0; i <= t->size; i++) {
        if (i < t->size && t->text[i] != separator) continue;
        push(pieces, (int64_t)(uintptr_t)text_new(t->text + from, i - from), (char *)pieces);
        from = i + 1;
    }
    return pieces;
}

EXPORT int64_t run_words(char *room) {
    char *mark = heap_mark();
    vector *words = split(lower((text *)(room - offsetof(text, text))), ' ');
    map *counts = map_new();
    EACH(words, w, put(counts, w, add(get(counts, w, 0, true), 1), (char *)counts, true);)
    int64_t sum = counts->entries.count / 2;
    for (uint32_t i = 0; i < counts->entries.count; i += 2) {
        int64_t word = nth(&counts->entries, i);
        sum = add(sum, mul(((text *)(uintptr_t)word)->size, get(counts, word, 0, true)));
    }
    heap_at = mark;
    return sum;
}

static int64_t key_of(int64_t i) { return mod(mul(i, 7919), 1000003); }

EXPORT int64_t run_assoc(int64_t n) {
    char *mark = heap_mark();
    map *filled = map_new();
    vector *numbers = range(0, n);
    EACH(numbers, i, filled = put(filled, key_of(i), i, SHARED, false);)
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) sum = add(sum, get(filled, key_of(i), 0, false));
    heap_at = mark;
    return sum;
}

static int64_t mixed(int64_t i) {
    int64_t x = mod(mul(i, 1103515245), 2147483647);
    return mod(mul(x, add(12345, mod(x, 1000))), 2147483647);
}

/* Stable: runs of eight by insertion, then merged bottom up. */
static int64_t *merge_sort(int64_t *items, int64_t *other, uint64_t n) {
    enum { RUN = 8 };
    for (uint64_t from = 0; from < n; from += RUN)
        for (uint64_t i = from + 1; i < n && i < from + RUN; i++) {
            int64_t x = items[i];
            uint64_t at = i;
            for (; at > from && items[at - 1] > x; at--) items[at] = items[at - 1];
            items[at] = x;
        }
    for (uint64_t width = RUN; width < n; width *= 2) {
        for (uint64_t from = 0; from < n; from += 2 * width) {
            uint64_t middle = from + width < n ? from + width : n, to = middle + width < n ? middle + width : n;
            uint64_t a = from, b = middle, k = from;
            while (a < middle && b < to) {
                int64_t x = items[a], y = items[b];
                bool second = y < x;
                other[k++] = second ? y : x;
                a += !second;
                b += second;
            }
            while (a < middle) other[k++] = items[a++];
            while (b < to) other[k++] = items[b++];
        }
        int64_t *swap = items;
        items = other;
        other = swap;
    }
    return items;
}

static vector *sort(vector *v) {
    int64_t *items = allocate((size_t)v->count * 2 * sizeof(int64_t)), *to = items;
    EACH(v, x, *to++ = x;)
    items = merge_sort(items, items + v->count, v->count);
    vector *sorted = vector_new();
    for (uint32_t i = 0; i < v->count; i++) push(sorted, items[i], (char *)sorted);
    return sorted;
}

EXPORT int64_t run_sort(int64_t n, int64_t seed) {
    char *mark = heap_mark();
    vector *source = range(seed, add(seed, n)), *numbers = vector_new();
    EACH(source, i, push(numbers, mixed(i), (char *)numbers);)
    vector *sorted = sort(numbers);
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i += 100) sum = add(sum, nth(sorted, i));
    heap_at = mark;
    return sum;
}

static vector *as_vector(int64_t item) { return (vector *)(uintptr_t)item; }

static vector *matrix(int64_t n, int64_t seed) {
    vector *rows = vector_new(), *indices = range(0, n);
    EACH(indices, i, {
        vector *row = vector_new(), *inner = range(0, n);
        EACH(inner, j, push(row, mod(add(add(mul(i, 31), mul(j, 17)), seed), 100), (char *)row);)
        push(rows, (int64_t)(uintptr_t)row, (char *)rows);
    })
    return rows;
}

static int64_t dot(const vector *row, const vector *b, int64_t j, int64_t n) {
    int64_t sum = 0;
    for (int64_t k = 0; k < n; k++) sum = add(sum, mul(nth(row, k), nth(as_vector(nth(b, k)), j)));
    return sum;
}

EXPORT int64_t run_matmul(int64_t n, int64_t seed) {
    char *mark = heap_mark();
    vector *a = matrix(n, seed), *b = matrix(n, add(seed, 1)), *c = vector_new();
    EACH(a, row, {
        vector *out = vector_new(), *indices = range(0, n);
        EACH(indices, j, push(out, dot(as_vector(row), b, j, n), (char *)out);)
        push(c, (int64_t)(uintptr_t)out, (char *)c);
    })
    int64_t total = 0;
    EACH(c, row, {
        int64_t sum = 0;
        EACH(as_vector(row), x, sum = add(sum, x);)
        total = add(total, sum);
    })
    heap_at = mark;
    return total;
}
