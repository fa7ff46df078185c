#include "bench.h"

static __attribute__((noinline, noclone, optimize("O1"))) uint64_t fib(uint64_t n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

uint64_t kernel_fib(void) { return fib(36); }
