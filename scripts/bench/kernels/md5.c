/* Spec: RFC 1321. */
#include "bench.h"
#include <math.h>

static void block(uint32_t *h, const uint32_t *m, const uint32_t *t) {
  static const unsigned char shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
  for (int i = 0; i < 64; i++) {
    uint32_t f;
    int k;
    switch (i >> 4) {
      case 0: f = (b & c) | (~b & d), k = i; break;
      case 1: f = (d & b) | (~d & c), k = (5 * i + 1) & 15; break;
      case 2: f = b ^ c ^ d, k = (3 * i + 5) & 15; break;
      default: f = c ^ (b | ~d), k = (7 * i) & 15; break;
    }
    uint32_t sum = a + f + m[k] + t[i];
    int s = shifts[i >> 4][i & 3];
    a = d, d = c, c = b;
    b += sum << s | sum >> (32 - s);
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

uint64_t kernel_md5(void) {
  static uint32_t data[16384];
  uint32_t t[64];
  uint64_t seed = 3;
  for (size_t i = 0; i < 16384; i++) data[i] = noise(&seed);
  for (int i = 0; i < 64; i++) t[i] = (uint32_t)(fabs(sin(i + 1)) * 4294967296.0);
  uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (int round = 0; round < 800; round++)
    for (size_t at = 0; at < 16384; at += 16) block(h, data + at, t);
  return checksum(h, sizeof h);
}
