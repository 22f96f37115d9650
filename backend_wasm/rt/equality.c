/* Equality, hashes and the total order of `sort`: all over an explicit stack. */
#include "internal.h"

static uint32_t mix(uint64_t h) {
    h *= 0x9E3779B97F4A7C15ull;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93ull;
    return (uint32_t)(h >> 32);
}

static inline uint32_t hash_key(val key) {
    if (is_int63(key)) return mix(key);
    switch (*(uint8_t *)RT_AT((ref)key)) {
    case RT_KIND_STR: return str_hash(OF(str_obj, key));
    case RT_KIND_INT: return mix((uint64_t)OF(int_obj, key)->number);
    default: return OF(name_obj, key)->hash;
    }
}

enum { HASH_DEPTH = 3, HASH_ITEMS = 16 };

/* A hash in keeping with `equal`. It looks at the outer part of nested values only, so it is bounded. */
static uint32_t hash_any(val v, int depth) {
    if (!is_object(v) || map_key_ok(v)) return is_object(v) ? hash_key(v) : mix(v);
    int kind = rt_kind(v);
    uint64_t h = (uint64_t)kind << 32;
    entry e;
    if (kind == T_FLOAT) {
        double x = float_of(v) + 0.0; /* -0.0 equals 0.0 */
        memcpy(&h, &x, sizeof h);
    } else if (kind == T_VEC || kind == T_LIST) {
        seq_obj *s = OF(seq_obj, v);
        h += s->count;
        for (uint32_t i = 0; depth > 0 && i < s->count && i < HASH_ITEMS; i++)
            h = h * 31 + hash_any(seq_get(s, i), depth - 1);
    } else if (kind == T_MAP) { /* the order of entries does not count */
        h += OF(map_obj, v)->count;
        if (depth > 0 && OF(map_obj, v)->count <= HASH_ITEMS)
            EACH_ENTRY(v, e) h += mix(((uint64_t)hash_key(e.key) << 32) ^ hash_any(e.value, depth - 1));
    } else if (kind == T_TIMESTAMP || kind == T_UUID || kind == T_RESOURCE) {
        h += str_hash(OBJ(str_obj, OF(tagged_obj, v)->text));
    } else if (kind != T_ERR) { /* functions and symbols are equal only to themselves */
        h += v;
    }
    return mix(h);
}

/* Two values that are not collections: 1 equal, 0 not; -1 if their parts have to be compared. A collection
 * is compared with itself too: it may hold a NaN, and what is shared in memory differs between passes. */
static int equal_shallow(val a, val b) {
    if (!is_object(a) || !is_object(b)) return a == b;
    uint8_t kind = *(uint8_t *)RT_AT((ref)a);
    if (kind != *(uint8_t *)RT_AT((ref)b)) return 0;
    switch (kind) {
    case RT_KIND_INT: return OF(int_obj, a)->number == OF(int_obj, b)->number;
    case RT_KIND_FLOAT: return float_of(a) == float_of(b);
    case RT_KIND_STR: return a == b || str_equal(OF(str_obj, a), OF(str_obj, b));
    case RT_KIND_TIMESTAMP:
    case RT_KIND_UUID:
    case RT_KIND_RESOURCE: return str_equal(OBJ(str_obj, OF(tagged_obj, a)->text), OBJ(str_obj, OF(tagged_obj, b)->text));
    case RT_KIND_VEC:
    case RT_KIND_LIST: return OF(seq_obj, a)->count == OF(seq_obj, b)->count ? -1 : 0;
    case RT_KIND_MAP: return OF(map_obj, a)->count == OF(map_obj, b)->count ? -1 : 0;
    case RT_KIND_ERROR: return OF(error_obj, a)->kind_id == OF(error_obj, b)->kind_id ? -1 : 0;
    case RT_KIND_HOSTFN: return OF(fn_obj, a)->arity == OF(fn_obj, b)->arity;
    default: return a == b;
    }
}

/* Compares the direct parts; pairs of collections among them go to the stack. */
static bool equal_part(work_stack *w, val a, val b) {
    int same = equal_shallow(a, b);
    if (same < 0) {
        work_push(w, a);
        work_push(w, b);
    }
    return same != 0;
}

static bool equal_seqs(work_stack *w, seq_obj *a, seq_obj *b) {
    worked(a->count);
    for (uint32_t i = 0; i < a->count; i++)
        if (!equal_part(w, seq_get(a, i), seq_get(b, i))) return false;
    return true;
}

static bool equal_maps(work_stack *w, val a, val b) {
    entry e;
    EACH_ENTRY(a, e) {
        val *other = map_find(b, e.key);
        if (!other || !equal_part(w, e.value, *other)) return false;
    }
    return true;
}

static bool equal_errors(work_stack *w, error_obj *a, error_obj *b) {
    return a->type == b->type && equal_part(w, a->message, b->message) && equal_part(w, a->data, b->data);
}

static bool equal(val a, val b) {
    int same = equal_shallow(a, b);
    if (same >= 0) return same;
    ref top = STATE->hp;
    work_stack w;
    work_init(&w);
    work_push(&w, a);
    work_push(&w, b);
    bool result = true;
    while (result && w.count) {
        worked(8); /* shared parts are compared as often as they occur */
        b = w.items[--w.count];
        a = w.items[--w.count];
        uint8_t kind = *(uint8_t *)RT_AT((ref)a);
        result = kind == RT_KIND_MAP     ? equal_maps(&w, a, b)
                 : kind == RT_KIND_ERROR ? equal_errors(&w, OF(error_obj, a), OF(error_obj, b))
                                         : equal_seqs(&w, OF(seq_obj, a), OF(seq_obj, b));
    }
    STATE->hp = top; /* only the stack was allocated */
    return result;
}

static int compare_int_float(int64_t i, double x) {
    if (x != x) return 2;
    if (x >= 9223372036854775808.0) return -1;
    if (x < -9223372036854775808.0) return 1;
    int64_t whole = (int64_t)x;
    if (i != whole) return i < whole ? -1 : 1;
    double rest = x - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

static int compare_numbers(val a, val b) {
    if (is_int(a) && is_int(b)) {
        int64_t x = int_of(a), y = int_of(b);
        return x < y ? -1 : x > y;
    }
    if (is_float(a) && is_float(b)) {
        double x = float_of(a), y = float_of(b);
        return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
    }
    if (is_int(a)) return compare_int_float(int_of(a), float_of(b));
    int c = compare_int_float(int_of(b), float_of(a));
    return c == 2 ? 2 : -c;
}

static bool is_nan(val v) { return is_float(v) && float_of(v) != float_of(v); }

static int rank(val v) { /* nil < bool < number < string < keyword < symbol < vector < list < map < the rest */
    int kind = rt_kind(v);
    return kind == T_FLOAT ? T_INT : kind;
}

static val sorted_parts(val map);

/* -1, 0, 1; 2 if both are collections of the same kind. */
static int compare_shallow(val a, val b) {
    if (is_int63(a) && is_int63(b)) return (int64_t)a < (int64_t)b ? -1 : a != b;
    int kind = rank(a), other = rank(b);
    if (kind != other) return kind < other ? -1 : 1;
    int c;
    switch (kind) {
    case T_BOOL: return a < b ? -1 : a > b;
    case T_INT: /* NaN comes after all other numbers */
        c = compare_numbers(a, b);
        return c != 2 ? c : is_nan(a) - is_nan(b);
    case T_STR: return str_compare(OF(str_obj, a), OF(str_obj, b));
    case T_KW:
    case T_SYM: return str_compare(name_text(a), name_text(b));
    case T_TIMESTAMP:
    case T_UUID:
    case T_RESOURCE: return str_compare(OBJ(str_obj, OF(tagged_obj, a)->text), OBJ(str_obj, OF(tagged_obj, b)->text));
    case T_MAP:
        if (OF(map_obj, a)->count != OF(map_obj, b)->count) return OF(map_obj, a)->count < OF(map_obj, b)->count ? -1 : 1;
        return 2;
    case T_VEC:
    case T_LIST: return 2;
    case T_ERR: return str_compare(OF(str_obj, OF(error_obj, a)->message), OF(str_obj, OF(error_obj, b)->message));
    default: return 0;
    }
}

/* Depth first over frames of (a, b, next index); maps are compared as their sorted keys, then their values. */
static int compare_deep(val a, val b) {
    work_stack w;
    work_init(&w);
    for (;;) {
        worked(8);
        work_push(&w, is_map(a) ? sorted_parts(a) : a);
        work_push(&w, is_map(b) ? sorted_parts(b) : b);
        work_push(&w, 0);
        for (;;) {
            if (!w.count) return 0;
            seq_obj *x = OF(seq_obj, w.items[w.count - 3]), *y = OF(seq_obj, w.items[w.count - 2]);
            uint32_t i = (uint32_t)w.items[w.count - 1]++;
            if (i >= x->count || i >= y->count) {
                if (x->count != y->count) return x->count < y->count ? -1 : 1;
                w.count -= 3;
                continue;
            }
            a = seq_get(x, i);
            b = seq_get(y, i);
            int c = compare_shallow(a, b);
            if (c == 2) break;
            if (c) return c;
        }
    }
}

static int compare(val a, val b) {
    int c = compare_shallow(a, b);
    if (c != 2) return c;
    ref top = STATE->hp;
    c = compare_deep(a, b);
    STATE->hp = top;
    return c;
}

/* ---- sorting: see sort.h, once per kind of element. Text and floats carry a key beside them: a number in
 * whose order they are, text as far as its first eight bytes decide. */
typedef struct { int64_t key; val item; } keyed;
enum { SORT_RUN = 8 };

#define SORT_NAME sort_values
#define SORT_TYPE val
#define SORT_BEFORE(a, b) (compare(a, b) < 0)
#include "sort.h"

#define SORT_NAME sort_ints
#define SORT_TYPE int64_t
#define SORT_BEFORE(a, b) ((a) < (b))
#include "sort.h"

#define SORT_NAME sort_keyed
#define SORT_TYPE keyed
#define SORT_BEFORE(a, b) ((a).key < (b).key)
#include "sort.h"

#define SORT_NAME sort_texts
#define SORT_TYPE keyed
#define SORT_BEFORE(a, b) ((a).key != (b).key ? (a).key < (b).key : compare((a).item, (b).item) < 0)
#include "sort.h"

/* In the order of `compare`: -0.0 and 0.0 alike, NaN after all. */
static int64_t float_key(double x) {
    if (x != x) return INT64_MAX;
    x += 0.0;
    int64_t bits;
    memcpy(&bits, &x, 8);
    return bits < 0 ? INT64_MIN - bits : bits;
}

static int64_t text_key(str_obj *s) {
    uint64_t word = 0;
    if (s->size >= 8) memcpy(&word, s->text, 8);
    else
        for (uint32_t i = 0; i < s->size; i++) word |= (uint64_t)(unsigned char)s->text[i] << (8 * i);
    return (int64_t)(__builtin_bswap64(word) ^ 1ull << 63);
}

static bool all_of(const val *items, uint32_t n, bool (*test)(val)) {
    for (uint32_t i = 0; i < n; i++)
        if (!test(items[i])) return false;
    return true;
}

/* Of n items with as much room again behind them; answers the array that holds the result. */
static val *merge_sort(val *items, uint32_t n) {
    if (all_of(items, n, is_int63)) return (val *)sort_ints((int64_t *)items, (int64_t *)items + n, n);
    bool texts = all_of(items, n, is_str);
    if (!texts && !all_of(items, n, is_float)) return sort_values(items, items + n, n);
    keyed *with_key = alloc((uint64_t)n * 2 * sizeof(keyed));
    for (uint32_t i = 0; i < n; i++)
        with_key[i] = (keyed){texts ? text_key(OF(str_obj, items[i])) : float_key(float_of(items[i])), items[i]};
    with_key = (texts ? sort_texts : sort_keyed)(with_key, with_key + n, n);
    for (uint32_t i = 0; i < n; i++) items[i] = with_key[i].item;
    return items;
}

static val sorted_parts(val map) {
    uint32_t n = OF(map_obj, map)->count, i = 0;
    val *keys = alloc((uint64_t)n * 4 * sizeof(val)), *out = keys + 2 * n;
    entry e;
    EACH_ENTRY(map, e) keys[i++] = e.key;
    keys = merge_sort(keys, n);
    for (i = 0; i < n; i++) {
        out[i] = keys[i];
        out[n + i] = map_get(map, keys[i], NIL);
    }
    return seq_new(RT_KIND_VEC, out, (uint64_t)n * 2);
}

int32_t rt_eq(val a, val b) { return equal(a, b); }
int32_t rt_ne(val a, val b) { return !equal(a, b); }
int64_t rt_compare(val a, val b) { return compare(a, b); }
int32_t rt_str_eq(val a, val b) { return str_equal(OF(str_obj, a), OF(str_obj, b)); }

static val ordered(const char *operation, val a, val b, bool less, bool same, bool greater) {
    int c;
    if (is_int63(a) && is_int63(b)) c = (int64_t)a < (int64_t)b ? -1 : a != b;
    else if (is_number(a) && is_number(b)) c = compare_numbers(a, b);
    else if (is_str(a) && is_str(b)) c = str_compare(OF(str_obj, a), OF(str_obj, b));
    else return type_error(operation, "comparable types", is_number(a) || is_str(a) ? b : a);
    return boolean((c == -1 && less) || (c == 0 && same) || (c == 1 && greater)); /* NaN: none */
}

val rt_lt(val a, val b) { return ordered("<", a, b, true, false, false); }
val rt_le(val a, val b) { return ordered("<=", a, b, true, true, false); }
val rt_gt(val a, val b) { return ordered(">", a, b, false, false, true); }
val rt_ge(val a, val b) { return ordered(">=", a, b, false, true, true); }
