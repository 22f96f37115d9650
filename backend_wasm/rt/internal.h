/* What the parts of rt share: the shapes of objects, access to them, and each part's own helpers.
 * All parts are compiled as one unit (rt.c), so that small helpers are inlined everywhere. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "rt.h"

#ifdef __wasm__ /* freestanding: compiler_rt has them, single instructions where bulk memory serves */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int byte, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#else
#include <string.h>
#endif

/* What was proved does not hold. The native build must survive it: serialised IR may come from anywhere. */
void rt_bug(void) __attribute__((noreturn));

#define NIL ((val)RT_SPECIAL_NIL)
#define FALSE ((val)RT_SPECIAL_FALSE)
#define TRUE ((val)RT_SPECIAL_TRUE)
#define ERR ((val)RT_SPECIAL_ERR)
#define UNDEF ((val)RT_SPECIAL_UNDEF)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum { /* rtfsc.ir.types: bit numbers of kinds */
    T_NIL, T_BOOL, T_INT, T_FLOAT, T_STR, T_KW, T_SYM, T_VEC, T_LIST, T_MAP, T_FN, T_ERR, T_TIMESTAMP,
    T_UUID, T_RESOURCE, T_BUILDER
};

/* ---- objects: byte 0 is the kind, all are 8-byte aligned */
typedef struct { uint8_t kind; uint8_t pad[7]; int64_t number; } int_obj;
typedef struct { uint8_t kind; uint8_t pad[7]; double number; } float_obj;
typedef struct { uint8_t kind; uint8_t pad[3]; uint32_t size, chars, hash; char text[]; } str_obj;
typedef struct { uint8_t kind; uint8_t pad[3]; ref text; uint32_t hash, pad2; } name_obj; /* KW, SYM */
typedef struct { uint8_t kind; uint8_t pad[3]; ref text; } tagged_obj; /* TIMESTAMP, UUID, RESOURCE */
typedef struct { uint8_t kind; uint8_t pad[3]; uint32_t arity, code; ref info; val captures[]; } fn_obj;
typedef struct { uint8_t kind; uint8_t pad[3]; uint32_t capture_count; val name; } fninfo_obj;
typedef struct {
    uint8_t kind; uint8_t pad[3];
    uint32_t kind_id, site, flags;
    val message, data, type;
} error_obj;

/* VEC, LIST, BUILDER: elements [start, start + count) of a 32-way trie; those from the last multiple of
 * 32 on lie in the tail. A slice shares the trie. A tail may be longer than this value knows of: then a
 * later value has appended to it in place, and the next append to this one copies it. */
typedef struct {
    uint8_t kind, shift, pad[2]; /* shift: bits of the root's level, 5, 10, … ; 0 = no root */
    uint32_t count, start;
    ref root, tail;
    uint32_t pad2;
} seq_obj;
enum { LEAF, BRANCH, INDEX, COLLISIONS }; /* shapes of NODE: the collector must know its size and its parts */
typedef struct { uint8_t kind, shape; uint16_t capacity; uint32_t used; val items[]; } leaf_obj;
typedef struct { uint8_t kind, shape; uint8_t pad[6]; ref child[32]; } branch_obj;
_Static_assert(offsetof(seq_obj, shift) == RT_SEQ_SHIFT && offsetof(seq_obj, count) == RT_SEQ_COUNT, "layout.toml");
_Static_assert(offsetof(seq_obj, start) == RT_SEQ_START && offsetof(seq_obj, root) == RT_SEQ_ROOT, "layout.toml");
_Static_assert(offsetof(seq_obj, tail) == RT_SEQ_TAIL && offsetof(leaf_obj, items) == RT_NODE_ITEM, "layout.toml");
_Static_assert(offsetof(branch_obj, child) == RT_NODE_CHILD, "layout.toml");
_Static_assert(offsetof(leaf_obj, capacity) == RT_NODE_CAPACITY && offsetof(leaf_obj, used) == RT_NODE_USED, "layout.toml");
/* A node of a map's index: a word per bit of `bitmap`, either an entry number (n << 1 | 1) or the ref of a
 * node. Below the last level, where all bits of the hash are used up, `bitmap` counts entry numbers. */
typedef struct { uint8_t kind, shape; uint8_t pad[2]; uint32_t bitmap; uint32_t words[]; } index_node;

/* A table of refs (interned names) or values (handles: `count` is the first free slot), private to its part. */
typedef struct { uint8_t kind, values; uint8_t pad[2]; uint32_t capacity, count; ref previous; } table_obj;
enum { NO_SLOT = 0x7FFFFFFF };

typedef struct { val key, value; } entry;
/* Up to SMALL_MAP entries lie in the map itself. Beyond, `entries` is a vector of keys and values in
 * turn, in order of insertion (key UNDEF = removed), and `index` a hash trie from key to entry number. */
typedef struct { uint8_t kind; uint8_t large; uint8_t pad[2]; uint32_t count; entry entries[]; } map_obj;
typedef struct { uint8_t kind; uint8_t large; uint8_t pad[2]; uint32_t count; ref index, pad2; seq_obj entries; } large_map;
enum { SMALL_MAP = 8 };

/* ---- the state block */
enum { KEPT_PATTERNS = 8 };
typedef struct {
    uint32_t hp, limit;
    int32_t depth;
    uint32_t max;
    val error;
    uint32_t mark, pad;
    int64_t fuel;
    uint32_t trap, fresh;
    int64_t deadline;
    ref names;       /* intern table, see names.c */
    ref error_types; /* :type keyword per error kind, see error.c */
    ref patterns[KEPT_PATTERNS]; /* compiled, see regex.c; 0 = none */
    uint32_t next_pattern;
    uint32_t work;      /* done since the clock was looked at */
    uint32_t new_names; /* a name may have been interned since rt_reset */
    uint32_t gensyms; /* made so far */
    uint32_t collect_at, roots, collections, stress;
    ref handles;
    uint32_t evacuated; /* HP after the last rt_evacuate */
} state_block;
_Static_assert(offsetof(state_block, fuel) + 1024 == RT_STATE_FUEL, "layout.toml");
_Static_assert(offsetof(state_block, fresh) + 1024 == RT_STATE_FRESH, "layout.toml");
_Static_assert(offsetof(state_block, deadline) + 1024 == RT_STATE_DEADLINE, "layout.toml");
_Static_assert(offsetof(state_block, collect_at) + 1024 == RT_STATE_COLLECT_AT, "layout.toml");
_Static_assert(offsetof(state_block, handles) + 1024 == RT_STATE_HANDLES, "layout.toml");
_Static_assert(offsetof(error_obj, type) == RT_ERROR_TYPE, "layout.toml");
_Static_assert(offsetof(fn_obj, captures) == RT_FN_CAPTURES, "layout.toml");
_Static_assert(offsetof(fninfo_obj, name) == RT_FNINFO_NAME, "layout.toml");
_Static_assert(1024 + sizeof(state_block) <= RT_STATE_SCRATCH, "layout.toml");

#define STATE ((state_block *)RT_AT(RT_STATE_HP))
#define OBJ(T, r) ((T *)RT_AT(r))
#define OF(T, v) ((T *)RT_AT((ref)(v)))

static inline ref *table_refs(table_obj *t) { return (ref *)(t + 1); }
static inline val *table_values(table_obj *t) { return (val *)(t + 1); }

/* ---- values */
static inline bool is_int63(val v) { return v & 1; }
static inline bool is_object(val v) { return (v & 7) == 0 && v != NIL; }
static inline bool is_kind(val v, int kind) { return is_object(v) && *(uint8_t *)RT_AT((ref)v) == kind; }
static inline bool is_str(val v) { return is_kind(v, RT_KIND_STR); }
static inline bool is_kw(val v) { return is_kind(v, RT_KIND_KW); }
static inline bool is_map(val v) { return is_kind(v, RT_KIND_MAP); }
static inline bool is_vec(val v) { return is_kind(v, RT_KIND_VEC); }
static inline bool is_list(val v) { return is_kind(v, RT_KIND_LIST); }
static inline bool is_seq(val v) { return is_vec(v) || is_list(v); }
static inline bool is_int(val v) { return is_int63(v) || is_kind(v, RT_KIND_INT); }
static inline bool is_float(val v) { return is_kind(v, RT_KIND_FLOAT); }
static inline bool is_number(val v) { return is_int(v) || is_float(v); }
static inline val boolean(bool b) { return b ? TRUE : FALSE; }
static inline int64_t int_of(val v) { return is_int63(v) ? (int64_t)v >> 1 : OF(int_obj, v)->number; }
static inline double float_of(val v) { return OF(float_obj, v)->number; }
static inline double number_of(val v) { return is_int(v) ? (double)int_of(v) : float_of(v); }

/* ---- memory.c */
static void *alloc(uint64_t size);

/* Copies inline: in Wasm a call of memcpy takes longer than most of what is copied here. */
static inline void copy_words(val *restrict to, const val *restrict from, uint32_t n);
static inline void copy_bytes(char *restrict to, const char *restrict from, uint32_t n);
static inline bool same_bytes(const char *a, const char *b, uint32_t n);

/* Ops whose time grows faster than their arguments say how much they do; beyond the deadline this traps. */
static inline void worked(uint32_t more);

/* A stack of values that grows on the heap; `release` gives back what it took if nothing came after. */
typedef struct { val *items; uint32_t count, capacity; val first[48]; } work_stack;
static void work_init(work_stack *w);
static void work_push(work_stack *w, val v);

/* ---- names.c */
static val intern(int kind, const char *bytes, uint32_t size);
static val keyword(const char *text);

/* ---- strings.c */
static val str_new(const char *bytes, uint64_t size);
static val str_literal(const char *text);
static uint32_t str_hash(str_obj *s);
static bool str_equal(str_obj *a, str_obj *b);
static int str_compare(str_obj *a, str_obj *b);
static uint32_t count_chars(const char *bytes, uint32_t size);
static uint32_t char_offset(str_obj *s, uint32_t index);
static uint32_t char_size(unsigned char first);
static val str_chars(val text);

/* ---- print.c: text that is being written; it moves when it has to grow. wide: not ASCII alone, perhaps */
typedef struct { ref object; uint32_t size, capacity; bool wide; } text_out;
static void out_init(text_out *out, uint32_t expected);
static void out_bytes(text_out *out, const char *bytes, uint32_t size);
static void out_text(text_out *out, const char *text);
static val out_done(text_out *out);
static void print(text_out *out, val v, bool escape);

/* ---- error.c: all return ERR */
static val type_error(const char *operation, const char *expected, val actual);
static val raise_text(int kind, const char *text);
static val invalid(const char *text);
static val index_error(int64_t index, uint32_t length);
static val overflow_error(int operation, const val *args, uint32_t n);
static val make_error(uint32_t kind, val message, val data, val type);
static val type_name(val v);

/* ---- seq.c. `since`: nodes at or above this ref are new and may be changed in place */
enum { SHARED = 0xFFFFFFFFu };
static void trie_push(seq_obj *s, val item, ref since);
static void trie_set(seq_obj *s, uint32_t index, val item, ref since);
static val *seq_chunk(seq_obj *s, uint32_t index, uint32_t *run); /* items from `index` on that lie together */
static inline val seq_get(seq_obj *s, uint32_t index);
static val seq_new(int kind, const val *items, uint64_t n);
static val seq_as(val seq, int kind);
static val seq_slice(val seq, uint32_t from, uint32_t to, int kind);
static void seq_copy_out(seq_obj *s, val *out);
static val builder_new(void);
static void builder_push(val builder, val item);
static val *builder_room(val builder, uint32_t *room);
static void builder_used(val builder, uint32_t n);
static void builder_extend(val builder, val seq);
static val builder_done(val builder, int kind);

/* ---- map.c */
static val map_from(const val *pairs, uint32_t n); /* n keys and values in turn, keys known to be good */
static bool map_key_ok(val key);
static val *map_find(val map, val key); /* place of the value, or NULL */
static val map_put(val map, val key, val value, ref since);
static val map_remove(val map, val key);
static uint32_t map_next(val map, uint32_t at, entry *out); /* 0 at the end, else where to go on */
static inline val map_get(val map, val key, val otherwise);
#define EACH_ENTRY(map, e) for (uint32_t at_ = 0; (at_ = map_next(map, at_, &(e))) != 0;)

/* ---- equality.c */
static bool equal(val a, val b);
static uint32_t hash_key(val key);
static uint32_t hash_any(val v, int depth);
static int compare(val a, val b);
static int compare_numbers(val a, val b); /* 2: not comparable (NaN) */

/* ---- numbers.c */
static val box_large(int64_t number);
static inline val box_int(int64_t n) {
    return likely(n >= -(1ll << 62) && n < 1ll << 62) ? (uint64_t)n << 1 | 1 : box_large(n);
}
static bool parse_int_text(const char *text, uint32_t size, int64_t *out);
static bool parse_float_text(const char *text, uint32_t size, double *out);
static void trim_range(str_obj *s, uint32_t *from, uint32_t *to);
static int64_t float_to_int(double x);
static void print_float(text_out *out, double x, bool plain);

/* ---- power.c */
static double power(double x, double y);

/* floattext.zig */
uint32_t floattext_digits(double value, char *digits, int32_t *exponent);
double floattext_parse(const char *text, uint32_t length);
double floattext_rem(double a, double b);
