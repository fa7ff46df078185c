#include "bench.h"
#include <string.h>

uint64_t kernel_strings(void) {
  static const char *volatile words[8] = {"hotplug", "acpi", "a longer word than the others are", "pci",
                                          "slot", "", "eject", "the quick brown fox jumps over the dog"};
  static char line[512];
  uint64_t sum = 0;
  for (int i = 0; i < 240000; i++) {
    line[0] = 0;
    for (int k = 0; k < 6; k++) {
      strcat(line, words[(i + k) & 7]);
      strcat(line, k == 5 ? "" : ",");
    }
    sum += strlen(line);
    sum = sum * 31 + (strchr(line, 'q') ? 1 : 0) + (strstr(line, "jump") ? 2 : 0);
    sum += (uint64_t)strcmp(line, words[i & 7]) >> 63;
    for (char *word = strtok(line, ","); word != NULL; word = strtok(NULL, ",")) sum = sum * 33 + *word;
  }
  return sum;
}
