/* Memory that is bumped and given back as a whole after a run, and checked 64-bit integers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define EXPORT __attribute__((visibility("default")))
#ifdef __clang__
#define NO_TAIL_CALLS __attribute__((disable_tail_calls)) /* else one call of fib becomes a loop */
#else
#define NO_TAIL_CALLS
#endif
#define BARRIER(x) __asm__ volatile("" : "+r"(x)) /* else a sum becomes a closed form */

#ifdef __wasm__
void *memcpy(void *restrict to, const void *restrict from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
extern char __heap_base;
#else
#include <string.h>
#include <sys/mman.h>
#endif

static char *heap_at, *heap_end, *heap_start;

static __attribute__((noinline)) void heap_grow(size_t size) {
#ifdef __wasm__
    if (!heap_start) {
        heap_start = heap_at = (char *)(((uintptr_t)&__heap_base + 7) & ~(uintptr_t)7);
        heap_end = (char *)(__builtin_wasm_memory_size(0) * 65536);
    }
    if (size > (size_t)(heap_end - heap_at)) {
        size_t pages = size / 65536 + 64;
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) __builtin_trap();
        heap_end += pages * 65536;
    }
#else
    if (heap_start) __builtin_trap();
    size_t all = (size_t)4 << 30;
    heap_start = heap_at = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    heap_end = heap_start + all;
    if (heap_start == MAP_FAILED || size > all) __builtin_trap();
#endif
}

static inline void *allocate(size_t size) {
    size = (size + 7) & ~(size_t)7;
    if (unlikely(size > (size_t)(heap_end - heap_at))) heap_grow(size);
    void *at = heap_at;
    heap_at += size;
    return at;
}

static char *heap_mark(void) {
    if (!heap_start) heap_grow(0);
    return heap_at;
}

static inline int64_t add(int64_t a, int64_t b) {
    int64_t r;
    if (unlikely(__builtin_add_overflow(a, b, &r))) __builtin_trap();
    return r;
}
static inline int64_t sub(int64_t a, int64_t b) {
    int64_t r;
    if (unlikely(__builtin_sub_overflow(a, b, &r))) __builtin_trap();
    return r;
}
static inline int64_t mul(int64_t a, int64_t b) {
    int64_t r;
    if (unlikely(__builtin_mul_overflow(a, b, &r))) __builtin_trap();
    return r;
}
static inline int64_t mod(int64_t a, int64_t b) { return a % b; } /* of positive numbers here */
