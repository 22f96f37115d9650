/* Strings: UTF-8 with the number of code points, which is what programs count in. */
#include "internal.h"

static uint32_t count_chars(const char *bytes, uint32_t size) {
    uint32_t continuation = 0, i = 0;
    for (; i + 8 <= size; i += 8) { /* eight at a time: a continuation byte is 10xxxxxx */
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        uint64_t marks = (word >> 7) & ~(word >> 6) & 0x0101010101010101ull;
        continuation += (uint32_t)((marks * 0x0101010101010101ull) >> 56);
    }
    for (; i < size; i++) continuation += (bytes[i] & 0xC0) == 0x80;
    return size - continuation;
}

static uint32_t char_size(unsigned char first) { return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; }

static uint32_t next_char(const char *text, uint32_t at, uint32_t size) {
    at += char_size((unsigned char)text[at]);
    return at < size ? at : size;
}

static uint32_t decode_char(const char *text, uint32_t at, uint32_t size) {
    const unsigned char *t = (const unsigned char *)text + at;
    uint32_t n = char_size(*t);
    if (n == 1 || at + n > size) return *t;
    uint32_t code = *t & (0xFFu >> (n + 1));
    for (uint32_t i = 1; i < n; i++) code = code << 6 | (t[i] & 0x3F);
    return code;
}

static void out_char(text_out *out, uint32_t c) {
    char b[4];
    uint32_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (uint32_t i = n - 1; i > 0; i--, c >>= 6) b[i] = (char)(0x80 | (c & 0x3F));
    b[0] = (char)(n == 1 ? c : (0xF00u >> n & 0xFF) | c);
    out_bytes(out, b, n);
}

static val str_new_of(const char *bytes, uint32_t size, uint32_t chars) {
    str_obj *s = alloc(sizeof(str_obj) + size);
    *s = (str_obj){.kind = RT_KIND_STR, .size = size, .chars = chars};
    copy_bytes(s->text, bytes, size);
    return RT_REF(s);
}

static val str_new(const char *bytes, uint64_t size) {
    return str_new_of(bytes, (uint32_t)size, count_chars(bytes, (uint32_t)size));
}

/* A part of a text: where that has no character of several bytes, none has to be counted. */
static val str_part(str_obj *s, uint32_t from, uint32_t to) {
    const char *bytes = s->text + from;
    return str_new_of(bytes, to - from, s->chars == s->size ? to - from : count_chars(bytes, to - from));
}

static val str_literal(const char *text) { return str_new(text, __builtin_strlen(text)); }

val rt_str_from(const char *bytes, uint32_t n) { return str_new(bytes, n); }

static uint32_t hash_bytes(const char *bytes, uint32_t size) {
    uint64_t h = size * 0x9E3779B97F4A7C15ull, word;
    for (; size >= 8; bytes += 8, size -= 8) {
        memcpy(&word, bytes, 8);
        h = (h ^ word) * 0xD6E8FEB86659FD93ull;
        h ^= h >> 32;
    }
    word = 0;
    for (uint32_t i = 0; i < size; i++) word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    h = (h ^ word) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93ull;
    uint32_t hash = (uint32_t)(h >> 32);
    return hash ? hash : 1; /* 0 = not computed */
}

static uint32_t str_hash(str_obj *s) {
    if (!s->hash) s->hash = hash_bytes(s->text, s->size);
    return s->hash;
}

static bool str_equal(str_obj *a, str_obj *b) {
    if (a->size != b->size || (a->hash && b->hash && a->hash != b->hash)) return false;
    return same_bytes(a->text, b->text, a->size);
}

/* UTF-8 sorts by byte as it does by code point. */
static int str_compare(str_obj *a, str_obj *b) {
    int c = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    if (c == 0) return (a->size > b->size) - (a->size < b->size);
    return c < 0 ? -1 : 1;
}

/* Byte offset of a code point; `index` may be the number of code points. */
static uint32_t char_offset(str_obj *s, uint32_t index) {
    if (s->size == s->chars) return index;
    uint32_t at = 0;
    while (index-- && at < s->size) at = next_char(s->text, at, s->size);
    return at;
}

static val str_slice(val text, uint32_t from, uint32_t to) {
    str_obj *s = OF(str_obj, text);
    uint32_t a = char_offset(s, from), b = char_offset(s, to);
    return str_new_of(s->text + a, b - a, to - from);
}

/* Vector of one-character strings. */
static val str_chars(val text) {
    str_obj *s = OF(str_obj, text);
    val out = builder_new();
    for (uint32_t at = 0, next; at < s->size; at = next) {
        next = next_char(s->text, at, s->size);
        builder_push(out, str_new_of(s->text + at, next - at, 1));
    }
    return builder_done(out, RT_KIND_VEC);
}

/* The first place of a byte in [from, to), or `to`; eight bytes at a time. */
static uint32_t find_byte(const char *text, uint32_t from, uint32_t to, char byte) {
    const uint64_t ones = 0x0101010101010101ull, wanted = ones * (unsigned char)byte;
    for (; from + 8 <= to; from += 8) {
        uint64_t word;
        memcpy(&word, text + from, 8);
        word ^= wanted;
        uint64_t zero = (word - ones) & ~word & ones << 7; /* the lowest mark is right, others may not be */
        if (zero) return from + (uint32_t)__builtin_ctzll(zero) / 8;
    }
    while (from < to && text[from] != byte) from++;
    return from;
}

static bool find_text(str_obj *s, uint32_t from, str_obj *part, uint32_t *at) {
    if (part->size > s->size || from > s->size - part->size) return false;
    uint32_t end = s->size - part->size + 1; /* of the places where it may begin */
    if (part->size == 1) return *at = find_byte(s->text, from, end, part->text[0]), *at < end;
    for (uint32_t i = from; i < end; i++) {
        if (part->size) i = find_byte(s->text, i, end, part->text[0]);
        if (i == end) return false;
        worked(part->size / 32 + 1);
        if (memcmp(s->text + i, part->text, part->size) == 0) return *at = i, true;
    }
    return false;
}
