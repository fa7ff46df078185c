/* bench KERNEL…: runs each and says when it starts, when it ends, its checksum and its own CPU time. */
#include "bench.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
  const char *name;
  kernel_function *run;
} kernels[] = {
#define ENTRY(name) {#name, kernel_##name},
    KERNELS(ENTRY)
#undef ENTRY
};

static uint64_t used(int who) {
  struct rusage usage;
  getrusage(who, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ull + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "nothing") == 0) return 0;
  for (int i = 1; i < argc; i++) {
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
      if (strcmp(argv[i], kernels[k].name) != 0) continue;
      printf("@@start %s\n", argv[i]);
      fflush(stdout);
      uint64_t before = used(RUSAGE_SELF) + used(RUSAGE_CHILDREN);
      uint64_t sum = kernels[k].run();
      uint64_t after = used(RUSAGE_SELF) + used(RUSAGE_CHILDREN);
      printf("@@end %s %016" PRIx64 " %" PRIu64 "\n", argv[i], sum, after - before);
      fflush(stdout);
    }
  }
  return 0;
}
