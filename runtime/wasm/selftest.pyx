# cython: language_level=3
"""Calls every kind of function that the bridge relies on, before anything else does."""

from libc.stdint cimport int32_t, uint8_t, uint64_t

from runtime.wasm cimport capi
from runtime.wasm.capi cimport (
    EXTERN_FUNC, EXTERN_GLOBAL, EXTERN_MEMORY, VAL_F64, VAL_I32, VAL_I64, api, wt_extern, wt_func, wt_instance,
    wt_raw, wt_val,
)
from runtime.wasm.engine cimport Code

from runtime.wasm.capi import BridgeError

cdef enum:
    UNREACHABLE = 9


cdef void *stop_at_once(void *context, void *env, uint64_t *delta, uint8_t *kind) noexcept:
    (<int *>env)[0] += 1
    return api.wasmtime_error_new(b"stop")


cdef _expect(bint holds, str what):
    if not holds:
        raise BridgeError(f"self-test of wasmtime's C API failed: {what}")


cdef class _Test:
    cdef void *store
    cdef void *context
    cdef wt_instance instance
    cdef Code code
    cdef int ticks

    def __cinit__(self, Code code):
        cdef void *trap = NULL
        self.code = code
        self.store = api.wasmtime_store_new(code.engine.ptr, NULL, NULL)
        self.context = api.wasmtime_store_context(self.store)
        api.wasmtime_store_limiter(self.store, 1 << 16, -1, -1, -1, -1)
        api.wasmtime_store_epoch_deadline_callback(self.store, stop_at_once, &self.ticks, NULL)
        api.wasmtime_context_set_epoch_deadline(self.context, 1 << 20)
        cdef void *error = api.wasmtime_instance_new(self.context, code.module, NULL, 0, &self.instance, &trap)
        _expect(error == NULL and trap == NULL, "instantiation")

    def __dealloc__(self):
        api.wasmtime_store_delete(self.store)

    cdef wt_extern get(self, bytes name, int kind) except *:
        cdef wt_extern found
        _expect(api.wasmtime_instance_export_get(self.context, &self.instance, name, len(name), &found),
                "exports")
        _expect(found.kind == kind, "kinds of exports")
        return found

    cdef int call(self, bytes name, wt_raw *slots, size_t count) except -2:
        """-1 if it went well, the trap code, or 256 for an error."""
        cdef void *trap = NULL
        cdef uint8_t code = 0
        cdef wt_extern found = self.get(name, EXTERN_FUNC)
        cdef void *error = api.wasmtime_func_call_unchecked(
            self.context, &found.of.func, slots, count, &trap)
        if error != NULL:
            api.wasmtime_error_delete(error)
            return 256
        if trap != NULL:
            _expect(api.wasmtime_trap_code(trap, &code), "trap codes")
            api.wasm_trap_delete(trap)
            return code
        return -1

    def numbers(self):
        cdef wt_raw slots[2]
        cdef wt_extern found = self.get(b"add", EXTERN_FUNC)
        _expect(capi.signature(self.context, &found.of.func) == ((VAL_I64, VAL_I64), (VAL_I64, VAL_I32)),
                "function types")
        slots[0].i64, slots[1].i64 = (<long long>1 << 40) + 2, -5
        _expect(self.call(b"add", slots, 2) == -1, "call")
        _expect(slots[0].i64 == (<long long>1 << 40) - 3 and slots[1].i32 == 1, "results in i64 and i32")
        slots[0].f64 = 5.0
        _expect(self.call(b"half", slots, 1) == -1 and slots[0].f64 == 2.5, "results in f64")

    def memory(self):
        cdef uint64_t before = 0
        cdef void *error
        cdef wt_extern found = self.get(b"memory", EXTERN_MEMORY)
        cdef uint8_t *data = api.wasmtime_memory_data(self.context, &found.of.memory)
        _expect(api.wasmtime_memory_data_size(self.context, &found.of.memory) == 65536, "memory size")
        _expect(self.call(b"poke", NULL, 0) == -1 and (<int32_t *>(data + 8))[0] == 77, "memory")
        error = api.wasmtime_memory_grow(self.context, &found.of.memory, 1, &before)
        _expect(error != NULL, "the limit of memory")
        api.wasmtime_error_delete(error)
        api.wasmtime_store_limiter(self.store, 1 << 17, -1, -1, -1, -1)
        error = api.wasmtime_memory_grow(self.context, &found.of.memory, 1, &before)
        _expect(error == NULL and before == 1, "growing memory")
        _expect(api.wasmtime_memory_data(self.context, &found.of.memory) == data, "memory stays in its place")

    def globals(self):
        cdef wt_val value
        cdef wt_extern found = self.get(b"counter", EXTERN_GLOBAL)
        api.wasmtime_global_get(self.context, &found.of.var, &value)
        _expect(value.kind == VAL_I32 and value.of.i32 == 7, "globals")
        value.of.i32 = 8
        _expect(api.wasmtime_global_set(self.context, &found.of.var, &value) == NULL, "setting globals")
        api.wasmtime_global_get(self.context, &found.of.var, &value)
        _expect(value.of.i32 == 8, "globals that were set")

    def stops(self):
        cdef int outcome
        _expect(self.call(b"trap", NULL, 0) == UNREACHABLE, "traps")
        api.wasmtime_context_set_epoch_deadline(self.context, 1)
        api.wasmtime_engine_increment_epoch(self.code.engine.ptr)
        outcome = self.call(b"spin", NULL, 0)
        _expect(outcome >= 0 and self.ticks == 1, "the epoch stops an endless loop")


def self_test(Code code not None):
    """``code``: the module `bridge.TEST_MODULE`. Raises `BridgeError` at the first thing that is not as
    it should be."""
    test = _Test(code)
    test.numbers()
    test.memory()
    test.globals()
    test.stops()
