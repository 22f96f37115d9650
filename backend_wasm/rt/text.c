/* Library ops on strings. */
#include "internal.h"
#include "case_table.h"

val rt_str_length(val s) {
    return is_str(s) ? rt_box_int(OF(str_obj, s)->chars) : type_error("string-length", "string", s);
}

static val substring(val s, val from, val to) {
    if (!is_str(s)) return type_error("substring", "string", s);
    uint32_t n = OF(str_obj, s)->chars;
    if (to == UNDEF) to = rt_box_int(n);
    if (check_bounds("substring", from, to, n) == ERR) return ERR;
    return str_slice(s, (uint32_t)int_of(from), (uint32_t)int_of(to));
}

val rt_str_substring(val s, val from) { return substring(s, from, UNDEF); }
val rt_str_substring3(val s, val from, val to) { return substring(s, from, to); }

static val need_strings(const char *operation, val a, val b) {
    return is_str(a) && is_str(b) ? NIL : type_error(operation, "string", is_str(a) ? b : a);
}

val rt_str_contains(val s, val part) {
    uint32_t at;
    if (need_strings("string-contains", s, part) == ERR) return ERR;
    return boolean(find_text(OF(str_obj, s), 0, OF(str_obj, part), &at));
}

val rt_str_starts_with(val s, val prefix) {
    if (s == NIL) return is_str(prefix) ? FALSE : type_error("starts-with?", "string", prefix);
    if (need_strings("starts-with?", s, prefix) == ERR) return ERR;
    str_obj *text = OF(str_obj, s), *start = OF(str_obj, prefix);
    return boolean(start->size <= text->size && memcmp(text->text, start->text, start->size) == 0);
}

val rt_str_split(val s, val separator) {
    val out = builder_new();
    if (s == NIL && is_str(separator)) return builder_push(out, str_literal("")), builder_done(out, RT_KIND_VEC);
    if (need_strings("split", s, separator) == ERR) return ERR;
    str_obj *text = OF(str_obj, s), *part = OF(str_obj, separator);
    if (part->size == 0) return str_chars(s);
    uint32_t from = 0, at;
    while (find_text(text, from, part, &at)) {
        builder_push(out, str_part(text, from, at));
        from = at + part->size;
    }
    builder_push(out, str_part(text, from, text->size));
    return builder_done(out, RT_KIND_VEC);
}

val rt_str_join(val separator, val items) {
    if (!is_str(separator)) return type_error("join", "string", separator);
    if (!is_seq(items)) return type_error("join", "vector or list", items);
    text_out out;
    out_init(&out, 64);
    for (uint32_t i = 0; i < seq_count(items); i++) {
        if (i) out_str(&out, OF(str_obj, separator));
        print(&out, seq_get(OF(seq_obj, items), i), false);
    }
    return out_done(&out);
}

/* ---- case: full Unicode mapping (case_table.h says of which version) */
static const case_range *range_of(const case_range *table, size_t n, uint32_t c) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > table[middle].last) low = middle + 1;
        else high = middle;
    }
    return low < n && c >= table[low].first ? &table[low] : NULL;
}

static void out_case(text_out *out, uint32_t c, const case_range *table, size_t n, const case_special *special, size_t m) {
    for (size_t i = 0; i < m; i++)
        if (special[i].from == c) return out_text(out, special[i].to);
    const case_range *r = range_of(table, n, c);
    out_char(out, r && (c - r->first) % r->step == 0 ? c + (uint32_t)r->delta : c);
}

#define TABLE(t) t, sizeof t / sizeof *t

static bool in_ranges(uint32_t c, const code_range *table, size_t n) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > table[middle].last) low = middle + 1;
        else high = middle;
    }
    return low < n && c >= table[low].first;
}

/* Σ is ς at the end of a word: after a cased letter and not before one, case-ignorable ones aside. */
static bool final_sigma(str_obj *s, uint32_t at) {
    uint32_t i = at, c = 0;
    bool after = false;
    while (i > 0 && !after) {
        for (i--; i > 0 && (s->text[i] & 0xC0) == 0x80; i--) {}
        c = decode_char(s->text, i, s->size);
        if (in_ranges(c, TABLE(case_ignorable))) continue;
        if (!in_ranges(c, TABLE(cased))) return false;
        after = true;
    }
    if (!after) return false;
    for (i = next_char(s->text, at, s->size); i < s->size; i = next_char(s->text, i, s->size)) {
        c = decode_char(s->text, i, s->size);
        if (!in_ranges(c, TABLE(case_ignorable))) return !in_ranges(c, TABLE(cased));
    }
    return true;
}

enum { SIGMA = 0x3A3, FINAL_SIGMA = 0x3C2 };

/* The start of the text that is ASCII, eight bytes at a time: a letter of the other case has bit 7 set in
 * one of two sums that cannot carry, and bit 5 is flipped. Answers its length. */
static uint32_t ascii_case(text_out *out, str_obj *s, bool upper) {
    const uint64_t ones = 0x0101010101010101ull, high = ones << 7;
    const uint64_t from = ones * (0x80 - (upper ? 'a' : 'A')), beyond = ones * (0x7F - (upper ? 'z' : 'Z'));
    char *to = OBJ(str_obj, out->object)->text;
    uint32_t at = 0;
    for (; at + 8 <= s->size; at += 8) {
        uint64_t word;
        memcpy(&word, s->text + at, 8);
        if (word & high) break;
        word ^= ((word + from) & ~(word + beyond) & high) >> 2;
        memcpy(to + at, &word, 8);
    }
    out->size = at;
    return at;
}

static val change_case(const char *operation, val v, bool upper) {
    if (!is_str(v)) return type_error(operation, "string", v);
    str_obj *s = OF(str_obj, v);
    text_out out;
    out_init(&out, s->size + 8);
    uint32_t at = ascii_case(&out, s, upper);
    for (; at < s->size; at = next_char(s->text, at, s->size)) {
        unsigned char b = (unsigned char)s->text[at];
        if (b < 0x80) {
            char c = (char)(upper ? (b >= 'a' && b <= 'z' ? b - 32 : b) : b >= 'A' && b <= 'Z' ? b + 32 : b);
            out_ascii(&out, &c, 1);
            continue;
        }
        uint32_t c = decode_char(s->text, at, s->size);
        if (upper) out_case(&out, c, TABLE(to_upper), TABLE(special_upper));
        else if (c == SIGMA && final_sigma(s, at)) out_char(&out, FINAL_SIGMA);
        else out_case(&out, c, TABLE(to_lower), TABLE(special_lower));
    }
    return out_done(&out);
}

val rt_str_upper(val s) { return change_case("string-upper", s, true); }
val rt_str_lower(val s) { return change_case("string-lower", s, false); }

val rt_str_trim(val s) {
    if (!is_str(s)) return type_error("string-trim", "string", s);
    uint32_t from, to;
    trim_range(OF(str_obj, s), &from, &to);
    return from == 0 && to == OF(str_obj, s)->size ? s : str_new(OF(str_obj, s)->text + from, to - from);
}
