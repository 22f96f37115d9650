# A store with one `rt` instance and one module linked to it.
#
# Invariants: every call into Wasm happens between `enter` and `leave` with the GIL held, on the thread
# `owner`; `depth` counts entries that have not left (host functions may call back in). An Entry is what
# `leave` restores. Nothing read from the memory is trusted: a module can write all of it.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from runtime.values cimport layout
from runtime.values.transit cimport Writer
from runtime.wasm.capi cimport Api, api, wt_extern, wt_func, wt_global, wt_instance, wt_memory, wt_raw
from runtime.wasm.engine cimport Code, Engine
from runtime.wasm.ticker cimport rtfsc_ticker_enter, rtfsc_ticker_leave, ticker, wake

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident() noexcept


cdef struct Entry:
    uint32_t hp         # start of the region of this entry
    uint32_t fresh      # symbols interned before it
    int32_t budget      # DEPTH
    int32_t stack       # C stack pointer of rt
    Py_ssize_t made     # function handles made before it
    Py_ssize_t hosts    # host functions granted before it
    uint32_t collections    # before it
    uint32_t roots      # top of the stack of roots


cdef class Machine:
    cdef object __weakref__
    cdef void *store
    cdef void *context
    cdef char *base
    cdef int depth
    cdef unsigned long owner
    cdef uint64_t started, allowed_ns, fuel
    cdef bint stale              # closed, or closed handles hold memory still
    cdef bint timed_out, counts_fuel, ready
    cdef void *profiler          # NULL: no profile is taken
    cdef uint64_t sampled        # when the last sample was taken
    cdef uint64_t patience       # when rt_reset must be done, by the clock of the thread; 0: it is not running
    cdef bint broken             # rt_reset did not end: the module destroyed what rt keeps
    cdef Py_ssize_t made, live, kept_hosts
    cdef list hosts
    cdef list dropped            # handles that were closed
    cdef wt_func f_encode, f_decode, f_buffer, f_reset, f_evacuate, f_handle, f_handle_value, f_handle_close, f_apply
    cdef bint can_apply
    cdef bint own_rt             # a standalone file: rt and the module are one instance
    cdef wt_memory memory
    cdef wt_global stack_pointer
    cdef int32_t stack_now       # C stack pointer of rt at the last entry from the host
    cdef wt_instance rt, user
    cdef object pending
    cdef Code code, rt_code
    cdef tuple libraries         # (name, code) of the modules that this one links to
    cdef wt_instance *linked     # their instances, of which so many are there
    cdef Py_ssize_t ready_libraries, started_libraries
    cdef readonly object limits
    cdef public object spans
    cdef public object locate    # byte offsets in the module to `Frame`s; None: not known
    cdef public object host      # performs the operation ``host``; None: denies everything

    cdef int enter_slowly(self) except -1
    cdef void leave_slowly(self, Entry *entry) noexcept
    cdef void restore(self, Entry *entry) noexcept
    cdef int invoke(self, const wt_func *func, wt_raw *slots, size_t count) except -1
    cdef int wake(self) except -1
    cdef int fail(self, void *error, void *trap) except -1
    cdef int lookup(self, const wt_instance *instance, str name, wt_extern *found) except -1
    cdef int bind(self, str name, tuple params, tuple results, wt_func *out) except -1
    cdef int bind_rt(self, str name, tuple params, tuple results, wt_func *out) except -1
    cdef uint64_t box(self, object value, Py_ssize_t argument, object shape) except? 10
    cdef object unbox(self, uint64_t value)
    cdef object take_error(self)
    cdef object host_call(self, int32_t handle, uint64_t arguments)
    cdef object host_operation(self, uint64_t operation, uint64_t arguments)
    cdef int32_t hold(self, uint64_t value) except -1
    cdef void drop_handle(self, int32_t handle) noexcept

    cdef int _lookup_rt(self, str name, uint8_t kind, wt_extern *found) except -1
    cdef int _instantiate_module(self, Code code, wt_instance *out) except -1
    cdef int _bind_apply(self) except -1
    cdef int _resolve_link(self, str module, str name, wt_extern *out) except -1
    cdef int64_t _init(self, wt_instance *instance, list names) except? -1
    cdef int _resolve(self, str module, str name, wt_extern *out) except -1
    cdef int _instantiate(self, Code code, const wt_extern *imports, size_t count, wt_instance *out) except -1
    cdef bint _get(self, const wt_instance *instance, str name, wt_extern *found) except -1
    cdef int _bind(self, wt_instance *instance, str name, tuple params, tuple results, wt_func *out) except -1
    cdef void _drop_region(self) noexcept
    cdef void _quietly(self, const wt_func *func, wt_raw *slots, size_t count) noexcept
    cdef object _trace(self, list active)
    cdef object _explain(self, uint8_t code, str text, str where)
    cdef char *_room(self, size_t size) except? NULL
    cdef size_t _end(self) noexcept
    cdef void _bump(self, size_t size) noexcept
    cdef uint64_t *_put_text(self, str value) except? NULL
    cdef uint64_t _send(self, object value, Py_ssize_t argument, object shape) except? 10
    cdef char *_copy_in(self, Writer *writer) except NULL
    cdef bint _inside(self, size_t ref, size_t size) noexcept
    cdef str _text(self, size_t ref, size_t size)
    cdef object _fetch(self, uint64_t value)
    cdef object _broken(self, str what)
    cdef object _outcome(self, wt_raw *slot)
    cdef void _keep(self, Entry *entry) noexcept


cdef class Function:
    cdef Machine machine
    cdef uint64_t boxed          # where it does not move: below MARK
    cdef int32_t handle          # else its place in the table of handles; -1: none
    cdef bint open
    cdef uint64_t _value(self) except? 10


cdef inline uint32_t *state(Machine m, uint32_t address) noexcept:
    return <uint32_t *>(m.base + address)


cdef inline int enter(Machine m, Entry *entry) except -1:
    if m.depth or m.stale:
        m.enter_slowly()
    if m.depth == 0:
        if rtfsc_ticker_enter(ticker):
            m.wake()
        m.owner = PyThread_get_thread_ident()
        m.started = 0
        if m.counts_fuel:
            api.wasmtime_context_set_fuel(m.context, m.fuel)
    m.depth += 1
    entry.hp = state(m, layout.STATE_HP)[0]
    entry.fresh = state(m, layout.STATE_FRESH)[0]
    entry.budget = <int32_t>state(m, layout.STATE_DEPTH)[0]
    entry.stack = m.stack_now
    entry.made = m.made
    entry.hosts = len(m.hosts)
    entry.collections = state(m, layout.STATE_COLLECTIONS)[0]
    entry.roots = state(m, layout.STATE_ROOTS)[0]
    return 0


cdef inline void leave(Machine m, Entry *entry) noexcept:
    m.depth -= 1
    if m.depth == 0:
        rtfsc_ticker_leave(ticker)
    if (state(m, layout.STATE_FRESH)[0] == entry.fresh and m.made == entry.made
            and state(m, layout.STATE_COLLECTIONS)[0] == entry.collections):
        state(m, layout.STATE_HP)[0] = entry.hp
        if len(m.hosts) > entry.hosts:
            del m.hosts[entry.hosts:]
    else:
        m.leave_slowly(entry)
