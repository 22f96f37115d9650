/* Values to JSON text, compact or with two blanks per level. */
#include "internal.h"

static const char hex_digits[] = "0123456789abcdef";

static void json_write_string(text_out *out, str_obj *s) {
    static const char letters[] = "\"\\bfnrt", meanings[] = "\"\\\b\f\n\r\t";
    uint32_t from = 0;
    out_text(out, "\"");
    for (uint32_t i = 0; i < s->size; i++) {
        unsigned char b = (unsigned char)s->text[i];
        if (b >= 0x20 && b != '"' && b != '\\') continue;
        out_bytes(out, s->text + from, i - from); /* the run before it */
        from = i + 1;
        int named = 0;
        while (meanings[named] && (unsigned char)meanings[named] != b) named++;
        char escape[6] = {'\\', 'u', '0', '0', hex_digits[b >> 4], hex_digits[b & 15]};
        if (meanings[named]) escape[1] = letters[named];
        out_bytes(out, escape, meanings[named] ? 2 : 6);
    }
    out_bytes(out, s->text + from, s->size - from);
    out_text(out, "\"");
}

/* Shortest digits; plain with a point from 1e-5 up to 1e16, else with an exponent. */
static void json_write_float(text_out *out, double x) {
    char digits[32];
    int32_t exponent;
    int n = (int)floattext_digits(x, digits, &exponent);
    if (__builtin_signbit(x)) out_text(out, "-");
    if (x == 0 || (exponent >= -5 && exponent < 16)) {
        print_decimal(out, digits, n, exponent + 1);
        if (exponent + 1 >= n) out_text(out, ".0");
        return;
    }
    out_bytes(out, digits, 1);
    if (n > 1) out_text(out, "."), out_bytes(out, digits + 1, (uint32_t)(n - 1));
    out_text(out, "e");
    print_int(out, exponent);
}

static val json_unfit(const char *what) {
    text_out out;
    out_init(&out, 64);
    out_text(&out, "JSON serialization error: ");
    out_text(&out, what);
    return rt_raise_generic(out_done(&out));
}

static val json_unfit_kind(val v) {
    text_out out;
    out_init(&out, 64);
    out_text(&out, "JSON serialization error: a value of kind ");
    out_str(&out, OF(str_obj, type_name(v)));
    out_text(&out, " has no JSON form");
    return rt_raise_generic(out_done(&out));
}

static val json_write_atom(text_out *out, val v) {
    if (v == NIL) return out_text(out, "null"), NIL;
    if (v == TRUE || v == FALSE) return out_text(out, v == TRUE ? "true" : "false"), NIL;
    if (is_int(v)) return print_int(out, int_of(v)), NIL;
    if (is_str(v)) return json_write_string(out, OF(str_obj, v)), NIL;
    if (is_float(v)) {
        double x = float_of(v);
        if (x != x || __builtin_isinf(x)) return json_unfit("NaN and infinities have no JSON form");
        return json_write_float(out, x), NIL;
    }
    if (rt_is(v, 1 << T_TIMESTAMP | 1 << T_UUID | 1 << T_RESOURCE))
        return json_write_string(out, OBJ(str_obj, OF(tagged_obj, v)->text)), NIL;
    return json_unfit_kind(v);
}

static val key_text(val key) {
    if (is_kw(key)) return OF(name_obj, key)->text;
    return is_str(key) ? key : rt_str(&key, 1);
}

/* The map with texts as keys; of keys that become equal the last wins. */
static val with_text_keys(val map) {
    val out = map_from(NULL, 0);
    entry e;
    EACH_ENTRY(map, e) out = map_put(out, key_text(e.key), e.value, SHARED);
    return out;
}

static bool mixes_keys(val map) { /* keys of one kind cannot become equal */
    int kind = -1;
    entry e;
    EACH_ENTRY(map, e) {
        if (kind >= 0 && kind != rt_kind(e.key)) return true;
        kind = rt_kind(e.key);
    }
    return false;
}

static void json_break(text_out *out, bool pretty, uint32_t levels) {
    if (!pretty) return;
    out_text(out, "\n");
    while (levels--) out_text(out, "  ");
}

static const char *json_bracket(val container, bool open) { return is_map(container) ? (open ? "{" : "}") : open ? "[" : "]"; }
static uint32_t json_size(val container) { return is_map(container) ? OF(map_obj, container)->count : seq_count(container); }

/* Goes to the next part of the topmost container: its comma, line and key; false at its end. Frames are those
 * of print.c, the third word unused. */
static bool json_next_part(text_out *out, work_stack *w, bool pretty, val *part) {
    val *frame = &w->items[w->count - FRAME];
    bool first = frame[1] == 0;
    entry e = {NIL, NIL};
    if (is_map(frame[0])) {
        uint32_t at = map_next(frame[0], (uint32_t)frame[1], &e);
        if (!at) return false;
        frame[1] = at;
        *part = e.value;
    } else {
        if (frame[1] >= seq_count(frame[0])) return false;
        *part = seq_get(OF(seq_obj, frame[0]), (uint32_t)frame[1]++);
    }
    if (!first) out_text(out, ",");
    json_break(out, pretty, w->count / FRAME);
    if (!is_map(frame[0])) return true;
    json_write_string(out, OF(str_obj, key_text(e.key)));
    out_text(out, pretty ? ": " : ":");
    return true;
}

static val json_write(val v, bool pretty) {
    text_out out;
    work_stack w;
    out_init(&out, 64);
    work_init(&w);
    for (;;) {
        worked(8);
        if (is_map(v) || is_vec(v)) {
            if (w.count == FRAME * JSON_MAX_NESTING) return json_unfit("nested more than 1000 levels deep");
            if (is_map(v) && mixes_keys(v)) v = with_text_keys(v);
            out_text(&out, json_bracket(v, true));
            work_push(&w, v);
            work_push(&w, 0);
            work_push(&w, UNDEF);
        } else if (json_write_atom(&out, v) == ERR) {
            return ERR;
        }
        for (;; w.count -= FRAME) {
            if (!w.count) return out_done(&out);
            if (json_next_part(&out, &w, pretty, &v)) break;
            val container = w.items[w.count - FRAME];
            if (json_size(container)) json_break(&out, pretty, w.count / FRAME - 1);
            out_text(&out, json_bracket(container, false));
        }
    }
}

val rt_json_write(val v) { return json_write(v, false); }
val rt_json_pretty(val v) { return json_write(v, true); }
