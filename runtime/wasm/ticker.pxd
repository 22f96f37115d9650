# The C thread that moves the epoch of every engine, so that code in Wasm looks up now and then.

cdef extern from *:
    """
    #ifndef RTFSC_TICKER_H
    #define RTFSC_TICKER_H
    #include <stdatomic.h>
    typedef struct {
        atomic_int active;  /* calls from the host that have not returned; changed under the GIL only */
        atomic_int asleep;  /* the thread does not tick, or there is none */
    } rtfsc_ticker;
    /* True where the thread must be woken. The store and the load are sequentially consistent, as are
       the thread's (asleep = 1, then load active), so no call starts unseen. */
    static inline int rtfsc_ticker_enter(rtfsc_ticker *t) {
        int active = atomic_load_explicit(&t->active, memory_order_relaxed);
        atomic_store(&t->active, active + 1);
        return atomic_load(&t->asleep);
    }
    static inline void rtfsc_ticker_leave(rtfsc_ticker *t) {
        int active = atomic_load_explicit(&t->active, memory_order_relaxed);
        atomic_store_explicit(&t->active, active - 1, memory_order_release);
    }
    #endif
    """
    ctypedef struct rtfsc_ticker:
        pass
    bint rtfsc_ticker_enter(rtfsc_ticker *) noexcept nogil
    void rtfsc_ticker_leave(rtfsc_ticker *) noexcept nogil

cdef rtfsc_ticker *ticker
cdef int wake() except -1
cdef int watch(void *engine, void (*increment)(void *) noexcept nogil) except -1
