# cython: language_level=3
"""Calls into one module: entering and leaving, limits, values, errors. See machine.pxd."""

cimport cython

from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.string cimport memcpy

from runtime.values cimport transit
from runtime.values.atoms cimport HostFunction, List
from runtime.wasm cimport capi
from runtime.wasm.capi cimport (
    EXTERN_FUNC, EXTERN_GLOBAL, EXTERN_MEMORY, VAL_I32, VAL_I64, take_bytes, wt_bytes, wt_profiled, wt_val,
    wt_vec,
)

from runtime.values.errors import Frame, RtfsError, error_class, error_from_value, error_parts, limit_error
from runtime.values.interruption import check as check_stopped
from runtime.values.limits import stress
from runtime.values.turns import Waiting
from runtime.host.access import host_of
from runtime.wasm.errors import BUILD_HINT, IMPORT_HINT, InstanceClosed, ModuleRejected

cdef extern from *:
    """
    #include <time.h>
    static uint64_t rtfsc_clock(clockid_t clock) {
        struct timespec t;
        clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    }
    static uint64_t rtfsc_now(void) { return rtfsc_clock(CLOCK_MONOTONIC); }
    static uint64_t rtfsc_cpu_now(void) { return rtfsc_clock(CLOCK_THREAD_CPUTIME_ID); }
    """
    uint64_t rtfsc_now() noexcept nogil
    uint64_t rtfsc_cpu_now() noexcept nogil

cdef extern from "Python.h":
    bint PyLong_CheckExact(object)
    bint PyFloat_CheckExact(object)
    bint PyUnicode_CheckExact(object)
    double PyFloat_AS_DOUBLE(object)
    const char *PyUnicode_AsUTF8AndSize(object, Py_ssize_t *) except NULL
    Py_ssize_t PyUnicode_GET_LENGTH(object)

cdef str PREFIX = "rtfs:"
"""Before the names of what `rt` exports in a standalone file."""

cdef str MODULES = "rtfs/"
"""Before the names of modules in the imports of those that link to them."""

RT_NAME = "rt"
"""What rt calls itself in its section ``name``."""
PRINT = "rt_str_pr"
"""The function of rt that gives a value's printed form."""

cdef enum:
    TICK_NS = 2000000       # as in ticker.pyx
    RESET_NS = 1000000000   # a second of this thread, for what takes microseconds
    TRAP_STACK_OVERFLOW = 0
    TRAP_OUT_OF_FUEL = 11

cdef uint64_t MAX_MEMORY = <uint64_t>0xFFFF0000


# --- limits -------------------------------------------------------------------------------------

cdef void *on_epoch(void *context, void *env, uint64_t *delta, uint8_t *kind) noexcept:
    """Runs every tick of a long call, with the GIL held as in all of the call."""
    cdef Machine m = <Machine>env
    cdef uint64_t now
    delta[0] = 1
    kind[0] = 0
    if m.patience:  # in rt_reset: no exception can leave from there
        return NULL if rtfsc_cpu_now() < m.patience else api.wasmtime_error_new(b"reset")
    now = rtfsc_now()
    if m.profiler != NULL:
        api.wasmtime_guestprofiler_sample(m.profiler, m.store, now - m.sampled)
        m.sampled = now
    if m.started == 0:
        m.started = now
    elif m.allowed_ns and now - m.started > m.allowed_ns:
        m.timed_out = True
        return api.wasmtime_error_new(b"deadline")
    try:
        PyErr_CheckSignals()
        check_stopped()
    except BaseException as error:
        m.pending = error
        return api.wasmtime_error_new(b"interrupted")
    return NULL


cdef void *on_host_call(void *env, void *caller, wt_raw *slots, size_t count) noexcept:
    """rtfs_host.call_host (handle i32, arguments val) -> val"""
    cdef Machine m = <Machine>env
    try:
        slots[0].i64 = <int64_t><uint64_t>m.host_call(slots[0].i32, <uint64_t>slots[1].i64)
        return NULL
    except BaseException as error:
        m.pending = error
        return api.wasmtime_trap_new(b"host", 4)


cdef void *on_host(void *env, void *caller, wt_raw *slots, size_t count) noexcept:
    """rtfs_host.host (operation val, arguments val) -> val"""
    cdef Machine m = <Machine>env
    try:
        slots[0].i64 = <int64_t><uint64_t>m.host_operation(<uint64_t>slots[0].i64, <uint64_t>slots[1].i64)
        return NULL
    except BaseException as error:
        m.pending = error
        return api.wasmtime_trap_new(b"host", 4)


cdef class Machine:
    """``rt_code`` and ``code`` are of one engine; ``rt_code`` is None for a standalone file, which brings
    its own. ``libraries``: (name, code) of the modules that it links to, those that others need first. Raises
    `ModuleRejected` where they do not fit together, and the limit's error where not even ``rt`` fits into
    ``limits.memory_bytes``."""

    def __cinit__(self, Code rt_code, Code code not None, limits, tuple libraries=()):
        self.code, self.rt_code, self.limits = code, rt_code, limits
        self.libraries = libraries
        self.linked = <wt_instance *>PyMem_Malloc(max(1, len(libraries)) * sizeof(wt_instance))
        if self.linked == NULL:
            raise MemoryError()
        self.hosts, self.dropped = [], []
        self.allowed_ns = <uint64_t>(limits.deadline_ms or 0) * 1000000
        self.counts_fuel = code.engine.fuel
        self.fuel = limits.fuel or 0
        self.store = api.wasmtime_store_new(code.engine.ptr, NULL, NULL)
        self.context = api.wasmtime_store_context(self.store)
        api.wasmtime_store_limiter(self.store, min(limits.memory_bytes, MAX_MEMORY), -1, -1, -1, -1)
        api.wasmtime_store_epoch_deadline_callback(self.store, on_epoch, <void *>self, NULL)
        api.wasmtime_context_set_epoch_deadline(self.context, 1)
        if self.counts_fuel:  # loading is not charged
            api.wasmtime_context_set_fuel(self.context, <uint64_t>1 << 62)
        self.own_rt = rt_code is None
        if self.own_rt:
            self._instantiate_module(code, &self.rt)
            self.user = self.rt
        else:
            self._instantiate(rt_code, NULL, 0, &self.rt)
        self._find_rt()
        cdef Entry entry
        enter(self, &entry)  # what follows may run code of the module
        if self.counts_fuel:
            api.wasmtime_context_set_fuel(self.context, <uint64_t>1 << 62)
        try:
            self._start_rt()
            self._keep(&entry)
            if not self.own_rt:
                self._link_libraries()
                self._instantiate_module(code, &self.user)
            self._bind_apply()
        except:
            self.restore(&entry)
            raise
        finally:
            leave(self, &entry)

    def start_profile(self):
        """From now on every tick takes a sample of what is active in this instance."""
        cdef wt_profiled modules[2]
        cdef wt_bytes names[2]
        names[0].data, names[0].size = <uint8_t *>b"rt", 2
        names[1].data, names[1].size = <uint8_t *>b"program", 7
        for i in range(2):
            modules[i].name = &names[i]
        modules[0].module, modules[1].module = self.rt_code.module, self.code.module
        self.sampled = rtfsc_now()
        self.profiler = api.wasmtime_guestprofiler_new(
            self.code.engine.ptr, &names[1], TICK_NS, modules, 2)

    def finish_profile(self):
        """The samples as JSON in the format of Firefox's profiler."""
        cdef wt_bytes out
        cdef void *profiler = self.profiler
        self.profiler = NULL
        cdef void *error = api.wasmtime_guestprofiler_finish(profiler, &out)
        if error != NULL:
            raise RuntimeError(capi.error_text(error))
        return take_bytes(&out)

    def __dealloc__(self):
        if self.profiler != NULL:
            api.wasmtime_guestprofiler_delete(self.profiler)
        if self.store != NULL:
            api.wasmtime_store_delete(self.store)
        PyMem_Free(self.linked)

    @property
    def memory_bytes(self):
        return state(self, layout.STATE_HP)[0] if self.base != NULL else 0

    def route(self, Py_ssize_t number, bint here):
        """Whether calls of the guarded function of this number stay here without asking the host."""
        if 0 <= number < layout.LIMITS_ROUTES and self.base != NULL:
            self.base[layout.STATE_ROUTES + number] = here

    def close(self):
        """Frees the memory. Later calls raise `InstanceClosed`."""
        if self.depth:
            raise RuntimeError("an instance cannot be closed while it runs")
        if self.store != NULL:
            api.wasmtime_store_delete(self.store)
        self.store = self.context = NULL
        self.base = NULL
        self.stale = True
        self.hosts = []

    def _find_rt(self):
        cdef wt_extern found
        cdef wt_val stack
        self._lookup_rt("memory", EXTERN_MEMORY, &found)
        self.memory = found.of.memory
        self.base = <char *>api.wasmtime_memory_data(self.context, &self.memory)
        self._lookup_rt("__stack_pointer", EXTERN_GLOBAL, &found)
        self.stack_pointer = found.of.var
        api.wasmtime_global_get(self.context, &self.stack_pointer, &stack)
        if stack.kind != VAL_I32:
            raise ModuleRejected("__stack_pointer is not of the expected type", "W004")
        self.stack_now = stack.of.i32

    def _start_rt(self):
        cdef wt_func init
        self.bind_rt("rt_init", (), (), &init)
        self.bind_rt("rt_reset", (), (), &self.f_reset)
        self.bind_rt("rt_evacuate", (), (), &self.f_evacuate)
        self.bind_rt("rt_handle", (VAL_I64,), (VAL_I32,), &self.f_handle)
        self.bind_rt("rt_handle_value", (VAL_I32,), (VAL_I64,), &self.f_handle_value)
        self.bind_rt("rt_handle_close", (VAL_I32,), (), &self.f_handle_close)
        self.bind_rt("rt_encode", (VAL_I64,), (VAL_I64,), &self.f_encode)
        self.bind_rt("rt_decode", (VAL_I32,), (VAL_I64,), &self.f_decode)
        self.bind_rt("rt_buffer", (VAL_I32,), (VAL_I32,), &self.f_buffer)
        state(self, layout.STATE_MAX)[0] = min(self.limits.memory_bytes, MAX_MEMORY)
        state(self, layout.STATE_STRESS)[0] = stress()
        self.invoke(&init, NULL, 0)

    cdef int _lookup_rt(self, str name, uint8_t kind, wt_extern *found) except -1:
        self.lookup(&self.rt, PREFIX + name if self.own_rt else name, found)
        if found.kind != kind:
            raise ModuleRejected(f"rt exports no {name}", "W004")
        return 0

    def _link_libraries(self):
        cdef Py_ssize_t i
        for i, (name, code) in enumerate(self.libraries):
            self._instantiate_module(code, &self.linked[i])
            self.ready_libraries = i + 1

    cdef int _instantiate_module(self, Code code, wt_instance *out) except -1:
        cdef wt_extern imports[512]
        cdef list wanted = code.imports()
        cdef Py_ssize_t i
        if len(wanted) > 512:
            raise ModuleRejected(f"the module has {len(wanted)} imports")
        for i, (module, name) in enumerate(wanted):
            self._resolve(module, name, &imports[i])
        return self._instantiate(code, imports, len(wanted), out)

    cdef int _bind_apply(self) except -1:
        self.can_apply = self.has("$apply")
        if self.can_apply:
            self.bind("$apply", (VAL_I64, VAL_I64), (VAL_I64,), &self.f_apply)

    cdef int _resolve(self, str module, str name, wt_extern *out) except -1:
        if module == "rtfs_host" and name in ("call_host", "host"):
            out.kind = EXTERN_FUNC
            functype = capi.function_type((VAL_I64 if name == "host" else VAL_I32, VAL_I64), (VAL_I64,))
            api.wasmtime_func_new_unchecked(
                self.context, functype, on_host if name == "host" else on_host_call, <void *>self, NULL,
                &out.of.func)
            api.wasm_functype_delete(functype)
            return 0
        if module == "rtfs" and not self.own_rt and (name in ("memory", "table") or name.startswith("rt_")):
            if self._get(&self.rt, name, out):
                return 0
        if module.startswith(MODULES):
            return self._resolve_link(module[len(MODULES):], name, out)
        raise ModuleRejected(f"the module imports {module}.{name}, which this host does not offer", "W003", IMPORT_HINT)

    cdef int _resolve_link(self, str module, str name, wt_extern *out) except -1:
        """What another module of the instance exports under its link name."""
        cdef Py_ssize_t i
        for i in range(self.ready_libraries):
            if self.libraries[i][0] == module:
                if self._get(&self.linked[i], name, out):
                    return 0
                raise ModuleRejected(
                    f"{module} has no {name.partition(':')[0]} of the meaning that is linked to", "W004", BUILD_HINT)
        raise ModuleRejected(f"the module needs {module}, which is not there", "W004")

    cdef int _instantiate(self, Code code, const wt_extern *imports, size_t count, wt_instance *out) except -1:
        cdef void *trap = NULL
        cdef void *error = api.wasmtime_instance_new(self.context, code.module, imports, count, out, &trap)
        if error != NULL:
            text = capi.error_text(error)
            if "memory minimum size" in text:
                raise limit_error("MemoryLimit", self.limits.memory_bytes)
            raise ModuleRejected("the module cannot be linked: " + text, "W004")
        if trap != NULL:
            self.fail(NULL, trap)
        return 0

    # --- names ------------------------------------------------------------------------------

    cdef bint _get(self, const wt_instance *instance, str name, wt_extern *found) except -1:
        cdef Py_ssize_t size = 0
        cdef const char *text = PyUnicode_AsUTF8AndSize(name, &size)
        return api.wasmtime_instance_export_get(self.context, instance, text, size, found)

    cdef int lookup(self, const wt_instance *instance, str name, wt_extern *found) except -1:
        if not self._get(instance, name, found):
            raise ModuleRejected(f"no export {name}", "W004")
        return 0

    cdef int bind(self, str name, tuple params, tuple results, wt_func *out) except -1:
        """An exported function of the module whose type is the expected one: calls are not checked."""
        return self._bind(&self.user, name, params, results, out)

    cdef int bind_rt(self, str name, tuple params, tuple results, wt_func *out) except -1:
        return self._bind(&self.rt, PREFIX + name if self.own_rt else name, params, results, out)

    cdef int _bind(self, wt_instance *instance, str name, tuple params, tuple results, wt_func *out) except -1:
        cdef wt_extern found
        if self.context == NULL:
            raise InstanceClosed("the instance is closed")
        self.lookup(instance, name, &found)
        if found.kind != EXTERN_FUNC or capi.signature(self.context, &found.of.func) != (params, results):
            raise ModuleRejected(f"the export {name} is not of the type that its interface says", "W004")
        out[0] = found.of.func
        return 0

    def has(self, str name):
        """Whether the module exports ``name``."""
        cdef wt_extern found
        if self.context == NULL:
            raise InstanceClosed("the instance is closed")
        return self._get(&self.user, name, &found)

    # --- entering and leaving ---------------------------------------------------------------

    cdef int wake(self) except -1:
        try:
            wake()
        except:
            rtfsc_ticker_leave(ticker)
            raise
        return 0

    cdef int enter_slowly(self) except -1:
        """Waits for another thread, notes a nested entry, frees what closed handles held."""
        cdef wt_val stack
        cdef unsigned long me = PyThread_get_thread_ident()
        if self.depth and self.owner != me:  # only beyond a tick: shorter calls keep the GIL
            waiting = Waiting()
            try:
                while self.depth and self.owner != me:
                    waiting.round(self.owner)
            finally:
                waiting.close()
        if self.context == NULL:
            raise InstanceClosed("the instance is closed")
        if self.depth:
            api.wasmtime_global_get(self.context, &self.stack_pointer, &stack)
            self.stack_now = stack.of.i32
            if self.depth > 200:
                raise RecursionError("calls between Python and RTFS nest too deeply")
        elif self.broken:
            raise self._broken("memory")
        elif self.stale:
            self._drop_region()
        return 0

    cdef void leave_slowly(self, Entry *entry) noexcept:
        """New symbols or handles, or a collection: the region is dropped only where nothing can point into
        it. What handles need stays, moved together."""
        if self.depth == 0:
            self._drop_region()
        if self.made == entry.made and len(self.hosts) > entry.hosts:
            del self.hosts[entry.hosts:]  # only handles that were made since can refer to them

    cdef void _drop_region(self) noexcept:
        cdef wt_raw slot
        self.stale = False
        if self.live == 0:
            self._quietly(&self.f_reset, NULL, 0)
            self.dropped.clear()
            del self.hosts[self.kept_hosts:]
            return
        for handle in self.dropped:
            slot.i64 = <int64_t>handle
            self._quietly(&self.f_handle_close, &slot, 1)
        self.dropped.clear()
        self._quietly(&self.f_evacuate, NULL, 0)

    cdef void _quietly(self, const wt_func *func, wt_raw *slots, size_t count) noexcept:
        """Calls a function of rt between calls: with a limit of its own, as it may not be ours."""
        cdef void *trap = NULL
        cdef void *error
        if rtfsc_ticker_enter(ticker):
            try:
                wake()
            except RuntimeError:
                rtfsc_ticker_enter(ticker)  # without a thread there is no limit; `wake` has left
        self.patience = rtfsc_cpu_now() + RESET_NS
        error = api.wasmtime_func_call_unchecked(self.context, func, slots, count, &trap)
        self.patience = 0
        rtfsc_ticker_leave(ticker)
        if error != NULL:
            api.wasmtime_error_delete(error)
        if trap != NULL:
            api.wasm_trap_delete(trap)
        if error != NULL or trap != NULL:
            self.broken = self.stale = True

    cdef void restore(self, Entry *entry) noexcept:
        """After an error or a trap: the stacks as they were at the entry."""
        cdef wt_val stack
        state(self, layout.STATE_DEPTH)[0] = <uint32_t>entry.budget
        state(self, layout.STATE_TRAP)[0] = 0
        state(self, layout.STATE_ROOTS)[0] = entry.roots
        stack.kind = VAL_I32
        stack.of.i32 = entry.stack
        api.wasmtime_global_set(self.context, &self.stack_pointer, &stack)

    cdef int invoke(self, const wt_func *func, wt_raw *slots, size_t count) except -1:
        cdef void *trap = NULL
        cdef void *error = api.wasmtime_func_call_unchecked(self.context, func, slots, count, &trap)
        if error != NULL or trap != NULL:
            self.fail(error, trap)
        return 0

    cdef int fail(self, void *error, void *trap) except -1:
        """Frees both and raises what stopped the call."""
        cdef uint8_t code = 255
        cdef str text = "", where = ""
        cdef list active = _active(error, trap)
        if trap != NULL:
            if not api.wasmtime_trap_code(trap, &code):
                code = 255
            text = _trap_text(trap)
            where = _trap_function(trap)
            api.wasm_trap_delete(trap)
        if error != NULL:
            text = capi.error_text(error)
        pending, self.pending = self.pending, None
        if pending is not None:
            raise pending
        raise self._explain(code, text, where).located(self._trace(active))

    cdef object _trace(self, list active):
        if self.locate is not None:
            return self.locate([offset for offset, _ in active])
        return [Frame(name, None) for _, name in active if name and not name.startswith("<")]

    cdef object _explain(self, uint8_t code, str text, str where):
        cdef uint32_t kind = state(self, layout.STATE_TRAP)[0]
        if self.timed_out:
            self.timed_out = False
            return limit_error("DeadlineExceeded", self.limits.deadline_ms)
        if kind == 1 + layout.ERRKIND_MEMORY_LIMIT:
            return limit_error("MemoryLimit", self.limits.memory_bytes)
        if kind == 1 + layout.ERRKIND_OUTPUT_LIMIT:
            return limit_error("OutputLimit", self.limits.output_bytes)
        if code == TRAP_STACK_OVERFLOW or kind == 1 + layout.ERRKIND_STACK_OVERFLOW:
            return error_class("StackOverflow")("StackOverflow", "Stack overflow")
        if code == TRAP_OUT_OF_FUEL and self.counts_fuel:
            return limit_error("FuelExhausted", self.limits.fuel)
        reason = text.rpartition("wasm trap: ")[2].strip()  # the rest is a backtrace in code offsets
        message = f"Internal error: {reason}{where}"
        return error_class("InternalError")("InternalError", message)

    # --- values -----------------------------------------------------------------------------

    cdef char *_room(self, size_t size) except? NULL:
        """Where ``size`` bytes fit at HP without asking rt; NULL if they do not."""
        cdef size_t hp = state(self, layout.STATE_HP)[0]
        cdef size_t end = self._end()
        if hp & 7 or hp < layout.LIMITS_DATA_BASE or hp > end or end - hp < size:
            return NULL
        return self.base + hp

    cdef size_t _end(self) noexcept:
        cdef size_t limit = state(self, layout.STATE_LIMIT)[0]
        return min(limit, api.wasmtime_memory_data_size(self.context, &self.memory))

    cdef void _bump(self, size_t size) noexcept:
        state(self, layout.STATE_HP)[0] += <uint32_t>size

    cdef uint64_t box(self, object value, Py_ssize_t argument, object shape) except? 10:
        """The boxed value; between `enter` and `leave`."""
        cdef int overflow = 0
        cdef int64_t number
        cdef uint64_t *at
        if PyLong_CheckExact(value):
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if not overflow and -(<int64_t>1 << 62) <= number < (<int64_t>1 << 62):
                return <uint64_t>number << 1 | 1
        elif value is None:
            return layout.SPECIAL_NIL
        elif value is True:
            return layout.SPECIAL_TRUE
        elif value is False:
            return layout.SPECIAL_FALSE
        elif PyFloat_CheckExact(value):
            at = <uint64_t *>self._room(16)
            if at != NULL:
                at[0] = layout.KIND_FLOAT
                (<double *>at)[1] = PyFloat_AS_DOUBLE(value)
                self._bump(16)
                return <uint64_t>(<char *>at - self.base)
        elif PyUnicode_CheckExact(value):
            at = self._put_text(value)
            if at != NULL:
                return <uint64_t>(<char *>at - self.base)
        elif isinstance(value, Function) and (<Function>value).machine is self:
            return (<Function>value)._value()
        return self._send(value, argument, shape)

    cdef uint64_t *_put_text(self, str value) except? NULL:
        """A string object at HP; NULL where it does not fit, or cannot cross (`_send` then says why)."""
        cdef Py_ssize_t size = 0
        cdef const char *text
        cdef uint64_t *at
        try:
            text = PyUnicode_AsUTF8AndSize(value, &size)
        except UnicodeEncodeError:
            return NULL
        cdef size_t padded = (<size_t>size + 23) & ~<size_t>7
        at = <uint64_t *>self._room(padded)
        if at == NULL or <uint64_t>size > MAX_MEMORY:
            return NULL
        at[padded // 8 - 1] = 0
        (<uint32_t *>at)[0] = layout.KIND_STR
        (<uint32_t *>at)[1] = <uint32_t>size
        (<uint32_t *>at)[2] = <uint32_t>PyUnicode_GET_LENGTH(value)
        (<uint32_t *>at)[3] = 0  # hash not computed
        memcpy(<char *>at + 16, text, size)
        self._bump(padded)
        return at

    cdef uint64_t _send(self, object value, Py_ssize_t argument, object shape) except? 10:
        """Through one transit buffer, written in place where it fits."""
        cdef Writer writer
        cdef wt_raw slot
        cdef char *start = self._room(0)
        if start == NULL:
            raise self._broken("heap pointer")
        transit.open_writer(
            &writer, start, self._end() - (start - self.base), min(self.limits.memory_bytes, MAX_MEMORY))
        try:
            transit.encode(&writer, value, argument, shape, self._grant)
            if writer.spilled:
                start = self._copy_in(&writer)
            else:
                self._bump(writer.used)
        finally:
            transit.release(&writer)
        slot.i64 = start - self.base
        self.invoke(&self.f_decode, &slot, 1)
        if <uint64_t>slot.i64 == layout.SPECIAL_UNDEF or <uint64_t>slot.i64 == layout.SPECIAL_ERR:
            raise self._broken("argument")
        return <uint64_t>slot.i64

    cdef char *_copy_in(self, Writer *writer) except NULL:
        cdef wt_raw slot
        cdef size_t ref
        if writer.used > MAX_MEMORY:
            raise limit_error("MemoryLimit", self.limits.memory_bytes)
        slot.i64 = <int64_t>writer.used
        self.invoke(&self.f_buffer, &slot, 1)
        ref = <uint32_t>slot.i32
        if not self._inside(ref, writer.used):
            raise self._broken("buffer")
        memcpy(self.base + ref, writer.data, writer.used)
        return self.base + ref

    cdef bint _inside(self, size_t ref, size_t size) noexcept:
        cdef size_t memory = api.wasmtime_memory_data_size(self.context, &self.memory)
        return ref <= memory and size <= memory - ref and ref >= layout.LIMITS_DATA_BASE

    cdef object unbox(self, uint64_t value):
        """The Python value; between `enter` and `leave`."""
        cdef uint64_t *at
        cdef uint8_t kind
        if value & 1:
            return <int64_t>value >> 1
        if value == layout.SPECIAL_NIL:
            return None
        if value == layout.SPECIAL_TRUE:
            return True
        if value == layout.SPECIAL_FALSE:
            return False
        if value & 7 or value > MAX_MEMORY or not self._inside(value, 16):
            raise self._broken("result")
        at = <uint64_t *>(self.base + value)
        kind = (<uint8_t *>at)[0]
        if kind == layout.KIND_FLOAT:
            return (<double *>at)[1]
        if kind == layout.KIND_INT:
            return (<int64_t *>at)[1]
        if kind == layout.KIND_STR:
            return self._text(value, (<uint32_t *>at)[1])
        return self._fetch(value)

    cdef str _text(self, size_t ref, size_t size):
        if size > <size_t>self.limits.output_bytes:
            raise limit_error("OutputLimit", self.limits.output_bytes)
        if not self._inside(ref, 16 + size):
            raise self._broken("text")
        try:
            return PyUnicode_DecodeUTF8(self.base + ref + 16, size, NULL)
        except UnicodeDecodeError:
            raise self._broken("text") from None

    cdef object _fetch(self, uint64_t value):
        """Through one transit buffer, read in place."""
        cdef wt_raw slot
        cdef size_t ref, size
        slot.i64 = <int64_t>value
        self.invoke(&self.f_encode, &slot, 1)
        ref, size = <size_t>slot.i64 & 0xFFFFFFFF, <size_t>slot.i64 >> 32
        if size > <size_t>self.limits.output_bytes:
            raise limit_error("OutputLimit", self.limits.output_bytes)
        if ref & 7 or not self._inside(ref, size):
            raise self._broken("result")
        try:
            return transit.decode(self.base + ref, size, self._handle)
        except ValueError:
            raise self._broken("result") from None

    cdef object _broken(self, str what):
        return error_class("InternalError")("InternalError", f"Internal error: the module gave a malformed {what}")

    cdef object take_error(self):
        """The exception for the pending error, with the span of its site."""
        cdef uint64_t value = (<uint64_t *>(self.base + layout.STATE_ERROR))[0]
        if value & 7 or value > MAX_MEMORY or not self._inside(value, 40):
            return self._broken("error")
        found = self._fetch(value)
        if not hasattr(found, "site"):
            return self._broken("error")
        spans = self.spans
        known = spans is not None and 0 < found.site <= len(spans)
        return error_from_value(found, tuple(spans[found.site - 1]) if known else None)

    # --- entries from Python ----------------------------------------------------------------

    def call(self, str name, *args):
        """Calls an export that takes and gives boxed values, by name: ``$init`` and globals."""
        cdef Entry entry
        cdef wt_raw slots[2]
        cdef wt_func func
        assert len(args) <= 2
        self.bind(name, (VAL_I64,) * len(args), (VAL_I64,), &func)
        enter(self, &entry)
        try:
            for i, value in enumerate(args):
                slots[<Py_ssize_t>i].i64 = <int64_t>self.box(value, -1, None)
            self.invoke(&func, slots, 2)
            return self._outcome(&slots[0])
        except:
            self.restore(&entry)
            raise
        finally:
            leave(self, &entry)

    def initialise(self, list names not None, tuple libraries=()):
        """Runs ``$init`` of the libraries and of the module, each with its names; everything made by it stays.
        Answers the boxed value of the last form. After one that was stopped it goes on with the module that it
        was in."""
        cdef Entry entry
        cdef Py_ssize_t i
        cdef int64_t value
        enter(self, &entry)
        try:
            for i in range(self.started_libraries, len(libraries)):
                self._init(&self.linked[i], libraries[i])
                self.started_libraries = i + 1
            value = self._init(&self.user, names)
            self._keep(&entry)
            return value
        except:
            self.restore(&entry)
            self._keep(&entry)  # functions in the data of an error use the constants
            raise
        finally:
            leave(self, &entry)

    cdef int64_t _init(self, wt_instance *instance, list names) except? -1:
        cdef wt_raw slots[2]
        cdef wt_func func
        self._bind(instance, "$init", (VAL_I64,), (VAL_I64,), &func)
        slots[0].i64 = <int64_t>self.box(names, -1, None)
        self.invoke(&func, slots, 2)
        if <uint64_t>slots[0].i64 == layout.SPECIAL_ERR:
            raise self.take_error()
        return slots[0].i64

    cdef void _keep(self, Entry *entry) noexcept:
        """What lives now stays for the life of the instance."""
        entry.hp = (state(self, layout.STATE_HP)[0] + 7) & ~<uint32_t>7
        entry.fresh = 0
        entry.collections = state(self, layout.STATE_COLLECTIONS)[0]
        self.kept_hosts = entry.hosts = len(self.hosts)
        state(self, layout.STATE_MARK)[0] = entry.hp
        state(self, layout.STATE_FRESH)[0] = 0

    def convert(self, int64_t value):
        """The Python value of what `initialise` answered."""
        cdef Entry entry
        enter(self, &entry)
        try:
            return self.unbox(<uint64_t>value)
        finally:
            leave(self, &entry)

    def printed(self, int64_t value):
        """The printed form of what `initialise` answered."""
        cdef Entry entry
        cdef wt_raw slots[2]
        cdef wt_func func
        enter(self, &entry)
        try:
            self.bind_rt(PRINT, (VAL_I64,), (VAL_I64,), &func)
            slots[0].i64 = value
            self.invoke(&func, slots, 2)
            return self._outcome(&slots[0])
        except:
            self.restore(&entry)
            raise
        finally:
            leave(self, &entry)

    cdef object _outcome(self, wt_raw *slot):
        if <uint64_t>slot.i64 == layout.SPECIAL_ERR:
            raise self.take_error()
        return self.unbox(<uint64_t>slot.i64)

    # --- functions --------------------------------------------------------------------------

    def _grant(self, object function):
        """For `transit.encode`."""
        if isinstance(function, HostFunction):
            self.hosts.append((<HostFunction>function).function)
            return len(self.hosts) - 1
        if isinstance(function, Function) and (<Function>function).machine is self:
            return -<int64_t>(<Function>function)._value()
        return None

    def _handle(self, int64_t value):
        if value < 0:
            if -value > len(self.hosts):
                raise self._broken("host function")
            return HostFunction(self.hosts[-1 - value])
        return _function(self, <uint64_t>value)

    cdef object host_call(self, int32_t handle, uint64_t arguments):
        if not 0 <= handle < len(self.hosts):
            raise self._broken("host function")
        function = self.hosts[handle]
        given = self.unbox(arguments)
        items = (<List>given).items if isinstance(given, List) else given or ()
        return self.box(function(*items), -1, None)

    cdef object host_operation(self, uint64_t operation, uint64_t arguments):
        cdef wt_raw slot
        cdef wt_func raiser
        given = self.unbox(arguments)
        if not isinstance(given, list):
            raise self._broken("list of arguments")
        try:
            return self.box(host_of(self)(self.unbox(operation), given), -1, None)
        except RtfsError as error:
            parts = error_parts(error)
        self.bind_rt("rt_raise_host", (VAL_I64,), (VAL_I64,), &raiser)
        slot.i64 = <int64_t>self.box(parts, -1, None)
        self.invoke(&raiser, &slot, 1)
        return layout.SPECIAL_ERR

    cdef int32_t hold(self, uint64_t value) except -1:
        """A place in the table of handles, where collections find the value."""
        cdef wt_raw slot
        slot.i64 = <int64_t>value
        self.invoke(&self.f_handle, &slot, 1)
        if slot.i32 < 0:
            raise self._broken("handle")
        self.made += 1
        self.live += 1
        return slot.i32

    cdef void drop_handle(self, int32_t handle) noexcept:
        """Only noted: Python may drop it at any time, also while the instance runs in another thread."""
        self.live -= 1
        self.stale = True
        if self.dropped is not None:  # Python takes unreachable objects apart in any order
            self.dropped.append(handle)


cdef Function _function(Machine machine, uint64_t value):
    cdef Function f = Function.__new__(Function)
    f.machine, f.boxed, f.handle = machine, value, -1
    if value >= state(machine, layout.STATE_MARK)[0]:  # what $init made stays where it is
        f.handle = machine.hold(value)
    f.open = True
    return f


@cython.no_gc_clear
cdef class Function:
    """A function value of a module. It keeps the memory of the call that made it until it is closed."""

    def __call__(self, *args):
        cdef Machine m = self.machine
        cdef Entry entry
        cdef wt_raw slots[2]
        if not m.can_apply:
            raise ModuleRejected("the module exports no $apply")
        if not self.open:
            raise InstanceClosed("the function handle is closed")
        enter(m, &entry)
        try:
            slots[0].i64 = <int64_t>self._value()
            slots[1].i64 = <int64_t>m.box(list(args), -1, None)
            m.invoke(&m.f_apply, slots, 2)
            if <uint64_t>slots[0].i64 == layout.SPECIAL_ERR:
                raise m.take_error()
            return m.unbox(<uint64_t>slots[0].i64)
        except:
            m.restore(&entry)
            raise
        finally:
            leave(m, &entry)

    cdef uint64_t _value(self) except? 10:
        if not self.open:
            raise InstanceClosed("the function handle is closed")
        if self.handle < 0:
            return self.boxed
        cdef wt_raw slot
        slot.i64 = self.handle
        self.machine.invoke(&self.machine.f_handle_value, &slot, 1)
        return <uint64_t>slot.i64

    def close(self):
        """Lets go of the function's memory; later calls raise `InstanceClosed`."""
        if self.open:
            self.open = False
            if self.handle >= 0:
                self.machine.drop_handle(self.handle)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def __dealloc__(self):
        if self.open and self.handle >= 0:
            self.machine.drop_handle(self.handle)


cdef str _trap_text(void *trap):
    cdef wt_bytes message
    api.wasm_trap_message(trap, &message)
    return take_bytes(&message).rstrip(b"\0").decode("utf-8", "replace")


cdef list _active(void *error, void *trap):
    """(byte of the module, name or "") of the active functions of the module, innermost first. Names are there
    where the module has a section of them."""
    cdef wt_vec frames
    cdef list found = []
    if trap != NULL:
        api.wasm_trap_trace(trap, &frames)
    elif error != NULL:
        api.wasmtime_error_wasm_trace(error, &frames)
    else:
        return found
    for i in range(frames.size):
        if _name(api.wasmtime_frame_module_name(frames.data[i])) != RT_NAME:
            found.append((api.wasm_frame_module_offset(frames.data[i]),
                          _name(api.wasmtime_frame_func_name(frames.data[i]))))
    api.wasm_frame_vec_delete(&frames)
    return found


cdef str _name(const wt_bytes *name):
    return "" if name == NULL else (<char *>name.data)[:name.size].decode("utf-8", "replace")


cdef str _trap_function(void *trap):
    """`` in NAME`` of the innermost function with a name."""
    cdef wt_vec frames
    cdef const wt_bytes *name
    cdef str found = ""
    api.wasm_trap_trace(trap, &frames)
    for i in range(frames.size):
        name = api.wasmtime_frame_func_name(frames.data[i])
        if name != NULL:
            found = " in " + (<char *>name.data)[:name.size].decode("utf-8", "replace")
            break
    api.wasm_frame_vec_delete(&frames)
    return found
