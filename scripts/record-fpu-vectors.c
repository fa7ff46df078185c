/* Runs single x87, MMX and SSE instructions on the processor that it runs on. Records as tests/support/fpu-vectors.ts lays them out
 * come on standard input, and go back on standard output with the state after the instruction. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct record {
  uint8_t fx[512];
  uint8_t code[16];
  uint8_t mem[16];
  uint64_t rcx;
  uint64_t rax;
  uint64_t flags;
  uint64_t trapped;
  void *entry;
  uint64_t pad;
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct record) == 592, "layout");

void run(struct record *);
__asm__(
    ".text\nrun:\n"
    "push %rbx\npush %rbp\npush %r12\n"
    "mov %rdi, %rbx\n"
    "fxrstor64 (%rbx)\n"
    "mov 544(%rbx), %rcx\n"
    "mov 552(%rbx), %rax\n"
    "lea 528(%rbx), %rdi\n"
    "pushq 560(%rbx)\npopfq\n"
    "call *576(%rbx)\n"
    "pushfq\npopq 560(%rbx)\n"
    "mov %rcx, 544(%rbx)\n"
    "mov %rax, 552(%rbx)\n"
    "fxsave64 (%rbx)\n"
    "fninit\n"
    "pop %r12\npop %rbp\npop %rbx\nret\n");

static sigjmp_buf escape;
static uint32_t trap_mxcsr;

static void on_trap(int number, siginfo_t *info, void *context) {
  (void)info;
  trap_mxcsr = ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr;
  siglongjmp(escape, number);
}

int main(void) {
  static struct record record;
  uint8_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
  uint32_t mxcsr = 0x1f80;
  if (code == MAP_FAILED) return 1;
  sigaction(SIGFPE, &action, 0);
  sigaction(SIGILL, &action, 0);
  sigaction(SIGSEGV, &action, 0);
  while (fread(&record, sizeof record, 1, stdin) == 1) {
    memcpy(code, record.code, 15);
    record.entry = code;
    record.trapped = 0;
    int number = sigsetjmp(escape, 1);
    if (number == 0) {
      run(&record);
    } else {
      record.trapped = number;
      memcpy(record.fx + 24, &trap_mxcsr, 4);
    }
    __asm__ volatile("fninit\nldmxcsr %0" : : "m"(mxcsr));
    record.entry = 0;
    if (fwrite(&record, sizeof record, 1, stdout) != 1) return 1;
  }
  return 0;
}
