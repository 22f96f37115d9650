/* Transit buffers (docs/abi.md): decoding checks every length against the end of the bumped memory. */
#include "internal.h"

/* ---- reading. An open collection is a frame of three words below its parts: first word of the value,
 * parts still to come, and where its parts begin on the stack of values. */
typedef struct { ref at, end; bool bad; work_stack parts, frames; } reader;

static uint64_t read_word(reader *r) {
    if (r->end - r->at < 8) return r->bad = true, 0;
    uint64_t word;
    memcpy(&word, RT_AT(r->at), 8);
    r->at += 8;
    return word;
}

/* The text is used where it lies: its two leading words become the header of a string. */
static ref read_text(reader *r, uint64_t size) {
    ref at = r->at - 8;
    uint64_t padded = (size + 7) & ~7ull;
    if (size > r->end || r->end - r->at < 8 + padded) return r->bad = true, 0;
    r->at += 8 + (uint32_t)padded;
    str_obj *s = OBJ(str_obj, at);
    *s = (str_obj){.kind = RT_KIND_STR, .size = (uint32_t)size, .chars = count_chars(s->text, (uint32_t)size)};
    return at;
}

static val read_name(reader *r, int kind, uint64_t size) {
    ref text = read_text(r, size);
    return text ? intern_text(kind, OBJ(str_obj, text)->text, OBJ(str_obj, text)->size, text) : UNDEF;
}

static val read_tagged(reader *r, int kind, uint64_t size) {
    ref text = read_text(r, size);
    if (!text) return UNDEF;
    tagged_obj *o = alloc(sizeof(tagged_obj));
    *o = (tagged_obj){.kind = (uint8_t)kind, .text = text};
    return RT_REF(o);
}

static val read_numbers(reader *r, uint64_t n, bool floats) {
    if (n > (r->end - r->at) / 8) return r->bad = true, UNDEF;
    val out = builder_new();
    uint32_t room;
    for (uint64_t i = 0; i < n; i += room) {
        val *free = builder_room(out, &room);
        if (room > n - i) room = (uint32_t)(n - i);
        const uint64_t *words = (uint64_t *)RT_AT(r->at);
        for (uint32_t k = 0; k < room; k++) {
            double x;
            memcpy(&x, &words[k], 8);
            free[k] = floats ? rt_box_float(x) : box_int((int64_t)words[k]);
        }
        r->at += room * 8;
        builder_used(out, room);
    }
    return builder_done(out, RT_KIND_VEC);
}

static void open_frame(reader *r, uint64_t head, uint64_t parts) {
    if (parts > (r->end - r->at) / 8) { /* every part has a word at least */
        r->bad = true;
        return;
    }
    work_push(&r->frames, head);
    work_push(&r->frames, parts);
    work_push(&r->frames, r->parts.count);
}

static val close_map(reader *r, val *parts, uint64_t n, bool record) {
    for (uint64_t i = 0; i < n; i++) {
        val *key = &parts[2 * i];
        if (record && is_str(*key)) *key = intern_text(RT_KIND_KW, OF(str_obj, *key)->text, OF(str_obj, *key)->size, (ref)*key);
        if (!map_key_ok(*key)) return r->bad = true, UNDEF;
    }
    return map_from(parts, (uint32_t)n);
}

static val close_error(reader *r, val *parts, uint64_t number) {
    uint32_t kind = (uint32_t)number;
    if (kind >= RT_ERROR_KINDS || !is_kw(parts[0]) || !is_str(parts[1])) return r->bad = true, UNDEF;
    val error = make_error(kind, parts[1], parts[2], parts[0]);
    OF(error_obj, error)->site = (uint32_t)(number >> 32);
    return error;
}

static val close_frame(reader *r) {
    val *frame = &r->frames.items[r->frames.count -= FRAME];
    uint64_t head = frame[0], tag = head & 0xFF, n = head >> 8;
    val *parts = &r->parts.items[frame[2]];
    r->parts.count = (uint32_t)frame[2];
    switch (tag) {
    case RT_TRANSIT_VEC: return seq_new(RT_KIND_VEC, parts, n);
    case RT_TRANSIT_LIST: return seq_new(RT_KIND_LIST, parts, n);
    case RT_TRANSIT_ERROR: return close_error(r, parts + 1, parts[0]);
    default: return close_map(r, parts, n, tag == RT_TRANSIT_RECORD_MAP);
    }
}

/* A function that came out of this instance before. */
static val read_function(reader *r) {
    val f = read_word(r);
    if (!r->bad && f < STATE->hp && is_kind(f, RT_KIND_FN)) return f;
    r->bad = true;
    return UNDEF;
}

/* A value without parts, or UNDEF after a frame was opened. */
static val read_value(reader *r) {
    uint64_t head = read_word(r), n = head >> 8;
    if (r->bad) return UNDEF;
    switch (head & 0xFF) {
    case RT_TRANSIT_NIL: return NIL;
    case RT_TRANSIT_FALSE: return FALSE;
    case RT_TRANSIT_TRUE: return TRUE;
    case RT_TRANSIT_INT: return rt_box_int((int64_t)read_word(r));
    case RT_TRANSIT_FLOAT: {
        uint64_t word = read_word(r);
        double x;
        memcpy(&x, &word, 8);
        return rt_box_float(x);
    }
    case RT_TRANSIT_STR: return read_text(r, n);
    case RT_TRANSIT_KW: return read_name(r, RT_KIND_KW, n);
    case RT_TRANSIT_SYM: return read_name(r, RT_KIND_SYM, n);
    case RT_TRANSIT_TIMESTAMP: return read_tagged(r, RT_KIND_TIMESTAMP, n);
    case RT_TRANSIT_UUID: return read_tagged(r, RT_KIND_UUID, n);
    case RT_TRANSIT_RESOURCE: return read_tagged(r, RT_KIND_RESOURCE, n);
    case RT_TRANSIT_INTS: return read_numbers(r, n, false);
    case RT_TRANSIT_FLOATS: return read_numbers(r, n, true);
    case RT_TRANSIT_HOSTFN: return rt_hostfn((int32_t)n);
    case RT_TRANSIT_FN: return read_function(r);
    case RT_TRANSIT_VEC:
    case RT_TRANSIT_LIST: open_frame(r, head, n); return UNDEF;
    case RT_TRANSIT_MAP:
    case RT_TRANSIT_RECORD_MAP:
        if (n > r->end) r->bad = true;
        else open_frame(r, head, n * 2);
        return UNDEF;
    case RT_TRANSIT_ERROR: {
        uint64_t number = read_word(r);
        open_frame(r, head, 3);
        work_push(&r->parts, number); /* before its three parts */
        return UNDEF;
    }
    default: r->bad = true; return UNDEF;
    }
}

val rt_decode(ref buffer) {
    reader r = {.at = buffer, .end = STATE->hp};
    if (buffer > r.end || buffer & 7) return UNDEF;
    work_init(&r.parts);
    work_init(&r.frames);
    for (;;) {
        val v = read_value(&r);
        if (r.bad) return UNDEF;
        bool opened = v == UNDEF;
        for (;;) {
            if (!opened) {
                if (!r.frames.count) return v;
                work_push(&r.parts, v);
                r.frames.items[r.frames.count - 2]--;
            }
            opened = false;
            if (r.frames.items[r.frames.count - 2]) break; /* the topmost collection waits for more */
            v = close_frame(&r);
            if (r.bad) return UNDEF;
        }
    }
}

/* ---- writing */
static void out_word(text_out *out, uint64_t word) {
    if (unlikely(out->capacity - out->size < 8)) out_grow(out, 8);
    *(uint64_t *)(OBJ(str_obj, out->object)->text + out->size) = word;
    out->size += 8;
}

static void write_head(text_out *out, int tag, uint64_t n) { out_word(out, (uint64_t)tag | n << 8); }

static void write_text(text_out *out, int tag, ref text) {
    static const char padding[8];
    str_obj *s = OBJ(str_obj, text);
    write_head(out, tag, s->size);
    out_word(out, 0);
    out_bytes(out, s->text, s->size);
    out_bytes(out, padding, -s->size & 7);
}

/* Room for so many words; the pointer holds until the next is written. */
static uint64_t *write_room(text_out *out, uint32_t words) {
    if (words * 8ull > out->capacity - out->size) out_grow(out, words * 8);
    return (uint64_t *)(OBJ(str_obj, out->object)->text + out->size);
}

/* The words of a run of numbers; false if one is of another kind. */
static bool number_words(uint64_t *words, const val *items, uint32_t n, bool floats) {
    for (uint32_t i = 0; i < n; i++) {
        if (likely(is_int63(items[i]) && !floats)) words[i] = (uint64_t)((int64_t)items[i] >> 1);
        else if (floats && is_float(items[i])) memcpy(&words[i], &OF(float_obj, items[i])->number, 8);
        else if (!floats && is_int(items[i])) words[i] = (uint64_t)int_of(items[i]);
        else return false;
    }
    return true;
}

/* A vector of integers or of floats alone. */
static bool write_numbers(text_out *out, val v) {
    seq_obj *s = OF(seq_obj, v);
    if (!is_vec(v) || s->count == 0 || !is_number(seq_get(s, 0)) || s->count > SHARED / 16) return false;
    bool floats = is_float(seq_get(s, 0));
    uint64_t *words = write_room(out, s->count + 1);
    words[0] = (uint64_t)(floats ? RT_TRANSIT_FLOATS : RT_TRANSIT_INTS) | (uint64_t)s->count << 8;
    for (uint32_t i = 0, run; i < s->count; i += run) {
        val *items = seq_chunk(s, i, &run);
        if (!number_words(words + 1 + i, items, run, floats)) return false;
    }
    out->size += (s->count + 1) * 8;
    return true;
}

static void write_atom(text_out *out, val v) {
    if (is_int63(v)) return write_head(out, RT_TRANSIT_INT, 0), out_word(out, (uint64_t)int_of(v));
    if (!is_object(v)) return write_head(out, v == TRUE ? RT_TRANSIT_TRUE : v == FALSE ? RT_TRANSIT_FALSE : RT_TRANSIT_NIL, 0);
    uint64_t word;
    switch (*(uint8_t *)RT_AT((ref)v)) {
    case RT_KIND_INT: write_head(out, RT_TRANSIT_INT, 0); return out_word(out, (uint64_t)int_of(v));
    case RT_KIND_FLOAT:
        write_head(out, RT_TRANSIT_FLOAT, 0);
        memcpy(&word, &OF(float_obj, v)->number, 8);
        return out_word(out, word);
    case RT_KIND_STR: return write_text(out, RT_TRANSIT_STR, (ref)v);
    case RT_KIND_KW: return write_text(out, RT_TRANSIT_KW, OF(name_obj, v)->text);
    case RT_KIND_SYM: return write_text(out, RT_TRANSIT_SYM, OF(name_obj, v)->text);
    case RT_KIND_TIMESTAMP: return write_text(out, RT_TRANSIT_TIMESTAMP, OF(tagged_obj, v)->text);
    case RT_KIND_UUID: return write_text(out, RT_TRANSIT_UUID, OF(tagged_obj, v)->text);
    case RT_KIND_RESOURCE: return write_text(out, RT_TRANSIT_RESOURCE, OF(tagged_obj, v)->text);
    case RT_KIND_HOSTFN: return write_head(out, RT_TRANSIT_HOSTFN, OF(fn_obj, v)->arity);
    case RT_KIND_FN: write_head(out, RT_TRANSIT_FN, 0); return out_word(out, v);
    default: return write_head(out, RT_TRANSIT_NIL, 0);
    }
}

/* An error goes out as a head, a number, and then its three parts, for which a vector stands in. */
static val write_error(text_out *out, val v) {
    error_obj *e = OF(error_obj, v);
    write_head(out, RT_TRANSIT_ERROR, 0);
    out_word(out, e->kind_id | (uint64_t)e->site << 32);
    val parts[3] = {e->type, e->message, e->data};
    return seq_new(RT_KIND_VEC, parts, 3);
}

int64_t rt_encode(val v) {
    text_out out;
    work_stack w;
    bool first;
    out_init(&out, 64);
    work_init(&w);
    for (;;) {
        val open = UNDEF;
        if (is_kind(v, RT_KIND_ERROR)) open = write_error(&out, v);
        else if (!is_collection(v)) write_atom(&out, v);
        else if (!write_numbers(&out, v)) {
            open = v;
            if (is_map(v)) write_head(&out, RT_TRANSIT_MAP, OF(map_obj, v)->count);
            else write_head(&out, is_vec(v) ? RT_TRANSIT_VEC : RT_TRANSIT_LIST, OF(seq_obj, v)->count);
        }
        if (open != UNDEF) {
            work_push(&w, open);
            work_push(&w, 0);
            work_push(&w, UNDEF);
        }
        while (w.count && !next_part(&w, &v, &first)) w.count -= FRAME;
        if (!w.count) break;
    }
    out_trim(&out);
    return (int64_t)((uint64_t)out.size << 32 | (out.object + (uint32_t)sizeof(str_obj)));
}
