# cython: language_level=3
"""wasmtime's shared library, opened from its wheel without importing the package (which costs 40 ms)."""

import os
import platform
import sys
from importlib.util import find_spec

from cpython.bytes cimport PyBytes_FromStringAndSize

cdef extern from "dlfcn.h" nogil:
    void *dlopen(const char *path, int flags)
    void *dlsym(void *handle, const char *name)
    const char *dlerror()
    int RTLD_NOW
    int RTLD_LOCAL

VERSION = "50.0."
"""Versions whose layouts were checked."""

_NAMES = {"linux": "_libwasmtime.so", "darwin": "_libwasmtime.dylib"}
_MACHINES = {"AMD64": "x86_64", "arm64": "aarch64", "ARM64": "aarch64"}

cdef bint _loaded = False


class BridgeError(Exception):
    """The direct bridge cannot be used; the text says why."""


def library():
    """(path of the shared library, version of the wheel); raises `BridgeError`."""
    spec = find_spec("wasmtime")
    if spec is None or not spec.submodule_search_locations:
        raise BridgeError("the package wasmtime is not installed")
    folder = spec.submodule_search_locations[0]
    machine = platform.machine()
    name = _NAMES.get(sys.platform)
    if name is None:
        raise BridgeError(f"no bridge for platform {sys.platform}")
    path = os.path.join(folder, f"{sys.platform}-{_MACHINES.get(machine, machine)}", name)
    if not os.path.exists(path):
        raise BridgeError(f"{path} does not exist")
    return path, _wheel_version(folder)


def _wheel_version(folder):
    # importlib.metadata costs 15 ms to import; the folder beside the package names the version.
    beside = os.path.dirname(folder)
    found = [n for n in os.listdir(beside) if n.startswith("wasmtime-") and n.endswith(".dist-info")]
    return found[0][len("wasmtime-"):-len(".dist-info")] if len(found) == 1 else "unknown"


def load():
    """Opens the library and fills the table, once per process; raises `BridgeError`."""
    global _loaded
    if _loaded:
        return
    path, version = library()
    if not version.startswith(VERSION):
        raise BridgeError(f"wasmtime {version} instead of {VERSION}*")
    _check_layouts()
    cdef bytes where = os.fsencode(path)
    cdef void *handle = dlopen(where, RTLD_NOW | RTLD_LOCAL)
    if handle == NULL:
        raise BridgeError(f"cannot open {path}: {dlerror().decode()}")
    _resolve(handle)
    _loaded = True


cdef _check_layouts():
    cdef bint same = (
        sizeof(wt_bytes) == 16 and sizeof(wt_func) == 16 and sizeof(wt_instance) == 16
        and sizeof(wt_memory) == 24 and sizeof(wt_global) == 24 and sizeof(wt_extern) == 32
        and sizeof(wt_raw) == 16 and sizeof(wt_val) == 32 and sizeof(void *) == 8)
    if not same:
        raise BridgeError("the layout of wasmtime's structures differs on this platform")


def layouts():
    """Sizes in bytes by the name of the C type."""
    return {
        "wasm_byte_vec_t": sizeof(wt_bytes), "wasmtime_func_t": sizeof(wt_func),
        "wasmtime_instance_t": sizeof(wt_instance), "wasmtime_memory_t": sizeof(wt_memory),
        "wasmtime_global_t": sizeof(wt_global), "wasmtime_extern_t": sizeof(wt_extern),
        "wasmtime_val_raw_t": sizeof(wt_raw), "wasmtime_val_t": sizeof(wt_val),
    }


cdef void *_symbol(void *handle, const char *name) except NULL:
    cdef void *found = dlsym(handle, name)
    if found == NULL:
        raise BridgeError(f"wasmtime has no function {name.decode()}")
    return found


cdef _resolve(void *h):
    (<void **>&api.wasm_byte_vec_delete)[0] = _symbol(h, b"wasm_byte_vec_delete")
    (<void **>&api.wasm_config_new)[0] = _symbol(h, b"wasm_config_new")
    (<void **>&api.wasm_engine_new_with_config)[0] = _symbol(h, b"wasm_engine_new_with_config")
    (<void **>&api.wasm_engine_delete)[0] = _symbol(h, b"wasm_engine_delete")
    (<void **>&api.wasmtime_config_epoch_interruption_set)[0] = _symbol(h, b"wasmtime_config_epoch_interruption_set")
    (<void **>&api.wasmtime_config_consume_fuel_set)[0] = _symbol(h, b"wasmtime_config_consume_fuel_set")
    (<void **>&api.wasmtime_config_max_wasm_stack_set)[0] = _symbol(h, b"wasmtime_config_max_wasm_stack_set")
    (<void **>&api.wasmtime_config_wasm_tail_call_set)[0] = _symbol(h, b"wasmtime_config_wasm_tail_call_set")
    (<void **>&api.wasmtime_config_wasm_multi_value_set)[0] = _symbol(h, b"wasmtime_config_wasm_multi_value_set")
    (<void **>&api.wasmtime_config_wasm_bulk_memory_set)[0] = _symbol(h, b"wasmtime_config_wasm_bulk_memory_set")
    (<void **>&api.wasmtime_config_parallel_compilation_set)[0] = _symbol(
        h, b"wasmtime_config_parallel_compilation_set")
    (<void **>&api.wasmtime_engine_increment_epoch)[0] = _symbol(h, b"wasmtime_engine_increment_epoch")
    (<void **>&api.wasmtime_store_new)[0] = _symbol(h, b"wasmtime_store_new")
    (<void **>&api.wasmtime_store_delete)[0] = _symbol(h, b"wasmtime_store_delete")
    (<void **>&api.wasmtime_store_context)[0] = _symbol(h, b"wasmtime_store_context")
    (<void **>&api.wasmtime_store_limiter)[0] = _symbol(h, b"wasmtime_store_limiter")
    (<void **>&api.wasmtime_store_epoch_deadline_callback)[0] = _symbol(h, b"wasmtime_store_epoch_deadline_callback")
    (<void **>&api.wasmtime_context_set_epoch_deadline)[0] = _symbol(h, b"wasmtime_context_set_epoch_deadline")
    (<void **>&api.wasmtime_context_set_fuel)[0] = _symbol(h, b"wasmtime_context_set_fuel")
    (<void **>&api.wasmtime_context_get_fuel)[0] = _symbol(h, b"wasmtime_context_get_fuel")
    (<void **>&api.wasmtime_module_new)[0] = _symbol(h, b"wasmtime_module_new")
    (<void **>&api.wasmtime_module_delete)[0] = _symbol(h, b"wasmtime_module_delete")
    (<void **>&api.wasmtime_module_validate)[0] = _symbol(h, b"wasmtime_module_validate")
    (<void **>&api.wasmtime_module_serialize)[0] = _symbol(h, b"wasmtime_module_serialize")
    (<void **>&api.wasmtime_module_deserialize)[0] = _symbol(h, b"wasmtime_module_deserialize")
    (<void **>&api.wasmtime_module_imports)[0] = _symbol(h, b"wasmtime_module_imports")
    (<void **>&api.wasm_importtype_module)[0] = _symbol(h, b"wasm_importtype_module")
    (<void **>&api.wasm_importtype_name)[0] = _symbol(h, b"wasm_importtype_name")
    (<void **>&api.wasm_importtype_vec_delete)[0] = _symbol(h, b"wasm_importtype_vec_delete")
    (<void **>&api.wasmtime_instance_new)[0] = _symbol(h, b"wasmtime_instance_new")
    (<void **>&api.wasmtime_instance_export_get)[0] = _symbol(h, b"wasmtime_instance_export_get")
    (<void **>&api.wasmtime_func_call_unchecked)[0] = _symbol(h, b"wasmtime_func_call_unchecked")
    (<void **>&api.wasmtime_func_new_unchecked)[0] = _symbol(h, b"wasmtime_func_new_unchecked")
    (<void **>&api.wasmtime_func_type)[0] = _symbol(h, b"wasmtime_func_type")
    (<void **>&api.wasm_functype_new)[0] = _symbol(h, b"wasm_functype_new")
    (<void **>&api.wasm_functype_delete)[0] = _symbol(h, b"wasm_functype_delete")
    (<void **>&api.wasm_functype_params)[0] = _symbol(h, b"wasm_functype_params")
    (<void **>&api.wasm_functype_results)[0] = _symbol(h, b"wasm_functype_results")
    (<void **>&api.wasm_valtype_new)[0] = _symbol(h, b"wasm_valtype_new")
    (<void **>&api.wasm_valtype_kind)[0] = _symbol(h, b"wasm_valtype_kind")
    (<void **>&api.wasm_valtype_vec_new)[0] = _symbol(h, b"wasm_valtype_vec_new")
    (<void **>&api.wasmtime_memory_data)[0] = _symbol(h, b"wasmtime_memory_data")
    (<void **>&api.wasmtime_memory_data_size)[0] = _symbol(h, b"wasmtime_memory_data_size")
    (<void **>&api.wasmtime_memory_grow)[0] = _symbol(h, b"wasmtime_memory_grow")
    (<void **>&api.wasmtime_global_get)[0] = _symbol(h, b"wasmtime_global_get")
    (<void **>&api.wasmtime_global_set)[0] = _symbol(h, b"wasmtime_global_set")
    (<void **>&api.wasmtime_error_new)[0] = _symbol(h, b"wasmtime_error_new")
    (<void **>&api.wasmtime_error_message)[0] = _symbol(h, b"wasmtime_error_message")
    (<void **>&api.wasmtime_error_delete)[0] = _symbol(h, b"wasmtime_error_delete")
    (<void **>&api.wasmtime_trap_new)[0] = _symbol(h, b"wasmtime_trap_new")
    (<void **>&api.wasmtime_trap_code)[0] = _symbol(h, b"wasmtime_trap_code")
    (<void **>&api.wasm_trap_message)[0] = _symbol(h, b"wasm_trap_message")
    (<void **>&api.wasmtime_guestprofiler_new)[0] = _symbol(h, b"wasmtime_guestprofiler_new")
    (<void **>&api.wasmtime_guestprofiler_sample)[0] = _symbol(h, b"wasmtime_guestprofiler_sample")
    (<void **>&api.wasmtime_guestprofiler_finish)[0] = _symbol(h, b"wasmtime_guestprofiler_finish")
    (<void **>&api.wasmtime_guestprofiler_delete)[0] = _symbol(h, b"wasmtime_guestprofiler_delete")
    (<void **>&api.wasm_trap_trace)[0] = _symbol(h, b"wasm_trap_trace")
    (<void **>&api.wasmtime_error_wasm_trace)[0] = _symbol(h, b"wasmtime_error_wasm_trace")
    (<void **>&api.wasm_frame_module_offset)[0] = _symbol(h, b"wasm_frame_module_offset")
    (<void **>&api.wasmtime_frame_module_name)[0] = _symbol(h, b"wasmtime_frame_module_name")
    (<void **>&api.wasmtime_frame_func_name)[0] = _symbol(h, b"wasmtime_frame_func_name")
    (<void **>&api.wasm_frame_vec_delete)[0] = _symbol(h, b"wasm_frame_vec_delete")
    (<void **>&api.wasm_trap_delete)[0] = _symbol(h, b"wasm_trap_delete")
    (<void **>&api.wasmtime_wat2wasm)[0] = _symbol(h, b"wasmtime_wat2wasm")


cdef bytes take_bytes(wt_bytes *vec):
    """Copies and frees."""
    cdef bytes out = PyBytes_FromStringAndSize(<char *>vec.data, vec.size)
    api.wasm_byte_vec_delete(vec)
    return out


cdef str error_text(void *error):
    """Message of an error, which is freed."""
    cdef wt_bytes message
    api.wasmtime_error_message(error, &message)
    api.wasmtime_error_delete(error)
    return take_bytes(&message).decode("utf-8", "replace")


cdef void *function_type(tuple params, tuple results) except NULL:
    """A new functype from value kinds; the caller deletes it."""
    cdef wt_vec ins
    cdef wt_vec outs
    _kinds(params, &ins)
    _kinds(results, &outs)
    return api.wasm_functype_new(&ins, &outs)


cdef _kinds(tuple kinds, wt_vec *out):
    cdef void *types[16]
    assert len(kinds) <= 16
    for i, kind in enumerate(kinds):
        types[i] = api.wasm_valtype_new(kind)
    api.wasm_valtype_vec_new(out, len(kinds), types)


cdef tuple signature(void *context, const wt_func *func):
    """(kinds of parameters, kinds of results) of a function, as tuples of small ints."""
    cdef void *type_ = api.wasmtime_func_type(context, func)
    result = _list_kinds(api.wasm_functype_params(type_)), _list_kinds(api.wasm_functype_results(type_))
    api.wasm_functype_delete(type_)
    return result


cdef tuple _list_kinds(const wt_vec *vec):
    return tuple([api.wasm_valtype_kind(vec.data[i]) for i in range(vec.size)])
