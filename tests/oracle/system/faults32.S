# As faults64.S for 32-bit protected mode with two-level paging, ring 3, call gates, 16-bit gates and virtual-8086 mode.
# F: test, FS, DS, EAX, vector, error, EIP, CS, EFLAGS and what else the frame holds, CR2, then in the handler ESP, SS, EFLAGS.
# k: test, EAX.
.code16
.globl _start
_start:
 cli
 xor %ax,%ax
 mov %ax,%ds
 mov %ax,%es
 mov %ax,%ss
 mov $0x7c00,%sp
 mov $0x0230,%ax
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
 mov %ax,%ss
 mov $0x7000,%sp
 lgdtl gdtr
 in $0x92,%al
 or $2,%al
 out %al,$0x92
 mov $0xff,%al
 out %al,$0x21
 out %al,$0xa1
 mov $0x11,%eax
 mov %eax,%cr0
 ljmpl $8,$main32
.org 510
.word 0xaa55
.code32
main32:
 mov $0x10,%ax
 mov %ax,%ds
 mov %ax,%es
 mov %ax,%ss
 mov $0x6000,%esp
 mov $0x100000,%edi
 xor %eax,%eax
 mov $0x4000,%ecx
 cld
 rep stosl
 movl $0x101007,0x100000
 movl $0x4000e7,0x100004
 movl $0x4020e7,0x100008
 mov $0x101000,%edi
 mov $0x7,%eax
 mov $1024,%ecx
1: mov %eax,(%edi)
 add $4,%edi
 add $0x1000,%eax
 loop 1b
 movl $0,0x101000+0x180*4
 movl $0x181005,0x101000+0x181*4
 movl $0x182003,0x101000+0x182*4
 mov $0x104000,%edi
 mov $stubs,%ebx
 mov $256,%ecx
2: mov %ebx,%eax
 and $0xffff,%eax
 or $0x80000,%eax
 mov %eax,(%edi)
 mov %ebx,%eax
 and $0xffff0000,%eax
 or $0x8e00,%eax
 mov %eax,4(%edi)
 add $8,%edi
 add $16,%ebx
 loop 2b
 orl $0x6000,0x104004+0x80*8
 andl $0xffff7fff,0x104004+0x81*8
 movl $0x00300000,0x104000+0x82*8 # data selector
 movl $0x00000000,0x104000+0x83*8 # null cs
 movl $0x0000e600,0x104004+0x84*8 # 16-bit gate dpl3
 movl $0x00080000+gate16h,0x104000+0x84*8
 movl $0x00000000,0x104004+0x85*8
 orl $0x6100,0x104004+0x86*8
 lidt idtr
 mov %cr4,%eax
 or $0x610,%eax
 mov %eax,%cr4
 mov $0x100000,%eax
 mov %eax,%cr3
 mov %cr0,%eax
 or $0x80010000,%eax
 mov %eax,%cr0
 movl $0x6000,tss+4
 movl $0x10,tss+8
 movw $104,tss+0x66
 mov $0x48,%ax
 ltr %ax
.macro T n
 mov $\n,%ebp
 movl $9f,resume
.endm
.macro E
 call okprint
9:
 mov $0x10,%ax
 mov %ax,%ss
 mov $0x6000,%esp
.endm
.macro U lbl,fl=0x202
 push $0x33
 push $0x5000
 push $\fl
 push $0x2b
 push $\lbl
 iret
.endm
 T 1
 ud2
 E
 T 2
 mov 0x180010,%eax
 E
 T 3
 movb $1,0x181010
 E
 T 4
 mov 0x401000,%eax
 xor %eax,%eax
 E
 T 5
 int $0x80
 E
 T 6
 int $0x81
 E
 T 7
 int $0x82
 E
 T 8
 int $0x83
 E
 T 9
 int $0x84
 E
 T 10
 int $0x85
 E
 T 11
 mov $0x33,%ax
 mov %ax,%ds
 mov %ds,%eax
 E
 T 12
 mov $0x33,%ax
 mov %ax,%ss
 E
 T 13
 xor %eax,%eax
 mov %ax,%ss
 E
 T 14
 mov $0x08,%ax
 mov %ax,%ss
 E
 T 15
 mov $0x58,%ax
 mov %ax,%es
 E
 T 16
 mov $0x58,%ax
 mov %ax,%ss
 E
 T 17
 push $0x08
 push $7f
 lret
7: mov $0x77,%eax
 E
 T 18
 ljmp $0x10,$0x1234
 E
 T 19
 ljmp $0x60,$0
g0: mov $0x18,%eax
 E
 T 20
 lcall $0x60,$0
 E
 xor %eax,%eax
 mov %ax,%fs
 T 24
 U user1
 E
 T 25
 U user2,0x3202
 E
 T 26
 U user3
 E
 T 27
 U user4
 E
 T 28
 U user5
 E
 T 29
 U user6
 E
 T 30
 U user7
 E
 T 31
 U user8
 E
 T 32
 U user9
 E
 mov $0x174,%ecx
 xor %edx,%edx
 mov $0x08,%eax
 wrmsr
 inc %ecx
 mov $0x6000,%eax
 wrmsr
 inc %ecx
 mov $sysent,%eax
 wrmsr
 T 33
 mov $user4,%edx
 mov $0x4f80,%ecx
 sysexit
 E
 T 34  # vm86
 push $0x11
 push $0x22
 push $0x33
 push $0x44
 push $0x100
 push $0x5000
 push $0x20202
 push $0x800
 push $vm1-0x8000
 iret
 E
 T 35
 push $0x11
 push $0x22
 push $0x33
 push $0x44
 push $0x100
 push $0x5000
 push $0x23202
 push $0x800
 push $vm2-0x8000
 iret
 E
 T 36
 push $0x11
 push $0x22
 push $0x33
 push $0x44
 push $0x100
 push $0x5000
 push $0x23202
 push $0x800
 push $vm3-0x8000
 iret
 E
 T 37
 mov $0x68,%eax
 lar %ax,%eax
 mov $0x68,%ecx
 lsl %cx,%ecx
 add %ecx,%eax
 E
 T 38
 str %eax
 E
 T 39
 sgdt 0x5800
 mov 0x5800,%eax
 E
 T 40
 pushfw
 pop %ax
 movzwl %ax,%eax
 E
 T 41
 mov %cr0,%eax
 lmsw %ax
 smsw %eax
 E
 T 42
 enter $16,$3
 mov %esp,%eax
 mov $42,%ebp
 E
 T 43
 mov $0x80,%eax
 mov %ax,%ss
 mov $0x12345,%esp
 push %eax
 mov %esp,%eax
 mov $0x10,%bx
 mov %bx,%ss
 E
 T 44
 lidt idtrbad
 int $0x33
 E
 mov $0x31,%al
 out %al,$0xf4
 cli
 hlt
user1: mov $0x33,%eax
 mov %eax,%ds
 mov 0x182000,%eax
user2: cli
 sti
 pushf
 pop %eax
 mov $0xffffffff,%ecx
 push %ecx
 popf
 pushf
 pop %ebx
 hlt
user3: int $0x80
user4: int $0x20
user5: mov $0x33,%eax
 mov %eax,%ds
 int $0x84
 mov $0x55,%eax
 ud2
user6: mov $0x33,%eax
 mov %eax,%ds
 push $0xaaa
 push $0xbbb
 lcall $0x63,$0
 ud2
user7: mov $0x10,%eax
 mov %ax,%gs
user8: in $0x21,%al
 outb %al,$0x80
 mov $0x400,%dx
 in %dx,%al
user9: sysenter
sysent: mov $7f,%edx
 mov $0x4f00,%ecx
 sysexit
7: mov %cs,%eax
 ud2
callgate:
 mov 8(%esp),%eax
 call okprint
 mov 12(%esp),%eax
 call okprint
 mov %esp,%eax
 call okprint
 mov %ss,%eax
 call okprint
 lret $8
gate16h:
 mov $0x10,%ax
 mov %ax,%ds
 mov %esp,%eax
 call okprint
 mov (%esp),%eax
 call okprint
 mov 4(%esp),%eax
 call okprint
 mov %ss,%eax
 call okprint
 iretw
.code16
vm1: mov %ds,%ax
 pushf
vm2: mov %ds,%ax
 pushf
 pop %bx
 mov $0x1234,%cx
 mov %cx,%es
 cli
 pushfl
 popl %edx
 int $0x80
vm3: mov $0x8000,%ax
 push %ax
 pushw $0x800
 pushw $8f-0x8000
 lretw
8: in $0x21,%al
 hlt
.code32
okprint:
 pusha
 mov %eax,%esi
 mov $'k',%al
 call pc
 mov %ebp,%eax
 call hex
 mov %esi,%eax
 call hex
 mov $10,%al
 call pc
 popa
 ret
hex:
 mov $8,%ecx
 mov %eax,%ebx
1: rol $4,%ebx
 mov %bl,%al
 and $15,%al
 add $'0',%al
 cmp $'9',%al
 jbe 2f
 add $39,%al
2: call pc
 loop 1b
 mov $' ',%al
pc: mov $0x3f8,%dx
 out %al,%dx
 ret
handler: # vec err eip cs efl [esp ss es ds fs gs]
 push %eax
 mov %ds,%eax
 push %eax
 mov %fs,%eax
 push %eax
 mov $0x10,%ax
 mov %ax,%ds
 mov $'F',%al
 call pc
 mov %ebp,%eax
 call hex
 mov $14,%edi
 mov %esp,%esi
3: mov %ss:(%esi),%eax
 add $4,%esi
 cmp $0x6000,%esi
 ja 4f
 call hex
 dec %edi
 jnz 3b
4: mov %cr2,%eax
 call hex
 mov %esp,%eax
 call hex
 mov %ss,%eax
 call hex
 pushf
 pop %eax
 and $0xffff0700,%eax
 call hex
 mov $10,%al
 call pc
 mov $0x10,%ax
 mov %ax,%ss
 mov %ax,%ds
 mov %ax,%es
 mov $0x6000,%esp
 push $2
 popf
 jmp *resume
.align 16
stubs:
.set v,0
.rept 256
 .align 16
 .if (v==8)|(v==10)|(v==11)|(v==12)|(v==13)|(v==14)|(v==17)
 .byte 0x68; .long v
 .else
 push $0
 .byte 0x68; .long v
 .endif
 jmp handler
 .set v,v+1
.endr
.align 8
resume: .quad 0
gdt:
.quad 0
.quad 0x00cf9b000000ffff #08
.quad 0x00cf93000000ffff #10
.quad 0
.quad 0
.quad 0x00cffb000000ffff #28
.quad 0x00cff3000000ffff #30
.quad 0,0
gtss: .word 0x206f, tss-_start+0x7c00
 .long 0x8900
.quad 0
.quad 0x00cf13000000ffff #58 np
gate: .word callgate-_start+0x7c00, 8
 .long 0xec02
.quad 0x0040920000000fff #68 limit fff
.quad 0x0040960000000fff #70 expand down
.quad 0x004090000000ffff #78 read only
.quad 0x0000920000000000 + 0xffff #80 16-bit stack
gdtend:
gdtr: .word gdtend-gdt-1
 .long gdt
idtr: .word 0x7ff
 .long 0x104000
idtrbad: .word 13*8+7
 .long 0x104000
.align 16
tss: .space 104+8
.space 0x200,0
