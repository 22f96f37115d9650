/* JSON text to values (RFC 8259): objects are maps with string keys, of equal keys the last wins. Containers
 * that are still open lie on a stack of their own, so nesting needs no recursion. */
#include "internal.h"

enum { JSON_MAX_NESTING = 1000 };

typedef struct {
    const char *text;
    uint32_t size, at;
    work_stack values;  /* elements, or keys and values, of all open containers */
    work_stack opened;  /* per open container: index of its first value << 1 | is an object */
    const char *fault;
    uint32_t fault_at;
} json_reader;

static val json_fault(json_reader *r, const char *what, uint32_t at) {
    if (!r->fault) r->fault = what, r->fault_at = at;
    return ERR;
}

static val json_error(json_reader *r) {
    uint32_t line = 1, start = 0;
    for (uint32_t i = 0; i < r->fault_at; i++)
        if (r->text[i] == '\n') line++, start = i + 1;
    text_out out;
    out_init(&out, 96);
    out_text(&out, "JSON parsing error: ");
    out_text(&out, r->fault);
    out_text(&out, " at line ");
    print_int(&out, line);
    out_text(&out, " column ");
    print_int(&out, (int64_t)count_chars(r->text + start, r->fault_at - start) + 1);
    return rt_raise_generic(out_done(&out));
}

static bool is_json_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static void json_blanks(json_reader *r) {
    while (r->at < r->size && is_json_blank(r->text[r->at])) r->at++;
}

static bool json_take(json_reader *r, char expected) {
    json_blanks(r);
    bool there = r->at < r->size && r->text[r->at] == expected;
    r->at += there;
    return there;
}

static val json_word(json_reader *r, const char *word, val meaning) {
    uint32_t n = (uint32_t)__builtin_strlen(word);
    if (r->size - r->at < n || memcmp(r->text + r->at, word, n) != 0) return json_fault(r, "expected a value", r->at);
    r->at += n;
    return meaning;
}

static bool json_digits(json_reader *r) {
    uint32_t start = r->at;
    r->at = skip_digits(r->text, r->at, r->size);
    return r->at > start;
}

/* An integer if it is written as one and fits, else a float. */
static val json_number(json_reader *r) {
    uint32_t start = r->at;
    int64_t n;
    r->at += r->text[r->at] == '-';
    if (r->at < r->size && r->text[r->at] == '0') r->at++;
    else if (!json_digits(r)) return json_fault(r, "invalid number", start);
    bool whole = true;
    if (r->at < r->size && r->text[r->at] == '.') {
        r->at++;
        whole = false;
        if (!json_digits(r)) return json_fault(r, "invalid number", start);
    }
    if (r->at < r->size && (r->text[r->at] | 0x20) == 'e') {
        r->at++;
        whole = false;
        if (r->at < r->size && (r->text[r->at] == '+' || r->text[r->at] == '-')) r->at++;
        if (!json_digits(r)) return json_fault(r, "invalid number", start);
    }
    if (r->at < r->size && r->text[r->at] >= '0' && r->text[r->at] <= '9') return json_fault(r, "invalid number", start);
    if (whole && parse_int_text(r->text + start, r->at - start, &n)) return rt_box_int(n);
    double x = 0;
    parse_float_text(r->text + start, r->at - start, &x);
    return __builtin_isinf(x) ? json_fault(r, "number out of range", start) : rt_box_float(x);
}

/* The four digits after \u at `at`; false if they are not there. */
static bool json_hex4(json_reader *r, uint32_t *out) {
    uint32_t n = 0;
    if (r->size - r->at < 4) return false;
    for (uint32_t i = 0; i < 4; i++) {
        int digit = hex_digit(r->text[r->at + i]);
        if (digit < 0) return false;
        n = n << 4 | (uint32_t)digit;
    }
    r->at += 4;
    *out = n;
    return true;
}

static bool json_unicode_escape(json_reader *r, text_out *out, uint32_t start) {
    uint32_t c, low;
    if (!json_hex4(r, &c)) return json_fault(r, "expected four hexadecimal digits", start), false;
    if (c >= 0xDC00 && c < 0xE000) return json_fault(r, "half of a surrogate pair", start), false;
    if (c >= 0xD800 && c < 0xDC00) {
        bool more = r->size - r->at >= 2 && memcmp(r->text + r->at, "\\u", 2) == 0;
        r->at += more ? 2 : 0;
        if (!more || !json_hex4(r, &low) || low < 0xDC00 || low >= 0xE000)
            return json_fault(r, "half of a surrogate pair", start), false;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    out_char(out, c);
    return true;
}

static bool json_escape(json_reader *r, text_out *out) { /* after the backslash */
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint32_t start = r->at - 1;
    if (r->at == r->size) return json_fault(r, "the text ends inside a string", r->at), false;
    char letter = r->text[r->at++];
    if (letter == 'u') return json_unicode_escape(r, out, start);
    for (int i = 0; letters[i]; i++)
        if (letters[i] == letter) return out_bytes(out, meanings + i, 1), true;
    return json_fault(r, "unknown escape", start), false;
}

static uint32_t json_plain_run(json_reader *r) { /* up to a quote, an escape or a control character */
    uint32_t at = r->at;
    while (at < r->size && (unsigned char)r->text[at] >= 0x20 && r->text[at] != '"' && r->text[at] != '\\') at++;
    return at;
}

static val json_string(json_reader *r) { /* after the opening quote */
    uint32_t start = r->at, end = json_plain_run(r);
    if (end < r->size && r->text[end] == '"') return r->at = end + 1, str_new(r->text + start, end - start);
    text_out out;
    out_init(&out, end - start + 32);
    for (;;) {
        end = json_plain_run(r);
        out_bytes(&out, r->text + r->at, end - r->at);
        r->at = end;
        if (end == r->size) return json_fault(r, "the text ends inside a string", end);
        r->at++;
        if (r->text[end] == '"') return out_done(&out);
        if (r->text[end] != '\\') return json_fault(r, "control character in a string", end);
        if (!json_escape(r, &out)) return ERR;
    }
}

static val json_atom(json_reader *r) {
    char first = r->text[r->at];
    switch (first) {
    case '"': return r->at++, json_string(r);
    case 't': return json_word(r, "true", TRUE);
    case 'f': return json_word(r, "false", FALSE);
    case 'n': return json_word(r, "null", NIL);
    default: break;
    }
    if (first == '-' || (first >= '0' && first <= '9')) return json_number(r);
    return json_fault(r, "expected a value", r->at);
}

static void json_open(json_reader *r, bool object) {
    if (r->opened.count == JSON_MAX_NESTING) return (void)json_fault(r, "nested more than 1000 levels deep", r->at - 1);
    work_push(&r->opened, (val)r->values.count << 1 | object);
}

static bool json_in_object(json_reader *r) { return r->opened.items[r->opened.count - 1] & 1; }

static val json_close(json_reader *r) {
    val frame = r->opened.items[--r->opened.count];
    uint32_t first = (uint32_t)(frame >> 1), n = r->values.count - first;
    r->values.count = first;
    return frame & 1 ? map_from(r->values.items + first, n / 2) : seq_new(RT_KIND_VEC, r->values.items + first, n);
}

static void json_key(json_reader *r) { /* a key and its colon */
    json_blanks(r);
    uint32_t start = r->at;
    if (!json_take(r, '"')) return (void)json_fault(r, r->at < r->size ? "expected a key in quotes" : "the text ends inside an object", start);
    val key = json_string(r);
    work_push(&r->values, key);
    if (key != ERR && !json_take(r, ':')) json_fault(r, r->at < r->size ? "expected :" : "the text ends inside an object", r->at);
}

/* Opens containers up to the next atom or empty container, which it answers. */
static val json_next(json_reader *r) {
    while (!r->fault) {
        json_blanks(r);
        if (r->at == r->size) return json_fault(r, "the text ends where a value should be", r->at);
        bool object = r->text[r->at] == '{';
        if (!object && r->text[r->at] != '[') return json_atom(r);
        r->at++;
        json_open(r, object);
        if (r->fault) break;
        if (json_take(r, object ? '}' : ']')) return json_close(r);
        if (object) json_key(r);
    }
    return ERR;
}

/* After a value inside a container: true if another one follows, false if the container ends here. */
static bool json_goes_on(json_reader *r) {
    bool object = json_in_object(r);
    if (json_take(r, ',')) {
        if (object) json_key(r);
        return true;
    }
    if (json_take(r, object ? '}' : ']')) return false;
    const char *what = object ? "expected , or }" : "expected , or ]";
    json_fault(r, r->at < r->size ? what : object ? "the text ends inside an object" : "the text ends inside an array", r->at);
    return true;
}

static val json_value(json_reader *r) {
    for (;;) {
        worked(8);
        val v = json_next(r);
        for (;;) {
            if (r->fault) return ERR;
            if (!r->opened.count) return v;
            work_push(&r->values, v);
            if (json_goes_on(r)) break;
            v = json_close(r);
        }
    }
}

val rt_json_parse(val text) {
    if (!is_str(text)) return type_error("parse-json", "string", text);
    str_obj *s = OF(str_obj, text);
    json_reader r = {.text = s->text, .size = s->size};
    work_init(&r.values);
    work_init(&r.opened);
    val v = json_value(&r);
    json_blanks(&r);
    if (!r.fault && r.at < r.size) json_fault(&r, "expected the end of the text", r.at);
    return r.fault ? json_error(&r) : v;
}
