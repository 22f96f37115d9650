// The barrier keeps the optimiser from replacing the loop by a closed form.
long long loop_sum(long long n) {
  long long total = 0;
  for (long long i = 0; i < n; i++) {
    total += i;
    __asm__ volatile("" : "+r"(total));
  }
  return total;
}
