/*
 * What a program sees of EFLAGS.TF and of the debug registers, from Linux: by ptrace, and by its own SIGTRAP. It needs no library,
 * so that it runs in the guest as it is. tests/oracle/native/record.sh records what it prints on a real processor.
 */
typedef unsigned long u64;
typedef long s64;

enum { SYS_write = 1, SYS_sigaction = 13, SYS_sigreturn = 15, SYS_getpid = 39, SYS_fork = 57, SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62, SYS_ptrace = 101 };
enum { TRACEME = 0, PEEKUSER = 3, POKEUSER = 6, CONT = 7, KILL = 8, SINGLESTEP = 9, GETREGS = 12, SETREGS = 13 };
enum { SIGTRAP = 5, SIGSTOP = 19, SA_SIGINFO = 4, SA_RESTORER = 0x04000000 };
/* offsetof(struct user, u_debugreg) */
enum { U_DEBUGREG = 848 };

struct regs { u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs; };

static s64 call(u64 number, u64 a, u64 b, u64 c, u64 d) {
  s64 result;
  register u64 r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}

static char line[256];
static int used;
static void text(const char *s) { while (*s) line[used++] = *s++; }
static void number(u64 value, int base) {
  char digits[24];
  int n = 0;
  do digits[n++] = "0123456789abcdef"[value % base]; while (value /= base);
  while (n) line[used++] = digits[--n];
}
static void sequence(const char *name, const char *start, const char *stop) {
  text(name);
  text(" ");
  for (; start < stop; start++) {
    if ((*start & 0xf0) == 0) text("0");
    number(*start & 0xff, 16);
  }
}
static void flush(void) { line[used++] = '\n'; call(SYS_write, 1, (u64)line, used, 0); used = 0; }

/* The sequences. They begin with RSI at `buffer`, RDI 8 bytes behind it and 'a' in AL. */
extern char rep_stos[], rep_stos_end[], rep_movs[], rep_movs_end[], rep_scas[], rep_scas_end[], mov_ss[], mov_ss_end[], own_trap[], own_trap_end[];
extern char watched[], after_write[], after_read[], watched_end[];
char buffer[64] = "aaab";
volatile int variable;
__asm__(
  ".text\n"
  "rep_stos: mov $3, %ecx; rep stosb; nop\nrep_stos_end: int3\n"
  "rep_movs: mov $2, %ecx; rep movsl; xor %ecx, %ecx; rep movsb; nop\nrep_movs_end: int3\n"
  "rep_scas: mov $9, %ecx; mov %rsi, %rdi; repe scasb; nop\nrep_scas_end: int3\n"
  "mov_ss: mov %ss, %ecx; mov %ecx, %ss; nop; mov %ecx, %ss; mov %ecx, %ss; nop; nop\nmov_ss_end: int3\n"
  "watched: nop; movl $7, variable(%rip)\nafter_write: nop; mov variable(%rip), %ecx\nafter_read: nop\nwatched_end: int3\n"
  /* The program traces itself: TF is set, and cleared again, by POPF. */
  "own_trap: mov $3, %ecx; pushf; orl $0x100, (%rsp); popf; nop; rep stosb;"
  " mov %ss, %ecx; mov %ecx, %ss; nop; pushf; andl $~0x100, (%rsp); popf; nop; nop\nown_trap_end: ret\n");

static s64 child;

static void begin(const char *start) {
  struct regs regs;
  int status;
  child = call(SYS_fork, 0, 0, 0, 0);
  if (child == 0) {
    call(SYS_ptrace, TRACEME, 0, 0, 0);
    call(SYS_kill, call(SYS_getpid, 0, 0, 0, 0), SIGSTOP, 0, 0);
    call(SYS_exit, 1, 0, 0, 0);
  }
  call(SYS_wait4, child, (u64)&status, 0, 0);
  call(SYS_ptrace, GETREGS, child, 0, (u64)&regs);
  regs.rip = (u64)start;
  regs.rsi = (u64)buffer;
  regs.rdi = (u64)buffer + 8;
  regs.rax = 'a';
  regs.orig_rax = (u64)-1;
  call(SYS_ptrace, SETREGS, child, 0, (u64)&regs);
}

static void end(void) {
  call(SYS_ptrace, KILL, child, 0, 0);
  call(SYS_wait4, child, 0, 0, 0);
}

/* Lets the child go on; false when it was not stopped by SIGTRAP. */
static int go_on(u64 how, struct regs *regs) {
  int status = 0;
  call(SYS_ptrace, how, child, 0, 0);
  call(SYS_wait4, child, (u64)&status, 0, 0);
  call(SYS_ptrace, GETREGS, child, 0, (u64)regs);
  return status == (SIGTRAP << 8 | 0x7f);
}

static void step(const char *name, const char *start, const char *stop) {
  struct regs regs;
  begin(start);
  sequence(name, start, stop);
  for (int n = 0; n < 40; n++) {
    if (!go_on(SINGLESTEP, &regs)) { text(" no trap"); break; }
    text(" ");
    number(regs.rip - (u64)start, 10);
    if (regs.rip == (u64)stop) break;
    text(":");
    number(regs.rcx & 0xff, 10);
  }
  flush();
  end();
}

static void debug_register(int n, u64 value) { call(SYS_ptrace, POKEUSER, child, U_DEBUGREG + 8 * n, value); }

/* Breakpoint 1 of the kind that DR7 says: where the child stops, until it is through. */
static void watch(const char *name, u64 address, u64 kind) {
  struct regs regs;
  u64 dr6;
  begin(watched);
  text(name);
  debug_register(1, address);
  debug_register(7, 4 | kind << 20);
  for (int n = 0; n < 10; n++) {
    if (!go_on(CONT, &regs)) { text(" no trap"); break; }
    text(" ");
    if (regs.rip == (u64)watched_end + 1) { text("end"); break; }
    number(regs.rip - (u64)watched, 10);
    call(SYS_ptrace, PEEKUSER, child, U_DEBUGREG + 8 * 6, (u64)&dr6);
    text(":");
    number(dr6 & 0xf, 16);
    debug_register(6, 0);
  }
  flush();
  end();
}

struct context { u64 flags, link, stack[3]; u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags; };
static u64 traps[40][3];
static int trapped;
static void on_trap(int signal, void *info, struct context *context) {
  (void)signal, (void)info;
  traps[trapped][0] = context->rip - (u64)own_trap;
  traps[trapped][1] = context->rcx & 0xff;
  traps[trapped++][2] = context->eflags >> 8 & 1;
}
__asm__("restorer: mov $15, %eax; syscall\n");
extern char restorer[];

static void own(void) {
  struct { u64 handler, flags, restorer, mask; } action = { (u64)on_trap, SA_SIGINFO | SA_RESTORER, (u64)restorer, 0 };
  call(SYS_sigaction, SIGTRAP, (u64)&action, 0, 8);
  __asm__ volatile("call own_trap" : : "a"('a'), "S"(buffer), "D"(buffer + 8) : "rcx", "memory", "cc");
  sequence("own", own_trap, own_trap_end);
  for (int n = 0; n < trapped; n++) {
    text(" ");
    number(traps[n][0], 10);
    text(traps[n][2] ? ":" : "!");
    number(traps[n][1], 10);
  }
  flush();
}

__attribute__((used)) static void main(void) {
  step("stos", rep_stos, rep_stos_end);
  step("movs", rep_movs, rep_movs_end);
  step("scas", rep_scas, rep_scas_end);
  step("movss", mov_ss, mov_ss_end);
  own();
  watch("write", (u64)&variable, 0xd);
  watch("access", (u64)&variable, 0xf);
  watch("other", (u64)&buffer, 0xf);
  watch("code", (u64)after_write, 0);
  call(SYS_exit, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: and $-16, %rsp; call main\n");
