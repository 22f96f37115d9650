# cython: language_level=3
"""A thread in C, because a Python thread cannot run while a call holds the GIL.

It starts with the first call, sleeps when nothing has been active for a while, and is started again
in the child of a fork."""

cdef extern from *:
    """
    #include <errno.h>
    #include <pthread.h>
    #include <signal.h>
    #include <time.h>

    #define TICK_NS 2000000L
    #define IDLE_TICKS 50
    #define MAX_ENGINES 8

    typedef void (*increment_fn)(void *);

    static rtfsc_ticker shared = {0, 1};
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t awake = PTHREAD_COND_INITIALIZER;
    static int running = 0;
    static void *engines[MAX_ENGINES];
    static atomic_int engine_count;
    static increment_fn increment;

    static void nap(void) {
        pthread_mutex_lock(&lock);
        atomic_store(&shared.asleep, 1);
        while (atomic_load(&shared.active) == 0) pthread_cond_wait(&awake, &lock);
        atomic_store(&shared.asleep, 0);
        pthread_mutex_unlock(&lock);
    }

    static void *tick(void *unused) {
        struct timespec period = {0, TICK_NS};
        int idle = 0;
        for (;;) {
            nanosleep(&period, NULL);
            idle = atomic_load(&shared.active) > 0 ? 0 : idle + 1;
            if (idle > IDLE_TICKS) { nap(); idle = 0; continue; }
            int n = atomic_load(&engine_count);
            for (int i = 0; i < n; i++) increment(engines[i]);
        }
        return unused;
    }

    static void after_fork(void) {
        pthread_mutex_init(&lock, NULL);
        pthread_cond_init(&awake, NULL);
        running = 0;
        atomic_store(&shared.asleep, 1);
    }

    static int start(void) {
        pthread_t thread;
        pthread_attr_t attributes;
        sigset_t all, before;
        /* Signals stay with Python's threads. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int error = pthread_create(&thread, &attributes, tick, NULL);
        pthread_attr_destroy(&attributes);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!error) { running = 1; atomic_store(&shared.asleep, 0); }
        return error;
    }

    static int rouse(void) {
        int error = 0;
        pthread_mutex_lock(&lock);
        if (running) pthread_cond_signal(&awake);
        else error = start();
        pthread_mutex_unlock(&lock);
        return error;
    }

    static int add_engine(void *engine, increment_fn f) {
        int n = atomic_load(&engine_count);
        if (n == MAX_ENGINES) return ENOSPC;
        if (n == 0) pthread_atfork(NULL, NULL, after_fork);
        increment = f;
        engines[n] = engine;
        atomic_store(&engine_count, n + 1);
        return 0;
    }
    """
    rtfsc_ticker shared
    int rouse() noexcept nogil
    int add_engine(void *, void (*)(void *) noexcept nogil) noexcept nogil

ticker = &shared


cdef int wake() except -1:
    """Starts or wakes the thread; called where `rtfsc_ticker_enter` says so."""
    if rouse():
        raise RuntimeError("cannot start the thread that enforces deadlines")
    return 0


cdef int watch(void *engine, void (*increment)(void *) noexcept nogil) except -1:
    """Ticks this engine from now on. Engines live as long as the process."""
    if add_engine(engine, increment):
        raise RuntimeError("too many Wasm engines")
    return 0
