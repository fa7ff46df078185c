/* What the kernel of the guest does for a program. */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

uint64_t kernel_getpid(void) {
  uint64_t same = 0;
  pid_t pid = getpid();
  for (int i = 0; i < 800000; i++) same += syscall(SYS_getpid) == pid;
  return same;
}

uint64_t kernel_forkexec(void) {
  uint64_t done = 0;
  for (int i = 0; i < 100; i++) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
      execl("/proc/self/exe", "bench", "nothing", (char *)NULL);
      _exit(1);
    }
    int status;
    if (waitpid(pid, &status, 0) == pid && status == 0) done++;
  }
  return done;
}

uint64_t kernel_pipe(void) {
  int there[2], back[2];
  uint32_t token = 1;
  if (pipe(there) != 0 || pipe(back) != 0) fail("pipe");
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    close(there[1]);
    while (read(there[0], &token, sizeof token) == sizeof token) {
      token = token * 3 + 1;
      if (write(back[1], &token, sizeof token) != sizeof token) break;
    }
    _exit(0);
  }
  for (int i = 0; i < 8000; i++) {
    if (write(there[1], &token, sizeof token) != sizeof token) fail("write");
    if (read(back[0], &token, sizeof token) != sizeof token) fail("read");
  }
  close(there[1]);
  waitpid(pid, NULL, 0);
  close(there[0]), close(back[0]), close(back[1]);
  return token;
}

uint64_t kernel_pagefault(void) {
  enum { BYTES = 16 << 20 };
  uint64_t sum = 0;
  for (int round = 0; round < 12; round++) {
    unsigned char *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) fail("mmap");
    madvise(pages, BYTES, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < BYTES; at += 4096) sum += pages[at]++ + 1;
    munmap(pages, BYTES);
  }
  return sum;
}

/* The first 48 MiB of /dev/vda, in requests of 1 MiB, past the guest's page cache. */
enum { REQUEST = 1 << 20, REQUESTS = 48 };

static int disk(int flags, unsigned char **buffer) {
  int file = open("/dev/vda", flags | O_DIRECT);
  if (file < 0) fail("/dev/vda");
  if (posix_memalign((void **)buffer, 4096, REQUEST) != 0) fail("memory");
  return file;
}

uint64_t kernel_blkwrite(void) {
  unsigned char *buffer;
  int file = disk(O_WRONLY, &buffer);
  uint64_t seed = 12, sum = 0;
  for (int i = 0; i < REQUEST; i += 8) *(uint64_t *)(buffer + i) = noise(&seed);
  for (int i = 0; i < REQUESTS; i++) {
    buffer[0] = i;
    if (write(file, buffer, REQUEST) != REQUEST) fail("write");
    sum += buffer[0] + buffer[REQUEST - 1];
  }
  if (fsync(file) != 0) fail("fsync");
  close(file);
  free(buffer);
  return sum;
}

uint64_t kernel_blkread(void) {
  unsigned char *buffer;
  int file = disk(O_RDONLY, &buffer);
  uint64_t sum = 0;
  for (int i = 0; i < REQUESTS; i++) {
    if (read(file, buffer, REQUEST) != REQUEST) fail("read");
    sum += buffer[0] + buffer[REQUEST - 1];
  }
  close(file);
  free(buffer);
  return sum;
}

/* 4 KiB at a time, each flushed before the next. */
enum { SMALL = 4096, SYNCS = 400 };

uint64_t kernel_blksync(void) {
  unsigned char *buffer;
  int file = disk(O_WRONLY | O_DSYNC, &buffer);
  uint64_t seed = 13, sum = 0;
  for (int i = 0; i < SMALL; i += 8) *(uint64_t *)(buffer + i) = noise(&seed);
  for (int i = 0; i < SYNCS; i++) {
    buffer[0] = i;
    if (pwrite(file, buffer, SMALL, (i * 7 & 1023) * SMALL) != SMALL) fail("write");
    sum += buffer[0] + buffer[SMALL - 1];
  }
  close(file);
  free(buffer);
  return sum;
}
