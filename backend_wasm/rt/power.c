/* x to the power of y, as y * log x in pairs of floats ("double-double", about 100 bits). It uses no
 * function of a C library, so that both builds give the same bits; they must not contract to fma. */
#include "internal.h"

typedef struct { double high, low; } pair;

static pair fast_sum(double a, double b) { /* |a| >= |b| */
    double s = a + b;
    return (pair){s, b - (s - a)};
}

static pair sum(double a, double b) {
    double s = a + b, t = s - a;
    return (pair){s, (a - (s - t)) + (b - t)};
}

static pair product(double a, double b) {
    const double split = 134217729.0; /* 2^27 + 1 */
    double p = a * b, x = split * a, y = split * b;
    double ah = x - (x - a), al = a - ah, bh = y - (y - b), bl = b - bh;
    return (pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

static pair add(pair a, pair b) {
    pair s = sum(a.high, b.high);
    return fast_sum(s.high, s.low + a.low + b.low);
}

static pair multiply(pair a, pair b) {
    pair p = product(a.high, b.high);
    return fast_sum(p.high, p.low + a.high * b.low + a.low * b.high);
}

static pair divide(pair a, pair b) {
    double q = a.high / b.high;
    pair r = add(a, multiply(b, (pair){-q, 0}));
    return fast_sum(q, r.high / b.high);
}

static const pair LN2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

static double power_of_two(int n) { /* -1022 <= n <= 1023 */
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

/* x > 0: x = m * 2^e with m near 1, log m = 2 atanh((m - 1) / (m + 1)). */
static pair logarithm(double x) {
    int e = 0;
    if (x < 0x1p-1022) x *= 0x1p54, e = -54;
    uint64_t bits;
    memcpy(&bits, &x, 8);
    e += (int)(bits >> 52) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFFull) | 1023ull << 52;
    double m;
    memcpy(&m, &bits, 8);
    if (m > 1.4142135623730951) m /= 2, e++;
    pair s = divide((pair){m - 1, 0}, sum(m, 1)), square = multiply(s, s), series = {0, 0};
    for (int k = 41; k >= 1; k -= 2) series = add(multiply(series, square), divide((pair){1, 0}, (pair){k, 0}));
    pair log = multiply(multiply(s, series), (pair){2, 0});
    return add(log, multiply(LN2, (pair){e, 0}));
}

/* e^z for |z| < 800, rounded once unless the result is subnormal. */
static double exponential(pair z) {
    double n = __builtin_floor(z.high / LN2.high + 0.5);
    pair r = add(z, multiply(LN2, (pair){-n, 0})), series = {1, 0};
    r.high /= 16, r.low /= 16;
    for (int k = 14; k >= 1; k--) series = add(divide(multiply(series, r), (pair){k, 0}), (pair){1, 0});
    for (int i = 0; i < 4; i++) series = multiply(series, series);
    int e = (int)n, half = e / 2;
    return (series.high + series.low) * power_of_two(half) * power_of_two(e - half);
}

static double power(double x, double y) {
    if (y == 0 || x == 1) return 1;
    if (x != x || y != y) return __builtin_nan("");
    double size = __builtin_fabs(x), infinity = __builtin_inf();
    bool whole = __builtin_isinf(y) || __builtin_floor(y) == y;
    bool odd = whole && __builtin_fabs(y) < 0x1p53 && ((int64_t)y & 1);
    double sign = odd && __builtin_signbit(x) ? -1 : 1;
    if (__builtin_isinf(y)) return size == 1 ? 1 : (size > 1) == (y > 0) ? infinity : 0;
    if (x == 0 || __builtin_isinf(x)) return sign * ((x == 0) == (y > 0) ? 0 : infinity);
    if (size == 1) return x < 0 && !whole ? __builtin_nan("") : sign;
    if (x < 0 && !whole) return __builtin_nan("");
    pair log = logarithm(size);
    double rough = log.high * y;
    if (rough > 750) return sign * infinity;
    if (rough < -800) return sign * 0.0;
    return sign * exponential(multiply(log, (pair){y, 0}));
}
