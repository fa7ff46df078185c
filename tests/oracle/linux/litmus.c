/*
 * What processors must agree on, asked of Linux by threads that are pinned to them: `litmus THREADS ROUNDS [CPUS]`. One line for each part,
 * with what came out; a part that waits in vain ends the program by SIGALRM. No libc: record.sh builds it.
 *
 *   add       ROUNDS locked additions of each thread to one word
 *   spin      a word that is counted under a spin lock with PAUSE
 *   mutex     the same under a lock that sleeps (futex)
 *   pingpong  two threads that wake each other (futex)
 *   remap     one thread puts another page below the others' feet, who wait for what it holds: they see it after a TLB shootdown only
 *   protect   the same with mprotect and writes: nothing is written after the page is read only
 */
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Linux: include/uapi/linux/mman.h, which does not go with <sys/mman.h>. */
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2
#define MAX_THREADS 16
#define STACK 65536
#define PAGE 4096
#define REMAPS 200
#define SECONDS 200

typedef unsigned long word;

static long call6(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#define call(n, a, b, c, d) call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static int threads, rounds, cpus;
static volatile int ready, go, done;
static volatile int locked_sum, spin_sum, mutex_sum;
static int spin_word, mutex_word;
static volatile int ball;
static volatile word *shared;
static volatile word seen[MAX_THREADS];
static volatile int phase, late_writes;
static char stacks[MAX_THREADS][STACK] __attribute__((aligned(64)));
static void (*volatile work)(int);

static int exchange(int *at, int value) {
  __asm__ volatile("xchgl %0, %1" : "+r"(value), "+m"(*at) : : "memory");
  return value;
}
static int compare_exchange(int *at, int expected, int value) {
  int was = expected;
  __asm__ volatile("lock cmpxchgl %2, %1" : "+a"(was), "+m"(*at) : "r"(value) : "memory");
  return was;
}
static void add(volatile int *at, int value) {
  __asm__ volatile("lock addl %1, %0" : "+m"(*at) : "r"(value) : "memory");
}
static void pause(void) { __asm__ volatile("pause" : : : "memory"); }
static void wait(volatile int *at, int value) { call(SYS_futex, at, FUTEX_WAIT, value, 0); }
static void wake(volatile int *at, int count) { call(SYS_futex, at, FUTEX_WAKE, count, 0); }

static void adding(int self) {
  (void)self;
  for (int n = 0; n < rounds; n++) add(&locked_sum, 1);
}

static void spinning(int self) {
  (void)self;
  for (int n = 0; n < rounds; n++) {
    while (exchange(&spin_word, 1)) pause();
    spin_sum++;
    __asm__ volatile("" : : : "memory");
    spin_word = 0;
  }
}

/* 0 free, 1 taken, 2 taken and somebody sleeps. */
static void sleeping(int self) {
  (void)self;
  for (int n = 0; n < rounds; n++) {
    int was = compare_exchange(&mutex_word, 0, 1);
    if (was != 0) {
      if (was != 2) was = exchange(&mutex_word, 2);
      while (was != 0) {
        wait(&mutex_word, 2);
        was = exchange(&mutex_word, 2);
      }
    }
    mutex_sum++;
    if (exchange(&mutex_word, 0) == 2) wake(&mutex_word, 1);
  }
}

static void playing(int self) {
  if (self > 1) return;
  for (int n = 0; n < rounds / 10; n++) {
    while (ball % 2 != self) wait(&ball, ball % 2 != self ? ball : -1);
    add(&ball, 1);
    wake(&ball, 1);
  }
}

static void remapping(int self) {
  for (word n = 1; n <= REMAPS; n++) {
    if (self != 0) {
      while (*shared != n) pause();
      seen[self] = n;
      continue;
    }
    word *fresh = (word *)call6(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *fresh = n;
    call6(SYS_mremap, (long)fresh, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (long)shared, 0);
    for (int other = 1; other < threads; other++)
      while (seen[other] != n) pause();
  }
}

/*
 * The kernel writes for the others, and says EFAULT where it may not: nobody needs a signal handler. The phase is odd while the page is
 * read only; a call that begins and ends in one such phase must have failed.
 */
static void protecting(int self) {
  if (self == 0) {
    for (int n = 0; n < REMAPS; n++) {
      call(SYS_mprotect, shared, PAGE, PROT_READ, 0);
      phase++;
      /* No PAUSE: that would give the time away which the others need here. */
      for (int spin = 0; spin < 2000; spin++) __asm__ volatile("");
      phase++;
      call(SYS_mprotect, shared, PAGE, PROT_READ | PROT_WRITE, 0);
    }
    phase = -1;
    return;
  }
  for (int before; (before = phase) >= 0;) {
    long failed = call(SYS_clock_gettime, 1, shared + 2 * self, 0, 0);
    if (before % 2 == 1 && phase == before && failed == 0) add(&late_writes, 1);
  }
}

static void pin(int cpu) {
  word mask = 1ul << cpu % cpus;
  call(SYS_sched_setaffinity, 0, sizeof mask, &mask, 0);
}

static __attribute__((noreturn)) void end_thread(void) {
  for (;;) call(SYS_exit, 0, 0, 0, 0);
}

static __attribute__((noreturn, used)) void run(int self) {
  pin(self);
  add(&ready, 1);
  while (!go) pause();
  work(self);
  add(&done, 1);
  wake(&done, 1);
  end_thread();
}

/* The new thread begins on its own stack, where its number lies. */
static void start(int self) {
  word *top = (word *)(stacks[self] + STACK - 16);
  *top = self;
  long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  long result;
  __asm__ volatile("syscall\n\t"
                   "testq %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xorl %%ebp, %%ebp\n\t"
                   "popq %%rdi\n\t"
                   "call run\n"
                   "1:"
                   : "=a"(result)
                   : "a"(SYS_clone), "D"(flags), "S"(top), "d"(0)
                   : "rcx", "r11", "memory");
}

static void print(const char *text) {
  int length = 0;
  while (text[length]) length++;
  call(SYS_write, 1, text, length, 0);
}

static void print_number(word value) {
  char text[24];
  int at = 23;
  text[at] = 0;
  do text[--at] = '0' + value % 10;
  while (value /= 10);
  print(text + at);
}

static word microseconds(void) {
  struct { long s, ns; } now;
  call(SYS_clock_gettime, 1, &now, 0, 0);
  return now.s * 1000000ul + now.ns / 1000;
}

static void part(const char *name, void (*what)(int), volatile int *result) {
  work = what;
  ready = go = done = 0;
  for (int self = 0; self < threads; self++) start(self);
  while (ready < threads) call(SYS_sched_yield, 0, 0, 0, 0);
  word from = microseconds();
  go = 1;
  for (int now; (now = done) < threads;) wait(&done, now);
  print(name);
  print(" ");
  print_number(*result);
  print(" us ");
  print_number(microseconds() - from);
  print("\n");
}

static int number(const char *text) {
  int value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + *text++ - '0';
  return value;
}

__attribute__((used)) void litmus(word *stack) {
  int count = stack[0];
  char **arguments = (char **)(stack + 1);
  threads = count > 1 ? number(arguments[1]) : 2;
  rounds = count > 2 ? number(arguments[2]) : 1000;
  cpus = count > 3 ? number(arguments[3]) : threads;
  if (cpus < 1 || threads < 1 || threads > MAX_THREADS) call(SYS_exit_group, 2, 0, 0, 0);
  call(SYS_alarm, SECONDS, 0, 0, 0);
  part("add", adding, &locked_sum);
  part("spin", spinning, &spin_sum);
  part("mutex", sleeping, &mutex_sum);
  part("pingpong", playing, &ball);
  shared = (word *)call6(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *shared = 0;
  static volatile int all;
  part("remap", remapping, &all);
  for (int self = 1; self < threads; self++)
    if (seen[self] != REMAPS) print("remap: not all were seen\n");
  part("protect", protecting, &late_writes);
  call(SYS_exit_group, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: movq %rsp, %rdi\n andq $-16, %rsp\n call litmus\n hlt\n");
