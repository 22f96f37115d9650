/* Allocation, the state block, the instance's life. */
#include "internal.h"

/* What is kept free for the collector's bitmap and stack, so that it can work when all else is taken. */
static uint32_t most(void) { return (STATE->max - STATE->max / 512 * 12 - 65536) & ~7u; }

#ifdef __wasm__
extern char __heap_base;
enum { PAGE = 65536 };

void rt_trap(int32_t kind) {
    STATE->trap = (uint32_t)kind + 1;
    __builtin_trap();
}

void rt_bug(void) { __builtin_trap(); }

/* Makes memory usable up to `end` (exclusive); false at the limit. */
static bool commit(uint64_t end) {
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    if (end > have) {
        uint64_t want = end + end / 4 < STATE->max ? end + end / 4 : end; /* fewer calls, never beyond MAX */
        uint32_t pages = (uint32_t)((want - have + PAGE - 1) / PAGE);
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) {
            pages = (uint32_t)((end - have + PAGE - 1) / PAGE);
            if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) return false;
        }
        have = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    }
    STATE->limit = have < most() ? (uint32_t)have : most();
    return true;
}

static ref heap_start(void) { return (RT_REF(&__heap_base) + 7) & ~7u; }
#else
static bool commit(uint64_t end) { return end <= STATE->max; }
static ref heap_start(void) { return RT_LIMITS_DATA_BASE; }
#endif

/* The most that fits a ref: the last page stays unused, so that no sum with a small offset wraps. */
enum { TOP = 0xFFFF0000u };

static __attribute__((noinline)) ref alloc_slow(uint64_t size) {
    uint64_t end = STATE->hp + size;
    if (end > most() || !commit(end)) rt_trap(RT_ERRKIND_MEMORY_LIMIT);
    ref at = STATE->hp;
    STATE->hp = (uint32_t)end;
    return at;
}

static inline ref alloc_ref(uint64_t size) {
    state_block *state = STATE;
    size = (size + 7) & ~7ull;
    if (unlikely(size > state->limit - state->hp)) return alloc_slow(size);
    ref at = state->hp;
    state->hp = at + (uint32_t)size;
    return at;
}

static inline void *alloc(uint64_t size) { return RT_AT(alloc_ref(size)); }

enum { INLINE_COPY = 256 }; /* bytes; beyond, memcpy is as good */

static __attribute__((noinline)) void copy_many(void *restrict to, const void *restrict from, uint32_t bytes) {
    memcpy(to, from, bytes);
}

static inline void copy_words(val *restrict to, const val *restrict from, uint32_t n) {
    if (unlikely(n > INLINE_COPY / sizeof(val))) copy_many(to, from, n * (uint32_t)sizeof(val));
    else
        for (uint32_t i = 0; i < n; i++) to[i] = from[i];
}

static inline void copy_bytes(char *restrict to, const char *restrict from, uint32_t n) {
    if (unlikely(n > INLINE_COPY)) {
        copy_many(to, from, n);
        return;
    }
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) __builtin_memcpy(to + i, from + i, 8);
    if (n & 4) __builtin_memcpy(to + i, from + i, 4), i += 4;
    if (n & 2) __builtin_memcpy(to + i, from + i, 2), i += 2;
    if (n & 1) to[i] = from[i];
}

static inline bool same_bytes(const char *a, const char *b, uint32_t n) {
    uint32_t i = 0;
    uint64_t x, y;
    for (; i + 8 <= n; i += 8) {
        __builtin_memcpy(&x, a + i, 8);
        __builtin_memcpy(&y, b + i, 8);
        if (x != y) return false;
    }
    for (; i < n; i++)
        if (a[i] != b[i]) return false;
    return true;
}

ref rt_alloc(uint32_t size) { return alloc_ref(size); }
ref rt_buffer(uint32_t size) { return alloc_ref(size); }

static void init_errors(void);
static void init_names(void);
static void plan(void);

void rt_init(void) {
    state_block *state = STATE;
    if (state->max == 0 || state->max > TOP) state->max = TOP;
    if (state->max < heap_start() + 2 * 65536) rt_trap(RT_ERRKIND_MEMORY_LIMIT);
    state->hp = heap_start();
#ifdef __wasm__
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    state->limit = have < most() ? (uint32_t)have : most();
#else
    state->limit = most();
#endif
    if (state->limit < state->hp) rt_trap(RT_ERRKIND_MEMORY_LIMIT);
    state->depth = RT_LIMITS_STACK_BUDGET;
    init_names();
    init_errors();
    state->roots = RT_LIMITS_ROOTS_BASE;
    rt_settle();
}

enum { WORK_BETWEEN_LOOKS = 1 << 18 };

#ifdef __wasm__ /* the engine interrupts */
static inline void worked(uint32_t more) { (void)more; }
#else
static int (*interrupted)(void);

void rt_on_look(int (*ask)(void)) { interrupted = ask; }

static __attribute__((noinline)) void look_at_clock(void) {
    struct timespec now;
    STATE->work = 0;
    if (interrupted && interrupted()) rt_trap(RT_INTERRUPTED);
    if (!STATE->deadline) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec * 1000000000ll + now.tv_nsec >= STATE->deadline) rt_trap(RT_ERRKIND_DEADLINE_EXCEEDED);
}

static inline void worked(uint32_t more) {
    state_block *state = STATE;
    state->work += more;
    if (unlikely(state->work > WORK_BETWEEN_LOOKS)) look_at_clock();
}
#endif

static void work_init(work_stack *w) {
    w->items = w->first;
    w->count = 0;
    w->capacity = sizeof w->first / sizeof *w->first;
}

static __attribute__((noinline)) void work_grow(work_stack *w) {
    val *larger = alloc((uint64_t)w->capacity * 4 * sizeof(val));
    __builtin_memcpy(larger, w->items, w->count * sizeof(val));
    w->items = larger;
    w->capacity *= 4;
}

static inline void work_push(work_stack *w, val v) {
    if (unlikely(w->count == w->capacity)) work_grow(w);
    w->items[w->count++] = v;
}
