/* `check.type`: a value against a type that is RTFS data, with the path to what does not fit.
 * Recursion follows the type, which is as deep as a source text may nest, not the value. */
#include "internal.h"

enum { MAX_TYPE_DEPTH = 100, MAX_PATH = 2 * MAX_TYPE_DEPTH };

/* Where the check stands, and what failed there. Steps are keys and indices from the root. */
typedef struct {
    val steps[MAX_PATH];
    uint32_t depth;
    val expected, actual;
    const char *unsupported; /* why the check cannot be made, or NULL */
    bool raised;             /* it cannot be made, and the error is pending */
} checker;

static const char TOO_DEEP[] = "types nested more than 100 levels deep";

static bool conforms(checker *c, val v, val type, int depth);

static bool fail(checker *c, val expected, val actual) {
    c->expected = expected;
    c->actual = actual;
    return false;
}

static bool misfit(checker *c, val v, val type) { return fail(c, rt_str_pr(type), type_name(v)); }

static bool conforms_at(checker *c, val step, val v, val type, int depth) {
    if (c->depth == MAX_PATH) return c->unsupported = TOO_DEEP, false;
    c->steps[c->depth++] = step;
    if (!conforms(c, v, type, depth)) return false;
    c->depth--;
    return true;
}

static val item(val type, uint32_t i) { return i < seq_count(type) ? seq_get(OF(seq_obj, type), i) : NIL; }

/* Masks of the names of types, by their lower-case spelling. */
static bool named_mask(const char *text, uint32_t size, int32_t *mask) {
    static const struct { const char *name; int32_t mask; } names[] = {
        {"int", 1 << T_INT}, {"float", 1 << T_INT | 1 << T_FLOAT}, {"string", 1 << T_STR},
        {"bool", 1 << T_BOOL}, {"nil", 1 << T_NIL}, {"keyword", 1 << T_KW}, {"symbol", 1 << T_SYM},
        {"any", (1 << T_BUILDER) - 1}, {"never", 0},
    };
    if (size && text[size - 1] == '?') return named_mask(text, size - 1, mask) && (*mask |= 1 << T_NIL, true);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (word_is(text, size, names[i].name)) return *mask = names[i].mask, true;
    return false;
}

static bool conforms_name(checker *c, val v, val type) {
    str_obj *name = name_text(type);
    int32_t mask = 0; /* a name that is unknown fits nothing */
    named_mask(name->text, name->size, &mask);
    return rt_is(v, mask) || misfit(c, v, type);
}

static bool conforms_items(checker *c, val v, val type, uint32_t from, bool same, int depth) {
    for (uint32_t i = 0; i < seq_count(v); i++)
        if (!conforms_at(c, rt_box_int(i), seq_get(OF(seq_obj, v), i), item(type, same ? from : from + i), depth)) return false;
    return true;
}

static val named_in_map(val map, val key) { /* under the keyword or the string of the same spelling */
    val found = map_get(map, key, UNDEF);
    return found == UNDEF && is_kw(key) ? map_get(map, OF(name_obj, key)->text, UNDEF) : found;
}

static bool conforms_field(checker *c, val map, val key, val type, bool optional, int depth) {
    val found = named_in_map(map, key);
    if (found != UNDEF) return conforms_at(c, key, found, type, depth);
    if (optional) return true;
    if (c->depth < MAX_PATH) c->steps[c->depth++] = key;
    return fail(c, rt_str_pr(type), str_literal("nothing"));
}

static bool conforms_map(checker *c, val v, val type, int depth) {
    if (!is_map(v)) return misfit(c, v, type);
    for (uint32_t i = 1; i < seq_count(type); i++) {
        val field = item(type, i);
        entry e;
        if (is_map(field)) {
            EACH_ENTRY(field, e) if (!conforms_field(c, v, e.key, e.value, false, depth)) return false;
        } else if (is_seq(field) && map_key_ok(item(field, 0))) {
            if (!conforms_field(c, v, item(field, 0), item(field, 1), seq_count(field) > 2, depth)) return false;
        } /* else [:* T], which says nothing about the keys that are named */
    }
    return true;
}

static bool conforms_map_of(checker *c, val v, val type, int depth) {
    if (!is_map(v)) return misfit(c, v, type);
    entry e;
    EACH_ENTRY(v, e) {
        if (!conforms_at(c, e.key, e.key, item(type, 1), depth)) return false;
        if (!conforms_at(c, e.key, e.value, item(type, 2), depth)) return false;
    }
    return true;
}

static bool conforms_any_of(checker *c, val v, val type, int depth) {
    uint32_t at = c->depth;
    for (uint32_t i = 1; i < seq_count(type); i++) {
        if (conforms(c, v, item(type, i), depth)) return true;
        c->depth = at;
    }
    return misfit(c, v, type);
}

static bool one_of(val v, val type) {
    for (uint32_t i = 1; i < seq_count(type); i++)
        if (equal(v, item(type, i))) return true;
    return false;
}

static bool is_email(str_obj *s) { /* name@host.tld: no blanks, one @, a point inside the host */
    uint32_t at = 0, point = 0, marks = 0;
    for (uint32_t i = 0; i < s->size; i++) {
        if (is_blank((unsigned char)s->text[i])) return false;
        if (s->text[i] == '@') at = i, marks++;
        if (s->text[i] == '.') point = i;
    }
    return marks == 1 && at > 0 && point > at + 1 && point + 1 < s->size;
}

static bool has_prefix(str_obj *s, const char *prefix) {
    uint32_t n = (uint32_t)__builtin_strlen(prefix);
    return s->size >= n && memcmp(s->text, prefix, n) == 0;
}

static bool bounded(val v, const char *relation, val limit) {
    if (!is_number(v) || !is_number(limit)) return false;
    int c = compare_numbers(v, limit);
    if (c == 2) return false;
    if (relation[1] == '=') return relation[0] == '>' ? c >= 0 : c <= 0;
    return relation[0] == '>' ? c > 0 : c < 0;
}

static bool counted(int64_t n, val limit, int order) { /* order: -1 at most, 0 exactly, 1 at least */
    if (!is_int(limit)) return false;
    return order < 0 ? n <= int_of(limit) : order > 0 ? n >= int_of(limit) : n == int_of(limit);
}

static bool has_all_keys(val v, val keys) {
    if (!is_map(v) || !is_seq(keys)) return false;
    for (uint32_t i = 0; i < seq_count(keys); i++)
        if (named_in_map(v, item(keys, i)) == UNDEF) return false;
    return true;
}

static bool matches(checker *c, val pattern, val text) {
    int found = occurs(pattern, text);
    if (found < 0) c->raised = true;
    return found > 0;
}

/* 1 holds, 0 does not, -1 the head is no predicate. */
static int predicate(checker *c, val v, val type) {
    str_obj *head = name_text(item(type, 0));
    val a = item(type, 1);
    bool size = is_str(v), count = is_collection(v) || size;
    int64_t bytes = size ? OF(str_obj, v)->size : 0; /* what types call the length of a string */
    int64_t length = size ? OF(str_obj, v)->chars : count ? OF(map_obj, v)->count : 0;
#define IS(word) (head->size == sizeof word - 1 && memcmp(head->text, word, sizeof word - 1) == 0)
    if (IS(">") || IS(">=") || IS("<") || IS("<=")) return bounded(v, head->size == 2 ? head->text : IS(">") ? "> " : "< ", a);
    if (IS("=")) return equal(v, a) || (is_number(v) && is_number(a) && compare_numbers(v, a) == 0);
    if (IS("!=")) return !(equal(v, a) || (is_number(v) && is_number(a) && compare_numbers(v, a) == 0));
    if (IS("in-range")) return bounded(v, ">=", a) && bounded(v, "<=", item(type, 2));
    if (IS("min-length")) return size && counted(bytes, a, 1);
    if (IS("max-length")) return size && counted(bytes, a, -1);
    if (IS("length")) return size && counted(bytes, a, 0);
    if (IS("min-count")) return count && counted(length, a, 1);
    if (IS("max-count")) return count && counted(length, a, -1);
    if (IS("count")) return count && counted(length, a, 0);
    if (IS("non-empty")) return count && length > 0;
    if (IS("has-key")) return is_map(v) && named_in_map(v, a) != UNDEF;
    if (IS("required-keys")) return has_all_keys(v, a);
    if (IS("is-url")) return size && (has_prefix(OF(str_obj, v), "http://") || has_prefix(OF(str_obj, v), "https://"));
    if (IS("is-email")) return size && is_email(OF(str_obj, v));
    if (IS("matches-regex")) return size && is_str(a) && matches(c, a, v);
    return -1;
}

static bool conforms_all(checker *c, val v, val type, int depth) {
    for (uint32_t i = 1; i < seq_count(type); i++)
        if (!conforms(c, v, item(type, i), depth)) return false;
    return true;
}

static bool conforms_compound(checker *c, val v, val type, int depth) {
    worked(8);
    str_obj *head = name_text(item(type, 0));
    if (IS("vector")) return is_vec(v) ? conforms_items(c, v, type, 1, true, depth) : misfit(c, v, type);
    if (IS("list")) return is_list(v) ? conforms_items(c, v, type, 1, true, depth) : misfit(c, v, type);
    if (IS("array")) {
        val shape = item(type, 2), first = is_seq(shape) && seq_count(shape) ? item(shape, 0) : NIL;
        if (!is_vec(v) || (is_int(first) && int_of(first) != seq_count(v))) return misfit(c, v, type);
        return conforms_items(c, v, type, 1, true, depth);
    }
    if (IS("tuple")) {
        if (!is_vec(v) || seq_count(v) != seq_count(type) - 1) return misfit(c, v, type);
        return conforms_items(c, v, type, 1, false, depth);
    }
    if (IS("map") || IS("record")) return conforms_map(c, v, type, depth);
    if (IS("map-of") || IS("dict")) return conforms_map_of(c, v, type, depth);
    if (IS("union")) return conforms_any_of(c, v, type, depth);
    if (IS("and")) return conforms_all(c, v, type, depth);
    if (IS("enum") || IS("val")) return one_of(v, type) || misfit(c, v, type);
    if (IS("fn") || IS("=>")) return rt_is(v, 1 << T_FN) || misfit(c, v, type);
    if (IS("resource")) return rt_is(v, 1 << T_RESOURCE) || misfit(c, v, type);
    int holds = predicate(c, v, type);
    return holds > 0 || (holds == 0 ? fail(c, rt_str_pr(type), rt_str_pr(v)) : misfit(c, v, type));
}

static bool conforms(checker *c, val v, val type, int depth) {
    if (depth == MAX_TYPE_DEPTH) return c->unsupported = TOO_DEEP, false;
    if (is_kw(type) || is_kind(type, RT_KIND_SYM)) return conforms_name(c, v, type);
    if (is_seq(type) && is_kw(item(type, 0))) return conforms_compound(c, v, type, depth + 1);
    return misfit(c, v, type);
}

static val path_text(checker *c) {
    text_out out;
    out_init(&out, 32);
    for (uint32_t i = 0; i < c->depth; i++) {
        val step = c->steps[i];
        out_text(&out, is_kw(step) ? "." : "[");
        if (is_kw(step)) out_str(&out, name_text(step));
        else print(&out, step, true), out_text(&out, "]");
    }
    if (!c->depth) out_text(&out, "value");
    return out_done(&out);
}

val rt_check_type(val v, val type) {
    checker c = {.depth = 0, .unsupported = NULL, .raised = false};
    if (conforms(&c, v, type, 0)) return v;
    if (c.raised) return ERR;
    if (c.unsupported) return raise_text(RT_ERRKIND_NOT_IMPLEMENTED, c.unsupported);
    return raise3(RT_ERRKIND_TYPE_VALIDATION_ERROR, "path", path_text(&c), "expected", c.expected, "actual", c.actual);
}
