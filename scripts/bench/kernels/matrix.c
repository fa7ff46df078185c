#include "bench.h"

enum { N = 160 };

uint64_t kernel_matrix(void) {
  static uint32_t a[N][N], b[N][N], c[N][N];
  uint64_t seed = 7;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) a[i][j] = noise(&seed), b[i][j] = noise(&seed);
  for (int round = 0; round < 30; round++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        uint32_t sum = 0;
        for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
        c[i][j] += sum;
      }
  return checksum(c, sizeof c);
}
