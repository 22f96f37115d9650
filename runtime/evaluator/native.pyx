# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The evaluator: the machine of one instance, linked with `rt`.

Everything between `rt_enter` and leaving runs in `rt_guarded`: a trap (the memory limit) jumps out of
it, past frames that hold no Python objects.  Python functions called from programs are entered from the
loop, and guard their own use of `rt`.
"""

cimport cython

from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memmove, memset

from runtime.evaluator.opnumbers cimport *
from runtime.evaluator.rt cimport *
from runtime.values cimport layout, transit
from runtime.values.atoms cimport HostFunction, Keyword
from runtime.values.transit cimport Writer

from runtime.evaluator.primitives import FUNCTIONS
from runtime.values.errors import (
    KINDS, ErrorValue, InstanceClosed, RtfsError, error_class, error_from_value, error_parts, limit_error,
)
from runtime.host.access import host_of
from runtime.values.interruption import check as check_stopped
from runtime.values.limits import stress
from runtime.values.shapes import shape_of
from runtime.values.turns import TopLevel, Waiting

cdef extern from "Python.h":
    int64_t PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    bint PyLong_CheckExact(object value)
    bint PyFloat_CheckExact(object value)
    double PyFloat_AS_DOUBLE(object value)
    unsigned long PyThread_get_thread_ident()

include "machine.pxi"
include "loop.pxi"
include "entry.pxi"

if RTFSC_PRIMITIVES != len(FUNCTIONS):
    raise ImportError("the evaluator was built for other primitives: build it again")


_interrupt = None


cdef int interrupted() noexcept with gil:
    """Asked by ops of rt that take long: whether a signal handler raised."""
    global _interrupt
    try:
        PyErr_CheckSignals()
        check_stopped()
    except BaseException as error:
        _interrupt = error
        return 1
    return 0


cdef object taken_interrupt():
    global _interrupt
    found, _interrupt = _interrupt, None
    return found


rt_on_look(interrupted)


cdef class Instance:
    """One program in memory of its own. One thread is in it at a time; a second one waits."""

    cdef object __weakref__
    cdef Machine machine
    cdef object program, limits, names
    cdef public object spans        # (start, end) per site, or None
    cdef public object host         # performs the operation ``host``; None: denies everything
    cdef object exception           # of a Python function that ended the run
    cdef list hosts, keep
    cdef int nesting
    cdef size_t memory_limit
    cdef Py_ssize_t kept_hosts      # so many of `hosts` the top level may have kept
    cdef Py_ssize_t made            # handles, ever
    cdef Py_ssize_t live            # open handles
    cdef bint stale                 # handles were closed, which hold memory still
    cdef list dropped               # they
    cdef uint32_t collections       # at the end of the last call
    cdef unsigned long owner
    cdef uint64_t last              # value of the last form
    cdef object top_level

    def __cinit__(self, program, limits, names, spans):
        """``program``: a `code.Program`; ``names``: display name per function name."""
        cdef Machine *m = &self.machine
        memset(m, 0, sizeof(Machine))
        self.program, self.limits, self.names, self.spans = program, limits, names, spans
        self.hosts, self.keep, self.dropped = [], [], []
        self.top_level = TopLevel()
        self.memory_limit = min(limits.memory_bytes, 0xFFFF0000)
        m.instance = <PyObject *> self
        m.memory = rt_instance_new(<uint32_t> self.memory_limit)
        m.stack = <Slot *> malloc((STACK_SLOTS + SLACK) * sizeof(Slot))
        if m.memory == NULL or m.stack == NULL:
            raise limit_error("MemoryLimit", limits.memory_bytes)
        m.top, m.end = m.stack, m.stack + STACK_SLOTS
        m.depth = <int32_t> state_u32(m.memory, layout.STATE_DEPTH)
        (<uint32_t *> (m.memory + layout.STATE_STRESS))[0] = stress()
        self.load()

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        cdef Machine *m = &self.machine
        if m.memory != NULL:
            rt_instance_free(m.memory)
        free(m.stack)
        free(m.functions)
        free(m.constants)
        free(m.globals)
        free(m.known)
        free(m.closures)
        memset(m, 0, sizeof(Machine))

    @property
    def memory_bytes(self):
        return state_u32(self.machine.memory, layout.STATE_HP) if self.machine.memory != NULL else 0

    def route(self, Py_ssize_t number, bint here):
        """Whether calls of the guarded function of this number stay here without asking the host."""
        if 0 <= number < layout.LIMITS_ROUTES and self.machine.memory != NULL:
            self.machine.memory[layout.STATE_ROUTES + number] = here

    def close(self):
        """Frees the memory. Later calls raise `InstanceClosed`."""
        if self.nesting:
            raise RuntimeError("an instance cannot be closed while it runs")
        self.release()
        self.hosts = []

    # --- loading ----------------------------------------------------------------------------

    cdef int load(self) except -1:
        """Code as it is; constants and closures are made by `start`."""
        cdef Machine *m = &self.machine
        cdef object program = self.program
        cdef Py_ssize_t i, n = len(program.functions)
        m.code = self.words(program.code)
        m.sites = self.words(program.sites)
        m.handlers = self.words(program.handlers)
        m.roots = self.words(program.roots)
        m.listed = self.words(program.slots)
        m.functions = <Code *> calloc(n + 1, sizeof(Code))
        m.constants = <uint64_t *> calloc(len(program.constants) + 1, 8)
        m.globals = <Slot *> calloc(len(program.globals) + 1, sizeof(Slot))
        m.known = <char *> calloc(len(program.globals) + 1, 1)
        m.closures = <ClosureInfo *> calloc(len(program.closures) + 1, sizeof(ClosureInfo))
        if not (m.functions and m.constants and m.globals and m.known and m.closures):
            raise MemoryError()
        for i, f in enumerate(program.functions):
            m.functions[i].code = m.code + <Py_ssize_t> f.entry
            m.functions[i].slots, m.functions[i].arity = f.slots, f.arity
        for i, word in enumerate(program.constants):
            m.constants[i] = <uint64_t> <int64_t> word
        for i, (function, _, _) in enumerate(program.closures):
            m.closures[i].function = function
            m.closures[i].arity = program.functions[function].arity
        return 0

    cdef int32_t *words(self, object array) except? NULL:
        cdef const int[::1] view = array
        self.keep.append(view)
        return <int32_t *> &view[0] if view.shape[0] else NULL

    def start(self):
        """Evaluates the top level, once."""
        self.top_level.value(self.initialise)

    def initialise(self):
        self.build_constants()
        self.evaluate_top_level()

    cdef int build_constants(self) except -1:
        cdef Entry e
        cdef object program = self.program
        cdef bytes literals = program.literals, text
        cdef list names = [self.names.get(name, name).encode() for _, _, name in program.closures]
        cdef Py_ssize_t i, n = len(program.built)
        open_entry(&e, LOAD)
        e.buffer, e.size = <char *> literals, len(literals)
        e.constants = <Item *> PyMem_Malloc((n + len(names) + 1) * sizeof(Item))
        if e.constants == NULL:
            raise MemoryError()
        e.names = e.constants + n
        e.constants_count, e.names_count = n, len(names)
        for i, (number, offset) in enumerate(program.built):
            e.constants[i].number, e.constants[i].offset = number, offset
        for i, (_, captures, _) in enumerate(program.closures):
            text = names[i]
            e.names[i].text, e.names[i].offset, e.names[i].number = text, len(text), captures
        try:
            self.enter(&e)
            try:
                self.execute(&e)
                rt_settle()
            finally:
                self.leave(&e)
        finally:
            PyMem_Free(e.constants)
        return 0

    cdef int evaluate_top_level(self) except -1:
        cdef Entry e
        open_entry(&e, CALL)
        e.function = self.program.index["$init"]
        self.enter(&e)
        try:
            self.execute(&e)
            self.last = rt_keep(self.boxed(self.machine.result, self.program.functions[e.function].result))
            self.kept_hosts = e.hosts = len(self.hosts)
        finally:
            self.leave(&e)
        return 0

    cdef uint64_t boxed(self, uint64_t word, str result) except? 10:
        """An unboxed result as a value; between `enter` and `leave`."""
        cdef Slot slot
        slot.v = word
        if result == "i64":
            return box_int(slot.i)
        if result == "f64":
            return rt_box_float(slot.f)
        return box_bool(slot.i != 0) if result == "i32" else word

    # --- entering and leaving ---------------------------------------------------------------

    cdef int enter(self, Entry *e) except -1:
        cdef Machine *m = &self.machine
        cdef unsigned long me = PyThread_get_thread_ident()
        if self.nesting and self.owner != me:
            self.wait(me)
        if m.memory == NULL:
            raise InstanceClosed("the instance is closed")
        if self.nesting > 200:
            raise RecursionError("calls between Python and RTFS nest too deeply")
        e.m, e.top, e.depth, e.suspended = m, m.top, m.depth, m.suspended
        e.former = rt_enter(m.memory)
        if self.nesting == 0:
            self.owner = me
            self.start_limits()
            if self.stale and self.live == 0:
                self.drop_region()
        self.nesting += 1
        e.hosts, e.made = len(self.hosts), self.made
        return 0

    cdef int wait(self, unsigned long me) except -1:
        """Until no other thread is inside."""
        waiting = Waiting()
        try:
            while self.nesting and self.owner != me:
                waiting.round(self.owner)
        finally:
            waiting.close()
        return 0

    cdef void start_limits(self):
        cdef Machine *m = &self.machine
        cdef int64_t now = rtfsc_now()
        deadline, fuel = self.limits.deadline_ms, self.limits.fuel
        m.deadline = 0 if deadline is None else now + <int64_t> deadline * 1000000
        (<int64_t *> (m.memory + layout.STATE_DEADLINE))[0] = m.deadline
        m.fuel = -1 if fuel is None else fuel
        m.signals = now + SIGNAL_NS
        start_chunk(m)

    cdef void leave(self, Entry *e) noexcept:
        cdef Machine *m = &self.machine
        m.top, m.depth, m.suspended = e.top, e.depth, e.suspended
        self.nesting -= 1
        if self.nesting == 0:
            if self.live:
                self.evacuate()
            else:
                self.drop_region()
        self.forget_hosts(e)
        rt_enter(e.former)

    cdef void forget_hosts(self, Entry *e) noexcept:
        """Functions of the host that the call brought: what was there before cannot refer to them, only handles
        that were made since."""
        cdef Py_ssize_t kept = len(self.hosts)
        if self.made == e.made:
            kept = e.hosts
        elif self.nesting == 0 and self.live == 0:
            kept = self.kept_hosts
        if len(self.hosts) > kept:
            del self.hosts[kept:]

    cdef void evacuate(self) noexcept:
        """What handles need stays, moved together."""
        for handle in self.dropped:
            rt_handle_close(<int32_t> handle)
        self.dropped.clear()
        self.stale = False
        rt_evacuate()

    cdef void drop_region(self) noexcept:
        cdef uint32_t *state = <uint32_t *> self.machine.memory
        cdef size_t kept = (<size_t> state[layout.STATE_MARK // 4] + PAGE - 1) & ~<size_t> (PAGE - 1)
        if state[layout.STATE_HP // 4] > kept + LARGE_REGION:
            madvise(self.machine.memory + kept, state[layout.STATE_HP // 4] - kept, MADV_DONTNEED)
        if self.stale:
            self.dropped.clear()
            self.stale = False
        if (state[layout.STATE_FRESH // 4] or state[layout.STATE_HANDLES // 4]
                or state[layout.STATE_COLLECTIONS // 4] != self.collections):
            self.collections = state[layout.STATE_COLLECTIONS // 4]
            rt_reset()
        else:
            state[layout.STATE_HP // 4] = state[layout.STATE_MARK // 4]

    cdef int execute(self, Entry *e) except -1:
        """Performs the task of the entry; raises what ended it."""
        cdef Py_ssize_t top = e.top - self.machine.stack
        cdef int trap = rt_guarded(guarded, e)
        e.top = self.machine.stack + top
        if trap == RT_INTERRUPTED + 1:
            raise taken_interrupt()
        if trap:
            (<uint32_t *> (self.machine.memory + layout.STATE_TRAP))[0] = 0
            raise self.limit_reached(trap - 1)
        if e.ended == ENDED:
            return 0
        if e.ended == RAISED:
            raise self.pending_error(e)
        if e.ended == LIMIT:
            raise self.limit_reached(self.machine.limit)
        error, self.exception = self.exception, None
        raise error

    cdef object limit_reached(self, int kind):
        name = KINDS[kind]
        if name == "DeadlineExceeded":
            return limit_error(name, self.limits.deadline_ms)
        if name == "FuelExhausted":
            return limit_error(name, self.limits.fuel)
        if name == "MemoryLimit":
            return limit_error(name, self.limits.memory_bytes)
        return error_class("InternalError")("InternalError", "Internal error: the evaluator trapped")

    cdef object pending_error(self, Entry *e):
        value = self.decoded(e.encoded)
        if not isinstance(value, ErrorValue):
            return error_class("InternalError")("InternalError", "Internal error: no error is pending")
        spans = self.spans
        known = spans is not None and 0 < value.site <= len(spans)
        return error_from_value(value, tuple(spans[value.site - 1]) if known else None)

    # --- results ----------------------------------------------------------------------------

    cdef object decoded(self, int64_t encoded):
        cdef size_t at = <uint32_t> encoded, size = <uint64_t> encoded >> 32
        if size > <size_t> self.limits.output_bytes:
            raise limit_error("OutputLimit", self.limits.output_bytes)
        return transit.decode(self.machine.memory + at, size, self._handle)

    def _handle(self, int64_t value):
        if value < 0:
            return HostFunction(self.host_function(-1 - value))
        return new_handle(self, <uint64_t> value)

    cdef object result_of(self, Entry *e):
        """The value that a call left, boxed."""
        cdef uint64_t v = self.machine.result
        if v & 1:
            return (<int64_t> v) >> 1
        if e.encoded:
            return self.decoded(e.encoded)
        return None if v == layout.SPECIAL_NIL else v == layout.SPECIAL_TRUE

    cdef object performed(self, Entry *e):
        self.enter(e)
        try:
            self.execute(e)
            return self.result_of(e)
        finally:
            self.leave(e)

    cdef object converted(self, int task, uint64_t value):
        cdef Entry e
        open_entry(&e, task)
        e.value = value
        if self.machine.memory == NULL:
            raise InstanceClosed("the instance is closed")
        self.machine.result = 0
        if task == ENCODE and not is_ref(value):
            self.machine.result = value
            return self.result_of(&e)
        return self.performed(&e)

    def run(self):
        """The value of the last form of the top level."""
        self.start()
        return self.converted(ENCODE, self.last)

    def run_printed(self):
        """Its printed form."""
        self.start()
        return self.converted(PRINT, self.last)

    def value(self, str name):
        """The value of a global."""
        cdef Entry e
        cdef uint64_t value
        self.start()
        number, rep = self.program.globals[name]
        open_entry(&e, ENCODE)
        self.enter(&e)
        try:
            if not self.machine.known[<Py_ssize_t> number]:
                raise KeyError(name)
            value = self.boxed(self.machine.globals[<Py_ssize_t> number].v, rep)
            return self.converted(ENCODE, value)
        finally:
            self.leave(&e)

    # --- functions of the host --------------------------------------------------------------

    def _grant(self, object function):
        """For `transit.encode`."""
        if isinstance(function, HostFunction):
            self.hosts.append((<HostFunction> function).function)
            return len(self.hosts) - 1
        if isinstance(function, Handle) and (<Handle> function).instance is self:
            return -<int64_t> (<Handle> function).checked()
        return None

    cdef object host_function(self, int64_t handle):
        if not 0 <= handle < len(self.hosts):
            raise error_class("InternalError")("InternalError", "Internal error: an unknown function of the host")
        return self.hosts[<Py_ssize_t> handle]

    cdef int call_python(self, uint32_t handle, Slot *arguments, int32_t count) except -1:
        """Answers how the call ended; leaves the result in ``machine.result``."""
        cdef Entry e
        open_entry(&e, LIST)
        e.arguments, e.count = arguments, count
        self.enter(&e)
        try:
            self.execute(&e)
            given = self.decoded(e.encoded)
        finally:
            self.leave(&e)
        if handle != THE_HOST:
            return self.put(DECODE, self.host_function(handle)(*given))
        operation, *given = given
        try:
            value = host_of(self)(operation, given)
        except RtfsError as error:
            self.put(RAISE, error_parts(error))
            return RAISED
        return self.put(DECODE, value)

    cdef int put(self, int task, object value) except -1:
        """A value, or an error of the host, into the instance."""
        cdef Entry e
        cdef Writer writer
        cdef char memory[256]
        if task == DECODE and take_handle(self, value):
            return ENDED
        transit.open_writer(&writer, memory, sizeof(memory), self.memory_limit)
        try:
            transit.encode(&writer, value, -1, None, self._grant)
            open_entry(&e, task)
            e.buffer, e.size = writer.data, writer.used
            self.enter(&e)
            try:
                self.execute(&e)
            finally:
                self.leave(&e)
        finally:
            transit.release(&writer)
        return ENDED


cdef int call_host(Machine *m, uint32_t handle, Slot *arguments, int32_t count) noexcept with gil:
    """Calls a Python function. What it raises ends the run; an `RtfsError` of the host is an error of the
    program."""
    cdef Instance instance = <Instance> m.instance
    try:
        return instance.call_python(handle, arguments, count)
    except BaseException as error:
        instance.exception = error
        return PYTHON


include "functions.pxi"
