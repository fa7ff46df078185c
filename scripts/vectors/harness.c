/*
 * Runs single instructions on the processor under this program and reports what they did.
 * No libc: FS and GS are the test's. stdin: records `struct input`; stdout: as many `struct output`.
 * Every state is loaded by rt_sigreturn with TF set and read back from the frame of the signal that follows.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define CODE 0x400000UL
#define CODE_SIZE 0x1000UL
#define DATA 0x500000UL
#define DATA_SIZE 0x2000UL
#define STACK 0x600000UL
#define STACK_SIZE 0x1000UL
#define FS_BASE 0x123456789000UL
#define GS_BASE 0x2000UL
#define FX_SIZE 416

#define STEP_UNTIL_NEXT 1

struct input {
  u64 gpr[16];
  u64 rflags;
  u8 code[16];
  u16 code_offset;
  u16 code_size;
  u32 options;
  u8 fx[FX_SIZE];
  u8 memory[DATA_SIZE + STACK_SIZE];
};

struct output {
  u64 gpr[16];
  u64 rip, rflags, trapno, error, cr2, steps;
  u8 fx[FX_SIZE];
  u8 memory[DATA_SIZE + STACK_SIZE];
};

/* Kernel ABI of x86-64 Linux. */
struct context {
  u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  u16 cs, gs, fs, ss;
  u64 error, trapno, oldmask, cr2;
  u8 *fpstate;
  u64 reserved[8];
};
struct frame {
  u64 flags;
  struct frame *link;
  u64 stack[3];
  struct context mc;
  u64 sigmask;
};
struct action {
  void (*handler)(int, void *, struct frame *);
  u64 flags;
  void (*restorer)(void);
  u64 mask;
};

enum { NR_read = 0, NR_write = 1, NR_mmap = 9, NR_munmap = 11, NR_sigaction = 13, NR_getpid = 39, NR_kill = 62,
       NR_ftruncate = 77, NR_sigaltstack = 131, NR_arch_prctl = 158, NR_exit = 231, NR_memfd = 319 };

static struct input in;
static struct output out;
static u8 *code_alias;
static int running;
static u64 steps;
static u8 alt_stack[0x40000] __attribute__((aligned(64)));

static long call6(long n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  long r;
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return r;
}

static void copy(void *to, const void *from, u64 n) {
  __asm__ volatile("cld; rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static void die(int status) {
  for (;;) call6(NR_exit, status, 0, 0, 0, 0, 0);
}

static int read_all(u8 *to, u64 n) {
  u64 done = 0;
  while (done < n) {
    long r = call6(NR_read, 0, (u64)(to + done), n - done, 0, 0, 0);
    if (r < 0) die(3);
    if (r == 0) return done == 0 ? 0 : (die(4), 0);
    done += r;
  }
  return 1;
}

static void write_all(const u8 *from, u64 n) {
  while (n > 0) {
    long r = call6(NR_write, 1, (u64)from, n, 0, 0, 0);
    if (r <= 0) die(5);
    from += r;
    n -= r;
  }
}

static void collect(struct context *m) {
  u64 g[16] = { m->rax, m->rcx, m->rdx, m->rbx, m->rsp, m->rbp, m->rsi, m->rdi,
                m->r8, m->r9, m->r10, m->r11, m->r12, m->r13, m->r14, m->r15 };
  copy(out.gpr, g, sizeof g);
  out.rip = m->rip;
  out.rflags = m->rflags;
  out.trapno = m->trapno;
  out.error = m->error;
  out.cr2 = m->cr2;
  out.steps = steps;
  copy(out.fx, m->fpstate, FX_SIZE);
  copy(out.memory, (void *)DATA, DATA_SIZE);
  copy(out.memory + DATA_SIZE, (void *)STACK, STACK_SIZE);
}

static void prepare(struct context *m) {
  u64 *g = in.gpr;
  m->rax = g[0]; m->rcx = g[1]; m->rdx = g[2]; m->rbx = g[3];
  m->rsp = g[4]; m->rbp = g[5]; m->rsi = g[6]; m->rdi = g[7];
  m->r8 = g[8]; m->r9 = g[9]; m->r10 = g[10]; m->r11 = g[11];
  m->r12 = g[12]; m->r13 = g[13]; m->r14 = g[14]; m->r15 = g[15];
  m->rip = CODE + in.code_offset;
  m->rflags = in.rflags | 0x100;
  copy(m->fpstate, in.fx, FX_SIZE);
  /* XSTATE_BV: x87 and SSE state are in the frame. */
  *(u64 *)(m->fpstate + 512) |= 3;
  __builtin_memset(code_alias, 0xcc, CODE_SIZE);
  copy(code_alias + in.code_offset, in.code, in.code_size);
  copy((void *)DATA, in.memory, DATA_SIZE);
  copy((void *)STACK, in.memory + DATA_SIZE, STACK_SIZE);
}

/* A signal's handler is the loop: it takes the result of one record and returns into the next. */
static void on_signal(int number, void *info, struct frame *f) {
  struct context *m = &f->mc;
  (void)info;
  /* NT, ID and AC that an instruction left behind would survive rt_sigreturn. */
  __asm__ volatile("pushq $0x202; popfq" : : : "cc", "memory");
  if (running) {
    int stepped = number == 5 && m->trapno == 1;
    steps++;
    if (stepped && (in.options & STEP_UNTIL_NEXT) && m->rip == CODE + in.code_offset && steps < 100000) {
      m->rflags |= 0x100;
      return;
    }
    collect(m);
    write_all((u8 *)&out, sizeof out);
  }
  running = 1;
  steps = 0;
  if (!read_all((u8 *)&in, sizeof in)) die(0);
  prepare(m);
}

__attribute__((naked)) static void restorer(void) {
  __asm__ volatile("movl $15, %eax; syscall");
}

static u64 map(u64 address, u64 size, u64 protection, int fd) {
  /* MAP_SHARED | MAP_POPULATE, with MAP_FIXED where an address is asked for, MAP_ANONYMOUS without a file. */
  u64 flags = 0x8001 | (address ? 0x10 : 0) | (fd < 0 ? 0x20 : 0);
  long r = call6(NR_mmap, address, size, protection, flags, fd, 0);
  if (r < 0 && r > -4096) die(2);
  return r;
}

__attribute__((force_align_arg_pointer)) void _start(void) {
  static const int signals[] = { 4, 5, 7, 8, 10, 11 };
  u64 stack[3] = { (u64)alt_stack, 0, sizeof alt_stack };
  int fd = call6(NR_memfd, (u64) "code", 0, 0, 0, 0, 0);
  if (fd < 0 || call6(NR_ftruncate, fd, CODE_SIZE, 0, 0, 0, 0) < 0) die(2);
  code_alias = (u8 *)map(0, CODE_SIZE, 3, fd);
  __builtin_memset(code_alias, 0xcc, CODE_SIZE);
  map(CODE, CODE_SIZE, 5, fd);
  map(DATA, DATA_SIZE, 3, -1);
  map(STACK, STACK_SIZE, 3, -1);
  if (call6(NR_sigaltstack, (u64)stack, 0, 0, 0, 0, 0) < 0) die(2);
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
    /* SA_SIGINFO | SA_RESTORER | SA_ONSTACK, all signals blocked meanwhile. */
    struct action a = { on_signal, 0x0c000004, restorer, ~0UL };
    if (call6(NR_sigaction, signals[i], (u64)&a, 0, 8, 0, 0) < 0) die(2);
  }
  if (call6(NR_arch_prctl, 0x1002, FS_BASE, 0, 0, 0, 0) < 0) die(2);
  if (call6(NR_arch_prctl, 0x1001, GS_BASE, 0, 0, 0, 0) < 0) die(2);
  call6(NR_kill, call6(NR_getpid, 0, 0, 0, 0, 0, 0), 10, 0, 0, 0, 0);
  die(6);
}

void *memset(void *p, int c, u64 n) {
  void *to = p;
  __asm__ volatile("cld; rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
  return p;
}

void *memcpy(void *to, const void *from, u64 n) {
  void *start = to;
  copy(to, from, n);
  return start;
}
