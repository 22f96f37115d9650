/* Classes of characters: the sets, and how patterns write them. */
#include "regex.h"

static void set_clear(re_compiler *c) { c->set_count = 0; }

static void set_add(re_compiler *c, uint32_t first, uint32_t last) {
    if (c->set_count == c->set_capacity) {
        uint32_t capacity = c->set_capacity ? c->set_capacity * 2 : 64;
        code_range *larger = alloc(capacity * sizeof *larger);
        if (c->set_count) memcpy(larger, c->set, c->set_count * sizeof *larger);
        c->set = larger;
        c->set_capacity = capacity;
    }
    c->set[c->set_count++] = (code_range){first, last};
}

/* The range and, if case does not matter, what its members turn into. */
static void set_add_folded(re_compiler *c, uint32_t first, uint32_t last) {
    set_add(c, first, last);
    if (!(c->flags & FLAG_FOLD)) return;
    for (size_t i = 0; i < sizeof case_folds / sizeof *case_folds; i++) {
        const case_range *r = &case_folds[i];
        if (r->first > last) break;
        if (r->last < first) continue;
        uint32_t low = first > r->first ? first : r->first, high = last < r->last ? last : r->last;
        low += (r->first - low) & (r->step - 1); /* steps are 1 or 2 */
        if (r->step == 1) set_add(c, low + (uint32_t)r->delta, high + (uint32_t)r->delta);
        else
            for (; low <= high; low += 2) set_add(c, low + (uint32_t)r->delta, low + (uint32_t)r->delta);
    }
}

static void sift(code_range *heap, uint32_t at, uint32_t n) {
    code_range moved = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1].first > heap[child].first) child++;
        if (heap[child].first <= moved.first) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void sort_ranges(code_range *ranges, uint32_t n) {
    for (uint32_t i = n / 2; i-- > 0;) sift(ranges, i, n);
    for (uint32_t last = n; last-- > 1;) {
        code_range top = ranges[0];
        ranges[0] = ranges[last];
        ranges[last] = top;
        sift(ranges, 0, last);
    }
}

static uint32_t merge_ranges(code_range *r, uint32_t n) {
    sort_ranges(r, n);
    uint32_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (used && r[i].first <= r[used - 1].last + 1) {
            if (r[i].last > r[used - 1].last) r[used - 1].last = r[i].last;
        } else {
            r[used++] = r[i];
        }
    }
    return used;
}

/* The gaps between the ranges from `from` on, which are in order, in their place. */
static void set_negate(re_compiler *c, uint32_t from) {
    uint32_t n = merge_ranges(c->set + from, c->set_count - from), next = 0, used = from;
    for (uint32_t i = from; i < from + n; i++) {
        code_range r = c->set[i];
        if (r.first > next) c->set[used++] = (code_range){next, r.first - 1};
        next = r.last + 1;
    }
    c->set_count = used;
    if (next <= RE_LAST_CHAR) set_add(c, next, RE_LAST_CHAR);
}

static ref set_done(re_compiler *c, bool negated) {
    if (negated) set_negate(c, 0);
    else c->set_count = merge_ranges(c->set, c->set_count);
    re_set *set = alloc(sizeof(re_set) + c->set_count * sizeof(code_range));
    *set = (re_set){.count = c->set_count};
    if (c->set_count) memcpy(set->ranges, c->set, c->set_count * sizeof(code_range));
    for (uint32_t i = 0; i < set->count && set->ranges[i].first < 128; i++)
        for (uint32_t ch = set->ranges[i].first; ch <= set->ranges[i].last && ch < 128; ch++) set->low[ch / 32] |= 1u << ch % 32;
    c->ranges += set->count;
    if (c->ranges > RE_MAX_RANGES) fault(c, "the classes of this pattern are too large", c->at);
    return RT_REF(set);
}

static inline bool set_has(const re_set *set, uint32_t ch) {
    if (likely(ch < 128)) return set->low[ch / 32] >> ch % 32 & 1;
    return in_ranges(ch, set->ranges, set->count);
}

/* Named sets of ASCII: pairs of first and last. */
typedef struct { const char *name, *pairs; } named_set;
static const named_set ascii_sets[] = {
    {"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZ__az"},
    {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"ascii", "\1\177"}, {"blank", "\t\t  "}, {"cntrl", "\1\37\177\177"},
    {"digit", "09"}, {"graph", "!~"}, {"lower", "az"}, {"print", " ~"}, {"punct", "!/:@[`{~"}, {"space", "\t\r  "},
    {"upper", "AZ"}, {"word", "09AZ__az"}, {"xdigit", "09AFaf"},
};

static bool add_named(re_compiler *c, const char *name, uint32_t size, bool negated, bool folds) {
    for (size_t i = 0; i < sizeof ascii_sets / sizeof *ascii_sets; i++) {
        const named_set *set = &ascii_sets[i];
        if (__builtin_strlen(set->name) != size || memcmp(set->name, name, size) != 0) continue;
        uint32_t from = c->set_count;
        for (const char *p = set->pairs; *p; p += 2) {
            uint32_t first = (unsigned char)p[0], last = (unsigned char)p[1];
            if (first == 1) first = 0; /* a text of C cannot hold it */
            if (folds) set_add_folded(c, first, last);
            else set_add(c, first, last);
        }
        if (negated) set_negate(c, from);
        return true;
    }
    return false;
}

static uint32_t take_seven_bits(const uint8_t **at) {
    uint32_t n = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t b = *(*at)++;
        n |= (uint32_t)(b & 0x7F) << shift;
        if (!(b & 0x80)) return n;
    }
}

/* All of a category (Lu) or of a group of them (L). */
static bool add_category(re_compiler *c, const char *name, uint32_t size) {
    uint32_t wanted = 0, code = 0;
    if (size == 3 && memcmp(name, "Any", 3) == 0) return set_add(c, 0, RE_LAST_CHAR), true;
    for (uint32_t i = 0; category_names[3 * i] && size && size <= 2; i++)
        if (memcmp(category_names + 3 * i, name, size) == 0) wanted |= 1u << i;
    for (const uint8_t *run = category_runs; wanted && code <= RE_LAST_CHAR;) {
        uint32_t category = *run & 31, length = *run >> 5;
        run++;
        if (!length) length = take_seven_bits(&run);
        if (wanted >> category & 1) set_add_folded(c, code, code + length - 1);
        code += length;
    }
    return wanted != 0;
}

/* \pL \p{Lu} \p{^Lu} \PL: `at` stands after the p or P. */
static void read_category(re_compiler *c, bool negated, uint32_t start) {
    if (c->at >= c->length) return (void)fault(c, "the name of a category is missing", start);
    const char *name = c->text + c->at;
    uint32_t size = 1, from = c->set_count;
    if (*name == '{') {
        uint32_t end = c->at;
        while (end < c->length && c->text[end] != '}') end++;
        if (end == c->length) return (void)fault(c, "the name of a category is not closed", start);
        name++;
        size = end - c->at - 1;
        c->at = end + 1;
        if (size && *name == '^') name++, size--, negated = !negated;
    } else {
        size = next_char(c->text, c->at, c->length) - c->at;
        c->at += size;
    }
    if (!add_category(c, name, size)) fault(c, "this is no general category of Unicode (scripts are not supported)", start);
    if (negated) set_negate(c, from);
}

static bool read_class_escape(re_compiler *c) {
    uint32_t start = c->at;
    if (c->length - start < 2 || c->text[start] != '\\') return false;
    char kind = c->text[start + 1], lower = kind | 0x20;
    if (lower == 'p') return c->at += 2, read_category(c, kind == 'P', start), true;
    if (lower != 'd' && lower != 's' && lower != 'w') return false;
    c->at += 2;
    return add_named(c, &lower, 1, kind != lower, false);
}

/* [:alpha:] and [:^alpha:] inside a class. */
static bool read_posix(re_compiler *c) {
    if (c->length - c->at < 4 || memcmp(c->text + c->at, "[:", 2) != 0) return false;
    uint32_t start = c->at, end = start + 2;
    while (end + 1 < c->length && !(c->text[end] == ':' && c->text[end + 1] == ']')) end++;
    if (end + 1 >= c->length) return false;
    bool negated = c->text[start + 2] == '^';
    const char *name = c->text + start + 2 + negated;
    c->at = end + 2;
    if (end - start < 4u + negated || !add_named(c, name, end - start - 2 - negated, negated, true))
        fault(c, "there is no class of this name", start);
    return true;
}

static bool read_class_char(re_compiler *c, uint32_t *out) {
    uint32_t start = c->at;
    *out = take_char(c);
    return *out != '\\' || (c->at < c->length ? read_escaped_char(c, out) : fault(c, "a backslash at the end", start));
}

static bool starts_range(re_compiler *c) { /* a minus that is not the last of the class */
    return c->at + 1 < c->length && c->text[c->at] == '-' && c->text[c->at + 1] != ']';
}

static ref read_class(re_compiler *c) {
    uint32_t opened = c->at - 1, first, last;
    bool negated = c->at < c->length && c->text[c->at] == '^';
    c->at += negated;
    set_clear(c);
    for (bool any = false; !c->fault; any = true) {
        if (c->at >= c->length) return (ref)fault(c, "this class is not closed", opened);
        uint32_t start = c->at;
        if (any && c->text[start] == ']') break;
        if (read_posix(c) || read_class_escape(c)) continue;
        if (!read_class_char(c, &first)) return 0;
        last = first;
        if (starts_range(c)) {
            c->at++;
            uint32_t here = c->at;
            if (read_class_escape(c)) return (ref)fault(c, "a range must go from character to character", here);
            if (!read_class_char(c, &last)) return 0;
            if (last < first) return (ref)fault(c, "this range goes backwards", start);
        }
        set_add_folded(c, first, last);
    }
    if (c->fault) return 0;
    c->at++;
    return set_done(c, negated);
}
