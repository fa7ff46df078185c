#include "bench.h"
#include <string.h>

enum { LIMIT = 1 << 20 };

uint64_t kernel_sieve(void) {
  static unsigned char composite[LIMIT];
  uint64_t sum = 0;
  for (int round = 0; round < 60; round++) {
    memset(composite, 0, sizeof composite);
    for (uint32_t n = 2; n < LIMIT; n++) {
      if (composite[n]) continue;
      sum += n;
      for (uint64_t m = (uint64_t)n * n; m < LIMIT; m += n) composite[m] = 1;
    }
  }
  return sum;
}
