/* A register machine run by a switch: what language interpreters do. */
#include "bench.h"

enum { ADD, SUB, MUL, XOR, ROTATE, LOAD, STORE, LOOP, END };

struct instruction {
  unsigned char op, to, a, b;
};

uint64_t kernel_bytecode(void) {
  static const struct instruction program[] = {
      {ADD, 1, 1, 2},  {MUL, 3, 1, 4}, {XOR, 2, 2, 3},    {STORE, 2, 1, 0}, {ROTATE, 4, 3, 1},
      {LOAD, 5, 3, 0}, {SUB, 6, 5, 1}, {ADD, 2, 2, 6},    {XOR, 7, 7, 2},   {ROTATE, 7, 7, 2},
      {ADD, 4, 4, 7},  {LOOP, 0, 0, 0}, {END, 0, 0, 0},
  };
  static uint64_t memory[256];
  uint64_t r[8] = {4000000, 3, 5, 7, 11, 13, 17, 19};
  const struct instruction *pc = program;
  for (;;) {
    const struct instruction i = *pc++;
    switch (i.op) {
      case ADD: r[i.to] = r[i.a] + r[i.b]; break;
      case SUB: r[i.to] = r[i.a] - r[i.b]; break;
      case MUL: r[i.to] = r[i.a] * r[i.b]; break;
      case XOR: r[i.to] = r[i.a] ^ r[i.b]; break;
      case ROTATE: r[i.to] = r[i.a] << (r[i.b] & 63) | r[i.a] >> (-r[i.b] & 63); break;
      case LOAD: r[i.to] = memory[r[i.a] & 255]; break;
      case STORE: memory[r[i.a] & 255] = r[i.to]; break;
      case LOOP:
        if (--r[0] != 0) pc = program;
        break;
      default: return checksum(r, sizeof r) ^ checksum(memory, sizeof memory);
    }
  }
}
