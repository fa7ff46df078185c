# Provokes faults, privilege changes and returns in 64-bit and compatibility mode and prints what the handlers see.
# F: test, vector, error, RIP, CS, RFLAGS, RSP, SS, CR2, then in the handler RSP, RAX, SS, DS, RFLAGS.
# k: test, RAX. Recorded with record.sh; entry without BIOS: 0x7c40, loaded at 0x7c00.
.include "long-mode.inc"
.macro T n
 .set tn,\n
 mov $\n,%r15d
 movq $9f,resume
.endm
.macro E
 call okprint
9:
 mov $0x6000,%esp
.endm
 T 1
 ud2
 E
 T 2
 mov 0x180010,%eax
 E
 T 3
 movb $1,0x180010
 E
 T 4
 movb $1,0x181010
 E
 T 5
 mov 0x183010,%eax
 E
 T 6
 mov $0x183010,%eax
 jmp *%rax
 E
 T 7
 mov 0x184010,%eax
 E
 T 8
 movabs $0x800000000000,%rax
 mov (%rax),%eax
 E
 T 9
 movabs $0x800000000000,%rax
 jmp *%rax
 E
 T 10
 int $0x80
 E
 T 11
 int $0x81
 E
 T 12
 int $0x82
 E
 T 13
 int $0x83
 E
 T 14
 int $0x84
 E
 T 15
 int3
 E
 T 16
 xor %edx,%edx
 xor %ecx,%ecx
 div %ecx
 E
 T 17
 mov $0x33,%ax
 mov %ax,%ds
 mov %ds,%eax
 E
 T 18
 mov $0x1000,%ax
 mov %ax,%ds
 E
 T 19
 mov $0x33,%ax
 mov %ax,%ss
 E
 T 20
 mov $0,%ax
 mov %ax,%ss
 mov %ss,%eax
 E
 T 21
 mov $3,%ax
 mov %ax,%ss
 E
 T 22
 mov $0x20,%ax
 mov %ax,%ss
 mov $0x80,%ax
 mov %ax,%es
 E
 T 23
 mov $0x80,%ax
 mov %ax,%ss
 E
 T 24
 mov $0x48,%ax
 ltr %ax
 E
 T 25
 mov $0x48,%ax
 lar %ax,%eax
 pushf
 pop %rbx
 and $0x40,%ebx
 or %rbx,%rax
 E
 T 26
 mov $0x18,%ecx
 mov $0x1234,%eax
 lsl %ecx,%eax
 E
 T 27
 mov $0x1000,%ecx
 lsl %ecx,%eax
 pushf
 pop %rax
 E
 T 28
 push $0x18
 pushq $7f
 lretq
7: mov $0x77,%eax
 E
 T 29
 push $0x1000
 pushq $7f
 lretq
7: mov $0x77,%eax
 E
 T 30
 push $0x0
 pushq $7f
 lretq
7: mov $0x77,%eax
 E
 T 31   # iretq with null ss
 push $0
 push $0x5800
 push $0x246
 push $0x18
 pushq $7f
 iretq
7: mov %ss,%eax
 shl $16,%rax
 or %rsp,%rax
 E
 T 32   # iretq noncanonical
 mov $0x20,%ax
 mov %ax,%ss
 push $0x20
 push $0x5800
 push $0x2
 push $0x18
 movabs $0x800000000000,%rax
 push %rax
 iretq
 E
 T 33   # NT iret
 push $0x4002
 popf
 push $0x20
 push $0x5800
 push $0x2
 push $0x18
 pushq $7f
 iretq
7:
 E
 push $2
 popf
 T 38
 mov %cr0,%rax
 E
 T 39
 mov $0xc0000100,%ecx
 mov $0x8000,%edx
 xor %eax,%eax
 wrmsr
 mov $0x99,%eax
 E
 T 40
 mov $0x123,%ecx
 rdmsr
 E
 T 42
 mov $0x200ff,%eax   # smsw
 smsw %eax
 E
 T 43
 str %eax
 sldt %ebx
 shl $16,%ebx
 or %ebx,%eax
 E
 T 44
 mov $0xffff,%eax
 mov %rax,%dr7
 mov %dr7,%rax
 xor %ebx,%ebx
 mov %rbx,%dr7
 E
 T 45
 mov %dr6,%rax
 E
 T 46
 mov %dr4,%rax
 E
 T 47
 sysenter
 E
 T 48
 mov $0x10,%ax
 mov $0x28,%ebx
 verw %bx
 pushf
 pop %rax
 E
 T 49   # unaligned page-crossing write into np
 movl $-1,0x17ffff-1
 E
 T 50
 mov $0x55,%eax
 movl $0x5,0x17fffe
 E
 T 51
 movzwl 0x17fffe,%eax
 E
 T 52
 movb $1,0x185000
 E
 T 53
 mov %cr0,%rax
 and $0xfffeffff,%eax
 mov %rax,%cr0
 movb $0x42,0x185000
 movzbl 0x185000,%eax
 mov %cr0,%rbx
 or $0x10000,%ebx
 mov %rbx,%cr0
 E
 T 54
 mov 0x103000+0x185*8,%rax
 E
 T 55
 mov 0x103000+0x181*8,%rax
 E
 T 56
 rdpmc
 E
 T 57
 rdtscp
 E
 T 58
 monitor
 E
 T 60
 lcall *farptr
farret: mov $0x66,%eax
 E
 T 61
 int $0x85
 E
 T 62  # into user
 mov $0x3b,%eax
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user1
 iretq
 E
 T 63
 push $0x33
 push $0x5000
 push $0x3202
 push $0x2b
 pushq $user2
 iretq
 E
 T 64
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user3
 iretq
 E
 T 65
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user4
 iretq
 E
 T 66
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user5
 iretq
 E
 T 67
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user6
 iretq
 E
 T 68
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user7
 iretq
 E
 T 69
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user8
 iretq
 E
 T 70
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user9
 iretq
 E
 # syscall
 mov $0xc0000081,%ecx
 mov $0x00580018,%edx
 xor %eax,%eax
 wrmsr
 mov $0xc0000082,%ecx
 mov $sysentry,%eax
 xor %edx,%edx
 wrmsr
 mov $0xc0000083,%ecx
 mov $sysentry,%eax
 wrmsr
 mov $0xc0000084,%ecx
 mov $0x300,%eax
 wrmsr
 T 71
 push $0x33
 push $0x5000
 push $0xad7
 push $0x2b
 pushq $user10
 iretq
 E
 T 72  # compat user
 push $0x33
 push $0x5000
 push $0x202
 push $0x43
 pushq $user32
 iretq
 E
 T 73
 push $0x33
 push $0x5000
 push $0x202
 push $0x43
 pushq $user32b
 iretq
 E
 T 74
 push $0x33
 push $0x5000
 push $0x202
 push $0x43
 pushq $user32c
 iretq
 E
 T 75
 push $0x33
 push $0x5000
 push $0x202
 push $0x43
 pushq $user32d
 iretq
 E
 T 76
 lcall *gateptr
gret: mov %cs,%eax
 E
 T 77
 push $0x33
 push $0x5000
 push $0x202
 push $0x2b
 pushq $user11
 iretq
 E
 T 78   # double fault: bad idt limit
 lidt idtrbad
 ud2
 E
 mov $0x31,%al
 out %al,$0xf4
 cli
 hlt
user1: mov 0x182000,%eax
user2: cli
 sti
 pushf
 pop %rax
 mov $0xffffffff,%ecx
 push %rcx
 popf
 pushf
 pop %rbx
 hlt
user3: movb $1,0x181000
user4: int $0x80
user5: int $0x20
user6: in $0x21,%al
user7: mov %cr0,%rax
user8: mov $0x20,%ax
 mov %ax,%ds
user9: mov $0x182000,%eax
 jmp *%rax
user10: syscall
 nop
 int3
user11: lcall *gateptr
sysentry:
 mov %rsp,%r8
 mov $0x6000,%esp
 push %rcx
 push %r11
 mov %cs,%eax
 mov %ss,%ebx
 shl $16,%ebx
 or %ebx,%eax
 call okprint
 pop %rax
 push %rax
 call okprint
 pushf
 pop %rax
 call okprint
 pop %r11
 pop %rcx
 mov %r8,%rsp
 cmp $73,%r15d
 je 1f
 cmp $75,%r15d
 je 1f
 sysretq
1: sysretl
callgate: mov %cs,%eax
 mov %ss,%ebx
 shl $16,%ebx
 or %ebx,%eax
 call okprint
 mov %rsp,%rax
 call okprint
 lretq
.code32
user32: mov $0x11,%eax
 arpl %ax,%ax
 mov $0x30,%edx
 mov $0x33,%eax
 arpl %ax,%dx
 push %cs
 pushl $1f
 lret
1: lcall $0x43,$2f
2: pushf
 pop %ecx
 mov $0x33,%eax
 mov %eax,%ds
 lds farptr32,%esi
 lar %eax,%ebx
 ljmp $0x2b,$user64
user32b: mov $0x12,%eax
 syscall
 nop
 mov %cs,%ebx
 ud2
user32c: mov $0x33,%eax
 mov %eax,%ds
 mov $1,%eax
 bound %eax,bnd
user32d: mov $0x100,%eax
 mov $0x7fffffff,%eax
 add $1,%eax
 into
.code64
user64: mov %ss,%r9d
 ud2
okprint:
 push %rax
 push %rbx
 push %rcx
 push %rdx
 mov %rax,%rsi
 mov $'k',%al
 call pc
 mov %r15,%rax
 call hex
 mov %rsi,%rax
 call hex
 mov $10,%al
 call pc
 pop %rdx
 pop %rcx
 pop %rbx
 pop %rax
 ret
.include "print.inc"
handler: # stack: vec err rip cs rfl rsp ss
 mov %rax,%rbp
 mov %rbx,%r10
 mov %rcx,%r11
 mov $'F',%al
 call pc
 mov %r15,%rax
 call hex
 mov $7,%edi
 mov %rsp,%rsi
3: mov (%rsi),%rax
 add $8,%rsi
 call hex
 dec %edi
 jnz 3b
 mov %cr2,%rax
 call hex
 mov %rsp,%rax
 call hex
 mov %rbp,%rax
 call hex
 mov %ss,%eax
 call hex
 mov %ds,%eax
 call hex
 pushf
 pop %rax
 and $0xffff0700,%eax
 call hex
 mov $10,%al
 call pc
 mov $0x6000,%esp
 mov $0x20,%ax
 mov %ax,%ss
 mov %ax,%ds
 mov %ax,%es
 push $2
 popf
 jmp *resume
.include "stubs.inc"
.align 8
resume: .quad 0
farptr: .long farret
 .word 0x18
farptr32: .long 0x1234
 .word 0x33
gateptr: .long 0
 .word 0x6b
.align 4
bnd: .long 2,5
.include "tables.inc"
