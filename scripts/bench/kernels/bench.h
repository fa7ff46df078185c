/* A kernel does a fixed amount of work and answers with a checksum of its results. */
#pragma once
#include <stdint.h>
#include <stddef.h>

typedef uint64_t kernel_function(void);

#define KERNELS(K)                                                                                   \
  K(crc32) K(sieve) K(sha256) K(md5) K(qsort) K(fib) K(chase) K(div64) K(matrix) K(bytecode)         \
  K(memsmall) K(memlarge) K(strings) K(printf) K(nbody_sse2) K(nbody_x87) K(mandel_sse2)             \
  K(mandel_x87) K(getpid) K(forkexec) K(pipe) K(pagefault) K(blkread) K(blkwrite) K(blksync)

#define DECLARE(name) uint64_t kernel_##name(void);
KERNELS(DECLARE)
#undef DECLARE

/* Deterministic noise (xorshift64*). */
static inline uint64_t noise(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1dull;
}

/* FNV-1a. */
static inline uint64_t checksum(const void *data, size_t length) {
  const unsigned char *bytes = data;
  uint64_t sum = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < length; i++) sum = (sum ^ bytes[i]) * 0x100000001b3ull;
  return sum;
}
