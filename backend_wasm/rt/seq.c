/* Vectors and lists: 32-way tries with a tail (see seq_obj). */
#include "internal.h"

static inline uint32_t seq_end(const seq_obj *s) { return s->start + s->count; }
static inline uint32_t tail_start(const seq_obj *s) { return (seq_end(s) - 1) & ~31u; }

static ref leaf_new(uint32_t capacity, const val *items, uint32_t used) {
    leaf_obj *leaf = alloc(sizeof(leaf_obj) + capacity * sizeof(val));
    *leaf = (leaf_obj){.kind = RT_KIND_NODE, .shape = LEAF, .capacity = (uint16_t)capacity, .used = used};
    copy_words(leaf->items, items, used);
    return RT_REF(leaf);
}

static ref branch_copy(ref node, ref since) {
    if (node >= since) return node;
    branch_obj *copy = alloc(sizeof(branch_obj));
    if (node) *copy = *OBJ(branch_obj, node);
    else {
        memset(copy, 0, sizeof *copy);
        copy->kind = RT_KIND_NODE;
        copy->shape = BRANCH;
    }
    return RT_REF(copy);
}

static leaf_obj *leaf_at(const seq_obj *s, uint32_t place) {
    if (place >= tail_start(s)) return OBJ(leaf_obj, s->tail);
    ref node = s->root;
    for (int shift = s->shift; shift > 0; shift -= 5) node = OBJ(branch_obj, node)->child[(place >> shift) & 31];
    return OBJ(leaf_obj, node);
}

static inline val seq_get(seq_obj *s, uint32_t index) {
    uint32_t place = s->start + index;
    return leaf_at(s, place)->items[place & 31];
}

static val *seq_chunk(seq_obj *s, uint32_t index, uint32_t *run) {
    uint32_t place = s->start + index, here = 32 - (place & 31), left = s->count - index;
    *run = here < left ? here : left;
    return &leaf_at(s, place)->items[place & 31];
}

/* Copies the path to `place` where it is shared; answers where the ref of its leaf is kept. */
static ref *leaf_slot(seq_obj *s, uint32_t place, ref since) {
    while (s->shift == 0 || (uint64_t)place >= 32ull << s->shift) {
        ref root = branch_copy(0, SHARED);
        OBJ(branch_obj, root)->child[0] = s->root;
        s->root = root;
        s->shift += 5;
    }
    ref *slot = &s->root;
    for (int shift = s->shift; shift > 0; shift -= 5) {
        *slot = branch_copy(*slot, since);
        slot = &OBJ(branch_obj, *slot)->child[(place >> shift) & 31];
    }
    return slot;
}

static void push_slow(seq_obj *s, val item, uint32_t end, ref since) {
    uint32_t used = end & 31;
    if (used == 0) { /* the tail is full, or there is none */
        if (end) *leaf_slot(s, end - 32, since) = s->tail;
        s->tail = leaf_new(end ? 32 : 4, &item, 1);
    } else {
        uint32_t capacity = used < 4 ? 4 : used < 8 ? 8 : used < 16 ? 16 : 32;
        s->tail = leaf_new(capacity, OBJ(leaf_obj, s->tail)->items, used);
        leaf_obj *leaf = OBJ(leaf_obj, s->tail);
        leaf->items[leaf->used++] = item;
    }
    s->count++;
}

/* In place where no later value has done so, but never below MARK: the collector does not look there. */
static inline void trie_push(seq_obj *s, val item, ref since) {
    uint32_t end = seq_end(s), used = end & 31;
    if (used && s->tail >= STATE->mark) {
        leaf_obj *tail = OBJ(leaf_obj, s->tail);
        if (tail->used == used && used < tail->capacity) {
            tail->items[used] = item;
            tail->used = used + 1;
            s->count++;
            return;
        }
    }
    push_slow(s, item, end, since);
}

static void trie_set(seq_obj *s, uint32_t index, val item, ref since) {
    uint32_t place = s->start + index;
    bool in_tail = place >= tail_start(s);
    ref *slot = in_tail ? &s->tail : leaf_slot(s, place, since);
    if (*slot < since) {
        uint32_t used = in_tail ? ((seq_end(s) - 1) & 31) + 1 : 32;
        leaf_obj *old = OBJ(leaf_obj, *slot);
        *slot = leaf_new(old->capacity, old->items, used);
    }
    OBJ(leaf_obj, *slot)->items[place & 31] = item;
}

static seq_obj *seq_header(int kind) {
    seq_obj *s = alloc(sizeof(seq_obj));
    *s = (seq_obj){.kind = (uint8_t)kind};
    return s;
}

static val seq_new(int kind, const val *items, uint64_t n) {
    if (n <= 32) {
        seq_obj *s = seq_header(kind);
        s->count = (uint32_t)n;
        if (n) s->tail = leaf_new((uint32_t)n, items, (uint32_t)n);
        return RT_REF(s);
    }
    if (n > SHARED / 2) rt_trap(RT_ERRKIND_MEMORY_LIMIT);
    val b = builder_new();
    seq_obj *s = OF(seq_obj, b);
    for (uint64_t i = 0; i < n; i += 32) { /* whole leaves at a time */
        if (s->count) *leaf_slot(s, s->count - 32, (ref)b) = s->tail;
        uint32_t run = n - i < 32 ? (uint32_t)(n - i) : 32;
        s->tail = leaf_new(run, items + i, run);
        s->count += run;
    }
    return builder_done(b, kind);
}

static val seq_as(val seq, int kind) {
    if (is_kind(seq, kind)) return seq;
    seq_obj *s = alloc(sizeof(seq_obj));
    *s = *OF(seq_obj, seq);
    s->kind = (uint8_t)kind;
    return RT_REF(s);
}

/* Elements [from, to); bounds are the caller's duty. */
static val seq_slice(val seq, uint32_t from, uint32_t to, int kind) {
    seq_obj *s = OF(seq_obj, seq);
    if (from == 0 && to == s->count) return seq_as(seq, kind);
    if (from == to) return RT_REF(seq_header(kind));
    seq_obj *part = alloc(sizeof(seq_obj));
    *part = *s;
    part->kind = (uint8_t)kind;
    part->tail = RT_REF(leaf_at(s, s->start + to - 1));
    part->start = s->start + from;
    part->count = to - from;
    return RT_REF(part);
}

static void seq_copy_out(seq_obj *s, val *out) {
    for (uint32_t i = 0, run; i < s->count; i += run) {
        val *items = seq_chunk(s, i, &run);
        copy_words(out + i, items, run);
    }
}

/* A builder is a seq that one holder may change in place: all its nodes are newer than itself. */
static val builder_new(void) { return RT_REF(seq_header(RT_KIND_BUILDER)); }
static inline void builder_push(val builder, val item) { trie_push(OF(seq_obj, builder), item, (ref)builder); }

/* Where the next elements of a builder go, and how many fit there; `builder_used` counts those written. */
static val *builder_room(val builder, uint32_t *room) {
    seq_obj *s = OF(seq_obj, builder);
    uint32_t end = seq_end(s), used = end & 31;
    leaf_obj *tail = OBJ(leaf_obj, s->tail);
    if (used == 0) {
        if (end) *leaf_slot(s, end - 32, RT_REF(s)) = s->tail;
        s->tail = leaf_new(32, NULL, 0);
        tail = OBJ(leaf_obj, s->tail);
    } else if (tail->used != used || used >= tail->capacity || s->tail < STATE->mark) {
        s->tail = leaf_new(32, tail->items, used);
        tail = OBJ(leaf_obj, s->tail);
    }
    *room = tail->capacity - used;
    return tail->items + used;
}

static void builder_used(val builder, uint32_t n) {
    seq_obj *s = OF(seq_obj, builder);
    OBJ(leaf_obj, s->tail)->used += n;
    s->count += n;
}

static void builder_extend(val builder, val seq) {
    seq_obj *s = OF(seq_obj, seq);
    for (uint32_t i = 0, run; i < s->count; i += run) {
        val *items = seq_chunk(s, i, &run);
        uint32_t room;
        for (uint32_t k = 0; k < run; k += room) { /* whole runs where the tail has room */
            val *free = builder_room(builder, &room);
            if (room > run - k) room = run - k;
            copy_words(free, items + k, room);
            builder_used(builder, room);
        }
    }
}

static val builder_done(val builder, int kind) {
    OF(seq_obj, builder)->kind = (uint8_t)kind;
    return builder;
}

static val seq_push(val seq, val item, int kind) {
    seq_obj *s = alloc(sizeof(seq_obj));
    *s = *OF(seq_obj, seq);
    s->kind = (uint8_t)kind;
    trie_push(s, item, SHARED);
    return RT_REF(s);
}
