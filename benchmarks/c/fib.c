// zig's optimiser would turn one of the two calls into a loop; the attribute keeps both.
__attribute__((disable_tail_calls, noinline)) long long fib(long long n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
