# The part of wasmtime's C API that we use, as one table of function pointers filled at first use.
# The wheel has no headers: the layouts follow wasmtime-py's ctypes declarations. `capi.load` asserts
# the sizes and refuses other versions; bridge.py runs the self-test. Opaque objects are void*.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "stdbool.h":
    ctypedef bint c_bool "bool"

cdef struct wt_bytes:
    size_t size
    uint8_t *data

cdef struct wt_vec:
    size_t size
    void **data

cdef struct wt_profiled:    # a module that a profile names
    const wt_bytes *name
    void *module

cdef struct wt_func:
    uint64_t store_id
    void *index

cdef struct wt_instance:
    uint64_t store_id
    size_t index

cdef struct wt_memory:
    uint64_t store_id
    uint64_t a
    uint32_t b

cdef struct wt_global:
    uint64_t store_id
    uint32_t a
    uint32_t b
    uint32_t c

cdef union wt_extern_of:
    wt_func func
    wt_global var
    wt_memory memory

cdef struct wt_extern:
    uint8_t kind
    wt_extern_of of

cdef union wt_raw:
    int32_t i32
    int64_t i64
    double f64
    uint64_t wide[2]

cdef union wt_val_of:
    int32_t i32
    int64_t i64
    double f64
    wt_global ref

cdef struct wt_val:
    uint8_t kind
    wt_val_of of

cdef enum:
    EXTERN_FUNC = 0
    EXTERN_GLOBAL = 1
    EXTERN_TABLE = 2
    EXTERN_MEMORY = 3
    VAL_I32 = 0
    VAL_I64 = 1
    VAL_F64 = 3

ctypedef void *(*wt_epoch_callback)(void *context, void *env, uint64_t *delta, uint8_t *kind) noexcept
ctypedef void *(*wt_host_callback)(void *env, void *caller, wt_raw *slots, size_t count) noexcept
ctypedef void (*wt_finalizer)(void *) noexcept

# A function that can fail returns an error (to be deleted) or NULL; traps come through `void **`.
cdef struct Api:
    void (*wasm_byte_vec_delete)(wt_bytes *) noexcept nogil
    void *(*wasm_config_new)() noexcept nogil
    void *(*wasm_engine_new_with_config)(void *config) noexcept nogil
    void (*wasm_engine_delete)(void *engine) noexcept nogil
    void (*wasmtime_config_epoch_interruption_set)(void *, c_bool) noexcept nogil
    void (*wasmtime_config_consume_fuel_set)(void *, c_bool) noexcept nogil
    void (*wasmtime_config_max_wasm_stack_set)(void *, size_t) noexcept nogil
    void (*wasmtime_config_wasm_tail_call_set)(void *, c_bool) noexcept nogil
    void (*wasmtime_config_wasm_multi_value_set)(void *, c_bool) noexcept nogil
    void (*wasmtime_config_wasm_bulk_memory_set)(void *, c_bool) noexcept nogil
    void (*wasmtime_config_parallel_compilation_set)(void *, c_bool) noexcept nogil
    void (*wasmtime_engine_increment_epoch)(void *engine) noexcept nogil
    void *(*wasmtime_store_new)(void *engine, void *data, wt_finalizer) noexcept nogil
    void (*wasmtime_store_delete)(void *store) noexcept nogil
    void *(*wasmtime_store_context)(void *store) noexcept nogil
    void (*wasmtime_store_limiter)(void *, int64_t memory, int64_t table, int64_t instances,
                                   int64_t tables, int64_t memories) noexcept nogil
    void (*wasmtime_store_epoch_deadline_callback)(void *, wt_epoch_callback, void *,
                                                   wt_finalizer) noexcept nogil
    void (*wasmtime_context_set_epoch_deadline)(void *context, uint64_t ticks) noexcept nogil
    void *(*wasmtime_context_set_fuel)(void *context, uint64_t fuel) noexcept nogil
    void *(*wasmtime_context_get_fuel)(void *context, uint64_t *fuel) noexcept nogil
    void *(*wasmtime_module_new)(void *engine, const uint8_t *, size_t, void **) noexcept nogil
    void (*wasmtime_module_delete)(void *) noexcept nogil
    void *(*wasmtime_module_validate)(void *engine, const uint8_t *, size_t) noexcept nogil
    void *(*wasmtime_module_serialize)(void *, wt_bytes *) noexcept nogil
    void *(*wasmtime_module_deserialize)(void *engine, const uint8_t *, size_t, void **) noexcept nogil
    void (*wasmtime_module_imports)(void *, wt_vec *) noexcept nogil
    const wt_bytes *(*wasm_importtype_module)(void *) noexcept nogil
    const wt_bytes *(*wasm_importtype_name)(void *) noexcept nogil
    void (*wasm_importtype_vec_delete)(wt_vec *) noexcept nogil
    void *(*wasmtime_instance_new)(void *context, void *module, const wt_extern *, size_t,
                                   wt_instance *, void **trap) noexcept
    c_bool (*wasmtime_instance_export_get)(void *context, const wt_instance *, const char *, size_t,
                                           wt_extern *) noexcept nogil
    void *(*wasmtime_func_call_unchecked)(void *context, const wt_func *, wt_raw *, size_t,
                                          void **trap) noexcept
    void (*wasmtime_func_new_unchecked)(void *context, void *functype, wt_host_callback, void *env,
                                        wt_finalizer, wt_func *) noexcept nogil
    void *(*wasmtime_func_type)(void *context, const wt_func *) noexcept nogil
    void *(*wasm_functype_new)(wt_vec *params, wt_vec *results) noexcept nogil
    void (*wasm_functype_delete)(void *) noexcept nogil
    const wt_vec *(*wasm_functype_params)(void *) noexcept nogil
    const wt_vec *(*wasm_functype_results)(void *) noexcept nogil
    void *(*wasm_valtype_new)(uint8_t) noexcept nogil
    uint8_t (*wasm_valtype_kind)(void *) noexcept nogil
    void (*wasm_valtype_vec_new)(wt_vec *, size_t, void **) noexcept nogil
    uint8_t *(*wasmtime_memory_data)(void *context, const wt_memory *) noexcept nogil
    size_t (*wasmtime_memory_data_size)(void *context, const wt_memory *) noexcept nogil
    void *(*wasmtime_memory_grow)(void *context, const wt_memory *, uint64_t, uint64_t *) noexcept nogil
    void (*wasmtime_global_get)(void *context, const wt_global *, wt_val *) noexcept nogil
    void *(*wasmtime_global_set)(void *context, const wt_global *, const wt_val *) noexcept nogil
    void *(*wasmtime_error_new)(const char *) noexcept nogil
    void (*wasmtime_error_message)(void *, wt_bytes *) noexcept nogil
    void (*wasmtime_error_delete)(void *) noexcept nogil
    void *(*wasmtime_trap_new)(const char *, size_t) noexcept nogil
    c_bool (*wasmtime_trap_code)(void *, uint8_t *) noexcept nogil
    void (*wasm_trap_message)(void *, wt_bytes *) noexcept nogil
    void *(*wasmtime_guestprofiler_new)(void *engine, const wt_bytes *name, uint64_t interval,
                                        const wt_profiled *, size_t) noexcept nogil
    void (*wasmtime_guestprofiler_sample)(void *, void *store, uint64_t delta) noexcept nogil
    void *(*wasmtime_guestprofiler_finish)(void *, wt_bytes *) noexcept nogil
    void (*wasmtime_guestprofiler_delete)(void *) noexcept nogil
    void (*wasm_trap_trace)(void *, wt_vec *) noexcept nogil
    void (*wasmtime_error_wasm_trace)(void *, wt_vec *) noexcept nogil
    size_t (*wasm_frame_module_offset)(void *) noexcept nogil
    const wt_bytes *(*wasmtime_frame_module_name)(void *) noexcept nogil
    const wt_bytes *(*wasmtime_frame_func_name)(void *) noexcept nogil
    void (*wasm_frame_vec_delete)(wt_vec *) noexcept nogil
    void (*wasm_trap_delete)(void *) noexcept nogil
    void *(*wasmtime_wat2wasm)(const char *, size_t, wt_bytes *) noexcept nogil

cdef Api api

cdef str error_text(void *error)
cdef bytes take_bytes(wt_bytes *vec)
cdef void *function_type(tuple params, tuple results) except NULL
cdef tuple signature(void *context, const wt_func *func)
