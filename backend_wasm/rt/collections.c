/* Library ops on vectors, lists and strings. Kinds are kept where the operation keeps the kind. */
#include "internal.h"

static inline uint32_t seq_count(val v) { return OF(seq_obj, v)->count; }
static inline bool seq_or_str(val v) { return is_seq(v) || is_str(v); }

static bool is_empty(val v) {
    if (v == NIL) return true;
    if (is_str(v)) return OF(str_obj, v)->size == 0;
    return is_collection(v) && OF(map_obj, v)->count == 0; /* a count is at the same place in all collections */
}
_Static_assert(offsetof(map_obj, count) == offsetof(seq_obj, count), "count of collections");

static val length_of(const char *operation, val v) {
    if (is_str(v)) return rt_box_int(OF(str_obj, v)->chars);
    if (is_collection(v)) return rt_box_int(OF(map_obj, v)->count);
    return type_error(operation, "collection or string", v);
}

val rt_length(val v) { return length_of("length", v); }
val rt_count(val v) { return length_of("count", v); }
int32_t rt_empty(val v) { return is_empty(v); }

/* The elements of a string, one-character strings, as text again. */
static val chars_joined(val chars) {
    text_out out;
    out_init(&out, seq_count(chars) + 8);
    for (uint32_t i = 0; i < seq_count(chars); i++) out_str(&out, OF(str_obj, seq_get(OF(seq_obj, chars), i)));
    return out_done(&out);
}

/* Vector `items` as a value of the kind of `like`. */
static val same_kind(val like, val items) {
    if (is_str(like)) return chars_joined(items);
    return seq_as(items, is_list(like) ? RT_KIND_LIST : RT_KIND_VEC);
}

static val elements(val v) { return is_str(v) ? str_chars(v) : v; }

val rt_first(val v) {
    if (is_seq(v)) return seq_count(v) ? seq_get(OF(seq_obj, v), 0) : NIL;
    if (is_str(v)) return OF(str_obj, v)->size ? str_slice(v, 0, 1) : NIL;
    return type_error("first", "vector, list or string", v);
}

val rt_rest(val v) {
    if (!seq_or_str(v)) return type_error("rest", "vector, list or string", v);
    if (is_empty(v)) return v;
    if (is_str(v)) return str_slice(v, 1, OF(str_obj, v)->chars);
    return seq_slice(v, 1, seq_count(v), is_list(v) ? RT_KIND_LIST : RT_KIND_VEC);
}

val rt_last(val v) {
    if (is_seq(v)) return seq_count(v) ? seq_get(OF(seq_obj, v), seq_count(v) - 1) : NIL;
    if (!is_str(v)) return type_error("last", "vector, list or string", v);
    uint32_t n = OF(str_obj, v)->chars;
    return n ? str_slice(v, n - 1, n) : v;
}

static val nth(val v, val index, val otherwise) {
    if (!seq_or_str(v)) return type_error("nth", "vector, list or string", v);
    if (!is_int(index)) return type_error("nth", "integer", index);
    uint32_t n = is_str(v) ? OF(str_obj, v)->chars : seq_count(v);
    int64_t i = int_of(index);
    if (i < 0 || i >= n) return otherwise == UNDEF ? index_error(i, n) : otherwise;
    return is_str(v) ? str_slice(v, (uint32_t)i, (uint32_t)i + 1) : seq_get(OF(seq_obj, v), (uint32_t)i);
}

val rt_nth(val v, val index) { return nth(v, index, UNDEF); }
val rt_nth3(val v, val index, val otherwise) { return nth(v, index, otherwise); }

val rt_cons(val x, val v) {
    if (!is_seq(v)) return type_error("cons", "vector", v);
    val out = builder_new();
    builder_push(out, x);
    builder_extend(out, v);
    return builder_done(out, RT_KIND_VEC);
}

val rt_conj(val v, val x) {
    return is_seq(v) ? seq_push(v, x, RT_KIND_VEC) : type_error("conj", "vector", v);
}

static void push_spread(val out, val v) {
    if (is_str(v)) builder_extend(out, str_chars(v));
    else if (is_seq(v)) builder_extend(out, v);
    else builder_push(out, v);
}

/* What this vector was made of came after it, so all is its own. */
val rt_conj_own(val v, val x) {
    trie_push(OF(seq_obj, v), x, (ref)v);
    return v;
}

/* Continues the first vector: concatenating in a loop shares what is there already. */
val rt_concat(val *args, uint32_t n) {
    bool share = n > 0 && is_seq(args[0]);
    seq_obj *out = alloc(sizeof(seq_obj));
    *out = share ? *OF(seq_obj, args[0]) : (seq_obj){0};
    out->kind = RT_KIND_BUILDER;
    for (uint32_t i = share; i < n; i++) push_spread(RT_REF(out), args[i]);
    return builder_done(RT_REF(out), RT_KIND_VEC);
}

/* Bounds of a part: integers with 0 <= from <= to <= length, or ERR. */
static val check_bounds(const char *operation, val from, val to, uint32_t length) {
    if (!is_int(from) || !is_int(to)) return type_error(operation, "integer", is_int(from) ? to : from);
    int64_t a = int_of(from), b = int_of(to);
    if (a < 0 || a > length) return index_error(a, length);
    if (b < a || b > length) return index_error(b, length);
    return NIL;
}

static val subvec(val v, val from, val to) {
    if (!is_seq(v)) return type_error("subvec", "vector", v);
    if (to == UNDEF) to = rt_box_int(seq_count(v));
    if (check_bounds("subvec", from, to, seq_count(v)) == ERR) return ERR;
    return seq_slice(v, (uint32_t)int_of(from), (uint32_t)int_of(to), RT_KIND_VEC);
}

val rt_subvec(val v, val from) { return subvec(v, from, UNDEF); }
val rt_subvec3(val v, val from, val to) { return subvec(v, from, to); }

/* Splits at n, where a negative number counts as a huge one. */
static val split_at(const char *operation, val n, val v, bool front) {
    if (!is_int(n)) return type_error(operation, "integer", n);
    if (!seq_or_str(v)) return type_error(operation, "vector, list or string", v);
    uint32_t length = is_str(v) ? OF(str_obj, v)->chars : seq_count(v);
    int64_t wanted = int_of(n);
    uint32_t at = wanted < 0 || wanted > length ? length : (uint32_t)wanted;
    uint32_t from = front ? 0 : at, to = front ? at : length;
    return is_str(v) ? str_slice(v, from, to) : seq_slice(v, from, to, is_list(v) ? RT_KIND_LIST : RT_KIND_VEC);
}

val rt_take(val n, val v) { return split_at("take", n, v, true); }
val rt_drop(val n, val v) { return split_at("drop", n, v, false); }

/* The elements in an array of their own, with as much room again behind it. */
static val *copy_elements(val v, uint32_t *n) {
    val items = elements(v);
    *n = seq_count(items);
    val *copy = alloc((uint64_t)*n * 2 * sizeof(val));
    seq_copy_out(OF(seq_obj, items), copy);
    return copy;
}

val rt_reverse(val v) {
    if (!seq_or_str(v)) return type_error("reverse", "vector, list or string", v);
    uint32_t n;
    val *items = copy_elements(v, &n);
    for (uint32_t i = 0; i < n / 2; i++) {
        val swap = items[i];
        items[i] = items[n - 1 - i];
        items[n - 1 - i] = swap;
    }
    return same_kind(v, seq_new(RT_KIND_VEC, items, n));
}

val rt_sort(val v) {
    if (!seq_or_str(v)) return type_error("sort", "vector, list or string", v);
    uint32_t n;
    val *items = copy_elements(v, &n);
    return same_kind(v, seq_new(RT_KIND_VEC, merge_sort(items, n), n));
}

val rt_distinct(val v) {
    if (!seq_or_str(v)) return type_error("distinct", "vector, list or string", v);
    uint32_t n, count = 0, capacity = 16;
    val *items = copy_elements(v, &n), *kept = items + n;
    while (capacity < 2 * (uint64_t)n) capacity *= 2;
    uint32_t *seen = alloc(capacity * sizeof(uint32_t)); /* 1 + place in `kept`; 0 = free */
    memset(seen, 0, capacity * sizeof(uint32_t));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = hash_any(items[i], HASH_DEPTH) & (capacity - 1);
        while (seen[at] && !equal(kept[seen[at] - 1], items[i])) at = (at + 1) & (capacity - 1);
        if (seen[at]) continue;
        kept[count++] = items[i];
        seen[at] = count;
    }
    return same_kind(v, seq_new(RT_KIND_VEC, kept, count));
}

val rt_partition(val size, val v) {
    if (!is_int(size)) return type_error("partition", "integer", size);
    if (int_of(size) <= 0) return type_error("partition", "positive integer", size);
    if (!is_seq(v)) return type_error("partition", "vector or list", v);
    uint32_t n = seq_count(v), step = int_of(size) < n ? (uint32_t)int_of(size) : n;
    val out = builder_new();
    for (uint32_t from = 0; from < n; from += step)
        builder_push(out, seq_slice(v, from, n - from < step ? n : from + step, RT_KIND_VEC));
    return builder_done(out, RT_KIND_VEC);
}

/* How many integers there are from start towards end (exclusive): it fits u64 for every pair of i64. */
static uint64_t steps_between(int64_t start, int64_t end, int64_t step) {
    uint64_t n = 0;
    if (step > 0 && end > start) n = ((uint64_t)end - (uint64_t)start - 1) / (uint64_t)step + 1;
    if (step < 0 && end < start) n = ((uint64_t)start - (uint64_t)end - 1) / (0 - (uint64_t)step) + 1;
    if (n > SHARED / 8) rt_trap(RT_ERRKIND_MEMORY_LIMIT);
    return n;
}

static val integers(int64_t start, int64_t end, int64_t step) {
    uint64_t n = steps_between(start, end, step);
    val out = builder_new();
    uint32_t room;
    for (uint64_t i = 0; i < n; i += room) {
        val *free = builder_room(out, &room);
        if (room > n - i) room = (uint32_t)(n - i);
        for (uint32_t k = 0; k < room; k++) free[k] = box_int((int64_t)((uint64_t)start + (i + k) * (uint64_t)step));
        builder_used(out, room);
    }
    return builder_done(out, RT_KIND_VEC);
}

static val check_range(const val *args, int n) {
    for (int i = 0; i < n; i++)
        if (!is_int(args[i])) return type_error("range", "integer", args[i]);
    return NIL;
}

val rt_range3(val start, val end, val step) {
    val args[3] = {start, end, step};
    if (check_range(args, 3) == ERR) return ERR;
    if (int_of(step) == 0) return invalid("range step must not be 0");
    return integers(int_of(start), int_of(end), int_of(step));
}

val rt_range_size(val start, val end) {
    val args[2] = {start, end};
    if (check_range(args, 2) == ERR) return ERR;
    return rt_box_int((int64_t)steps_between(int_of(start), int_of(end), 1));
}

val rt_range(val start, val end) { return rt_range3(start, end, rt_box_int(1)); }
val rt_range1(val end) { return rt_range3(rt_box_int(0), end, rt_box_int(1)); }

val rt_numbers(val start, val end) {
    if (!is_number(start) || !is_number(end)) return bad_number("numbers", "number", start, end);
    int64_t from = rt_to_int(start), to = rt_to_int(end);
    if (to == INT64_MAX) rt_trap(RT_ERRKIND_MEMORY_LIMIT); /* inclusive: one more would not be an integer */
    return integers(from, to + 1, 1);
}

val rt_contains(val c, val x) {
    if (is_map(c)) return boolean(map_key_ok(x) && map_find(c, x));
    if (is_str(c)) {
        uint32_t at;
        return is_str(x) ? boolean(find_text(OF(str_obj, c), 0, OF(str_obj, x), &at)) : type_error("contains?", "string", x);
    }
    if (!is_seq(c)) return type_error("contains?", "collection or string", c);
    for (uint32_t i = 0; i < seq_count(c); i++)
        if (equal(seq_get(OF(seq_obj, c), i), x)) return TRUE;
    return FALSE;
}

/* ---- vectors and lists as such */
val rt_vector(val *args, uint32_t n) { return seq_new(RT_KIND_VEC, args, n); }
val rt_list(val *args, uint32_t n) { return seq_new(RT_KIND_LIST, args, n); }
val rt_list_from(val *args, uint32_t n) { return seq_new(RT_KIND_LIST, args, n); }

static val entry_vectors(val map) {
    val out = builder_new();
    entry e;
    EACH_ENTRY(map, e) builder_push(out, seq_new(RT_KIND_VEC, &e.key, 2));
    return builder_done(out, RT_KIND_VEC);
}

static val sequence(val v) { /* the elements of any collection as a vector; UNDEF if it is none */
    if (is_seq(v)) return seq_as(v, RT_KIND_VEC);
    if (is_str(v)) return str_chars(v);
    return is_map(v) ? entry_vectors(v) : UNDEF;
}

val rt_seq(val v, val operation) {
    val items = sequence(v);
    return items != UNDEF ? items : raise_type_text(operation, str_literal("collection"), type_name(v));
}

val rt_seq_nth(val v, int64_t i) {
    seq_obj *s = OF(seq_obj, v);
    if (unlikely((uint64_t)i >= s->count)) rt_bug();
    return seq_get(s, (uint32_t)i);
}

val rt_seq_at(val v, int64_t i) {
    seq_obj *s = OF(seq_obj, v);
    return likely((uint64_t)i < s->count) ? seq_get(s, (uint32_t)i) : index_error(i, s->count);
}

val rt_seq_get(val v, int64_t i) {
    seq_obj *s = OF(seq_obj, v);
    return (uint64_t)i < s->count ? seq_get(s, (uint32_t)i) : NIL;
}

val rt_seq_slice(val v, int64_t from, int64_t to) {
    uint32_t n = seq_count(v);
    if (from < 0 || from > n) return index_error(from, n);
    if (to < from || to > n) return index_error(to, n);
    return seq_slice(v, (uint32_t)from, (uint32_t)to, RT_KIND_VEC);
}

val rt_seq_to_list(val v) {
    return is_seq(v) ? seq_as(v, RT_KIND_LIST) : type_error("list", "vector or list", v);
}

val rt_builder(void) { return builder_new(); }

/* One that is done is a vector that others may hold: a push makes a builder that shares with it. */
val rt_builder_push(val builder, val x) {
    if (unlikely(!is_kind(builder, RT_KIND_BUILDER))) return seq_push(builder, x, RT_KIND_BUILDER);
    return builder_push(builder, x), builder;
}

val rt_builder_done(val builder) { return builder_done(builder, RT_KIND_VEC); }

int32_t rt_call_args(val v, val *out, int32_t max) {
    uint32_t n = 0, room = max > 0 ? (uint32_t)max : 0;
    if (v == NIL) return 0;
    if (is_map(v)) {
        entry e;
        EACH_ENTRY(v, e) {
            if (n + 1 < room) out[n] = e.key, out[n + 1] = e.value;
            n += 2;
        }
        return (int32_t)n;
    }
    val items = sequence(v);
    if (items == UNDEF) return -1;
    n = seq_count(items);
    if (n <= room) seq_copy_out(OF(seq_obj, items), out);
    return (int32_t)n;
}

val rt_destructure_vec(val v, int64_t patterns, int32_t open) {
    bool seq = is_seq(v);
    if (seq && (open ? seq_count(v) >= patterns : seq_count(v) == patterns)) return seq_as(v, RT_KIND_VEC);
    text_out out;
    out_init(&out, 40);
    out_text(&out, open ? "vector of at least " : "vector of ");
    print_int(&out, patterns);
    val expected = out_done(&out), actual = type_name(v);
    if (seq) {
        out_init(&out, 40);
        out_str(&out, OF(str_obj, actual));
        out_text(&out, " of ");
        print_int(&out, seq_count(v));
        actual = out_done(&out);
    }
    return raise_type_text(str_literal("destructuring"), expected, actual);
}
