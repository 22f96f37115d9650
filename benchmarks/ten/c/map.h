/* Persistent maps in order of insertion: a vector of keys and values in turn, and a hash trie from key to
 * entry. Keys are integers or texts (`text_keys`); the functions are inlined, so each use knows which. */
#pragma once
#include "vector.h"

typedef struct { uint32_t size, hash; char text[]; } text;

static uint32_t mix(uint64_t h) {
    h *= 0x9E3779B97F4A7C15ull;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93ull;
    return (uint32_t)(h >> 32);
}

static uint32_t text_hash(text *t) {
    if (t->hash) return t->hash;
    uint64_t h = t->size, word;
    const char *bytes = t->text;
    uint32_t left = t->size;
    for (; left >= 8; bytes += 8, left -= 8) {
        memcpy(&word, bytes, 8);
        h = (h ^ word) * 0xD6E8FEB86659FD93ull;
        h ^= h >> 32;
    }
    word = 0;
    for (uint32_t i = 0; i < left; i++) word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    t->hash = mix(h ^ word) | 1;
    return t->hash;
}

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t hash_of(int64_t key, bool text_keys) {
    return text_keys ? text_hash((text *)(uintptr_t)key) : mix((uint64_t)key);
}
INLINE bool same(int64_t a, int64_t b, bool text_keys) {
    if (!text_keys || a == b) return a == b;
    text *x = (text *)(uintptr_t)a, *y = (text *)(uintptr_t)b;
    return x->size == y->size && x->hash == y->hash && memcmp(x->text, y->text, x->size) == 0;
}

/* A word is entry << 1 | 1, or a node. Where all bits of the hash are used up, `bitmap` counts the words. */
typedef struct { uint32_t bitmap; uintptr_t words[]; } node;
enum { BITS = 32 };
typedef struct { vector entries; node *index; } map;

INLINE bool is_at(const map *m, uint32_t slot, int64_t key, bool text_keys) {
    return same(leaf_of(&m->entries, slot)->items[slot & 31], key, text_keys);
}

/* The place of the key among the entries, or -1. */
INLINE int64_t find(const map *m, int64_t key, uint32_t hash, bool text_keys) {
    node *n = m->index;
    for (uint32_t shift = 0; n; shift += 5) {
        if (shift >= BITS) {
            for (uint32_t i = 0; i < n->bitmap; i++)
                if (is_at(m, (uint32_t)(n->words[i] >> 1) * 2, key, text_keys)) return (int64_t)(n->words[i] >> 1) * 2;
            return -1;
        }
        uint32_t bit = 1u << ((hash >> shift) & 31);
        if (!(n->bitmap & bit)) return -1;
        uintptr_t word = n->words[__builtin_popcount(n->bitmap & (bit - 1))];
        if (word & 1) {
            uint32_t slot = (uint32_t)(word >> 1) * 2;
            return is_at(m, slot, key, text_keys) ? (int64_t)slot : -1;
        }
        n = (node *)word;
    }
    return -1;
}

static node *node_new(uint32_t bitmap, uint32_t words) {
    node *n = allocate(sizeof(node) + words * sizeof(uintptr_t));
    n->bitmap = bitmap;
    return n;
}

static node *pair(uintptr_t a, uint32_t hash_a, uintptr_t b, uint32_t hash_b, uint32_t shift) {
    if (shift >= BITS) {
        node *n = node_new(2, 2);
        n->words[0] = a;
        n->words[1] = b;
        return n;
    }
    uint32_t at_a = (hash_a >> shift) & 31, at_b = (hash_b >> shift) & 31;
    if (at_a == at_b) {
        node *n = node_new(1u << at_a, 1);
        n->words[0] = (uintptr_t)pair(a, hash_a, b, hash_b, shift + 5);
        return n;
    }
    node *n = node_new(1u << at_a | 1u << at_b, 2);
    n->words[at_a > at_b] = a;
    n->words[at_a < at_b] = b;
    return n;
}

static node *widen(const node *n, uint32_t words, uint32_t at, uintptr_t word, uint32_t bitmap) {
    node *wider = node_new(bitmap, words + 1);
    for (uint32_t i = 0; i < at; i++) wider->words[i] = n->words[i];
    wider->words[at] = word;
    for (uint32_t i = at; i < words; i++) wider->words[i + 1] = n->words[i];
    return wider;
}

INLINE void insert(map *m, uint32_t entry, uint32_t hash, const char *since, bool text_keys) {
    node **place = &m->index;
    uintptr_t word = (uintptr_t)entry << 1 | 1;
    if (!*place) *place = node_new(0, 0);
    for (uint32_t shift = 0;; shift += 5) {
        node *n = *place;
        if (shift >= BITS) {
            *place = widen(n, n->bitmap, n->bitmap, word, n->bitmap + 1);
            return;
        }
        uint32_t bit = 1u << ((hash >> shift) & 31), words = (uint32_t)__builtin_popcount(n->bitmap);
        uint32_t at = (uint32_t)__builtin_popcount(n->bitmap & (bit - 1));
        if (!(n->bitmap & bit)) {
            *place = widen(n, words, at, word, n->bitmap | bit);
            return;
        }
        if ((char *)n < since) {
            node *copy = node_new(n->bitmap, words);
            for (uint32_t i = 0; i < words; i++) copy->words[i] = n->words[i];
            *place = n = copy;
        }
        if (n->words[at] & 1) {
            uint32_t slot = (uint32_t)(n->words[at] >> 1) * 2;
            uint32_t other = hash_of(leaf_of(&m->entries, slot)->items[slot & 31], text_keys);
            n->words[at] = (uintptr_t)pair(n->words[at], other, word, hash, shift + 5);
            return;
        }
        place = (node **)&n->words[at];
    }
}

INLINE map *put(const map *old, int64_t key, int64_t value, const char *since, bool text_keys) {
    map *m = (map *)old;
    if ((char *)old < since) {
        m = allocate(sizeof(map));
        *m = *old;
    }
    uint32_t hash = hash_of(key, text_keys);
    int64_t slot = find(m, key, hash, text_keys);
    if (slot >= 0) {
        set(&m->entries, (uint32_t)slot + 1, value, since);
        return m;
    }
    uint32_t entry = m->entries.count / 2;
    push(&m->entries, key, since);
    push(&m->entries, value, since);
    insert(m, entry, hash, since, text_keys);
    return m;
}

INLINE int64_t get(const map *m, int64_t key, int64_t otherwise, bool text_keys) {
    int64_t slot = find(m, key, hash_of(key, text_keys), text_keys);
    return slot < 0 ? otherwise : leaf_of(&m->entries, (uint32_t)slot + 1)->items[(slot + 1) & 31];
}

static map *map_new(void) {
    map *m = allocate(sizeof(map));
    *m = (map){0};
    return m;
}
