/*
 * Instructions of 16- and 32-bit code, one line of output for each test: number, address of its
 * end, EAX ECX EDX EBX ESP EBP ESI EDI, EFLAGS,
 * DS ES FS GS SS, then of an exception vector, error, EIP, CS, EFLAGS, then sums of the data and of the stack.
 * BITS: 16 or 32. PROT: protected mode. FLAT: data segments have base 0.
 *
 * | linear | holds |
 * |---|---|
 * | 0–0x5ff, 0x700–0x6fff | a pattern that some tests read |
 * | 0x600 | what was saved of the last test |
 * | 0x1000 | descriptor tables, TSS |
 * | 0x2000–0x23ff | data: DS, ES 0x200 after it, FS 0x100, GS 0x300 (FLAT: all at 0) |
 * | 0x6800 | stack of the printing code |
 * | 0x7000 | stack of the tests |
 * | 0x7c00 | code, at the same offset in CS |
 */
.equ V_IP, 0x600
.equ V_NEXT, 0x604
.equ V_NUMBER, 0x608
.equ V_REGS, 0x610
.equ V_SEGS, 0x640
.equ V_FAULT, 0x660
.equ V_INFLAGS, 0x680
.equ V_MASK, 0x684
.equ V_SUM, 0x688
.equ DATA, 0x2000
.equ STACK, 0x7000
.equ MARK, 0x6d00
.equ PATTERN, 0x700

#if FLAT
.equ OFF, DATA
#else
.equ OFF, 0
#endif
#if PROT
.equ SEL_FLAT, 0x10
#if FLAT
.equ SEL_DS, 0x10
.equ SEL_ES, 0x10
.equ SEL_FS, 0x10
.equ SEL_GS, 0x10
#else
.equ SEL_DS, 0x18
.equ SEL_ES, 0x20
.equ SEL_FS, 0x28
.equ SEL_GS, 0x30
#endif
.equ SEL_SS, 0x38
.equ SEL_CS, 0x08
.equ SEL_OTHER, 0x40
#else
.equ SEL_FLAT, 0
.equ SEL_DS, 0x200
.equ SEL_ES, 0x220
.equ SEL_FS, 0x210
.equ SEL_GS, 0x230
.equ SEL_SS, 0
.equ SEL_CS, 0
.equ SEL_OTHER, 0x10
#endif
/* SEL_OTHER: a code segment of the other size; in real mode the same code 0x100 bytes lower. */

#if BITS == 16
#define POPRET popw %ss:V_IP
#define JUMPBACK jmpw *%ss:V_IP
#define POINTER .word
.equ CASE_BYTES, 10
#define MODE .code16
#else
#define POPRET popl %ss:V_IP
#define JUMPBACK jmpl *%ss:V_IP
#define POINTER .long
.equ CASE_BYTES, 12
#define MODE .code32
#endif

.code16
.globl _start
_start:
 cli
 xor %ax,%ax
 mov %ax,%ds
 mov %ax,%es
 mov %ax,%ss
 mov $0x7c00,%sp
 mov $0x0260,%ax
 mov $0x7e00,%bx
 mov $2,%cx
 xor %dh,%dh
 int $0x13
 cli
.org 0x40,0x90
main16:
 xor %ax,%ax
 mov %ax,%ds
 mov %ax,%es
 mov %ax,%fs
 mov %ax,%gs
 mov %ax,%ss
 mov $0x7c00,%esp
 mov $0xff,%al
 out %al,$0x21
 out %al,$0xa1
 in $0x92,%al
 or $2,%al
 out %al,$0x92
 cld
 xor %si,%si
 mov $0x600,%cx
 call fill16
 mov $0x700,%si
 mov $STACK-0x700,%cx
 call fill16
 mov $0x6800,%esp
 movl $0,V_NUMBER
#if PROT
 mov $gdt,%si
 mov $0x1000,%di
 mov $gdt_end-gdt,%cx
 rep movsb
 mov $0x1800,%di
 mov $stubs,%ebx
 mov $32,%cx
1: mov %bx,(%di)
 movw $SEL_CS,2(%di)
#if BITS == 16
 movw $0x8600,4(%di)
#else
 movw $0x8e00,4(%di)
#endif
 movw $0,6(%di)
 add $8,%di
 add $16,%bx
 loop 1b
 lgdtl gdtr
 lidtl idtr
 mov $0x11,%eax
 mov %eax,%cr0
 ljmpl $SEL_CS,$entry
gdtr: .word gdt_end-gdt-1
 .long 0x1000
idtr: .word 255
 .long 0x1800
#else
 xor %di,%di
 mov $stubs,%ebx
 mov $32,%cx
1: mov %bx,(%di)
 movw $0,2(%di)
 add $4,%di
 add $16,%bx
 loop 1b
 jmp entry
#endif
fill16: /* CX bytes at SI */
 xor %al,%al
1: mov %al,(%si)
 add $7,%al
 inc %si
 loop 1b
 ret
.org 510
.word 0xaa55

#if PROT
.equ CODE32, 0x00cf9b000000ffff
.equ CODE16, 0x00009b000000ffff
.macro DESCRIPTOR base, type, limit=0xffff, flags=0
 .word \limit & 0xffff, \base & 0xffff
 .byte \base >> 16 & 0xff, \type, \limit >> 16 & 15 | \flags << 4, \base >> 24
.endm
gdt: .quad 0
#if BITS == 16
 DESCRIPTOR 0, 0x9b
#else
 DESCRIPTOR 0, 0x9b, 0xfffff, 12
#endif
 DESCRIPTOR 0, 0x93, 0xfffff, 12
 DESCRIPTOR DATA, 0x93
 DESCRIPTOR DATA+0x200, 0x93
 DESCRIPTOR DATA+0x100, 0x93
 DESCRIPTOR DATA+0x300, 0x93
#if BITS == 16
 DESCRIPTOR 0, 0x93
 DESCRIPTOR 0, 0x9b, 0xfffff, 12
#else
 DESCRIPTOR 0, 0x93, 0xfffff, 12
 DESCRIPTOR 0, 0x9b
#endif
 DESCRIPTOR 0, 0x93           /* 0x48: stack with 16-bit pointers */
 DESCRIPTOR 0, 0x93, 0xfffff, 12 /* 0x50: stack with 32-bit pointers */
 DESCRIPTOR 0, 0x13           /* 0x58: not present */
#if BITS == 16
 DESCRIPTOR 0, 0x99           /* 0x60: code, execute only */
#else
 DESCRIPTOR 0, 0x99, 0xffff, 4
#endif
 DESCRIPTOR 0, 0x91           /* 0x68: data, read only */
 DESCRIPTOR 0x1700, 0x89, 0x67 /* 0x70: TSS */
 DESCRIPTOR 0, 0xf3           /* 0x78: data, DPL 3 */
#if BITS == 16
 .word target, SEL_CS, 0x8400, 0
#else
 .word target, SEL_CS, 0x8c00, 0
#endif
gdt_end:
#endif

MODE
.align 16
stubs:
.set n, 0
.rept 32
.align 16
#if PROT
.if n != 8 && n != 10 && n != 11 && n != 12 && n != 13 && n != 14 && n != 17
 push $0
.endif
#endif
 push $n
 jmp fault
.set n, n+1
.endr
.align 16
fault:
#if BITS == 16
 popw %ss:V_FAULT
#if PROT
 popw %ss:V_FAULT+4
#endif
 popw %ss:V_FAULT+8
 popw %ss:V_FAULT+12
 popw %ss:V_FAULT+16
 jmpw *%ss:V_NEXT
#else
 popl %ss:V_FAULT
 popl %ss:V_FAULT+4
 popl %ss:V_FAULT+8
 popl %ss:V_FAULT+12
 popl %ss:V_FAULT+16
 jmpl *%ss:V_NEXT
#endif

setup:
 POPRET
 mov $SEL_FLAT,%ax
 mov %ax,%ds
 mov %ax,%ss
 xor %esi,%esi
 mov V_IP,%si
 mov %cs:(%esi),%eax
 mov %eax,V_INFLAGS
 mov %cs:4(%esi),%eax
 mov %eax,V_MASK
 xor %eax,%eax
 mov %cs:8(%esi),%ax
 mov %eax,V_NEXT
 add $CASE_BYTES,%si
 mov %si,V_IP
 mov $0x6800,%esp
 xor %esi,%esi
 xor %ecx,%ecx
 cld
 xor %edi,%edi
 mov $SEL_FLAT,%ax
 mov %ax,%es
 mov $PATTERN,%si
 mov $DATA,%di
 mov $0x100,%cx
 rep movsl
 mov $PATTERN,%si
 mov $MARK,%di
 mov $(STACK+0x40-MARK)/4,%cx
 rep movsl
 xor %eax,%eax
 mov $V_FAULT,%esi
 mov %eax,(%si)
 mov %eax,4(%si)
 mov %eax,8(%si)
 mov %eax,12(%si)
 mov %eax,16(%si)
 mov $SEL_ES,%ax
 mov %ax,%es
 mov $SEL_FS,%ax
 mov %ax,%fs
 mov $SEL_GS,%ax
 mov %ax,%gs
 mov $SEL_SS,%ax
 mov %ax,%ss
 mov $STACK,%esp
 mov $SEL_DS,%ax
 mov %ax,%ds
 pushl %ss:V_INFLAGS
 popfl
#if FLAT
 mov $OFF+0x100,%esi
 mov $OFF+0x220,%edi
 mov $OFF+0x120,%ebx
 mov $OFF+0x180,%ebp
#else
 mov $0xbeef0100,%esi
 mov $0xfeed0020,%edi
 mov $0xabcd0120,%ebx
 mov $0x77660180,%ebp
#if BITS == 32
 movzwl %si,%esi
 movzwl %di,%edi
 movzwl %bx,%ebx
 movzwl %bp,%ebp
#endif
#endif
#if BITS == 16
 mov $0x99aa0005,%ecx
#else
 mov $5,%ecx
#endif
 mov $0x55667788,%edx
 mov $0x11223344,%eax
 JUMPBACK

dump:
 POPRET
 mov %eax,%ss:V_REGS
 mov %ecx,%ss:V_REGS+4
 mov %edx,%ss:V_REGS+8
 mov %ebx,%ss:V_REGS+12
 mov %esp,%ss:V_REGS+16
 mov %ebp,%ss:V_REGS+20
 mov %esi,%ss:V_REGS+24
 mov %edi,%ss:V_REGS+28
 pushfl
 popl %ss:V_REGS+32
 xor %eax,%eax
 mov %ds,%ax
 mov %eax,%ss:V_SEGS
 mov %es,%ax
 mov %eax,%ss:V_SEGS+4
 mov %fs,%ax
 mov %eax,%ss:V_SEGS+8
 mov %gs,%ax
 mov %eax,%ss:V_SEGS+12
 mov %ss,%ax
 mov %eax,%ss:V_SEGS+16
 mov $SEL_FLAT,%ax
 mov %ax,%ds
 mov %ax,%es
 mov %ax,%ss
 mov $0x6800,%esp
 cld
 mov V_MASK,%eax
 and %eax,V_REGS+32
 and %eax,V_FAULT+16
 xor %esi,%esi
 incl V_NUMBER
 mov $'T',%al
 call putc
 mov V_NUMBER,%eax
 call hex16
 mov $' ',%al
 call putc
 mov V_NEXT,%eax
 call hex16
 mov $V_REGS,%esi
 mov $9,%ecx
 call row
 mov $V_SEGS,%esi
 mov $5,%ecx
 call row16
 mov $V_FAULT,%esi
 mov $5,%ecx
 call row
 mov $DATA,%si
 mov $0x400,%ecx
 call sum
 mov V_REGS+16,%esi
 and $0xffff,%esi
 mov $STACK+0x40,%ecx
 sub %esi,%ecx
 call sum
 mov $10,%al
 call putc
 JUMPBACK

sum: /* of CX bytes at SI */
 xor %ebx,%ebx
 mov %cx,%dx
 and $3,%dx
 shr $2,%cx
1: lodsl
 rol $3,%ebx
 add %eax,%ebx
 loop 1b
 mov %dx,%cx
 jcxz 3f
 xor %eax,%eax
2: lodsb
 rol $3,%ebx
 add %eax,%ebx
 loop 2b
3: mov $' ',%al
 call putc
 mov %ebx,%eax
 jmp hex32
row:
1: mov $' ',%al
 call putc
 mov (%si),%eax
 call hex32
 add $4,%si
 loop 1b
 ret
row16:
1: mov $' ',%al
 call putc
 mov (%si),%eax
 call hex16
 add $4,%si
 loop 1b
 ret
hex32:
 rol $16,%eax
 call hex16
 rol $16,%eax
hex16:
 xchg %al,%ah
 call hex8
 xchg %al,%ah
hex8:
 ror $4,%al
 call digit
 rol $4,%al
digit:
 push %eax
 and $15,%al
 add $'0',%al
 cmp $'9',%al
 jbe 1f
 add $39,%al
1: call putc
 pop %eax
 ret
putc:
 push %edx
 push %eax
 mov $0x3fd,%dx
1: in %dx,%al
 test $0x20,%al
 jz 1b
 pop %eax
 mov $0x3f8,%dx
 out %al,%dx
 pop %edx
 ret

.macro CASE code, flags=0x2, mask=0xffffffff
 call setup
 .long \flags, \mask
 POINTER end\@
 \code
end\@:
 call dump
.endm

/* An in-guest loop over every 51st AX (and so all AL) with the flags given; a sum of AX and flags. */
.macro ALL_AX insn, flags, mask
 CASE "xor %ebp,%ebp; xor %ecx,%ecx; 1: pushl $\flags; popfl; mov %ecx,%eax; \insn; pushfl; popl %edx; and $\mask,%edx; rol $5,%ebp; add %eax,%ebp; add %edx,%ebp; addl $51,%ecx; cmpl $0x10000,%ecx; jb 1b; xor %eax,%eax; xor %edx,%edx", 2, 0
.endm

.equ CF, 1
.equ PF, 4
.equ AF, 0x10
.equ ZF, 0x40
.equ SF, 0x80
.equ DF, 0x400
.equ OF, 0x800
.equ NO_OF, ~OF

entry:
#if PROT
 mov $SEL_FLAT,%ax
 mov %ax,%ds
 mov %ax,%ss
 mov $0x6800,%esp
#endif
#include "tests.S"
 mov $SEL_FLAT,%ax
 mov %ax,%ss
 mov $0x6800,%esp
 mov $'E',%al
 call putc
 mov $10,%al
 call putc
 out %al,$0xf4
 cli
 hlt
