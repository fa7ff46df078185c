/* Prints what the firmware left in the machine's registers, on COM1. Started by its PVH entry. */
typedef unsigned int u32;
typedef unsigned char u8;

__asm__(".section .note.pvh, \"a\", @note\n.long 4, 4, 18\n.asciz \"Xen\"\n.long start\n.text\n"
        ".globl start\nstart: cli\nmov $0x280000, %esp\ncall run\n1: hlt\njmp 1b\n");

static void outb(u32 port, u8 value) { __asm__ volatile("outb %0, %w1" ::"a"(value), "Nd"(port)); }
static void outl(u32 port, u32 value) { __asm__ volatile("outl %0, %w1" ::"a"(value), "Nd"(port)); }
static u8 inb(u32 port) { u8 v; __asm__ volatile("inb %w1, %0" : "=a"(v) : "Nd"(port)); return v; }
static u32 inw(u32 port) { unsigned short v; __asm__ volatile("inw %w1, %0" : "=a"(v) : "Nd"(port)); return v; }
static u32 inl(u32 port) { u32 v; __asm__ volatile("inl %w1, %0" : "=a"(v) : "Nd"(port)); return v; }

static void put(char c) {
  while (!(inb(0x3fd) & 0x20));
  outb(0x3f8, c);
}
static void text(const char *s) { while (*s) put(*s++); }
static void hex(u32 value, int digits) {
  while (digits-- > 0) put("0123456789abcdef"[(value >> (4 * digits)) & 15]);
}
static void line(const char *name, u32 at, u32 value, int digits) {
  text(name); put(' '); hex(at, 4); put(' '); hex(value, digits); put('\n');
}
static u32 pci(u32 devfn, u32 at) { outl(0xcf8, 0x80000000 | devfn << 8 | at); return inl(0xcfc); }
static void msr(u32 index) {
  u32 lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
  text("msr "); hex(index, 4); put(' '); hex(hi, 8); hex(lo, 8); put('\n');
}
static u32 mmio(u32 at) { return *(volatile u32 *)at; }

void run(void) {
  u32 i, j;
  u8 com[5] = {inb(0x3f9), inb(0x3fa), inb(0x3fb), inb(0x3fc), inb(0x3fe)};
  outb(0x3fb, com[2] | 0x80);
  u8 divisor[2] = {inb(0x3f8), inb(0x3f9)};
  outb(0x3fb, com[2]);
  for (i = 0; i < 5; i++) line("com1", i, com[i], 2);
  for (i = 0; i < 2; i++) line("com1 divisor", i, divisor[i], 2);
  static const unsigned short ports[] = {0x21, 0xa1, 0x4d0, 0x4d1, 0x61, 0x64, 0x92, 0x08, 0xd0, 0x70, 0xb2, 0xb3};
  for (i = 0; i < sizeof ports / sizeof *ports; i++)
    line("port", ports[i], inb(ports[i]) & (ports[i] == 0x61 ? 0x0f : 0xff), 2);
  outb(0x20, 0x0a); line("pic irr", 0, inb(0x20) & ~1, 2);
  outb(0xa0, 0x0a); line("pic irr", 1, inb(0xa0), 2);
  outb(0x20, 0x0b); line("pic isr", 0, inb(0x20), 2);
  outb(0xa0, 0x0b); line("pic isr", 1, inb(0xa0), 2);
  for (i = 0; i < 3; i++) { outb(0x43, 0xe0 | 2 << i); line("pit status", i, inb(0x40 + i) & 0x7f, 2); }
  outb(0x64, 0x20); line("8042 command byte", 0, inb(0x60), 2);
  for (i = 0x0d; i < 0x80; i++) if (i != 0x32) { outb(0x70, i | 0x80); line("cmos", i, inb(0x71), 2); }
  outb(0x70, 0x0f);
  for (i = 0x80; i < 0x90; i++) line("dma page", i, inb(i), 2);
  line("pm1 sts", 0, inw(0x600) & ~1, 4); line("pm1 en", 0, inw(0x602), 4); line("pm1 cnt", 0, inw(0x604), 4);
  for (i = 0; i < 0x10; i++) line("smbus", i, inb(0x700 + i), 2);
  for (i = 0; i < 4; i++) line("gpe", i, inb(0xafe0 + i), 2);
  static const u8 functions[] = {0x00, 0x08, 0x09, 0x0b};
  for (j = 0; j < 4; j++)
    for (i = 0; i < 256; i += 4) line("pci", functions[j] << 8 | i, pci(functions[j], i), 8);
  static const unsigned short msrs[] = {0x1b, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x17b, 0x1a0, 0x277, 0x2ff,
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
  for (i = 0; i < sizeof msrs / sizeof *msrs; i++) msr(msrs[i]);
  for (i = 0x200; i < 0x210; i++) msr(i);
  static const unsigned short lapic[] = {0x20, 0x30, 0x80, 0xd0, 0xe0, 0xf0, 0x100, 0x200, 0x280, 0x320, 0x330, 0x340,
    0x350, 0x360, 0x370, 0x380, 0x390, 0x3e0};
  for (i = 0; i < sizeof lapic / sizeof *lapic; i++) line("lapic", lapic[i], mmio(0xfee00000 + lapic[i]), 8);
  for (i = 0; i < 0x40; i++) {
    *(volatile u32 *)0xfec00000 = i;
    line("ioapic", i, mmio(0xfec00010), 8);
  }
  for (i = 0; i < 0x160; i += 4) if (i < 0xf0 || i > 0xf7) line("hpet", i, mmio(0xfed00000 + i), 8);
  struct { unsigned short limit; u32 base; } __attribute__((packed)) idt;
  __asm__ volatile("sidt %0" : "=m"(idt));
  line("idt limit", 0, idt.limit, 4); line("idt base", 0, idt.base, 8);
  for (i = 0x400; i < 0x500; i += 4) if (i != 0x46c) line("bda", i, mmio(i), 8);
  for (i = 0xf59f0; i < 0xf5d00; i += 4) { put('t'); hex(i, 6); put(' '); hex(mmio(i), 8); put('\n'); }
  text("end\n");
}
