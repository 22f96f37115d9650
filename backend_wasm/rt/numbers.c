/* Numbers of any kind: boxing, checked integer arithmetic, conversions from text. */
#include "internal.h"

static __attribute__((noinline)) val box_large(int64_t n) {
    int_obj *o = alloc(sizeof(int_obj));
    *o = (int_obj){.kind = RT_KIND_INT, .number = n};
    return RT_REF(o);
}

val rt_box_int(int64_t n) { return box_int(n); }

val rt_box_float(double x) {
    float_obj *o = alloc(sizeof(float_obj));
    *o = (float_obj){.kind = RT_KIND_FLOAT, .number = x};
    return RT_REF(o);
}

int64_t rt_unbox_int(val v) { return int_of(v); }
double rt_unbox_float(val v) { return float_of(v); }

static int64_t float_to_int(double x) {
    if (x != x) return 0;
    if (x >= 9223372036854775808.0) return INT64_MAX;
    if (x < -9223372036854775808.0) return INT64_MIN;
    return (int64_t)x;
}

/* A float quotient: an integer whenever it has no fraction. */
static val quotient(double x) {
    if (x >= -9223372036854775808.0 && x < 9223372036854775808.0 && (double)(int64_t)x == x) return rt_box_int((int64_t)x);
    return rt_box_float(x);
}

val rt_int_div(int64_t a, int64_t b) {
    if (b == 0) return rt_div_zero();
    if (b == -1) return a == INT64_MIN ? rt_overflow2(RT_OPERATION_DIV, a, b) : rt_box_int(-a);
    return a % b == 0 ? rt_box_int(a / b) : rt_box_float((double)a / (double)b);
}

val rt_float_div(double a, double b) { return b == 0 ? rt_div_zero() : quotient(a / b); }
val rt_float_mod(double a, double b) { return b == 0 ? rt_div_zero() : rt_box_float(floattext_rem(a, b)); }

val rt_float_sqrt(double x) {
    return x < 0 ? invalid("sqrt of a negative number") : rt_box_float(__builtin_sqrt(x));
}

static val bad_number(const char *operation, const char *expected, val a, val b) {
    return type_error(operation, expected, is_number(a) ? b : a);
}

#define ARITHMETIC(name, text, code, checked, operator)                                                       \
    val rt_num_##name(val a, val b) {                                                                         \
        if (likely(is_int(a) && is_int(b))) {                                                                 \
            int64_t x = int_of(a), y = int_of(b), r;                                                          \
            return checked(x, y, &r) ? rt_overflow2(code, x, y) : rt_box_int(r);                              \
        }                                                                                                     \
        if (!is_number(a) || !is_number(b)) return bad_number(text, "number", a, b);                          \
        return rt_box_float(number_of(a) operator number_of(b));                                              \
    }
ARITHMETIC(add, "+", RT_OPERATION_ADD, __builtin_add_overflow, +)
ARITHMETIC(sub, "-", RT_OPERATION_SUB, __builtin_sub_overflow, -)
ARITHMETIC(mul, "*", RT_OPERATION_MUL, __builtin_mul_overflow, *)

val rt_num_div(val a, val b) {
    if (is_int(a) && is_int(b)) return rt_int_div(int_of(a), int_of(b));
    if (!is_number(a) || !is_number(b)) return bad_number("/", "number", a, b);
    return rt_float_div(number_of(a), number_of(b));
}

val rt_num_mod(val a, val b) {
    if (!is_number(a) || !is_number(b)) return bad_number("mod", "numbers", a, b);
    if (is_float(a) || is_float(b)) return rt_float_mod(number_of(a), number_of(b));
    int64_t x = int_of(a), y = int_of(b);
    if (y == 0) return rt_div_zero();
    return rt_box_int(y == -1 ? 0 : x % y);
}

val rt_num_neg(val a) {
    if (is_float(a)) return rt_box_float(-float_of(a));
    if (!is_int(a)) return type_error("-", "number", a);
    int64_t x = int_of(a);
    return x == INT64_MIN ? rt_overflow1(RT_OPERATION_SUB, x) : rt_box_int(-x);
}

val rt_num_inc(val a) {
    return is_number(a) ? rt_num_add(a, rt_box_int(1)) : raise_text(RT_ERRKIND_GENERIC, "inc expects a number");
}

val rt_num_dec(val a) {
    return is_number(a) ? rt_num_sub(a, rt_box_int(1)) : raise_text(RT_ERRKIND_GENERIC, "dec expects a number");
}

val rt_num_abs(val a) {
    if (is_float(a)) return rt_box_float(__builtin_fabs(float_of(a)));
    if (!is_int(a)) return type_error("abs", "number", a);
    int64_t x = int_of(a);
    return x == INT64_MIN ? rt_overflow1(RT_OPERATION_ABS, x) : x < 0 ? rt_box_int(-x) : a;
}

val rt_num_min(val a, val b) {
    if (!is_number(a) || !is_number(b)) return raise_text(RT_ERRKIND_GENERIC, "min can only compare numbers");
    return compare_numbers(b, a) == -1 ? b : a;
}

val rt_num_max(val a, val b) {
    if (!is_number(a) || !is_number(b)) return raise_text(RT_ERRKIND_GENERIC, "max can only compare numbers");
    return compare_numbers(b, a) == 1 ? b : a;
}

val rt_num_sqrt(val a) { return is_number(a) ? rt_float_sqrt(number_of(a)) : type_error("sqrt", "number", a); }

val rt_num_pow(val a, val b) {
    if (!is_number(a) || !is_number(b)) return bad_number("pow", "number", a, b);
    if (is_float(a) || is_float(b) || int_of(b) < 0) return rt_box_float(power(number_of(a), number_of(b)));
    int64_t base = int_of(a), left = int_of(b), result = 1;
    while (left) {
        if (left & 1 && __builtin_mul_overflow(result, base, &result)) break;
        left >>= 1;
        if (left && __builtin_mul_overflow(base, base, &base)) break;
    }
    return left ? rt_overflow2(RT_OPERATION_POW, int_of(a), int_of(b)) : rt_box_int(result);
}

val rt_num_factorial(val a) {
    if (!is_int(a)) return type_error("factorial", "integer", a);
    int64_t n = int_of(a), result = 1;
    if (n < 0) return invalid("factorial of a negative number");
    if (n > 20) return rt_overflow1(RT_OPERATION_FACTORIAL, n);
    while (n > 1) result *= n--;
    return rt_box_int(result);
}

static val parity(const char *operation, val a, int64_t wanted) {
    if (!is_number(a)) return type_error(operation, "number", a);
    int64_t n = is_int(a) ? int_of(a) : float_to_int(float_of(a));
    return boolean((n & 1) == wanted);
}

val rt_num_even(val a) { return parity("even?", a, 0); }
val rt_num_odd(val a) { return parity("odd?", a, 1); }
val rt_num_zero(val a) { return is_number(a) ? boolean(number_of(a) == 0) : type_error("zero?", "number", a); }
val rt_num_pos(val a) { return is_number(a) ? boolean(number_of(a) > 0) : type_error("pos?", "number", a); }
val rt_num_neg_p(val a) { return is_number(a) ? boolean(number_of(a) < 0) : type_error("neg?", "number", a); }

val rt_num_check(val a, val operation) {
    return is_number(a) ? a : raise_type_text(operation, str_literal("number"), type_name(a));
}

/* ---- text to numbers */
static bool is_blank(uint32_t c) {
    return (c >= 9 && c <= 13) || c == 32 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
           c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Byte range of the text without Unicode blanks at its ends. */
static void trim_range(str_obj *s, uint32_t *from, uint32_t *to) {
    uint32_t a = 0, b = s->size;
    while (a < b && is_blank(decode_char(s->text, a, s->size))) a = next_char(s->text, a, s->size);
    while (b > a) {
        uint32_t start = b - 1;
        while (start > a && (s->text[start] & 0xC0) == 0x80) start--;
        if (!is_blank(decode_char(s->text, start, s->size))) break;
        b = start;
    }
    *from = a;
    *to = b;
}

static bool parse_int_text(const char *t, uint32_t size, int64_t *out) {
    bool negative = size && *t == '-';
    uint32_t i = size && (*t == '-' || *t == '+');
    int64_t n = 0;
    if (i == size) return false;
    for (; i < size; i++) {
        if (t[i] < '0' || t[i] > '9') return false;
        int digit = t[i] - '0';
        if (__builtin_mul_overflow(n, 10, &n)) return false;
        if (negative ? __builtin_sub_overflow(n, digit, &n) : __builtin_add_overflow(n, digit, &n)) return false;
    }
    *out = n;
    return true;
}

static uint32_t skip_digits(const char *t, uint32_t i, uint32_t size) {
    while (i < size && t[i] >= '0' && t[i] <= '9') i++;
    return i;
}

static bool word_is(const char *t, uint32_t size, const char *lower) {
    if (size != __builtin_strlen(lower)) return false;
    for (uint32_t i = 0; i < size; i++)
        if ((t[i] | 0x20) != lower[i]) return false;
    return true;
}

/* Decimal notation with optional sign, point and exponent; inf, infinity, nan in any case. */
static bool parse_float_text(const char *t, uint32_t size, double *out) {
    uint32_t i = size && (*t == '-' || *t == '+');
    double sign = size && *t == '-' ? -1 : 1;
    if (word_is(t + i, size - i, "inf") || word_is(t + i, size - i, "infinity")) return *out = sign * __builtin_inf(), true;
    if (word_is(t + i, size - i, "nan")) return *out = __builtin_nan(""), true;
    uint32_t whole = skip_digits(t, i, size), end = whole;
    uint32_t digits = whole - i;
    if (end < size && t[end] == '.') {
        end = skip_digits(t, whole + 1, size);
        digits += end - whole - 1;
    }
    if (!digits) return false;
    if (end < size && (t[end] | 0x20) == 'e') {
        uint32_t exponent = end + 1;
        if (exponent < size && (t[exponent] == '-' || t[exponent] == '+')) exponent++;
        end = skip_digits(t, exponent, size);
        if (end == exponent) return false;
    }
    if (end != size) return false;
    *out = sign * floattext_parse(t + i, size - i);
    return true;
}

static bool text_to_int(val v, int64_t *out) {
    uint32_t from, to;
    trim_range(OF(str_obj, v), &from, &to);
    return parse_int_text(OF(str_obj, v)->text + from, to - from, out);
}

static bool text_to_float(val v, double *out) {
    uint32_t from, to;
    trim_range(OF(str_obj, v), &from, &to);
    return parse_float_text(OF(str_obj, v)->text + from, to - from, out);
}

int64_t rt_to_int(val v) {
    int64_t n = 0;
    if (is_int(v)) return int_of(v);
    if (is_float(v)) return float_to_int(float_of(v));
    if (is_str(v)) return text_to_int(v, &n) ? n : 0;
    return v == TRUE;
}

double rt_to_float(val v) {
    double x = 0;
    if (is_number(v)) return number_of(v);
    if (is_str(v)) return text_to_float(v, &x) ? x : 0;
    return v == TRUE;
}

val rt_parse_int(val v) {
    int64_t n;
    if (is_number(v)) return rt_box_int(rt_to_int(v));
    return is_str(v) && text_to_int(v, &n) ? rt_box_int(n) : NIL;
}

val rt_parse_float(val v) {
    double x;
    if (is_number(v)) return rt_box_float(number_of(v));
    return is_str(v) && text_to_float(v, &x) ? rt_box_float(x) : NIL;
}
