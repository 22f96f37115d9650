/* Maps that keep the order of insertion: see map_obj. A key that is set again keeps its place. */
#include "internal.h"

enum { LAST_SHIFT = 30 };

static inline bool map_key_ok(val key) { return is_int(key) || is_kw(key) || is_str(key); }

static inline bool same_key(val a, val b) {
    if (a == b) return true;
    if (!is_object(a) || !is_object(b)) return false;
    uint8_t kind = *(uint8_t *)RT_AT((ref)a);
    if (kind == RT_KIND_KW || kind != *(uint8_t *)RT_AT((ref)b)) return false;
    if (kind == RT_KIND_STR) return str_equal(OF(str_obj, a), OF(str_obj, b));
    return kind == RT_KIND_INT && OF(int_obj, a)->number == OF(int_obj, b)->number;
}

static entry *large_entry(large_map *m, uint32_t slot) {
    uint32_t place = slot * 2;
    return (entry *)&leaf_at(&m->entries, place)->items[place & 31];
}

/* Number of the entry, or -1. */
static int64_t index_find(large_map *m, val key, uint32_t hash) {
    ref node = m->index;
    for (int shift = 0; node; shift += 5) {
        index_node *n = OBJ(index_node, node);
        if (shift > LAST_SHIFT) {
            for (uint32_t i = 0; i < n->bitmap; i++)
                if (same_key(large_entry(m, n->words[i] >> 1)->key, key)) return n->words[i] >> 1;
            return -1;
        }
        uint32_t bit = 1u << ((hash >> shift) & 31);
        if (!(n->bitmap & bit)) return -1;
        uint32_t word = n->words[__builtin_popcount(n->bitmap & (bit - 1))];
        if (word & 1) return same_key(large_entry(m, word >> 1)->key, key) ? (int64_t)(word >> 1) : -1;
        node = word;
    }
    return -1;
}

static index_node *index_node_new(int shape, uint32_t bitmap, uint32_t words) {
    index_node *n = alloc(sizeof(index_node) + words * sizeof(uint32_t));
    *n = (index_node){.kind = RT_KIND_NODE, .shape = (uint8_t)shape, .bitmap = bitmap};
    return n;
}

/* The node for two entries that share all bits of the hash below `shift`. */
static ref index_pair(uint32_t a, uint32_t hash_a, uint32_t b, uint32_t hash_b, int shift) {
    if (shift > LAST_SHIFT) {
        index_node *n = index_node_new(COLLISIONS, 2, 2);
        n->words[0] = a;
        n->words[1] = b;
        return RT_REF(n);
    }
    uint32_t at_a = (hash_a >> shift) & 31, at_b = (hash_b >> shift) & 31;
    if (at_a == at_b) {
        ref below = index_pair(a, hash_a, b, hash_b, shift + 5); /* at most seven levels */
        index_node *n = index_node_new(INDEX, 1u << at_a, 1);
        n->words[0] = below;
        return RT_REF(n);
    }
    index_node *n = index_node_new(INDEX, 1u << at_a | 1u << at_b, 2);
    n->words[at_a > at_b] = a;
    n->words[at_a < at_b] = b;
    return RT_REF(n);
}

/* A copy of `old` with a word put in at `at`. */
static ref index_widen(index_node *old, uint32_t words, uint32_t at, uint32_t word, uint32_t bitmap) {
    index_node *n = index_node_new(old->shape, bitmap, words + 1);
    memcpy(n->words, old->words, at * sizeof(uint32_t));
    n->words[at] = word;
    memcpy(n->words + at + 1, old->words + at, (words - at) * sizeof(uint32_t));
    return RT_REF(n);
}

/* Adds an entry whose key is not in the index yet. */
static void index_insert(large_map *m, uint32_t slot, uint32_t hash, ref since) {
    ref *place = &m->index;
    uint32_t leaf = slot << 1 | 1;
    for (int shift = 0;; shift += 5) {
        if (!*place) {
            index_node *n = index_node_new(INDEX, 1u << (hash & 31), 1);
            n->words[0] = leaf;
            *place = RT_REF(n);
            return;
        }
        index_node *n = OBJ(index_node, *place);
        if (shift > LAST_SHIFT) {
            *place = index_widen(n, n->bitmap, n->bitmap, leaf, n->bitmap + 1);
            return;
        }
        uint32_t bit = 1u << ((hash >> shift) & 31), words = (uint32_t)__builtin_popcount(n->bitmap);
        uint32_t at = (uint32_t)__builtin_popcount(n->bitmap & (bit - 1));
        if (!(n->bitmap & bit)) {
            *place = index_widen(n, words, at, leaf, n->bitmap | bit);
            return;
        }
        if (*place < since) {
            index_node *copy = index_node_new(n->shape, n->bitmap, words);
            memcpy(copy->words, n->words, words * sizeof(uint32_t));
            *place = RT_REF(copy);
            n = copy;
        }
        place = &n->words[at];
        if (*place & 1) {
            uint32_t other = *place;
            *place = index_pair(other, hash_key(large_entry(m, other >> 1)->key), leaf, hash, shift + 5);
            return;
        }
    }
}

/* The index without an entry that is in it; nodes that become empty stay, compaction drops them. */
static void index_remove(large_map *m, uint32_t slot, uint32_t hash) {
    ref *place = &m->index;
    for (int shift = 0;; shift += 5) {
        index_node *n = OBJ(index_node, *place);
        bool last = shift > LAST_SHIFT;
        uint32_t bit = last ? 0 : 1u << ((hash >> shift) & 31);
        uint32_t words = last ? n->bitmap : (uint32_t)__builtin_popcount(n->bitmap), at = 0;
        if (last) while (n->words[at] >> 1 != slot) at++;
        else at = (uint32_t)__builtin_popcount(n->bitmap & (bit - 1));
        bool leaf = n->words[at] & 1;
        index_node *copy = index_node_new(n->shape, last ? words - leaf : leaf ? n->bitmap & ~bit : n->bitmap, words);
        memcpy(copy->words, n->words, at * sizeof(uint32_t));
        memcpy(copy->words + at, n->words + at + leaf, (words - at - leaf) * sizeof(uint32_t));
        *place = RT_REF(copy);
        if (leaf) return;
        place = &copy->words[at];
    }
}

static void large_append(large_map *m, val key, val value, uint32_t hash, ref since) {
    uint32_t slot = m->entries.count / 2;
    trie_push(&m->entries, key, since);
    trie_push(&m->entries, value, since);
    index_insert(m, slot, hash, since);
    m->count++;
}

static large_map *large_new(void) {
    large_map *m = alloc(sizeof(large_map));
    *m = (large_map){.kind = RT_KIND_MAP, .large = 1, .entries = {.kind = RT_KIND_VEC}};
    return m;
}

static map_obj *small_new(uint32_t count) {
    map_obj *m = alloc(sizeof(map_obj) + count * sizeof(entry));
    *m = (map_obj){.kind = RT_KIND_MAP, .count = count};
    return m;
}

static val *map_find(val map, val key) {
    map_obj *m = OF(map_obj, map);
    if (!m->large) {
        for (uint32_t i = 0; i < m->count; i++)
            if (same_key(m->entries[i].key, key)) return &m->entries[i].value;
        return NULL;
    }
    if (!map_key_ok(key)) return NULL;
    large_map *large = OF(large_map, map);
    int64_t slot = index_find(large, key, hash_key(key));
    return slot < 0 ? NULL : &large_entry(large, (uint32_t)slot)->value;
}

static inline val map_get(val map, val key, val otherwise) {
    val *found = map_find(map, key);
    return found ? *found : otherwise;
}

static val small_put(map_obj *m, val key, val value) {
    uint32_t at = 0;
    while (at < m->count && !same_key(m->entries[at].key, key)) at++;
    if (at == SMALL_MAP) {
        large_map *large = large_new();
        for (uint32_t i = 0; i < SMALL_MAP; i++)
            large_append(large, m->entries[i].key, m->entries[i].value, hash_key(m->entries[i].key), RT_REF(large));
        large_append(large, key, value, hash_key(key), RT_REF(large));
        return RT_REF(large);
    }
    map_obj *copy = small_new(m->count + (at == m->count));
    memcpy(copy->entries, m->entries, m->count * sizeof(entry));
    if (at == m->count) copy->entries[at].key = key; /* a key that is there stays the same object */
    copy->entries[at].value = value;
    return RT_REF(copy);
}

static val map_put(val map, val key, val value, ref since) {
    map_obj *m = OF(map_obj, map);
    if (!m->large) return small_put(m, key, value);
    large_map *large = OF(large_map, map);
    if (map < since) {
        large = alloc(sizeof(large_map));
        *large = *OF(large_map, map);
    }
    uint32_t hash = hash_key(key);
    int64_t slot = index_find(large, key, hash);
    if (slot < 0) large_append(large, key, value, hash, since);
    else trie_set(&large->entries, (uint32_t)slot * 2 + 1, value, since);
    return RT_REF(large);
}

static val map_from(const val *pairs, uint32_t n) {
    ref since = STATE->hp;
    uint32_t at = 0, count = 0;
    map_obj *m = small_new(n < SMALL_MAP ? n : SMALL_MAP);
    for (; at < n; at++) {
        uint32_t i = 0;
        while (i < count && !same_key(m->entries[i].key, pairs[2 * at])) i++;
        if (i == SMALL_MAP) break;
        if (i == count) m->entries[count++].key = pairs[2 * at];
        m->entries[i].value = pairs[2 * at + 1];
    }
    m->count = count;
    val map = RT_REF(m);
    for (; at < n; at++) map = map_put(map, pairs[2 * at], pairs[2 * at + 1], since);
    return map;
}

/* A map of entries whose keys differ. */
static val map_from_distinct(const entry *entries, uint32_t n) {
    if (n <= SMALL_MAP) return map_from(&entries->key, n);
    large_map *m = large_new();
    for (uint32_t i = 0; i < n; i++)
        large_append(m, entries[i].key, entries[i].value, hash_key(entries[i].key), RT_REF(m));
    return RT_REF(m);
}

/* ---- entries that are being collected: an array in order of insertion, found through an open-addressed
 * table that holds the hash beside the number of the entry. */
typedef struct { uint32_t hash, number; } table_slot; /* number 0 = free, else one more than the entry's */
typedef struct { entry *entries; table_slot *slots; uint32_t count, capacity; } key_table;

/* Room for `capacity` slots and half as many entries. */
static void table_room(key_table *t, uint32_t capacity) {
    entry *entries = alloc((uint64_t)capacity / 2 * sizeof(entry));
    for (uint32_t i = 0; i < t->count; i++) entries[i] = t->entries[i];
    table_slot *slots = alloc((uint64_t)capacity * sizeof(table_slot));
    memset(slots, 0, (size_t)capacity * sizeof(table_slot));
    for (uint32_t i = 0; i < t->capacity; i++) {
        table_slot slot = t->slots[i];
        if (!slot.number) continue;
        uint32_t at = slot.hash & (capacity - 1);
        while (slots[at].number) at = (at + 1) & (capacity - 1);
        slots[at] = slot;
    }
    *t = (key_table){entries, slots, t->count, capacity};
}

static void table_init(key_table *t) {
    *t = (key_table){0};
    table_room(t, 64);
}

/* The entry of a key; a new one has the integer 0 as its value. */
static entry *table_entry(key_table *t, val key) {
    if (unlikely(t->count == t->capacity / 2)) table_room(t, t->capacity * 2);
    uint32_t hash = hash_key(key), at = hash & (t->capacity - 1);
    for (; t->slots[at].number; at = (at + 1) & (t->capacity - 1)) {
        entry *e = &t->entries[t->slots[at].number - 1];
        if (t->slots[at].hash == hash && same_key(e->key, key)) return e;
    }
    entry *e = &t->entries[t->count++];
    *e = (entry){key, 1};
    t->slots[at] = (table_slot){hash, t->count};
    return e;
}

static uint32_t map_next(val map, uint32_t at, entry *out) {
    map_obj *m = OF(map_obj, map);
    if (!m->large) {
        if (at >= m->count) return 0;
        *out = m->entries[at];
        return at + 1;
    }
    large_map *large = OF(large_map, map);
    for (; at < large->entries.count / 2; at++) {
        *out = *large_entry(large, at);
        if (out->key != UNDEF) return at + 1;
    }
    return 0;
}

/* The same entries without gaps. */
static val map_compact(val map) {
    val *pairs = alloc((uint64_t)OF(map_obj, map)->count * sizeof(entry));
    uint32_t n = 0;
    entry e;
    EACH_ENTRY(map, e) {
        pairs[n++] = e.key;
        pairs[n++] = e.value;
    }
    return map_from(pairs, n / 2);
}

static val small_remove(map_obj *m, val key) {
    map_obj *copy = small_new(m->count - 1);
    for (uint32_t i = 0, to = 0; i < m->count; i++)
        if (!same_key(m->entries[i].key, key)) copy->entries[to++] = m->entries[i];
    return RT_REF(copy);
}

static val map_remove(val map, val key) {
    map_obj *m = OF(map_obj, map);
    if (!map_find(map, key)) return map;
    if (!m->large) return small_remove(m, key);
    large_map *large = alloc(sizeof(large_map));
    *large = *OF(large_map, map);
    uint32_t hash = hash_key(key), slot = (uint32_t)index_find(large, key, hash);
    index_remove(large, slot, hash);
    trie_set(&large->entries, slot * 2, UNDEF, SHARED);
    large->count--;
    if (large->count <= SMALL_MAP || large->entries.count / 2 > 2 * large->count + 8) return map_compact(RT_REF(large));
    return RT_REF(large);
}
