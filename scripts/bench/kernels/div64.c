#include "bench.h"

uint64_t kernel_div64(void) {
  uint64_t seed = 6, sum = 0;
  for (int i = 0; i < 24000000; i++) {
    uint64_t a = noise(&seed), b = (a >> (i & 47)) | 1;
    sum += a / b ^ (sum % b);
    sum += (uint64_t)((int64_t)(a ^ sum) / (int64_t)(b >> 2 | 1));
  }
  return sum;
}
