/* Instances of the native build: a reserved region each, traps as jumps to the innermost rt_guarded. */
#include <setjmp.h>
#include <sys/mman.h>
#include "internal.h"

__thread char *rt_base __attribute__((tls_model("initial-exec"), visibility("hidden")));
static __thread jmp_buf *trap_target;

enum { GUARD = 65536 };

void rt_trap(int32_t kind) {
    STATE->trap = (uint32_t)kind + 1;
    if (!trap_target) __builtin_trap();
    longjmp(*trap_target, kind + 1);
}

void rt_bug(void) {
    rt_trap(RT_ERRKIND_INTERNAL_ERROR);
    __builtin_unreachable();
}

int rt_guarded(rt_body body, void *arg) {
    jmp_buf here, *outer = trap_target;
    char *base = rt_base;
    int trap = setjmp(here);
    if (trap == 0) {
        trap_target = &here;
        body(arg);
    }
    trap_target = outer;
    rt_base = base;
    return trap;
}

char *rt_enter(char *base) {
    char *former = rt_base;
    rt_base = base;
    return former;
}

static void init_body(void *unused) {
    (void)unused;
    rt_init();
}

char *rt_instance_new(uint32_t max_bytes) {
    uint32_t max = max_bytes > TOP ? TOP : max_bytes & ~7u;
    if (max < RT_LIMITS_DATA_BASE + GUARD) return NULL;
    char *base = mmap(NULL, (size_t)max + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return NULL;
    char *former = rt_enter(base);
    STATE->max = max;
    int trap = rt_guarded(init_body, NULL);
    rt_enter(former);
    if (!trap) return base;
    munmap(base, (size_t)max + GUARD);
    return NULL;
}

void rt_instance_free(char *base) {
    munmap(base, (size_t)((state_block *)(base + RT_STATE_HP))->max + GUARD);
}
