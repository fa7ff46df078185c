#include "bench.h"
#include <string.h>

enum { LARGE = 1 << 20 };
static unsigned char from[LARGE], to[LARGE];

/* The sizes come from memory, so that the library's functions are called. */
uint64_t kernel_memsmall(void) {
  static volatile uint32_t sizes[16] = {1, 8, 3, 24, 16, 31, 5, 48, 12, 64, 7, 33, 96, 2, 120, 40};
  uint64_t seed = 8;
  for (int i = 0; i < 4096; i++) from[i] = noise(&seed);
  for (int i = 0; i < 3000000; i++) {
    uint32_t n = sizes[i & 15];
    memcpy(to + (i & 2047), from + (i * 7 & 2047), n);
    memset(to + 2048 + (i & 1023), i, n);
  }
  return checksum(to, 4096);
}

uint64_t kernel_memlarge(void) {
  static volatile uint32_t size = LARGE - 64;
  uint64_t seed = 9;
  for (int i = 0; i < LARGE; i++) from[i] = noise(&seed);
  for (int i = 0; i < 120; i++) {
    memcpy(to + (i & 63), from, size);
    memset(from + (i & 31), i, size / 2);
    memmove(to + 32, to, size - 64);
  }
  return checksum(to, 65536) ^ checksum(from, 65536);
}
