#include "bench.h"
#include <stdlib.h>

enum { COUNT = 100000 };

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

uint64_t kernel_qsort(void) {
  static uint64_t values[COUNT];
  uint64_t seed = 4, sum = 0;
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < COUNT; i++) values[i] = noise(&seed);
    qsort(values, COUNT, sizeof *values, compare);
    sum ^= checksum(values, sizeof values);
  }
  return sum;
}
