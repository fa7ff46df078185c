/* Compiled twice: SUFFIX is sse2 or x87. Sums are rounded so that both agree. */
#include "bench.h"
#include <math.h>

#define JOIN(a, b) a##_##b
#define NAME(a, b) JOIN(a, b)

struct body {
  double x, y, z, vx, vy, vz, mass;
};

uint64_t NAME(kernel_nbody, SUFFIX)(void) {
  struct body bodies[5];
  uint64_t seed = 11;
  for (int i = 0; i < 5; i++) {
    double *fields = &bodies[i].x;
    for (int k = 0; k < 7; k++) fields[k] = (double)(noise(&seed) >> 44) / 1048576 + (k < 3 ? 4 * i : 0);
  }
  for (int step = 0; step < 120000; step++) {
    for (int i = 0; i < 5; i++)
      for (int j = i + 1; j < 5; j++) {
        double dx = bodies[i].x - bodies[j].x, dy = bodies[i].y - bodies[j].y, dz = bodies[i].z - bodies[j].z;
        double square = dx * dx + dy * dy + dz * dz + 0.01;
        double force = 0.0001 / (square * sqrt(square));
        bodies[i].vx -= dx * bodies[j].mass * force, bodies[j].vx += dx * bodies[i].mass * force;
        bodies[i].vy -= dy * bodies[j].mass * force, bodies[j].vy += dy * bodies[i].mass * force;
        bodies[i].vz -= dz * bodies[j].mass * force, bodies[j].vz += dz * bodies[i].mass * force;
      }
    for (int i = 0; i < 5; i++) {
      bodies[i].x += 0.0001 * bodies[i].vx;
      bodies[i].y += 0.0001 * bodies[i].vy;
      bodies[i].z += 0.0001 * bodies[i].vz;
    }
  }
  int64_t sum = 0;
  for (int i = 0; i < 5; i++) sum = sum * 31 + llrint(bodies[i].x * 10000) + llrint(bodies[i].vy * 10000);
  return (uint64_t)sum;
}

uint64_t NAME(kernel_mandel, SUFFIX)(void) {
  uint64_t inside = 0;
  for (int row = 0; row < 96; row++)
    for (int column = 0; column < 96; column++) {
      double cx = column / 32.0 - 2.1, cy = row / 32.0 - 1.52, x = 0, y = 0;
      int n = 0;
      while (n < 2000 && x * x + y * y < 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        n++;
      }
      inside += n == 2000;
    }
  return inside;
}
