/* Regular expressions: a pattern becomes code for a machine that follows all alternatives at once, so that
 * time is linear in the text. Syntax and meaning are RE2's (docs/text.md): the leftmost match, of those the
 * one that the pattern prefers. */
#pragma once
#include "internal.h"
#include "regex_table.h"

enum {
    RE_MAX_BYTES = 100000, /* of a pattern */
    RE_MAX_CODE = 10000,   /* instructions */
    RE_MAX_RANGES = 50000, /* of all its classes */
    RE_MAX_REPEAT = 1000,
    RE_MAX_NESTING = 250,
    RE_LAST_CHAR = 0x10FFFF,
};

typedef enum { RE_CHAR, RE_CLASS, RE_ANY, RE_ANY_IN_LINE, RE_SPLIT, RE_JUMP, RE_ASSERT, RE_MATCH } re_op;
typedef enum { AT_TEXT_START, AT_TEXT_END, AT_LINE_START, AT_LINE_END, AT_WORD_EDGE, NOT_AT_WORD_EDGE } re_place;

/* Distances are relative, so that code can be moved and copied. CHAR: x the code point. CLASS: x the ref of
 * its set. SPLIT: on at x, else at y. JUMP: on at x. ASSERT: x a re_place. */
typedef struct { int32_t op, x, y; } re_inst;

/* A set of code points: those below 128 as bits, and all as ranges in order. */
typedef struct { uint32_t low[4], count; code_range ranges[]; } re_set;

typedef struct { uint32_t pc, start; } re_thread;
typedef struct { re_thread *threads; uint32_t count; } re_threads;

/* A compiled pattern and the room to run it. */
typedef struct {
    val pattern;
    uint32_t size;  /* instructions */
    uint32_t round; /* value in `seen` that means: added to the list that is being made */
    bool anchored;  /* can only match at the start of the text */
    bool skips;     /* a match starts with a byte in `first` */
    uint8_t first[256];
    ref code, seen, stack, lists[2];
} re_program;

/* What is being compiled. The code of a group, of its last alternative and of the last atom are at the end
 * of `code`, in this order from the outside in. */
typedef struct { uint32_t start, branch, flags, opened; int32_t jumps; } re_group; /* jumps: the last one to its end, or -1 */
typedef struct {
    const char *text;
    uint32_t length, at;
    re_inst *code;
    uint32_t size, capacity, flags, ranges, depth;
    int32_t atom; /* where the code of the last atom starts, -1: there is none to repeat */
    bool repeated; /* the last atom has its repetition */
    code_range *set; /* the class that is being read */
    uint32_t set_count, set_capacity;
    const char *fault;
    uint32_t fault_at;
    re_group groups[RE_MAX_NESTING + 1];
} re_compiler;

enum { FLAG_FOLD = 1, FLAG_LINES = 2, FLAG_DOT_ALL = 4, FLAG_SWAP_GREED = 8 };

/* regex_class.c */
static void set_clear(re_compiler *c);
static void set_add(re_compiler *c, uint32_t first, uint32_t last);
static void set_add_folded(re_compiler *c, uint32_t first, uint32_t last);
static ref set_done(re_compiler *c, bool negated);
static bool set_has(const re_set *set, uint32_t ch);
static bool read_class_escape(re_compiler *c); /* \d \pL …, which `at` stands before; false if it is none */
static ref read_class(re_compiler *c);         /* after [; its set */
/* regex_compile.c */
static bool fault(re_compiler *c, const char *what, uint32_t at);
static uint32_t take_char(re_compiler *c);
static bool read_escaped_char(re_compiler *c, uint32_t *out); /* after the backslash */
static re_program *re_compile(re_compiler *c, val pattern);
/* regex_match.c */
static bool re_search(re_program *p, str_obj *text, uint32_t from, bool any, uint32_t *start, uint32_t *end);
/* regex.c */
static re_program *pattern_of(val pattern); /* NULL: an error is pending */
