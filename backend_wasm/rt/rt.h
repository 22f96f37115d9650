/* Public interface of the runtime library: docs/abi.md. One source for Wasm and for the evaluator. */
#pragma once
#include <stdint.h>
#include "generated/layout.h"

typedef uint64_t val; /* a boxed value */
typedef uint32_t ref; /* offset into the instance's memory */
typedef void (*rt_body)(void *);

#ifdef __wasm__
#define RT_API __attribute__((visibility("default")))
#define RT_AT(r) ((char *)(uintptr_t)(r))
#define RT_REF(p) ((ref)(uintptr_t)(p))
#else
#define RT_API
extern __thread char *rt_base __attribute__((tls_model("initial-exec"), visibility("hidden")));
#define RT_AT(r) (rt_base + (r))
#define RT_REF(p) ((ref)((char *)(p) - rt_base))
#endif

#include "generated/ops.h"

RT_API void rt_init(void);
RT_API void rt_reset(void);
RT_API void rt_settle(void);
RT_API val rt_keep(val value);
RT_API void rt_collect(void);
RT_API void rt_evacuate(void);
RT_API int32_t rt_handle(val value);
RT_API val rt_handle_value(int32_t handle);
RT_API void rt_handle_close(int32_t handle);
RT_API ref rt_alloc(uint32_t size);
RT_API ref rt_buffer(uint32_t size);
RT_API val rt_decode(ref buffer);
RT_API int64_t rt_encode(val value);
RT_API val rt_box_int(int64_t number);
RT_API val rt_box_float(double number);
RT_API int64_t rt_unbox_int(val value);
RT_API double rt_unbox_float(val value);
RT_API int32_t rt_kind(val value);
RT_API int32_t rt_is(val value, int32_t mask);
RT_API ref rt_fninfo(val name, int32_t capture_count);
RT_API val rt_closure(int32_t arity, int32_t code, ref info, int32_t capture_count);
RT_API val rt_hostfn(int32_t handle);
RT_API val rt_list_from(val *args, uint32_t n);
RT_API int32_t rt_call_args(val seq, val *out, int32_t max);
RT_API val rt_overflow1(int32_t operation, int64_t a);
RT_API val rt_overflow2(int32_t operation, int64_t a, int64_t b);
RT_API val rt_div_zero(void);
RT_API val rt_check_fail(val value, int32_t mask);
RT_API void rt_as_fail(void);
RT_API val rt_closure_call_error(val callee, int32_t argc);
RT_API val rt_stack_overflow(void);
RT_API void rt_error_site(uint32_t site);
RT_API val rt_raise(int32_t kind, val data);
RT_API void rt_trap(int32_t kind);
RT_API val rt_str_from(const char *bytes, uint32_t n);
RT_API val rt_kw_from(const char *bytes, uint32_t n);
RT_API val rt_sym_from(const char *bytes, uint32_t n);

#ifndef __wasm__
/* Native instances. The region is reserved at once, the kernel commits pages as they are touched. */
char *rt_instance_new(uint32_t max_bytes);
void rt_instance_free(char *base);
char *rt_enter(char *base);
int rt_guarded(rt_body body, void *arg);
void rt_collect_values(val *roots, uint32_t n);

/* Asked now and then by ops that take long: anything but 0 ends them by a trap of this kind. */
enum { RT_INTERRUPTED = 0x7FFF };
void rt_on_look(int (*ask)(void));
#endif
