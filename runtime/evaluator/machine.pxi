# State of the register machine of one instance, and what its loop calls out for.

cdef extern from *:
    """
    #include "generated/primitives.h"
    #include <time.h>
    typedef uint64_t (*rtfsc_n)(uint64_t *, uint32_t);
    typedef uint64_t (*rtfsc_0)(void);
    typedef uint64_t (*rtfsc_f)(double);
    typedef uint64_t (*rtfsc_ff)(double, double);
    typedef uint64_t (*rtfsc_ii)(int64_t, int64_t);
    typedef uint64_t (*rtfsc_v)(uint64_t);
    typedef uint64_t (*rtfsc_vi)(uint64_t, int64_t);
    typedef uint64_t (*rtfsc_vib)(uint64_t, int64_t, int32_t);
    typedef uint64_t (*rtfsc_vii)(uint64_t, int64_t, int64_t);
    typedef uint64_t (*rtfsc_vv)(uint64_t, uint64_t);
    typedef uint64_t (*rtfsc_vvi)(uint64_t, uint64_t, int64_t);
    typedef uint64_t (*rtfsc_vvv)(uint64_t, uint64_t, uint64_t);
    typedef double (*rtfsc_v_float)(uint64_t);
    typedef int32_t (*rtfsc_v_bool)(uint64_t);
    typedef int64_t (*rtfsc_v_int)(uint64_t);
    typedef int32_t (*rtfsc_vv_bool)(uint64_t, uint64_t);
    typedef int64_t (*rtfsc_vv_int)(uint64_t, uint64_t);

    static inline int rtfsc_add(int64_t a, int64_t b, int64_t *r) { return __builtin_add_overflow(a, b, r); }
    static inline int rtfsc_sub(int64_t a, int64_t b, int64_t *r) { return __builtin_sub_overflow(a, b, r); }
    static inline int rtfsc_mul(int64_t a, int64_t b, int64_t *r) { return __builtin_mul_overflow(a, b, r); }
    static inline int64_t rtfsc_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }
    /* Truncates and saturates; NaN is 0. */
    static inline int64_t rtfsc_to_int(double x) {
        if (!(x == x)) return 0;
        if (x >= 9223372036854775808.0) return INT64_MAX;
        if (x < -9223372036854775808.0) return INT64_MIN;
        return (int64_t)x;
    }
    """
    ctypedef uint64_t (*rtfsc_n)(uint64_t *, uint32_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_0)() noexcept nogil
    ctypedef uint64_t (*rtfsc_f)(double) noexcept nogil
    ctypedef uint64_t (*rtfsc_ff)(double, double) noexcept nogil
    ctypedef uint64_t (*rtfsc_ii)(int64_t, int64_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_v)(uint64_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_vi)(uint64_t, int64_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_vib)(uint64_t, int64_t, int32_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_vii)(uint64_t, int64_t, int64_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_vv)(uint64_t, uint64_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_vvi)(uint64_t, uint64_t, int64_t) noexcept nogil
    ctypedef uint64_t (*rtfsc_vvv)(uint64_t, uint64_t, uint64_t) noexcept nogil
    ctypedef double (*rtfsc_v_float)(uint64_t) noexcept nogil
    ctypedef int32_t (*rtfsc_v_bool)(uint64_t) noexcept nogil
    ctypedef int64_t (*rtfsc_v_int)(uint64_t) noexcept nogil
    ctypedef int32_t (*rtfsc_vv_bool)(uint64_t, uint64_t) noexcept nogil
    ctypedef int64_t (*rtfsc_vv_int)(uint64_t, uint64_t) noexcept nogil
    ctypedef void (*rtfsc_primitive)() noexcept nogil
    const rtfsc_primitive *rtfsc_primitives
    const int RTFSC_PRIMITIVES
    bint rtfsc_add(int64_t a, int64_t b, int64_t *r) noexcept nogil
    bint rtfsc_sub(int64_t a, int64_t b, int64_t *r) noexcept nogil
    bint rtfsc_mul(int64_t a, int64_t b, int64_t *r) noexcept nogil
    int64_t rtfsc_now() noexcept nogil
    int64_t rtfsc_to_int(double x) noexcept nogil
    double fabs(double x) noexcept nogil


cdef extern from "<sys/mman.h>" nogil:
    int madvise(void *address, size_t length, int advice)
    const int MADV_DONTNEED


cdef union Slot:
    int64_t i
    uint64_t v
    double f
    int32_t *code


cdef struct Code:
    int32_t *code
    int32_t slots
    uint32_t arity      # fixed parameters and flags


cdef struct ClosureInfo:
    uint32_t arity
    int32_t function
    ref info
    uint64_t value      # the static closure of a function without captures


cdef enum:
    CHUNK = 256         # calls and loop rounds between two looks at clock and fuel
    STACK_SLOTS = 1 << 12
    SLACK = 16          # slots behind the end, for what comes before a check
    MOST_SLOTS = 1 << 25
    SIGNAL_NS = 10000000    # between two looks for signals and other threads: longer than a thread waits
                            # before it asks for the lock, else it would never get it
    PAGE = 1 << 16      # at least one of any system
    LARGE_REGION = 1 << 25  # bytes; larger ones are given back to the system after a call
    MANY_FRAMES = 1000  # beyond which even tests of the collector do not collect at every poll
    WORTH_COLLECTING = 1 << 16  # bytes of garbage between two globals, as in rt
    FRAME = 2           # slots of a window before the callee's slot 0
    THE_HOST = 0xFFFFFFFF   # instead of a handle: the operation ``host``
    ENDED = 1           # how a run ended
    RAISED = 2          # the pending error of the instance
    LIMIT = 3           # Machine.limit is the kind
    PYTHON = 4          # a Python exception, kept by the instance


cdef struct Suspended:    # a frame that waits for the host
    Py_ssize_t frame        # its slot on the stack
    Py_ssize_t at           # its instruction
    Suspended *outer


cdef struct Machine:
    char *memory
    Slot *stack
    Slot *end           # of the stack
    Slot *top           # where the next entry may start
    Code *functions
    int32_t *code
    int32_t *sites
    int32_t *handlers
    int32_t *roots      # by word of the code: where its slots are listed
    int32_t *listed     # slots that collections look at: the number of them, then they
    Suspended *suspended
    uint64_t *constants
    Slot *globals
    char *known         # which globals are set
    ClosureInfo *closures
    int32_t depth
    int32_t ticks
    int32_t chunk
    int32_t limit
    int64_t fuel        # -1: none
    int64_t deadline    # 0: none
    int64_t signals     # when to look again
    uint64_t result
    PyObject *instance


cdef inline uint32_t u32_at(Machine *m, uint64_t reference, int offset) noexcept nogil:
    return (<uint32_t *> (m.memory + <uint32_t> reference + offset))[0]


cdef inline uint32_t state_u32(char *memory, int field) noexcept nogil:
    return (<uint32_t *> (memory + field))[0]


cdef inline uint64_t pending(char *memory) noexcept nogil:
    return (<uint64_t *> (memory + layout.STATE_ERROR))[0]


cdef inline bint is_ref(uint64_t v) noexcept nogil:
    return v != 0 and (v & 7) == 0


cdef inline bint falsy(uint64_t v) noexcept nogil:
    return (v & ~<uint64_t> 2) == 0


cdef inline uint64_t box_int(int64_t n) noexcept nogil:
    cdef int64_t shifted
    if rtfsc_add(n, n, &shifted):
        return rt_box_int(n)
    return <uint64_t> shifted | 1


cdef inline int64_t unbox_int(uint64_t v) noexcept nogil:
    return (<int64_t> v) >> 1 if v & 1 else rt_unbox_int(v)


cdef inline uint64_t box_bool(bint b) noexcept nogil:
    return 2 | <uint64_t> b << 2


cdef inline int32_t kind_mask(Machine *m, uint64_t v) noexcept nogil:
    """The bit of `rtfsc.ir.types` of a value."""
    if v & 1:
        return 1 << 2
    return 1 << rt_kind(v)


cdef Slot *grow(Machine *m, Slot *frame, Py_ssize_t slots) noexcept nogil:
    """Room for ``slots`` above the frame, which moves: answers where it is then, NULL if there is no more."""
    cdef Py_ssize_t at = frame - m.stack, top = m.top - m.stack
    cdef Py_ssize_t size = 2 * (m.end - m.stack)
    while size < at + slots:
        size *= 2
    if size > MOST_SLOTS:
        return NULL
    cdef Slot *stack = <Slot *> realloc(m.stack, (size + SLACK) * sizeof(Slot))
    if stack == NULL:
        return NULL
    m.stack, m.end, m.top = stack, stack + size, stack + top
    return stack + at


cdef int poll(Machine *m) noexcept nogil:
    """Fuel, deadline, signals: after every `CHUNK` calls and loop rounds. Answers how the run ends, 0 = not."""
    cdef int64_t now = rtfsc_now()
    if m.fuel >= 0:
        m.fuel -= m.chunk
        if m.fuel <= 0:
            m.fuel = 0
            m.limit = layout.ERRKIND_FUEL_EXHAUSTED
            return LIMIT
    start_chunk(m)
    m.ticks -= 1        # the step that looks is the first of the next chunk
    if m.deadline and now >= m.deadline:
        m.limit = layout.ERRKIND_DEADLINE_EXCEEDED
        return LIMIT
    if now >= m.signals:
        m.signals = now + SIGNAL_NS
        return look_for_signals(m)
    return 0


cdef inline void start_chunk(Machine *m) noexcept nogil:
    m.chunk = <int32_t> m.fuel if 0 <= m.fuel < CHUNK else CHUNK
    m.ticks = m.chunk


cdef int look_for_signals(Machine *m) noexcept with gil:
    cdef int ended = 0
    try:
        PyErr_CheckSignals()
        check_stopped()
    except BaseException as error:
        (<Instance> m.instance).exception = error
        ended = PYTHON
    return ended


cdef int64_t each_root(Machine *m, Slot *fp, Py_ssize_t at, uint64_t *values, bint back, int64_t *frames) noexcept nogil:
    """Goes through the roots of all frames, from the instruction ``at`` of the innermost one: copies them to
    ``values``, or ``back``, unless it is NULL. Answers how many there are, and counts the frames."""
    cdef Suspended *outer = m.suspended
    cdef int64_t n = 0
    cdef int32_t *slots
    cdef int32_t *code
    cdef int32_t i
    frames[0] = 0
    while True:
        frames[0] += 1
        slots = m.listed + m.roots[at]
        for i in range(1, slots[0] + 1):
            if values != NULL:
                if back:
                    fp[slots[i]].v = values[n]
                else:
                    values[n] = fp[slots[i]].v
            n += 1
        code = (fp - FRAME).code
        if code != NULL:
            fp -= ((fp - 1).i >> 32) + FRAME
            at = code - m.code - 1
        elif outer != NULL:
            fp, at, outer = m.stack + outer.frame, outer.at, outer.outer
        else:
            return n


cdef void collect(Machine *m, Slot *fp, int32_t *pc) noexcept nogil:
    """Collects garbage; the registers of all frames are the roots."""
    cdef int64_t frames
    cdef int64_t n = each_root(m, fp, pc - m.code, NULL, False, &frames)
    cdef uint64_t *values = <uint64_t *> malloc((n + 1) * 8)
    if values == NULL:
        return
    each_root(m, fp, pc - m.code, values, False, &frames)
    rt_collect_values(values, <uint32_t> n)
    each_root(m, fp, pc - m.code, values, True, &frames)
    free(values)
    if frames > MANY_FRAMES and state_u32(m.memory, layout.STATE_STRESS):
        (<uint32_t *> (m.memory + layout.STATE_COLLECT_AT))[0] = (
            state_u32(m.memory, layout.STATE_HP) + <uint32_t> frames)


cdef inline bint wants_to_collect(Machine *m) noexcept nogil:
    return state_u32(m.memory, layout.STATE_HP) > state_u32(m.memory, layout.STATE_COLLECT_AT)


cdef void keep(Machine *m, Slot *fp, int32_t *pc) noexcept nogil:
    """As ``rt_keep``, with the registers as roots."""
    cdef uint32_t region = state_u32(m.memory, layout.STATE_HP) - state_u32(m.memory, layout.STATE_MARK)
    if region > WORTH_COLLECTING or state_u32(m.memory, layout.STATE_STRESS):
        collect(m, fp, pc)
    rt_settle()
