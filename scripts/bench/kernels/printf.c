#include "bench.h"
#include <inttypes.h>
#include <stdio.h>

uint64_t kernel_printf(void) {
  char text[256];
  uint64_t seed = 10, sum = 0;
  for (int i = 0; i < 100000; i++) {
    uint64_t value = noise(&seed);
    int length = snprintf(text, sizeof text, "%d %08x %s %" PRIu64 " %-12s|%5.3f %c", i, (uint32_t)value, "text", value,
                          "left", (double)(value >> 40) / 256, 'a' + i % 26);
    sum ^= checksum(text, length) + i;
  }
  return sum;
}
