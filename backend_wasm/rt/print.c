/* Text of values: `str.pr` (reads back) and `str` (plain). */
#include "internal.h"

static void out_init(text_out *out, uint32_t expected) {
    str_obj *s = alloc(sizeof(str_obj) + (uint64_t)expected);
    *out = (text_out){.object = RT_REF(s), .capacity = (expected + 7) & ~7u};
}

static __attribute__((noinline)) void out_grow(text_out *out, uint32_t more) {
    uint64_t end = (uint64_t)out->object + sizeof(str_obj) + out->capacity, need = (uint64_t)out->size + more;
    uint64_t capacity = need + need / 2 + 32;
    capacity = (capacity + 7) & ~7ull;
    if (end == STATE->hp) { /* nothing came after: extend */
        alloc(capacity - out->capacity);
    } else {
        str_obj *s = alloc(sizeof(str_obj) + capacity);
        memcpy(s->text, OBJ(str_obj, out->object)->text, out->size);
        out->object = RT_REF(s);
    }
    out->capacity = (uint32_t)capacity;
}

static inline void out_ascii(text_out *out, const char *bytes, uint32_t size) {
    if (unlikely(size > out->capacity - out->size)) out_grow(out, size);
    copy_bytes(OBJ(str_obj, out->object)->text + out->size, bytes, size);
    out->size += size;
}

static inline void out_bytes(text_out *out, const char *bytes, uint32_t size) {
    out_ascii(out, bytes, size);
    out->wide = true;
}

static void out_text(text_out *out, const char *text) { out_bytes(out, text, (uint32_t)__builtin_strlen(text)); }
static void out_str(text_out *out, str_obj *s) { /* reserve first: growing may move nothing but the output */
    out_ascii(out, s->text, s->size);
    out->wide |= s->chars != s->size;
}

/* Gives back what was not used. */
static void out_trim(text_out *out) {
    if (out->object + sizeof(str_obj) + out->capacity == STATE->hp)
        STATE->hp = (uint32_t)((out->object + sizeof(str_obj) + out->size + 7) & ~7u);
}

static val out_done(text_out *out) {
    str_obj *s = OBJ(str_obj, out->object);
    out_trim(out);
    *s = (str_obj){.kind = RT_KIND_STR, .size = out->size};
    s->chars = out->wide ? count_chars(s->text, out->size) : out->size;
    return out->object;
}

static void print_int(text_out *out, int64_t n) {
    char digits[20];
    int at = 20;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    for (; left >> 32; left /= 10) digits[--at] = (char)('0' + left % 10);
    uint32_t small = (uint32_t)left; /* divided by a multiplication, two digits at a time */
    for (; small >= 10; small /= 100) {
        digits[--at] = (char)('0' + small % 10);
        digits[--at] = (char)('0' + small / 10 % 10);
    }
    if (small || at == 20) digits[--at] = (char)('0' + small);
    if (n < 0) digits[--at] = '-';
    out_ascii(out, digits + at, (uint32_t)(20 - at));
}

static void zeros(text_out *out, int n) {
    while (n-- > 0) out_text(out, "0");
}

/* Digits with the point after `whole` of them; zeros where there are none. */
static void print_decimal(text_out *out, const char *digits, int n, int whole) {
    if (whole <= 0) {
        out_text(out, "0.");
        zeros(out, -whole);
        out_ascii(out, digits, (uint32_t)n);
    } else if (whole >= n) {
        out_bytes(out, digits, (uint32_t)n);
        zeros(out, whole - n);
    } else {
        out_bytes(out, digits, (uint32_t)whole);
        out_text(out, ".");
        out_bytes(out, digits + whole, (uint32_t)(n - whole));
    }
}

/* plain: no exponent, integral floats without a point; else always a point, exponent form from 1.0e16 up
 * and below 1.0e-4. */
static void print_float(text_out *out, double x, bool plain) {
    if (x != x) return out_text(out, plain ? "NaN" : "##NaN");
    if (__builtin_signbit(x) && (plain || !__builtin_isinf(x))) out_text(out, "-");
    if (__builtin_isinf(x)) return out_text(out, plain ? "inf" : x > 0 ? "##Inf" : "##-Inf");
    char digits[32];
    int32_t exponent;
    int n = (int)floattext_digits(x, digits, &exponent);
    bool small = x == 0 || (exponent >= -4 && exponent < 16);
    if (plain || small) {
        print_decimal(out, digits, n, exponent + 1);
        if (!plain && exponent + 1 >= n) out_text(out, ".0");
        return;
    }
    out_bytes(out, digits, 1);
    out_text(out, ".");
    if (n > 1) out_bytes(out, digits + 1, (uint32_t)(n - 1));
    else out_text(out, "0");
    out_text(out, "e");
    print_int(out, exponent);
}

static void print_quoted(text_out *out, str_obj *s, bool escape) {
    out_text(out, "\"");
    if (!escape) out_str(out, s);
    for (uint32_t i = 0, from = 0; escape && i <= s->size; i++) {
        char c = i < s->size ? s->text[i] : 0, name = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c;
        bool special = i < s->size && (c == '"' || c == '\\' || name != c);
        if (!special && i < s->size) continue;
        out_bytes(out, s->text + from, i - from); /* the run before it */
        from = i + 1;
        if (special) {
            char pair[2] = {'\\', name};
            out_bytes(out, pair, 2);
        }
    }
    out_text(out, "\"");
}

static void print_special(text_out *out, val v) {
    out_text(out, v == NIL ? "nil" : v == TRUE ? "true" : v == FALSE ? "false" : "#<undefined>");
}

static void print_atom(text_out *out, val v, bool escape) {
    if (is_int63(v)) return print_int(out, int_of(v));
    if (!is_object(v)) return print_special(out, v);
    switch (*(uint8_t *)RT_AT((ref)v)) {
    case RT_KIND_INT: return print_int(out, int_of(v));
    case RT_KIND_FLOAT: return print_float(out, float_of(v), !escape);
    case RT_KIND_STR: return print_quoted(out, OF(str_obj, v), escape);
    case RT_KIND_KW: out_text(out, ":"); return out_str(out, name_text(v));
    case RT_KIND_SYM: return out_str(out, name_text(v));
    case RT_KIND_TIMESTAMP:
    case RT_KIND_UUID:
    case RT_KIND_RESOURCE: return out_str(out, OBJ(str_obj, OF(tagged_obj, v)->text));
    case RT_KIND_ERROR:
        out_text(out, "#<error: ");
        out_str(out, OF(str_obj, OF(error_obj, v)->message));
        return out_text(out, ">");
    case RT_KIND_FN:
    case RT_KIND_HOSTFN: return out_text(out, "#<function>");
    default: return out_text(out, "#<internal>");
    }
}

/* Frames of three words on the stack: the collection, where to go on, the value that belongs to a key. */
enum { FRAME = 3 };

static bool is_collection(val v) { return is_seq(v) || is_map(v); }

/* The next part of the topmost collection; false at its end. `first`: nothing was printed of it yet. */
static bool next_part(work_stack *w, val *part, bool *first) {
    val *frame = &w->items[w->count - FRAME];
    *first = frame[1] == 0 && frame[2] == UNDEF;
    if (is_map(frame[0])) {
        if (frame[2] != UNDEF) return *part = frame[2], frame[2] = UNDEF, true;
        entry e;
        uint32_t at = map_next(frame[0], (uint32_t)frame[1], &e);
        if (!at) return false;
        frame[1] = at;
        frame[2] = e.value;
        *part = e.key;
        return true;
    }
    seq_obj *s = OF(seq_obj, frame[0]);
    if (frame[1] >= s->count) return false;
    *part = seq_get(s, (uint32_t)frame[1]++);
    return true;
}

static const char *bracket(val collection, bool open) {
    if (is_map(collection)) return open ? "{" : "}";
    return is_vec(collection) ? (open ? "[" : "]") : open ? "(" : ")";
}

static __attribute__((noinline)) void print_collection(text_out *out, val v, bool escape) {
    work_stack w;
    work_init(&w);
    bool first = true;
    for (;;) {
        if (is_collection(v)) {
            out_text(out, bracket(v, true));
            work_push(&w, v);
            work_push(&w, 0);
            work_push(&w, UNDEF);
        } else {
            print_atom(out, v, escape);
        }
        while (!next_part(&w, &v, &first)) {
            out_text(out, bracket(w.items[w.count - FRAME], false));
            w.count -= FRAME;
            if (!w.count) return;
        }
        if (!first) out_text(out, " ");
    }
}

/* escape: the printed form; else the plain text, where only strings inside collections are quoted. */
static void print(text_out *out, val v, bool escape) {
    if (!escape && is_str(v)) return out_str(out, OF(str_obj, v));
    if (is_collection(v)) return print_collection(out, v, escape);
    print_atom(out, v, escape);
}

val rt_str_pr(val v) {
    text_out out;
    out_init(&out, 32);
    print(&out, v, true);
    return out_done(&out);
}

val rt_str(val *args, uint32_t n) {
    uint64_t expected = 0;
    for (uint32_t i = 0; i < n; i++) expected += is_str(args[i]) ? OF(str_obj, args[i])->size : 24;
    text_out out;
    out_init(&out, expected > 0xFFFFFF00u ? 0xFFFFFF00u : (uint32_t)expected);
    for (uint32_t i = 0; i < n; i++) print(&out, args[i], false);
    return out_done(&out);
}
