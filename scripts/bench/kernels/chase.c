/* A pointer chase through 8 MiB in random order. */
#include "bench.h"

enum { COUNT = 1 << 20 };

uint64_t kernel_chase(void) {
  static uint64_t next[COUNT];
  uint64_t seed = 5;
  for (uint64_t i = 0; i < COUNT; i++) next[i] = i;
  /* Sattolo's shuffle: one cycle. */
  for (uint64_t i = COUNT - 1; i > 0; i--) {
    uint64_t j = noise(&seed) % i, kept = next[i];
    next[i] = next[j];
    next[j] = kept;
  }
  uint64_t at = 0, sum = 0;
  for (int step = 0; step < 6 * COUNT; step++) {
    at = next[at];
    sum += at ^ step;
  }
  return sum;
}
