/* Function values, kinds and masks of kinds. */
#include "internal.h"

int32_t rt_kind(val v) {
    static const uint8_t types[] = {
        [RT_KIND_INT] = T_INT, [RT_KIND_FLOAT] = T_FLOAT, [RT_KIND_STR] = T_STR, [RT_KIND_KW] = T_KW, [RT_KIND_SYM] = T_SYM,
        [RT_KIND_VEC] = T_VEC, [RT_KIND_LIST] = T_LIST, [RT_KIND_MAP] = T_MAP, [RT_KIND_FN] = T_FN, [RT_KIND_ERROR] = T_ERR,
        [RT_KIND_TIMESTAMP] = T_TIMESTAMP, [RT_KIND_UUID] = T_UUID, [RT_KIND_RESOURCE] = T_RESOURCE,
        [RT_KIND_BUILDER] = T_BUILDER, [RT_KIND_HOSTFN] = T_FN,
    };
    if (is_int63(v)) return T_INT;
    if (v == NIL) return T_NIL;
    return is_object(v) ? types[*(uint8_t *)RT_AT((ref)v)] : T_BOOL;
}

int32_t rt_is(val v, int32_t mask) { return mask >> rt_kind(v) & 1; }

static const char *const type_names[] = {
    "nil", "boolean", "integer", "float", "string", "keyword", "symbol", "vector", "list", "map", "function", "error",
    "timestamp", "uuid", "resource-handle", "builder",
};

static val type_name(val v) { return str_literal(type_names[rt_kind(v)]); }
val rt_type_name(val v) { return type_name(v); }

/* A mask in the notation of types. Int|Float is what the annotation :float means. */
static val expected_of(int32_t mask) {
    static const char *const notation[] = {
        ":nil", ":bool", ":int", ":float", ":string", ":keyword", ":symbol", ":vector", ":list", ":map", ":fn", ":error",
        ":timestamp", ":uuid", ":resource", ":builder",
    };
    if (mask & 1 << T_FLOAT) mask &= ~(1 << T_INT);
    bool many = mask & (mask - 1);
    text_out out;
    out_init(&out, 32);
    if (many) out_text(&out, "[:union");
    for (int i = T_BOOL; i <= T_BUILDER + 1; i++) { /* nil comes last, as in T? */
        int kind = i > T_BUILDER ? T_NIL : i;
        if (!(mask >> kind & 1)) continue;
        if (many) out_text(&out, " ");
        out_text(&out, notation[kind]);
    }
    if (many) out_text(&out, "]");
    return out_done(&out);
}

ref rt_fninfo(val name, int32_t capture_count) {
    fninfo_obj *info = alloc(sizeof(fninfo_obj));
    *info = (fninfo_obj){.kind = RT_KIND_FNINFO, .capture_count = (uint32_t)capture_count, .name = name};
    return RT_REF(info);
}

val rt_closure(int32_t arity, int32_t code, ref info, int32_t capture_count) {
    fn_obj *f = alloc(sizeof(fn_obj) + (uint64_t)(uint32_t)capture_count * sizeof(val));
    *f = (fn_obj){.kind = RT_KIND_FN, .arity = (uint32_t)arity, .code = (uint32_t)code, .info = info};
    memset(f->captures, 0, (uint32_t)capture_count * sizeof(val)); /* nil */
    return RT_REF(f);
}

val rt_hostfn(int32_t handle) {
    fn_obj *f = alloc(8);
    f->kind = RT_KIND_HOSTFN;
    f->arity = (uint32_t)handle;
    return RT_REF(f);
}
