/* Runs a program over a text. All threads advance together, in order of preference; each instruction is on
 * the list of a position at most once, so a position costs at most the size of the program. */
#include "regex.h"

typedef struct {
    re_program *p;
    const re_inst *code;
    uint32_t *seen, *stack;
    const char *text;
    uint32_t size;
} re_run;

static bool word_at(const re_run *r, uint32_t at) {
    if (at >= r->size) return false; /* also before the start, where `at` wraps */
    unsigned char b = (unsigned char)r->text[at], lower = b | 0x20;
    return (lower >= 'a' && lower <= 'z') || b == '_' || (b >= '0' && b <= '9');
}

static bool holds(const re_run *r, int32_t place, uint32_t at) {
    switch (place) {
    case AT_TEXT_START: return at == 0;
    case AT_TEXT_END: return at == r->size;
    case AT_LINE_START: return at == 0 || r->text[at - 1] == '\n';
    case AT_LINE_END: return at == r->size || r->text[at] == '\n';
    default: return (word_at(r, at - 1) != word_at(r, at)) == (place == AT_WORD_EDGE);
    }
}

/* Follows everything that reads no character from `pc` on; what is left waits for the character at `at`. */
static void add_thread(const re_run *r, re_threads *list, uint32_t pc, uint32_t start, uint32_t at) {
    uint32_t waiting = 0, round = r->p->round;
    for (;;) {
        if (r->seen[pc] != round) {
            r->seen[pc] = round;
            const re_inst *i = &r->code[pc];
            switch (i->op) {
            case RE_SPLIT:
                r->stack[waiting++] = pc + (uint32_t)i->y;
                pc += (uint32_t)i->x;
                continue;
            case RE_JUMP: pc += (uint32_t)i->x; continue;
            case RE_ASSERT:
                if (!holds(r, i->x, at)) break;
                pc++;
                continue;
            default: list->threads[list->count++] = (re_thread){pc, start};
            }
        }
        if (!waiting) return;
        pc = r->stack[--waiting];
    }
}

static inline bool accepts(const re_inst *i, uint32_t ch) {
    switch (i->op) {
    case RE_CHAR: return (uint32_t)i->x == ch;
    case RE_CLASS: return set_has(OBJ(re_set, (ref)i->x), ch);
    case RE_ANY_IN_LINE: return ch != '\n';
    default: return i->op == RE_ANY;
    }
}

static void next_round(const re_run *r) {
    if (++r->p->round) return;
    memset(r->seen, 0, r->p->size * sizeof *r->seen);
    r->p->round = 1;
}

/* The next place where a match may begin; beyond the end if there is none. */
static uint32_t next_start(const re_run *r, uint32_t at) {
    if (!r->p->skips) return at;
    while (at < r->size && !r->p->first[(unsigned char)r->text[at]]) at++;
    return at < r->size ? at : r->size + 1;
}

static bool re_search(re_program *p, str_obj *text, uint32_t from, bool any, uint32_t *start, uint32_t *end) {
    re_run r = {p, OBJ(re_inst, p->code), OBJ(uint32_t, p->seen), OBJ(uint32_t, p->stack), text->text, text->size};
    re_threads now = {OBJ(re_thread, p->lists[0]), 0}, next = {OBJ(re_thread, p->lists[1]), 0};
    bool matched = false;
    uint32_t at = from;
    next_round(&r);
    for (;;) {
        if (!now.count) {
            if (matched || (p->anchored && at)) return matched;
            at = next_start(&r, at);
            if (at > r.size) return false;
        }
        if (!matched && (!p->anchored || at == 0)) add_thread(&r, &now, 0, at, at);
        next_round(&r);
        uint32_t ch = at < r.size ? decode_char(r.text, at, r.size) : UINT32_MAX;
        uint32_t after = at < r.size ? next_char(r.text, at, r.size) : at;
        next.count = 0;
        worked(now.count + 1);
        for (uint32_t i = 0; i < now.count; i++) {
            re_thread t = now.threads[i];
            const re_inst *inst = &r.code[t.pc];
            if (inst->op == RE_MATCH) {
                matched = true;
                *start = t.start;
                *end = at;
                if (any) return true;
                break; /* those after it are less preferred */
            }
            if (at < r.size && accepts(inst, ch)) add_thread(&r, &next, t.pc + 1, t.start, after);
        }
        re_threads swapped = now;
        now = next;
        next = swapped;
        if (at == r.size) return matched;
        at = after;
    }
}
