/* Patterns to code, in one pass: what is read is appended, and moved when an operator needs an instruction in
 * front of it. Distances are relative, so that a fragment can be moved and copied as it is. */
#include "regex.h"

static bool fault(re_compiler *c, const char *what, uint32_t at) {
    if (!c->fault) c->fault = what, c->fault_at = at;
    return false;
}

static uint32_t take_char(re_compiler *c) {
    uint32_t ch = decode_char(c->text, c->at, c->length);
    c->at = next_char(c->text, c->at, c->length);
    return ch;
}

static bool take(re_compiler *c, char expected) {
    bool there = c->at < c->length && c->text[c->at] == expected;
    c->at += there;
    return there;
}

/* ---- code */

static bool make_room(re_compiler *c, uint64_t more) {
    if (c->size + more > RE_MAX_CODE) return fault(c, "the pattern is too large, mind its repetitions", c->at ? c->at - 1 : 0);
    if (c->size + more <= c->capacity) return true;
    uint32_t capacity = (uint32_t)(c->size + more) * 2;
    re_inst *larger = alloc(capacity * sizeof *larger);
    memcpy(larger, c->code, c->size * sizeof *larger);
    c->code = larger;
    c->capacity = capacity;
    return true;
}

static void emit(re_compiler *c, re_op op, int32_t x, int32_t y) {
    if (make_room(c, 1)) c->code[c->size++] = (re_inst){.op = (int32_t)op, .x = x, .y = y};
}

static void emit_atom(re_compiler *c, re_op op, uint32_t x) {
    c->atom = (int32_t)c->size;
    c->repeated = false;
    emit(c, op, (int32_t)x, 0);
}

static void insert(re_compiler *c, uint32_t at, re_inst inst) {
    if (!make_room(c, 1)) return;
    __builtin_memmove(c->code + at + 1, c->code + at, (c->size - at) * sizeof *c->code);
    c->code[at] = inst;
    c->size++;
}

/* On at `into` if `eager`, else past it first. */
static re_inst split(int32_t into, int32_t past, bool eager) {
    return (re_inst){.op = RE_SPLIT, .x = eager ? into : past, .y = eager ? past : into};
}

static void copy_fragment(re_compiler *c, uint32_t from, uint32_t length) {
    if (!make_room(c, length)) return;
    memcpy(c->code + c->size, c->code + from, length * sizeof *c->code);
    c->size += length;
}

static void emit_loop_back(re_compiler *c, uint32_t length, bool eager) {
    re_inst back = split(-(int32_t)length, 1, eager);
    emit(c, RE_SPLIT, back.x, back.y);
}

static void skip_to_end(re_compiler *c, uint32_t at, bool eager) {
    c->code[at] = split(1, (int32_t)(c->size - at), eager);
}

/* x* is (x+)?, so that an empty x prefers what it prefers without a loop. */
static void repeat(re_compiler *c, uint32_t low, int32_t high, bool eager) {
    uint32_t atom = (uint32_t)c->atom, length = c->size - atom;
    if (high == 0) {
        c->size = atom;
        return;
    }
    if (!make_room(c, (uint64_t)length * (high < 0 ? low : (uint32_t)high))) return;
    for (uint32_t i = 1; i < low; i++) copy_fragment(c, atom, length);
    if (high < 0) {
        emit_loop_back(c, length, eager);
        if (low == 0) insert(c, atom, split(1, (int32_t)length + 2, eager));
        return;
    }
    if (low == 0) insert(c, atom, split(1, 1, eager)), low = 1, atom++;
    uint32_t optional = c->size;
    for (uint32_t i = low; i < (uint32_t)high; i++) {
        emit(c, RE_SPLIT, 0, 0);
        copy_fragment(c, atom, length);
    }
    if (c->fault) return;
    /* The distances to the end, known only now. */
    if ((uint32_t)c->atom != atom) skip_to_end(c, atom - 1, eager);
    for (uint32_t at = optional; at < c->size; at += length + 1) skip_to_end(c, at, eager);
}

/* ---- repetition */

static bool read_number(re_compiler *c, uint32_t *out) {
    uint32_t start = c->at, n = 0;
    for (; c->at < c->length && c->text[c->at] >= '0' && c->text[c->at] <= '9'; c->at++)
        if (n <= RE_MAX_REPEAT) n = n * 10 + (uint32_t)(c->text[c->at] - '0');
    *out = n;
    return c->at > start;
}

/* {2} {2,} {2,3}; what is none of these is ordinary text. */
static bool read_counts(re_compiler *c, uint32_t *low, int32_t *high) {
    uint32_t start = c->at, most;
    c->at++;
    bool good = read_number(c, low);
    *high = (int32_t)*low;
    if (good && take(c, ',')) *high = read_number(c, &most) ? (int32_t)most : -1;
    if (good && take(c, '}')) return true;
    c->at = start;
    return false;
}

static bool read_repetition(re_compiler *c) {
    uint32_t start = c->at, low = 0;
    int32_t high = -1;
    switch (c->text[c->at]) {
    case '*': c->at++; break;
    case '+': c->at++, low = 1; break;
    case '?': c->at++, high = 1; break;
    case '{':
        if (read_counts(c, &low, &high)) break;
        return false;
    default: return false;
    }
    if (c->atom < 0) return fault(c, "there is nothing to repeat", start), true;
    if (c->repeated) return fault(c, "a repetition cannot be repeated without a group", start), true;
    if (low > RE_MAX_REPEAT || high > RE_MAX_REPEAT) return fault(c, "more than 1000 repetitions", start), true;
    if (high >= 0 && (int32_t)low > high) return fault(c, "these counts go backwards", start), true;
    bool lazy = take(c, '?');
    repeat(c, low, high, !lazy != !!(c->flags & FLAG_SWAP_GREED));
    c->repeated = true;
    return true;
}

/* ---- groups */

static void open_group(re_compiler *c, uint32_t opened, uint32_t outer_flags) {
    if (c->depth == RE_MAX_NESTING) return (void)fault(c, "groups are nested too deeply", opened);
    c->groups[++c->depth] = (re_group){.start = c->size, .branch = c->size, .flags = outer_flags, .opened = opened, .jumps = -1};
    c->atom = -1;
}

static void next_branch(re_compiler *c) {
    re_group *g = &c->groups[c->depth];
    insert(c, g->branch, (re_inst){.op = RE_SPLIT, .x = 1, .y = (int32_t)(c->size + 2 - g->branch)});
    emit(c, RE_JUMP, g->jumps, 0);
    g->jumps = (int32_t)c->size - 1;
    g->branch = c->size;
    c->atom = -1;
}

static void close_group(re_compiler *c) {
    re_group *g = &c->groups[c->depth];
    for (int32_t at = g->jumps, earlier; at >= 0 && !c->fault; at = earlier) {
        earlier = c->code[at].x;
        c->code[at].x = (int32_t)c->size - at;
    }
    c->flags = g->flags;
    c->atom = (int32_t)g->start;
    c->repeated = false;
}

static bool read_group_name(re_compiler *c, uint32_t opened) {
    uint32_t start = c->at;
    for (; c->at < c->length && c->text[c->at] != '>'; c->at++) {
        char ch = c->text[c->at], letter = ch | 0x20;
        if (!(letter >= 'a' && letter <= 'z') && ch != '_' && !(ch >= '0' && ch <= '9')) break;
    }
    return (c->at > start && take(c, '>')) || fault(c, "the name of this group is not valid", opened);
}

/* (?i) (?i-s:x): flags for the rest of the group, or for this one. */
static void read_flags(re_compiler *c, uint32_t opened) {
    static const char letters[] = "imsU";
    uint32_t flags = c->flags;
    bool off = false;
    for (; c->at < c->length; c->at++) {
        char ch = c->text[c->at];
        if (ch == ':' || ch == ')') {
            if (ch == ':') open_group(c, opened, c->flags);
            c->at++;
            c->flags = flags;
            if (ch == ')') c->atom = -1;
            return;
        }
        if (ch == '-' && !off) {
            off = true;
            continue;
        }
        const char *known = letters;
        while (*known && *known != ch) known++;
        if (!*known) break;
        static const uint8_t bits[] = {FLAG_FOLD, FLAG_LINES, FLAG_DOT_ALL, FLAG_SWAP_GREED};
        uint32_t bit = bits[known - letters];
        flags = off ? flags & ~bit : flags | bit;
    }
    bool around = c->at < c->length && (c->text[c->at] == '=' || c->text[c->at] == '!' || c->text[c->at] == '<');
    fault(c, around ? "look-around is not supported" : "this group begins in an unknown way", opened);
}

static void read_group(re_compiler *c) {
    uint32_t opened = c->at++;
    if (!take(c, '?')) return open_group(c, opened, c->flags);
    const char *rest = c->text + c->at;
    uint32_t left = c->length - c->at;
    bool behind = left > 1 && rest[0] == '<' && (rest[1] == '=' || rest[1] == '!');
    bool python = left > 1 && rest[0] == 'P' && rest[1] == '<';
    if (!python && (behind || !left || rest[0] != '<')) return read_flags(c, opened);
    c->at += python ? 2 : 1;
    if (read_group_name(c, opened)) open_group(c, opened, c->flags);
}

/* ---- characters and places */

static void emit_char(re_compiler *c, uint32_t ch) {
    if (c->flags & FLAG_FOLD) {
        set_clear(c);
        set_add_folded(c, ch, ch);
        if (c->set_count > 1) return emit_atom(c, RE_CLASS, set_done(c, false));
    }
    emit_atom(c, RE_CHAR, ch);
}

static int hex_digit(char ch) {
    if (ch >= '0' && ch <= '9') return ch - '0';
    char lower = ch | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* \x41 \x{1F600}: `at` stands after the x. */
static bool read_hex(re_compiler *c, uint32_t *out, uint32_t start) {
    bool braces = take(c, '{');
    uint32_t n = 0, digits = 0;
    for (; c->at < c->length && digits < (braces ? 8 : 2); digits++) {
        int digit = hex_digit(c->text[c->at]);
        if (digit < 0) break;
        n = n << 4 | (uint32_t)digit;
        c->at++;
    }
    bool good = braces ? digits && take(c, '}') && n <= RE_LAST_CHAR : digits == 2;
    *out = n;
    return good || fault(c, "this is no code point", start);
}

static bool read_octal(re_compiler *c, uint32_t *out, char first) {
    *out = (uint32_t)(first - '0');
    for (int i = 0; i < 2 && c->at < c->length && c->text[c->at] >= '0' && c->text[c->at] <= '7'; i++)
        *out = *out * 8 + (uint32_t)(c->text[c->at++] - '0');
    return true;
}

static bool read_escaped_char(re_compiler *c, uint32_t *out) {
    uint32_t start = c->at - 1;
    char ch = c->text[c->at];
    bool octal_follows = c->at + 1 < c->length && c->text[c->at + 1] >= '0' && c->text[c->at + 1] <= '7';
    if ((unsigned char)ch >= 0x80) return fault(c, "this escape is unknown", start);
    c->at++;
    switch (ch) {
    case 'a': return *out = 7, true;
    case 'f': return *out = '\f', true;
    case 'n': return *out = '\n', true;
    case 'r': return *out = '\r', true;
    case 't': return *out = '\t', true;
    case 'v': return *out = '\v', true;
    case 'x': return read_hex(c, out, start);
    case '0': return read_octal(c, out, ch);
    default: break;
    }
    if (ch >= '1' && ch <= '9') {
        if (ch < '8' && octal_follows) return read_octal(c, out, ch);
        return fault(c, "references back to a group are not supported", start);
    }
    char letter = ch | 0x20;
    if ((letter >= 'a' && letter <= 'z') || ch == '_') return fault(c, "this escape is unknown", start);
    return *out = (unsigned char)ch, true;
}

static void read_quoted(re_compiler *c) { /* \Q…\E, or to the end */
    while (c->at < c->length) {
        if (c->text[c->at] == '\\' && c->at + 1 < c->length && c->text[c->at + 1] == 'E') {
            c->at += 2;
            return;
        }
        emit_char(c, take_char(c));
    }
}

static void read_escape(re_compiler *c) {
    uint32_t start = c->at, ch;
    set_clear(c);
    if (read_class_escape(c)) return emit_atom(c, RE_CLASS, set_done(c, false));
    if (++c->at == c->length) return (void)fault(c, "a backslash at the end", start);
    static const struct { char letter; re_place place; } places[] = {
        {'A', AT_TEXT_START}, {'z', AT_TEXT_END}, {'b', AT_WORD_EDGE}, {'B', NOT_AT_WORD_EDGE}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (c->text[c->at] == places[i].letter) return c->at++, emit_atom(c, RE_ASSERT, places[i].place);
    if (c->text[c->at] == 'Q') return c->at++, read_quoted(c);
    if (read_escaped_char(c, &ch)) emit_char(c, ch);
}

static void read_part(re_compiler *c) {
    if (read_repetition(c)) return;
    switch (c->text[c->at]) {
    case '(': return read_group(c);
    case '|': return c->at++, next_branch(c);
    case ')':
        if (!c->depth) return (void)fault(c, "there is no group to close", c->at);
        return c->at++, close_group(c), (void)c->depth--;
    case '[':
        c->at++;
        emit_atom(c, RE_CLASS, read_class(c));
        return;
    case '.': return c->at++, emit_atom(c, c->flags & FLAG_DOT_ALL ? RE_ANY : RE_ANY_IN_LINE, 0);
    case '^': return c->at++, emit_atom(c, RE_ASSERT, c->flags & FLAG_LINES ? AT_LINE_START : AT_TEXT_START);
    case '$': return c->at++, emit_atom(c, RE_ASSERT, c->flags & FLAG_LINES ? AT_LINE_END : AT_TEXT_END);
    case '\\': return read_escape(c);
    default: return emit_char(c, take_char(c));
    }
}

/* ---- the program */

/* Which bytes a match can start with; false if it can be empty. Places are taken for granted. */
static bool first_bytes(re_program *p, const re_inst *code) {
    uint32_t *stack = OBJ(uint32_t, p->stack), *seen = OBJ(uint32_t, p->seen), n = 0;
    stack[n++] = 0;
    p->round++;
    while (n) {
        uint32_t pc = stack[--n];
        if (seen[pc] == p->round) continue;
        seen[pc] = p->round;
        const re_inst *i = &code[pc];
        bool ascii_only = false;
        switch (i->op) {
        case RE_MATCH: return false;
        case RE_SPLIT: stack[n++] = pc + (uint32_t)i->y; stack[n++] = pc + (uint32_t)i->x; continue;
        case RE_JUMP: stack[n++] = pc + (uint32_t)i->x; continue;
        case RE_ASSERT: stack[n++] = pc + 1; continue;
        case RE_CHAR: ascii_only = i->x < 128; break;
        default: break;
        }
        const re_set *set = OBJ(re_set, (ref)i->x);
        for (uint32_t b = 0; b < 128; b++)
            p->first[b] |= i->op == RE_CHAR ? b == (uint32_t)i->x : i->op == RE_CLASS ? set_has(set, b) : true;
        if (!ascii_only) memset(p->first + 0xC0, 1, 0x40);
    }
    return true;
}

static re_program *program_new(re_compiler *c, val pattern) {
    re_program *p = alloc(sizeof *p);
    *p = (re_program){.pattern = pattern, .size = c->size, .code = RT_REF(c->code)};
    p->anchored = c->code[0].op == RE_ASSERT && c->code[0].x == AT_TEXT_START;
    p->seen = RT_REF(memset(alloc(c->size * sizeof(uint32_t)), 0, c->size * sizeof(uint32_t)));
    p->stack = RT_REF(alloc((2 * c->size + 2) * sizeof(uint32_t)));
    for (int i = 0; i < 2; i++) p->lists[i] = RT_REF(alloc(c->size * sizeof(re_thread)));
    p->skips = first_bytes(p, c->code);
    return p;
}

/* NULL if the pattern has a fault. */
static re_program *re_compile(re_compiler *c, val pattern) {
    str_obj *text = OF(str_obj, pattern);
    *c = (re_compiler){.text = text->text, .length = text->size, .atom = -1, .capacity = 16};
    c->groups[0] = (re_group){.jumps = -1};
    c->code = alloc(c->capacity * sizeof *c->code);
    if (c->length > RE_MAX_BYTES) return fault(c, "longer than 100000 bytes", 0), NULL;
    while (c->at < c->length && !c->fault) read_part(c);
    if (c->depth && !c->fault) fault(c, "this group is not closed", c->groups[c->depth].opened);
    if (c->fault) return NULL;
    close_group(c); /* the whole, group 0 */
    emit(c, RE_MATCH, 0, 0);
    return c->fault ? NULL : program_new(c, pattern);
}
