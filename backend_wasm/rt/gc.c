/* The collector: precise, sliding, over the region [MARK, HP) of the running call.
 *
 * A bitmap above HP has a bit per word of the region. Marking sets those of what can be reached; an object's new
 * place then follows from the number of bits below it, references are changed, and what lives slides down to
 * MARK. Nothing is copied aside, so all of the memory but one part in forty can be alive, and the order of
 * objects stays: "newer than", which builders go by, is still a comparison of refs.
 *
 * What lies below MARK never refers to what lies above, because values do not change. Three things are known
 * by name: the table of names holds new ones weakly, compiled patterns are forgotten, handles are roots. */
#include "internal.h"

enum { LEAF_ITEMS = 32, MOST_STACK = 1 << 18, LEAST_STACK = 1 << 10, LEAST_THRESHOLD = 8 << 20, LEAST_ROOM = 1 << 18, MANY_ROOTS = 1000 };

typedef struct {
    ref low, high;      /* the region */
    ref base;           /* where it begins afterwards */
    uint64_t *bits;     /* of the region's words */
    uint32_t *before;   /* words that live before each word of the bitmap */
    uint32_t words;     /* of the bitmap */
    ref *stack;         /* marked objects whose parts are still to be marked */
    uint32_t depth, room;
    bool overflowed;    /* objects were marked that found no room there */
} collector;

/* ---- objects by kind */
static uint64_t table_size(const table_obj *t) {
    return sizeof(table_obj) + (uint64_t)t->capacity * (t->values ? sizeof(val) : sizeof(ref));
}

static uint64_t node_size(const char *at) {
    const index_node *index = (const index_node *)at;
    switch (index->shape) {
    case LEAF: return sizeof(leaf_obj) + ((const leaf_obj *)at)->capacity * sizeof(val);
    case BRANCH: return sizeof(branch_obj);
    case INDEX: return sizeof(index_node) + (uint32_t)__builtin_popcount(index->bitmap) * sizeof(ref);
    default: return sizeof(index_node) + (uint64_t)index->bitmap * sizeof(ref);
    }
}

static uint32_t captures_of(ref info) { return OBJ(fninfo_obj, info)->capture_count; }

/* What closures of one function share. It is older than they are: while objects move it has its new place. */
static ref info_of(const char *at) { return *(const uint8_t *)at == RT_KIND_FN ? ((const fn_obj *)at)->info : 0; }

/* Bytes of an object; `info`: where that of a function is now. */
static uint64_t size_of(const char *at, ref info) {
    switch (*(const uint8_t *)at) {
    case RT_KIND_STR: return sizeof(str_obj) + ((const str_obj *)at)->size;
    case RT_KIND_TIMESTAMP:
    case RT_KIND_UUID:
    case RT_KIND_RESOURCE:
    case RT_KIND_HOSTFN: return 8;
    case RT_KIND_VEC:
    case RT_KIND_LIST:
    case RT_KIND_BUILDER: return sizeof(seq_obj);
    case RT_KIND_NODE: return node_size(at);
    case RT_KIND_MAP: {
        const map_obj *m = (const map_obj *)at;
        return m->large ? sizeof(large_map) : sizeof(map_obj) + (uint64_t)m->count * sizeof(entry);
    }
    case RT_KIND_FN: return sizeof(fn_obj) + (uint64_t)captures_of(info) * sizeof(val);
    case RT_KIND_ERROR: return sizeof(error_obj);
    case RT_KIND_TABLE: return table_size((const table_obj *)at);
    default: return 16; /* INT, FLOAT, KW, SYM, FNINFO */
    }
}

/* ---- marking */
static inline bool in_region(const collector *c, ref r) { return r >= c->low && r < c->high; }
static inline bool marked(const collector *c, ref r) {
    uint32_t i = (r - c->low) >> 3;
    return c->bits[i >> 6] >> (i & 63) & 1;
}

static void set_bits(collector *c, ref r, uint64_t size) {
    uint32_t from = (r - c->low) >> 3, n = (uint32_t)((size + 7) >> 3);
    while (n) {
        uint32_t at = from & 63, here = 64 - at < n ? 64 - at : n;
        c->bits[from >> 6] |= (here == 64 ? ~0ull : (1ull << here) - 1) << at;
        from += here;
        n -= here;
    }
}

static void mark_ref(collector *c, ref r) {
    if (!in_region(c, r) || marked(c, r)) return;
    const char *at = RT_AT(r);
    uint8_t kind = *(const uint8_t *)at;
    set_bits(c, r, size_of(at, info_of(at)));
    if (kind <= RT_KIND_STR || kind == RT_KIND_HOSTFN) return; /* numbers and texts have no parts */
    if (c->depth < c->room) c->stack[c->depth++] = r;
    else c->overflowed = true;
}

static inline void mark_value(collector *c, val v) {
    if (is_object(v)) mark_ref(c, (ref)v);
}

static void mark_values(collector *c, const val *items, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) mark_value(c, items[i]);
}

/* A leaf of which the first `n` items can be seen. Later ones may belong to a value that is no more: `used`
 * tells how many are known to live, so that no one appends behind them in place. */
static void mark_leaf(collector *c, ref r, uint32_t n) {
    if (!in_region(c, r)) return;
    leaf_obj *leaf = OBJ(leaf_obj, r);
    if (n > leaf->capacity) n = leaf->capacity;
    if (!marked(c, r)) {
        set_bits(c, r, node_size((const char *)leaf));
        leaf->used = 0;
    }
    if (n <= leaf->used) return;
    uint32_t from = leaf->used;
    leaf->used = n;
    mark_values(c, leaf->items + from, n - from);
}

static void mark_seq(collector *c, seq_obj *s) {
    if (!s->count) { /* what it was cut from is of no use to it */
        s->shift = 0;
        s->start = s->root = s->tail = 0;
        return;
    }
    mark_ref(c, s->root);
    mark_leaf(c, s->tail, ((seq_end(s) - 1) & 31) + 1);
}

static void mark_node(collector *c, ref r) {
    index_node *node = OBJ(index_node, r);
    uint32_t n = node->shape == BRANCH ? 32 : node->shape == INDEX ? (uint32_t)__builtin_popcount(node->bitmap) : 0;
    const ref *parts = node->shape == BRANCH ? OBJ(branch_obj, r)->child : node->words;
    for (uint32_t i = 0; i < n; i++) {
        if (!parts[i] || parts[i] & 1) continue; /* odd: the number of an entry */
        if (node->shape == BRANCH && OBJ(leaf_obj, parts[i])->shape == LEAF) mark_leaf(c, parts[i], LEAF_ITEMS);
        else mark_ref(c, parts[i]);
    }
    if (node->shape == LEAF) mark_values(c, OBJ(leaf_obj, r)->items, OBJ(leaf_obj, r)->used);
}

static void mark_parts(collector *c, ref r) {
    char *at = RT_AT(r);
    switch (*(uint8_t *)at) {
    case RT_KIND_KW:
    case RT_KIND_SYM: mark_ref(c, ((name_obj *)at)->text); break;
    case RT_KIND_TIMESTAMP:
    case RT_KIND_UUID:
    case RT_KIND_RESOURCE: mark_ref(c, ((tagged_obj *)at)->text); break;
    case RT_KIND_VEC:
    case RT_KIND_LIST:
    case RT_KIND_BUILDER: mark_seq(c, (seq_obj *)at); break;
    case RT_KIND_NODE: mark_node(c, r); break;
    case RT_KIND_MAP:
        if (((map_obj *)at)->large) {
            mark_ref(c, ((large_map *)at)->index);
            mark_seq(c, &((large_map *)at)->entries);
        } else mark_values(c, &((map_obj *)at)->entries->key, ((map_obj *)at)->count * 2);
        break;
    case RT_KIND_FN:
        mark_ref(c, ((fn_obj *)at)->info);
        mark_values(c, ((fn_obj *)at)->captures, captures_of(info_of(at)));
        break;
    case RT_KIND_FNINFO: mark_value(c, ((fninfo_obj *)at)->name); break;
    case RT_KIND_ERROR: mark_values(c, &((error_obj *)at)->message, 3); break;
    case RT_KIND_TABLE:
        if (((table_obj *)at)->values) mark_values(c, table_values((table_obj *)at), ((table_obj *)at)->capacity);
        break;
    default: break;
    }
}

/* The next word at or after `i` that lives, or the end. */
static uint32_t next_live(const collector *c, uint32_t i) {
    uint32_t w = i >> 6;
    uint64_t left = w < c->words ? c->bits[w] >> (i & 63) << (i & 63) : 0;
    while (!left && ++w < c->words) left = c->bits[w];
    return left ? w << 6 | (uint32_t)__builtin_ctzll(left) : c->words << 6;
}

static void drain(collector *c) {
    while (c->depth) mark_parts(c, c->stack[--c->depth]);
    while (c->overflowed) { /* rare: looks through all that is marked for parts that are not */
        c->overflowed = false;
        for (uint32_t i = 0; (i = next_live(c, i)) < c->words << 6;) {
            ref r = c->low + (i << 3);
            const char *at = RT_AT(r);
            i += (uint32_t)((size_of(at, info_of(at)) + 7) >> 3);
            mark_parts(c, r);
            while (c->depth) mark_parts(c, c->stack[--c->depth]);
        }
    }
}

/* ---- moving */
static uint32_t count_live(collector *c) {
    uint32_t live = 0;
    for (uint32_t i = 0; i < c->words; i++) {
        c->before[i] = live;
        live += (uint32_t)__builtin_popcountll(c->bits[i]);
    }
    return live;
}

static inline ref moved(const collector *c, ref r) {
    if (!in_region(c, r)) return r;
    uint32_t i = (r - c->low) >> 3;
    uint64_t below = c->bits[i >> 6] & ((1ull << (i & 63)) - 1);
    return c->base + ((c->before[i >> 6] + (uint32_t)__builtin_popcountll(below)) << 3);
}

static inline void fix_ref(const collector *c, ref *r) { *r = moved(c, *r); }
static inline void fix_value(const collector *c, val *v) {
    if (is_object(*v)) *v = moved(c, (ref)*v);
}

static void fix_values(const collector *c, val *items, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) fix_value(c, &items[i]);
}

static void fix_refs(const collector *c, ref *items, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) fix_ref(c, &items[i]);
}

static void fix_seq(const collector *c, seq_obj *s) {
    fix_ref(c, &s->root);
    fix_ref(c, &s->tail);
}

static void fix_node(const collector *c, char *at) {
    index_node *node = (index_node *)at;
    if (node->shape == LEAF) return fix_values(c, ((leaf_obj *)at)->items, ((leaf_obj *)at)->used);
    if (node->shape == COLLISIONS) return;
    uint32_t n = node->shape == BRANCH ? 32 : (uint32_t)__builtin_popcount(node->bitmap);
    ref *parts = node->shape == BRANCH ? ((branch_obj *)at)->child : node->words;
    for (uint32_t i = 0; i < n; i++)
        if (!(parts[i] & 1)) fix_ref(c, &parts[i]);
}

static void fix_parts(const collector *c, char *at, uint32_t captures) {
    switch (*(uint8_t *)at) {
    case RT_KIND_KW:
    case RT_KIND_SYM: fix_ref(c, &((name_obj *)at)->text); break;
    case RT_KIND_TIMESTAMP:
    case RT_KIND_UUID:
    case RT_KIND_RESOURCE: fix_ref(c, &((tagged_obj *)at)->text); break;
    case RT_KIND_VEC:
    case RT_KIND_LIST:
    case RT_KIND_BUILDER: fix_seq(c, (seq_obj *)at); break;
    case RT_KIND_NODE: fix_node(c, at); break;
    case RT_KIND_MAP:
        if (((map_obj *)at)->large) {
            fix_ref(c, &((large_map *)at)->index);
            fix_seq(c, &((large_map *)at)->entries);
        } else fix_values(c, &((map_obj *)at)->entries->key, ((map_obj *)at)->count * 2);
        break;
    case RT_KIND_FN:
        fix_ref(c, &((fn_obj *)at)->info);
        fix_values(c, ((fn_obj *)at)->captures, captures);
        break;
    case RT_KIND_FNINFO: fix_value(c, &((fninfo_obj *)at)->name); break;
    case RT_KIND_ERROR: fix_values(c, &((error_obj *)at)->message, 3); break;
    case RT_KIND_TABLE:
        if (((table_obj *)at)->values) fix_values(c, table_values((table_obj *)at), ((table_obj *)at)->capacity);
        else fix_refs(c, table_refs((table_obj *)at), ((table_obj *)at)->capacity);
        break;
    default: break;
    }
}

/* Slides all that lives down to `low`, in runs of neighbours. */
static void slide(collector *c) {
    ref to = c->low, run = 0, end = 0;
    for (uint32_t i = 0; (i = next_live(c, i)) < c->words << 6;) {
        ref r = c->low + (i << 3);
        char *at = RT_AT(r);
        ref info = info_of(at);
        if (in_region(c, info) && (info < run || info >= end)) info = moved(c, info) - (c->base - c->low);
        uint32_t captures = info ? captures_of(info) : 0;
        uint32_t n = (uint32_t)((size_of(at, info) + 7) >> 3);
        fix_parts(c, at, captures);
        if (r != end) {
            memmove(RT_AT(to), RT_AT(run), end - run);
            to += end - run;
            run = r;
        }
        end = r + (n << 3);
        i += n;
    }
    memmove(RT_AT(to), RT_AT(run), end - run);
}

/* ---- names: those that only the table knows are forgotten. After all else is marked, before anything moves.
 * Answers whether there are any above MARK still. */
static bool keep_names(collector *c) {
    table_obj *table = OBJ(table_obj, STATE->names);
    while (in_region(c, table->previous)) table->previous = OBJ(table_obj, table->previous)->previous;
    mark_ref(c, STATE->names);
    ref *slots = table_refs(table), *kept = c->stack;
    uint32_t n = 0, fresh = 0, dead = 0;
    if (table->capacity > c->room) /* no room to sort them out */
        for (uint32_t i = 0; i < table->capacity; i++) mark_ref(c, slots[i]);
    drain(c);
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (!slots[i]) continue;
        bool above = in_region(c, slots[i]), lives = !above || marked(c, slots[i]);
        if (lives) kept[n++] = slots[i];
        fresh += above && lives;
        dead += !lives;
    }
    if (dead) {
        memset(slots, 0, table->capacity * sizeof(ref));
        table->count = 0;
        for (uint32_t i = 0; i < n; i++) name_insert(table, kept[i]);
    }
    return fresh || in_region(c, STATE->names);
}

/* ---- one collection */
static uint64_t bitmap_words(uint64_t region) { return (region / 8 + 63) / 64; }

/* Room for bitmap, counts and stack above HP; false where the memory is not to be had. */
static bool open_collector(collector *c) {
    state_block *state = STATE;
    *c = (collector){.low = state->mark, .base = state->mark, .high = (state->hp + 7) & ~7u};
    c->words = (uint32_t)bitmap_words(c->high - c->low);
    uint64_t tables = c->high + (uint64_t)c->words * 12, room = MOST_STACK;
    while (tables + room * sizeof(ref) > state->limit && room > LEAST_STACK) room /= 2;
    uint64_t end = tables + room * sizeof(ref);
    if (end > state->max || !commit(end)) return false;
    c->bits = OBJ(uint64_t, c->high);
    c->before = OBJ(uint32_t, c->high + c->words * 8);
    c->stack = OBJ(ref, (ref)tables);
    c->room = (uint32_t)room;
    memset(c->bits, 0, (uint64_t)c->words * 8);
    return true;
}

/* When to collect next: after as much garbage as lives, but before the memory runs out. */
static void plan(void) {
    state_block *state = STATE;
    uint64_t live = state->hp - state->mark, left = most() > state->hp ? most() - state->hp : 0;
    uint64_t step = live > LEAST_THRESHOLD ? live : LEAST_THRESHOLD;
    if (step > left / 2) step = left / 2;
    if (step < LEAST_ROOM) step = LEAST_ROOM;
    uint64_t at = state->hp + step;
    state->collect_at = at < TOP ? (uint32_t)at : TOP;
    if (state->stress) state->collect_at = 0;
}

static void mark_roots(collector *c, const val *roots, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        mark_value(c, roots[i]);
        drain(c);
    }
}

static void collect(val *roots, uint32_t n) {
    state_block *state = STATE;
    collector c;
    if (!open_collector(&c)) return plan();
    for (int i = 0; i < KEPT_PATTERNS; i++)
        if (state->patterns[i] >= c.low) state->patterns[i] = 0;
    if (state->error >= c.low) state->error = NIL; /* none is pending where collections happen */
    val *stack = OBJ(val, RT_LIMITS_ROOTS_BASE);
    uint32_t depth = (state->roots - RT_LIMITS_ROOTS_BASE) / sizeof(val);
    table_obj *handles = state->handles && !in_region(&c, state->handles) ? OBJ(table_obj, state->handles) : NULL;
    table_obj *names = in_region(&c, state->names) ? NULL : OBJ(table_obj, state->names);
    mark_roots(&c, roots, n);
    mark_roots(&c, stack, depth);
    if (handles) mark_roots(&c, table_values(handles), handles->capacity);
    else mark_ref(&c, state->handles);
    drain(&c);
    bool fresh = state->new_names && keep_names(&c);
    uint32_t live = count_live(&c);
    if (state->stress) c.base += (state->collections & 1) * 8; /* so that everything moves */
    fix_values(&c, roots, n);
    fix_values(&c, stack, depth);
    if (handles) fix_values(&c, table_values(handles), handles->capacity);
    if (names && fresh) fix_refs(&c, table_refs(names), names->capacity);
    fix_ref(&c, &state->handles);
    fix_ref(&c, &state->names);
    slide(&c);
    if (c.base != c.low) memmove(RT_AT(c.base), RT_AT(c.low), (uint64_t)live * 8);
    state->hp = c.base + (live << 3);
    if (state->stress && state->hp < c.high) memset(RT_AT(state->hp), 0xA5, c.high - state->hp);
    state->collections++;
    if (!fresh) state->new_names = state->fresh = 0;
    plan();
    if (state->stress && n + depth > MANY_ROOTS) state->collect_at = state->hp + (n + depth); /* not quadratic */
}

void rt_collect(void) { collect(NULL, 0); }

/* The same with roots that lie elsewhere; they are changed. */
void rt_collect_values(val *roots, uint32_t n) { collect(roots, n); }

/* What lives now stays as long as the instance: no call drops it, no collection moves it. */
void rt_settle(void) {
    state_block *state = STATE;
    state->hp = (state->hp + 7) & ~7u;
    state->mark = state->hp;
    state->fresh = state->new_names = 0;
    plan();
}

enum { WORTH_COLLECTING = 1 << 16 };

/* The value, settled; garbage is dropped before where there is much. For the globals of a program. */
val rt_keep(val v) {
    state_block *state = STATE;
    if (state->hp - state->mark > WORTH_COLLECTING || state->stress) collect(&v, 1);
    rt_settle();
    return v;
}

/* ---- values that the host holds. A free slot has the number of the next one, as an integer; `count` is the
 * first of them, `previous` the number of values held. */
int32_t rt_handle(val v) {
    state_block *state = STATE;
    if (!state->handles || OBJ(table_obj, state->handles)->count == NO_SLOT) {
        uint32_t had = state->handles ? OBJ(table_obj, state->handles)->capacity : 0, capacity = had ? had * 2 : 16;
        table_obj *larger = alloc(sizeof(table_obj) + (uint64_t)capacity * sizeof(val));
        *larger = (table_obj){.kind = RT_KIND_TABLE, .values = 1, .capacity = capacity, .count = had, .previous = had};
        if (had) memcpy(table_values(larger), table_values(OBJ(table_obj, state->handles)), had * sizeof(val));
        for (uint32_t i = had; i < capacity; i++)
            table_values(larger)[i] = (val)(i + 1 < capacity ? i + 1 : NO_SLOT) << 1 | 1;
        state->handles = RT_REF(larger);
    }
    table_obj *table = OBJ(table_obj, state->handles);
    uint32_t slot = table->count;
    table->count = (uint32_t)(table_values(table)[slot] >> 1);
    table->previous++;
    table_values(table)[slot] = v;
    return (int32_t)slot;
}

val rt_handle_value(int32_t slot) { return table_values(OBJ(table_obj, STATE->handles))[slot]; }

void rt_handle_close(int32_t slot) {
    table_obj *table = OBJ(table_obj, STATE->handles);
    table_values(table)[slot] = (val)table->count << 1 | 1;
    table->count = (uint32_t)slot;
    if (STATE->evacuated > STATE->mark) /* as if each held as much as any other */
        STATE->evacuated -= (STATE->evacuated - STATE->mark) / table->previous;
    table->previous--;
}

/* Between calls, while the host holds handles: only what they need stays. Not each time, but when half as much
 * again may be garbage, so that many calls that make one each do not cost more and more. */
void rt_evacuate(void) {
    state_block *state = STATE;
    uint64_t live = state->evacuated > state->mark ? state->evacuated - state->mark : 0;
    if (state->hp - state->mark <= WORTH_COLLECTING + live + live / 2 && !state->stress) return;
    collect(NULL, 0);
    state->evacuated = state->hp;
}
