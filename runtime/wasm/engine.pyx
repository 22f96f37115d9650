# cython: language_level=3
"""Engines and compiled modules: what is shared by all instances of a process."""

from runtime.wasm cimport capi, ticker
from runtime.wasm.capi cimport api, wt_bytes, wt_vec
from runtime.wasm.capi import load
from runtime.wasm.errors import ModuleRejected

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

WASM_STACK_BYTES = 2 << 20
"""The most that wasmtime takes without async stacks; the depth counter of the modules strikes first."""

CONFIG = "tail-call,multi-value,bulk-memory,epoch,stack=2097152"
"""What every engine is configured to, for cache keys. No other combination is tested."""

_engines = {}
_alone = {}
_compiled_in = 0
"""The process in which wasmtime's threads that compile were started; 0: none yet."""


def engine(bint fuel=False):
    """The engine of this process, made at first use; with ``fuel`` a second one that counts it.
    Raises `BridgeError` where wasmtime cannot be used directly."""
    found = _engines.get(fuel)
    if found is None:
        load()
        found = _engines.get(fuel)  # another thread may have been here meanwhile
    if found is None:  # from here to the end none can: code of two engines does not go together
        found = _engines[fuel] = _new_engine(fuel, True)
    return found


def _engine_alone(bint fuel):
    """Compiles without threads: for a process that was forked from one that has some, which a fork loses."""
    found = _alone.get(fuel)
    if found is None:
        found = _alone[fuel] = _new_engine(fuel, False)
    return found


cdef Engine _new_engine(bint fuel, bint threads):
    cdef void *config = api.wasm_config_new()
    api.wasmtime_config_wasm_tail_call_set(config, True)
    api.wasmtime_config_wasm_multi_value_set(config, True)
    api.wasmtime_config_wasm_bulk_memory_set(config, True)
    api.wasmtime_config_epoch_interruption_set(config, True)
    api.wasmtime_config_max_wasm_stack_set(config, WASM_STACK_BYTES)
    if fuel:
        api.wasmtime_config_consume_fuel_set(config, True)
    if not threads:
        api.wasmtime_config_parallel_compilation_set(config, False)
    cdef Engine made = Engine.__new__(Engine)
    made.ptr = api.wasm_engine_new_with_config(config)
    if made.ptr == NULL:
        raise MemoryError("wasmtime made no engine")
    made.fuel = fuel
    if threads:  # code runs in no other engine
        ticker.watch(made.ptr, api.wasmtime_engine_increment_epoch)
    return made


cdef class Engine:
    """A wasmtime engine. It lives as long as the process, because the ticker holds it."""

    def compile(self, bytes wasm not None):
        """Validates and compiles; raises `ModuleRejected`."""
        global _compiled_in
        if _compiled_in not in (0, os.getpid()):
            return self.restore((<Engine>_engine_alone(self.fuel))._compile(wasm).native())
        _compiled_in = os.getpid()
        return self._compile(wasm)

    cdef Code _compile(self, bytes wasm):
        cdef void *module = NULL
        cdef void *error
        cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(wasm)
        cdef size_t size = PyBytes_GET_SIZE(wasm)
        with nogil:
            error = api.wasmtime_module_new(self.ptr, data, size, &module)
        if error != NULL:
            raise ModuleRejected("not a valid WebAssembly module: " + capi.error_text(error))
        return self._take(module)

    def restore(self, bytes native not None):
        """A module from `Code.native`, which must be bytes that this machine wrote: wasmtime does not
        notice changed machine code. Raises `ValueError` for those of another version or config."""
        cdef void *module = NULL
        cdef void *error = api.wasmtime_module_deserialize(
            self.ptr, <const uint8_t *>PyBytes_AS_STRING(native), PyBytes_GET_SIZE(native), &module)
        if error != NULL:
            raise ValueError(capi.error_text(error))
        return self._take(module)

    cdef Code _take(self, void *module):
        cdef Code code = Code.__new__(Code)
        code.module = module
        code.engine = self
        return code

    def check(self, bytes wasm not None):
        """None if the bytes are a valid module, else why not."""
        cdef void *error = api.wasmtime_module_validate(
            self.ptr, <const uint8_t *>PyBytes_AS_STRING(wasm), PyBytes_GET_SIZE(wasm))
        return None if error == NULL else capi.error_text(error)


cdef class Code:
    """A compiled module."""

    def __dealloc__(self):
        if self.module != NULL:
            api.wasmtime_module_delete(self.module)

    def native(self):
        """The machine code, for `Engine.restore`."""
        cdef wt_bytes out
        cdef void *error = api.wasmtime_module_serialize(self.module, &out)
        if error != NULL:
            raise ValueError(capi.error_text(error))
        return capi.take_bytes(&out)

    def imports(self):
        """[(module, name)] in the order of the import section."""
        cdef wt_vec found
        api.wasmtime_module_imports(self.module, &found)
        try:
            return [(_text(api.wasm_importtype_module(found.data[i])),
                     _text(api.wasm_importtype_name(found.data[i]))) for i in range(found.size)]
        finally:
            api.wasm_importtype_vec_delete(&found)


cdef str _text(const wt_bytes *name):
    return PyBytes_FromStringAndSize(<const char *>name.data, name.size).decode("utf-8")


def wat2wasm(str text not None):
    """The binary of a module in text form; raises `ModuleRejected` with wasmtime's explanation."""
    load()
    cdef bytes source = text.encode("utf-8")
    cdef wt_bytes out
    cdef void *error = api.wasmtime_wat2wasm(PyBytes_AS_STRING(source), PyBytes_GET_SIZE(source), &out)
    if error != NULL:
        raise ModuleRejected("not WebAssembly text: " + capi.error_text(error))
    return capi.take_bytes(&out)


def validate(bytes wasm not None):
    """Raises `ModuleRejected` unless the bytes are a valid module."""
    reason = engine().check(wasm)
    if reason is not None:
        raise ModuleRejected("not a valid WebAssembly module: " + reason)
