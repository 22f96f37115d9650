/* Library ops on patterns, and the patterns that are kept compiled. */
#include "regex.h"

enum { PATTERN_SHOWN = 60 };

static val bad_pattern(re_compiler *c) {
    text_out out;
    out_init(&out, 96);
    uint32_t shown = 0, chars = 0;
    while (shown < c->length && chars++ < PATTERN_SHOWN) shown = next_char(c->text, shown, c->length);
    out_text(&out, "Invalid pattern ");
    print_quoted(&out, OF(str_obj, str_new(c->text, shown)), true);
    if (shown < c->length) out_text(&out, "…");
    out_text(&out, " at character ");
    print_int(&out, (int64_t)count_chars(c->text, c->fault_at) + 1);
    out_text(&out, ": ");
    out_text(&out, c->fault);
    return rt_raise_generic(out_done(&out));
}

/* Compiled patterns belong to the region they were made in: rt_reset forgets those above MARK, and FRESH
 * says that it has something to forget. */
static re_program *pattern_of(val pattern) {
    state_block *state = STATE;
    for (int i = 0; i < KEPT_PATTERNS; i++) {
        re_program *kept = OBJ(re_program, state->patterns[i]);
        if (!state->patterns[i]) continue;
        if (kept->pattern == pattern || str_equal(OF(str_obj, kept->pattern), OF(str_obj, pattern))) return kept;
    }
    re_compiler compiler;
    re_program *p = re_compile(&compiler, pattern);
    if (!p) return bad_pattern(&compiler), NULL;
    state->patterns[state->next_pattern++ % KEPT_PATTERNS] = RT_REF(p);
    state->fresh++;
    return p;
}

static void forget_patterns(void) {
    for (int i = 0; i < KEPT_PATTERNS; i++)
        if (STATE->patterns[i] >= STATE->mark) STATE->patterns[i] = 0;
}

/* NIL: there is work to do. Else the answer, for nil, or ERR. */
static val need_subject(const char *operation, val pattern, val text, val of_nil) {
    if (!is_str(pattern)) return type_error(operation, "string", pattern);
    if (text == NIL) return of_nil;
    return is_str(text) ? UNDEF : type_error(operation, "string", text);
}

val rt_re_find(val pattern, val text) {
    val early = need_subject("re-find", pattern, text, NIL);
    if (early != UNDEF) return early;
    re_program *p = pattern_of(pattern);
    if (!p) return ERR;
    uint32_t start, end;
    str_obj *s = OF(str_obj, text);
    return re_search(p, s, 0, false, &start, &end) ? str_new(s->text + start, end - start) : NIL;
}

/* 1, 0, or -1 with an error pending. */
static int occurs(val pattern, val text) {
    re_program *p = pattern_of(pattern);
    uint32_t start, end;
    return p ? re_search(p, OF(str_obj, text), 0, true, &start, &end) : -1;
}

val rt_re_matches(val pattern, val text) {
    val early = need_subject("re-matches", pattern, text, FALSE);
    if (early != UNDEF) return early;
    int found = occurs(pattern, text);
    return found < 0 ? ERR : boolean(found);
}

/* All matches that do not overlap; none that is empty right after the one before it. */
val rt_re_seq(val pattern, val text) {
    val early = need_subject("re-seq", pattern, text, NIL);
    if (early == ERR) return ERR;
    val out = builder_new();
    re_program *p = early == NIL ? NULL : pattern_of(pattern);
    if (!p) return early == NIL ? builder_done(out, RT_KIND_VEC) : ERR;
    str_obj *s = OF(str_obj, text);
    uint32_t start, end, last = UINT32_MAX;
    for (uint32_t from = 0; from <= s->size;) {
        if (!re_search(p, s, from, false, &start, &end)) break;
        if (start < end || start != last) builder_push(out, str_new(s->text + start, end - start));
        from = start < end ? end : end < s->size ? next_char(s->text, end, s->size) : s->size + 1;
        last = end;
    }
    return builder_done(out, RT_KIND_VEC);
}
