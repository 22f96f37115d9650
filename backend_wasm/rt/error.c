/* Errors: objects with a kind, a message made from the template of errors.toml, data, and a :type keyword. */
#include "internal.h"
#include "generated/errors.h"

static void init_errors(void) {
    val *types = alloc(RT_ERROR_KINDS * sizeof(val));
    STATE->error_types = RT_REF(types);
    for (int i = 0; i < RT_ERROR_KINDS; i++) types[i] = keyword(error_kinds[i].type);
    for (size_t i = 0; i < sizeof error_fields / sizeof *error_fields; i++) keyword(error_fields[i]);
    static const char *const others[] = {"args", "data", "type", "value"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) keyword(others[i]);
}

static val error_type(uint32_t kind) { return OBJ(val, STATE->error_types)[kind]; }

static val make_error(uint32_t kind, val message, val data, val type) {
    error_obj *e = alloc(sizeof(error_obj));
    *e = (error_obj){.kind = RT_KIND_ERROR, .kind_id = kind, .flags = !error_kinds[kind].catchable,
                     .message = message, .data = data, .type = type};
    return RT_REF(e);
}

static val pend(val error) {
    STATE->error = error;
    return ERR;
}

/* The template with each {field} replaced by that entry of `data` as text. */
static val render(const char *template, val data) {
    text_out out;
    out_init(&out, 64);
    for (const char *t = template; *t; t++) {
        if (*t != '{') {
            out_bytes(&out, t, 1);
            continue;
        }
        const char *end = t;
        while (*end != '}') end++;
        val field = intern(RT_KIND_KW, t + 1, (uint32_t)(end - t - 1));
        if (is_map(data)) print(&out, map_get(data, field, NIL), false);
        t = end;
    }
    return out_done(&out);
}

val rt_raise(int32_t kind, val data) {
    return pend(make_error((uint32_t)kind, render(error_kinds[kind].message, data), data, error_type((uint32_t)kind)));
}

static val raise3(int kind, const char *f1, val v1, const char *f2, val v2, const char *f3, val v3) {
    val pairs[6] = {keyword(f1), v1};
    uint32_t n = 1;
    if (f2) pairs[2] = keyword(f2), pairs[3] = v2, n = 2;
    if (f3) pairs[4] = keyword(f3), pairs[5] = v3, n = 3;
    return rt_raise(kind, map_from(pairs, n));
}

static val raise_text(int kind, const char *text) {
    return raise3(kind, "message", str_literal(text), NULL, NIL, NULL, NIL);
}

static val invalid(const char *text) { return raise_text(RT_ERRKIND_INVALID_ARGUMENT, text); }

static val raise_type_text(val operation, val expected, val actual) {
    return raise3(RT_ERRKIND_TYPE_ERROR, "expected", expected, "actual", actual, "operation", operation);
}

static val type_error(const char *operation, const char *expected, val actual) {
    return raise_type_text(str_literal(operation), str_literal(expected), type_name(actual));
}

static val index_error(int64_t index, uint32_t length) {
    return raise3(RT_ERRKIND_INDEX_OUT_OF_BOUNDS, "index", rt_box_int(index), "length", rt_box_int(length), NULL, NIL);
}

static val overflow_error(int operation, const val *args, uint32_t n) {
    static const char *const names[] = {"+", "-", "*", "/", "mod", "abs", "pow", "factorial"};
    return raise3(RT_ERRKIND_ARITHMETIC_OVERFLOW, "operation", str_literal(names[operation]), "args",
                  seq_new(RT_KIND_VEC, args, n), NULL, NIL);
}

val rt_overflow1(int32_t operation, int64_t a) {
    val arg = rt_box_int(a);
    return overflow_error(operation, &arg, 1);
}

val rt_overflow2(int32_t operation, int64_t a, int64_t b) {
    val args[2] = {rt_box_int(a), rt_box_int(b)};
    return overflow_error(operation, args, 2);
}

val rt_div_zero(void) { return rt_raise(RT_ERRKIND_DIVISION_BY_ZERO, NIL); }
val rt_stack_overflow(void) { return rt_raise(RT_ERRKIND_STACK_OVERFLOW, NIL); }

void rt_error_site(uint32_t site) {
    error_obj *e = OF(error_obj, STATE->error);
    if (!e->site) e->site = site;
}

static val raise_arity(val function, val expected, int64_t actual) {
    return raise3(RT_ERRKIND_ARITY_MISMATCH, "function", function, "expected", expected, "actual", rt_box_int(actual));
}

val rt_closure_call_error(val callee, int32_t argc) {
    if (is_kw(callee)) return raise_arity(rt_str_pr(callee), str_literal("1 or 2"), argc);
    if (!is_kind(callee, RT_KIND_FN)) return rt_raise_not_callable(callee);
    fn_obj *f = OF(fn_obj, callee);
    text_out out;
    out_init(&out, 16);
    if (f->arity & RT_ARITY_REST) out_text(&out, "at least ");
    print(&out, rt_box_int(f->arity & 0xFFFF), false);
    return raise_arity(OBJ(fninfo_obj, f->info)->name, out_done(&out), argc);
}

static val expected_of(int32_t mask);

val rt_check_fail(val value, int32_t mask) {
    return raise3(RT_ERRKIND_TYPE_VALIDATION_ERROR, "path", str_literal("value"), "expected", expected_of(mask), "actual",
                  type_name(value));
}

void rt_as_fail(void) { rt_bug(); }

val rt_raise_type(val operation, val expected, val actual) { return raise_type_text(operation, expected, type_name(actual)); }
val rt_raise_arity(val function, val expected, int64_t actual) { return raise_arity(function, expected, actual); }
val rt_raise_undefined(val symbol) { return raise3(RT_ERRKIND_UNDEFINED_SYMBOL, "symbol", symbol, NULL, NIL, NULL, NIL); }

val rt_raise_not_callable(val callee) {
    return raise3(RT_ERRKIND_NOT_CALLABLE, "actual", type_name(callee), NULL, NIL, NULL, NIL);
}

val rt_raise_match(val value) { return raise3(RT_ERRKIND_MATCH_ERROR, "value", value, NULL, NIL, NULL, NIL); }
val rt_raise_invalid(val text) { return raise3(RT_ERRKIND_INVALID_ARGUMENT, "message", text, NULL, NIL, NULL, NIL); }
val rt_raise_generic(val text) { return raise3(RT_ERRKIND_GENERIC, "message", text, NULL, NIL, NULL, NIL); }

static bool text_is(val text, const char *literal) {
    str_obj *s = OF(str_obj, text);
    return s->size == __builtin_strlen(literal) && memcmp(s->text, literal, s->size) == 0;
}

static int kind_named(val name) {
    for (int i = 0; i < RT_ERROR_KINDS; i++)
        if (text_is(name, error_kinds[i].name)) return i;
    return -1;
}

/* An error of the kind with exactly this message. */
val rt_raise_kind(val name, val message, val data) {
    int kind = kind_named(name);
    if (kind < 0) kind = RT_ERRKIND_GENERIC;
    return pend(make_error((uint32_t)kind, message, data, error_type((uint32_t)kind)));
}

/* What the host raised: [kind message data type], type nil for that of the kind. */
val rt_raise_host(val parts) {
    val item[4];
    if (rt_call_args(parts, item, 4) != 4) return rt_raise_generic(str_literal("malformed error of the host"));
    val pending = rt_raise_kind(item[0], item[1], item[2]);
    if (is_kw(item[3])) OF(error_obj, STATE->error)->type = item[3];
    return pending;
}

static val as_text(val v) { return is_str(v) ? v : rt_str(&v, 1); }

static val throw_map(val map) {
    val message = map_get(map, keyword("message"), NIL), type = map_get(map, keyword("type"), NIL);
    if (message == NIL) message = is_kw(type) ? rt_str_pr(type) : str_literal("");
    if (!is_kw(type)) type = error_type(RT_ERRKIND_APPLICATION_ERROR);
    return pend(make_error(RT_ERRKIND_APPLICATION_ERROR, as_text(message), map_get(map, keyword("data"), NIL), type));
}

val rt_throw(val x) {
    if (is_kind(x, RT_KIND_ERROR)) { /* a copy: the site of this throw must not stick to the value */
        error_obj *e = OF(error_obj, x);
        val copy = make_error(e->kind_id, e->message, e->data, e->type);
        OF(error_obj, copy)->site = e->site;
        return pend(copy);
    }
    if (is_str(x)) return pend(make_error(RT_ERRKIND_APPLICATION_ERROR, x, NIL, error_type(RT_ERRKIND_APPLICATION_ERROR)));
    if (is_map(x)) return throw_map(x);
    return type_error("throw", "error, string or map", x);
}

val rt_err_new(val *args, uint32_t n) {
    if (n == 0) return raise_arity(str_literal("Exception."), str_literal("at least 1"), 0);
    val data = NIL;
    if (n == 2 && (is_map(args[1]) || args[1] == NIL)) data = args[1];
    else if (n > 1) {
        val pair[2] = {keyword("args"), seq_new(RT_KIND_VEC, args + 1, n - 1)};
        data = map_from(pair, 1);
    }
    return make_error(RT_ERRKIND_APPLICATION_ERROR, as_text(args[0]), data, error_type(RT_ERRKIND_APPLICATION_ERROR));
}

val rt_err_message(val e) {
    return is_kind(e, RT_KIND_ERROR) ? OF(error_obj, e)->message : type_error("getMessage", "error", e);
}

val rt_err_type(val e) { return OF(error_obj, e)->type; }
val rt_err_data(val e) { return OF(error_obj, e)->data; }

int32_t rt_err_is(val e, val name) {
    uint32_t kind = OF(error_obj, e)->kind_id;
    for (size_t i = 0; i < sizeof error_groups / sizeof *error_groups; i++)
        if (text_is(name, error_groups[i].name)) return error_groups[i].members >> kind & 1;
    return kind_named(name) == (int)kind;
}
