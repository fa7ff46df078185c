#include "bench.h"

uint64_t kernel_crc32(void) {
  static uint32_t table[256];
  static unsigned char data[65536];
  uint64_t seed = 1;
  for (size_t i = 0; i < sizeof data; i++) data[i] = noise(&seed);
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (int bit = 0; bit < 8; bit++) c = (c & 1) ? 0xedb88320u ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  uint32_t crc = ~0u;
  for (int round = 0; round < 1200; round++)
    for (size_t i = 0; i < sizeof data; i++) crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
  return ~crc;
}
