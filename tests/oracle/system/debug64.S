# Single step and debug registers: what the handler of #DB (and of the few others that a test provokes) sees.
# D: test, vector, RIP less the test's start, RFLAGS, DR6, RCX. E: test, DR6, DR7, RCX at the test's end.
# r14 bit 16 is RF: the handler ors it into the flags that it returns with. r13: how many more traps a test may have.
# Two things are left out, in which QEMU 7.2 is wrong: a data breakpoint that is hit under TF gives two traps, one of them inside the
# first one's handler; and a port breakpoint ends REP OUTS after its first repetition.
# Recorded with record.sh; entry without BIOS: 0x7c40, loaded at 0x7c00.
.include "long-mode.inc"
 mov %cr4,%rax
 and $~8,%rax
 mov %rax,%cr4

.set DATA, 0x160000

# Test n begins: no breakpoint, DR6 clear. The code between B and E is numbered from B's end.
.macro B n
 mov $\n,%r15d
 xor %r14d,%r14d
 mov $40,%r13d
 xor %eax,%eax
 mov %rax,%dr7
 mov %rax,%dr6
 mov $DATA,%esi
 mov $DATA+0x100,%edi
 mov $3,%ecx
 movq $9f,resume
 mov $8f,%r12d
8:
.endm
.macro E
9: call ended
.endm
.macro TFON
 pushf
 orl $0x100,(%rsp)
 popf
.endm
.macro TFOFF
 pushf
 andl $~0x100,(%rsp)
 popf
.endm
# DR0 and DR7.
.macro WATCH address, dr7
 mov $\address,%eax
 mov %rax,%dr0
 mov $\dr7,%eax
 mov %rax,%dr7
.endm
.set L0, 1
.set G0, 2
.set EXECUTE, 0
.set WRITE, 1<<16
.set IO, 2<<16
.set ACCESS, 3<<16
.set LEN2, 1<<18
.set LEN8, 2<<18
.set LEN4, 3<<18
.set GD, 1<<13

 # --- single step
 B 0x1
 TFON
 nop
 nop
 TFOFF
 E
 B 0x2
 TFON
 rep movsb
 nop
 TFOFF
 E
 B 0x3
 mov $1,%ecx
 TFON
 rep movsb
 TFOFF
 E
 B 0x4
 xor %ecx,%ecx
 TFON
 rep movsb
 TFOFF
 E
 B 0x5
 TFON
 repe cmpsb
 TFOFF
 E
 B 0x6
 TFON
 repne cmpsb
 TFOFF
 E
 B 0x7
 mov $0x7f,%al
 TFON
 repne scasb
 repe scasb
 TFOFF
 E
 B 0x8
 TFON
 rep stosl
 mov $2,%ecx
 rep lodsb
 TFOFF
 E
 B 0x9
 mov $0x80,%edx
 TFON
 rep outsb
 mov $2,%ecx
 rep insb
 TFOFF
 E
 B 0xa
 TFON
1: loop 1b
 TFOFF
 E
 B 0xb
 mov %ss,%eax
 TFON
 mov %eax,%ss
 nop
 nop
 TFOFF
 E
 B 0xc
 mov %ss,%eax
 TFON
 mov %eax,%ss
 rep movsb
 TFOFF
 E
 B 0xd
 TFON
 lss stackptr,%esp
 nop
 TFOFF
 E
 B 0xe
 TFON
 pushf
 popf
 nop
 TFOFF
 nop
 E
 B 0xf
 TFON
 int3
 nop
 int $0x85
 nop
 TFOFF
 E
 B 0x10
 TFON
 sti
 nop
 cli
 TFOFF
 E
 # IRET that clears TF, and one that sets it.
 B 0x11
 TFON
 mov %ss,%eax
 mov %rsp,%rdx
 push %rax
 push %rdx
 push $2
 push $0x18
 push $1f
 iretq
1: nop
 nop
 E
 B 0x12
 mov %ss,%eax
 mov %rsp,%rdx
 push %rax
 push %rdx
 push $0x102
 push $0x18
 push $1f
 iretq
1: nop
 nop
 TFOFF
 E
 B 0x13
 TFON
 ud2
 nop
 TFOFF
 E
 B 0x14
 TFON
 mov %cr0,%rax
 mov %rax,%cr0
 TFOFF
 E
 B 0x15
 .byte 0xf1
 nop
 E
 B 0x16
 TFON
 .byte 0xf1
 nop
 TFOFF
 E
 B 0x17
 mov $0xc0000081,%ecx
 mov $0x00180018,%edx
 xor %eax,%eax
 wrmsr
 mov $0xc0000082,%ecx
 mov $1f,%eax
 xor %edx,%edx
 wrmsr
 mov $0xc0000084,%ecx
 mov $0x100,%eax
 wrmsr
 TFON
 syscall
 nop
1: nop
 nop
 TFOFF
 E
# QEMU: SYSCALL clears the arithmetic flags; with this mask a processor does too.
 B 0x18
 mov $0xc0000084,%ecx
 mov $0x8d5,%eax
 xor %edx,%edx
 wrmsr
 mov $0xc0000082,%ecx
 mov $1f,%eax
 wrmsr
 TFON
 syscall
 nop
1: nop
 mov $0x20,%ax
 mov %eax,%ss
 TFOFF
 E
 B 0x1b
 mov %ss,%eax
 TFON
 mov %eax,%ss
 mov %eax,%ss
 nop
 TFOFF
 E
 # What stays in DR6 from trap to trap.
 B 0x19
 mov $0xe00f,%eax
 mov %rax,%dr6
 TFON
 nop
 TFOFF
 E
 # A breakpoint that matches and is not enabled.
 B 0x1a
 mov $1f,%eax
 mov %rax,%dr1
 TFON
 nop
1: nop
 nop
 TFOFF
 xor %eax,%eax
 mov %rax,%dr1
 E

 # --- data
 B 0x20
 WATCH DATA+8, L0+WRITE+LEN4
 movl $1,DATA+8
 mov DATA+8,%eax
 movb $1,DATA+11
 movb $1,DATA+12
 movb $1,DATA+7
 movq $1,DATA+4
 movw $1,DATA+7
 E
 B 0x21
 WATCH DATA+8, L0+ACCESS+LEN2
 mov DATA+8,%al
 mov DATA+9,%al
 mov DATA+10,%al
 mov DATA+7,%al
 mov DATA+6,%ax
 mov DATA+7,%ax
 E
 B 0x22
 WATCH DATA+16, L0+WRITE+LEN8
 movb $1,DATA+23
 movb $1,DATA+24
 movb $1,DATA+15
 E
 B 0x23
 WATCH DATA+9, L0+WRITE+LEN2
 movb $1,DATA+8
 movb $1,DATA+9
 movb $1,DATA+10
 E
 B 0x24
 WATCH DATA+0x103, L0+WRITE
 mov $8,%ecx
 rep stosb
 nop
 E
 B 0x25
 WATCH DATA+0x104, L0+WRITE+LEN4
 mov $4,%ecx
 rep movsl
 nop
 E
 B 0x26
 WATCH DATA+8, G0+WRITE+LEN4
 xchg %eax,DATA+8
 lock incl DATA+8
 cmpxchg %edx,DATA+8
 btsl $1,DATA+8
 movups %xmm0,DATA
 fstpl DATA+6
 E
 B 0x27
 WATCH 0x5ff8, L0+WRITE+LEN8
 push %rax
 call 1f
1: pop %rdx
 pop %rax
 nop
 E
 # Two breakpoints, one of them not enabled.
 B 0x29
 mov $DATA+9,%eax
 mov %rax,%dr1
 mov $DATA+10,%eax
 mov %rax,%dr2
 WATCH DATA+8, L0+WRITE+(1<<4)+(1<<24)+(1<<20)
 movl $1,DATA+8
 xor %eax,%eax
 mov %rax,%dr1
 mov %rax,%dr2
 E
 # The trap behind MOV SS that itself reads what is watched.
 B 0x2a
 movl $0x20,DATA+8
 WATCH DATA+8, L0+ACCESS
 mov DATA+8,%ss
 nop
 nop
 E
 # An access that faults has not happened.
 B 0x2b
 WATCH 0x180010, L0+ACCESS
 mov 0x180010,%eax
 nop
 E
 # A page boundary inside the watched access.
 B 0x2c
 WATCH 0x161000, L0+WRITE+LEN4
 movl $1,0x160ffe
 movl $1,0x160ffc
 movq $1,0x160ffc
 E

 # --- code
 B 0x30
 mov $0x10000,%r14d
 WATCH 1f, L0
 nop
1: nop
 nop
 E
 B 0x31
 mov $0x10000,%r14d
 WATCH 1f, L0
 mov $3,%ecx
1: loop 1b
 E
 B 0x32
 mov $0x10000,%r14d
 WATCH 1f, L0
 mov %ss,%edx
 mov %edx,%ss
1: nop
 nop
 E
 B 0x33
 mov $0x10000,%r14d
 WATCH 1f, L0
 TFON
 nop
1: nop
 nop
 TFOFF
 E
 B 0x34
 mov $0x10000,%r14d
 WATCH 1f, L0
1: rep movsb
 nop
 E
 # A breakpoint inside an instruction is none.
 B 0x35
 mov $0x10000,%r14d
 WATCH 1f+1, L0
1: mov $5,%eax
 nop
 E
 # Without RF from the handler it would come again for ever: the handler gives up.
 B 0x36
 mov $3,%r13d
 WATCH 1f, L0
1: nop
 E
 # The flags that IRET loads have RF: it holds for one instruction.
 B 0x37
 WATCH 1f, L0
 mov $3,%r13d
 mov %ss,%eax
 mov %rsp,%rdx
 push %rax
 push %rdx
 push $0x10002
 push $0x18
 push $1f
 iretq
1: pushf
 pop %rcx
 nop
 E

 # --- ports
 B 0x40
 WATCH 0x80, L0+IO
 mov $0x80,%edx
 out %al,%dx
 E
 B 0x41
 mov %cr4,%rax
 or $8,%rax
 mov %rax,%cr4
 WATCH 0x80, L0+IO
 mov $0x80,%edx
 out %al,%dx
 in %dx,%al
 out %al,$0x81
 out %al,$0x80
 nop
 E
 B 0x42
 WATCH 0x80, L0+IO+LEN4
 out %al,$0x83
 out %al,$0x84
 out %ax,$0x7f
 out %eax,$0x7c
 E
 # DR4 and DR5 with CR4.DE.
 B 0x43
 mov %dr4,%rax
 nop
 mov %rax,%dr5
 nop
 E

 # --- the registers themselves
 B 0x50
 mov %cr4,%rax
 and $~8,%rax
 mov %rax,%cr4
 mov %dr4,%rcx
 mov $0xffffffff,%eax
 mov %rax,%dr6
 mov %dr6,%rcx
 E
 B 0x51
 mov $0xffffdc00,%eax
 mov %rax,%dr7
 mov %dr7,%rcx
 E
 B 0x52
 mov $1,%eax
 shl $32,%rax
 mov %rax,%dr7
 nop
 mov %rax,%dr6
 nop
 E
 B 0x53
 mov $GD,%eax
 mov %rax,%dr7
 mov %dr0,%rax
 nop
 mov %dr7,%rcx
 E
 # Loading DR7 with an armed breakpoint for the next instruction.
 B 0x54
 mov $0x10000,%r14d
 mov $1f,%eax
 mov %rax,%dr0
 mov $L0,%eax
 mov %rax,%dr7
1: nop
 E
 out %al,$0xf4
1: cli
 hlt
 jmp 1b

ended:
 pushf
 push %rcx
 mov %dr6,%r8
 mov %dr7,%r9
 xor %eax,%eax
 mov %rax,%dr7
 mov $'E',%al
 call pc
 mov %r15,%rax
 call hex
 mov %r8,%rax
 call hex
 mov %r9,%rax
 call hex
 mov (%rsp),%rax
 call hex
 mov $10,%al
 call pc
 pop %rcx
 popf
 ret

# On the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS.
handler:
 push %rax
 push %rbx
 push %rcx
 push %rdx
 push %r9
 mov %dr7,%r9
 mov $'D',%al
 call pc
 mov %r15,%rax
 call hex
 mov 40(%rsp),%rax
 call hex
 mov 56(%rsp),%rax
 sub %r12,%rax
 call hex
 mov 72(%rsp),%rax
 call hex
 mov %dr6,%rax
 call hex
 mov 16(%rsp),%rax
 call hex
 mov $10,%al
 call pc
 or %r14,72(%rsp)
 dec %r13d
 jz giveup
 # Behind #UD and #PF and #GP the test goes on at the next NOP.
 cmpl $1,40(%rsp)
 je 2f
 cmpl $3,40(%rsp)
 je 2f
 cmpl $0x85,40(%rsp)
 je 2f
 mov 56(%rsp),%rbx
1: inc %rbx
 cmpb $0x90,(%rbx)
 jne 1b
 mov %rbx,56(%rsp)
2: pop %r9
 pop %rdx
 pop %rcx
 pop %rbx
 pop %rax
 add $16,%rsp
 iretq
giveup:
 xor %eax,%eax
 mov %rax,%dr7
 mov 80(%rsp),%rsp
 push $2
 popf
 jmp *resume
.include "print.inc"
.include "stubs.inc"
.align 8
resume: .quad 0
stackptr: .long 0x6000
 .word 0x20
callgate:
.include "tables.inc"
