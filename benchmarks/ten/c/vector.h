/* Persistent vectors: 32-way tries with a tail. The tail grows in place while the vector is the latest that
 * shares it; a builder (`since` = the mark when it began) changes what is newer than itself in place. */
#pragma once
#include "memory.h"

typedef struct { uint32_t used, capacity; int64_t items[]; } leaf;
typedef struct branch { void *child[32]; } branch;
typedef struct { uint32_t count, shift; void *root; leaf *tail; } vector; /* shift 0: no root */

static const char *const SHARED = (char *)UINTPTR_MAX;

static inline uint32_t tail_start(const vector *v) { return v->count ? (v->count - 1) & ~31u : 0; }

static inline leaf *leaf_of(const vector *v, uint32_t i) {
    if (i >= tail_start(v)) return v->tail;
    void *node = v->root;
    for (uint32_t shift = v->shift; shift > 0; shift -= 5) node = ((branch *)node)->child[(i >> shift) & 31];
    return node;
}

static inline int64_t nth(const vector *v, int64_t i) {
    if (unlikely((uint64_t)i >= v->count)) __builtin_trap();
    return leaf_of(v, (uint32_t)i)->items[i & 31];
}

static leaf *leaf_new(uint32_t capacity, const leaf *old, uint32_t used) {
    leaf *l = allocate(sizeof(leaf) + capacity * sizeof(int64_t));
    l->used = used;
    l->capacity = capacity;
    if (used) memcpy(l->items, old->items, used * sizeof(int64_t));
    return l;
}

static branch *branch_own(branch *b, const char *since) {
    if (b && (char *)b >= since) return b;
    branch *copy = allocate(sizeof(branch));
    if (b) *copy = *b;
    else *copy = (branch){{0}};
    return copy;
}

/* Where the leaf of element i is kept, after the way to it was copied. */
static void **slot_of(vector *v, uint32_t i, const char *since) {
    while (v->shift == 0 || (uint64_t)i >= (uint64_t)32 << v->shift) {
        branch *root = branch_own(NULL, SHARED);
        root->child[0] = v->root;
        v->root = root;
        v->shift += 5;
    }
    void **slot = &v->root;
    for (uint32_t shift = v->shift; shift > 0; shift -= 5) {
        *slot = branch_own(*slot, since);
        slot = &((branch *)*slot)->child[(i >> shift) & 31];
    }
    return slot;
}

static __attribute__((noinline)) void push_slow(vector *v, const char *since) {
    uint32_t used = v->count & 31;
    if (used == 0) {
        if (v->count) *slot_of(v, v->count - 32, since) = v->tail;
        v->tail = leaf_new(v->count ? 32 : 4, NULL, 0);
    } else {
        v->tail = leaf_new(used < 4 ? 4 : used < 8 ? 8 : used < 16 ? 16 : 32, v->tail, used);
    }
}

static inline void push(vector *v, int64_t item, const char *since) {
    uint32_t used = v->count & 31;
    if (unlikely(used == 0 || v->tail->used != used || used >= v->tail->capacity)) push_slow(v, since);
    v->tail->items[used] = item;
    v->tail->used = used + 1;
    v->count++;
}

static inline vector *conjoin(const vector *v, int64_t item) {
    vector *copy = allocate(sizeof(vector));
    *copy = *v;
    push(copy, item, SHARED);
    return copy;
}

static void set(vector *v, uint32_t i, int64_t item, const char *since) {
    bool in_tail = i >= tail_start(v);
    void **slot = in_tail ? (void **)&v->tail : slot_of(v, i, since);
    leaf *old = *slot;
    if ((char *)old < since) *slot = leaf_new(old->capacity, old, in_tail ? v->count - tail_start(v) : 32);
    ((leaf *)*slot)->items[i & 31] = item;
}

static inline vector *vector_new(void) {
    vector *v = allocate(sizeof(vector));
    *v = (vector){0};
    return v;
}

/* The statements that follow, with `x` bound to each element in turn. */
#define EACH(v, x, ...)                                                              \
    for (uint32_t at_ = 0, run_; at_ < (v)->count; at_ += run_) {                    \
        leaf *leaf_ = leaf_of(v, at_);                                               \
        run_ = (v)->count - at_ < 32 ? (v)->count - at_ : 32;                        \
        for (uint32_t k_ = 0; k_ < run_; k_++) { int64_t x = leaf_->items[k_]; __VA_ARGS__ } \
    }
