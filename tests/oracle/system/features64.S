# What a processor does with instructions, bits of CR4 and pages that a CPUID feature guards, with and without the feature.
# k: test, RAX. F: test, vector, error, RIP, CS, RFLAGS, RSP, SS, CR2, RAX. The first part tries instructions, one each; the second, where SMAP is
# announced, needs SMEP, SMAP, UMIP, FSGSBASE and RDTSCP, and Intel's name. Left out, as
# QEMU 7.2 is wrong there: bits of CR4 without their feature (it hangs), MOVBE's operand size in 16-bit code, and the high
# bit of VEX.vvvv outside of 64-bit code, which it takes for R8 to R15.
# Recorded with record.sh; entry without BIOS: 0x7c40, loaded at 0x7c00.
.include "long-mode.inc"

.set count, 0
.set USER, 0x150000        # any user page
.set ALIAS, 0x190000       # user pages that show the code's frames
.set SHOWN, 0x7000
.set USERSTACK, 0x188800
.set USERLDT, 0x189000
.set MYGDT, 0x17e000
.set UMIP, 1<<11
.set FSGSBASE, 1<<16
.set SMEP, 1<<20
.set SMAP, 1<<21
.set AC, 1<<18

.macro T
 .set count, count+1
 mov $count,%r15d
 movq $9f,resume
 mov $USER,%edi
 mov $0x12,%eax
 mov $0x34,%ecx
 mov $0x56,%edx
.endm
.macro E
 call okprint
9:
 mov $0x6000,%esp
.endm
# One instruction.
.macro X ins:vararg
 T
 \ins
 E
.endm
# CR4 = what the loader left, and these bits.
.macro CR4BITS bits
 mov $0x6a0|\bits,%eax
 mov %rax,%cr4
.endm
# The rest of the test runs as a program, from a label on.
.macro PROGRAM label, flags=0x202, cs=0x2b, base=ALIAS-SHOWN
 push $0x33
 push $USERSTACK
 push $\flags
 push $\cs
 pushq $\label+\base
 iretq
.endm
.macro PROGRAM32 label
 PROGRAM \label, 0x202, 0x43
.endm
.macro PROGRAM16 label
 PROGRAM \label, 0x202, gdtend-gdt+16+3, 0
.endm

 X popcnt %eax,%eax
 X lzcnt %eax,%eax
 X tzcnt %eax,%eax
 X lzcnt %cx,%ax
 X cmpxchg16b (%rdi)
 X cmpxchg8b (%rdi)
 X haddps %xmm0,%xmm1
 X addsubpd %xmm0,%xmm1
 X lddqu (%rdi),%xmm0
 X movddup %xmm0,%xmm1
 X movsldup %xmm0,%xmm1
 X pshufb %xmm0,%xmm1
 X pshufb %mm0,%mm1
 X palignr $1,%mm0,%mm1
 X pmulld %xmm0,%xmm1
 X ptest %xmm0,%xmm1
 X pblendvb %xmm0,%xmm1
 X roundps $0,%xmm0,%xmm1
 X dpps $0xff,%xmm0,%xmm1
 X pextrq $1,%xmm0,%rax
 X movntdqa (%rdi),%xmm0
 X pcmpgtq %xmm0,%xmm1
 X pcmpistri $0,%xmm0,%xmm1
 X crc32b %al,%ecx
 X crc32q %rax,%rax
 X movbe (%rdi),%ebx
 X movbe %ebx,(%rdi)
 X rdrand %r8
 X .byte 0x49,0x0f,0xc7,0xf8 # RDSEED
 X rdfsbase %rbx
 X adcx %eax,%eax
 X adox %eax,%eax
 X andn %eax,%ebx,%ecx
 X blsr %eax,%eax
 X bextr %eax,%eax,%eax
 X bzhi %eax,%eax,%eax
 X pext %eax,%eax,%eax
 X pdep %eax,%eax,%eax
 X mulx %eax,%eax,%eax
 X sarx %eax,%eax,%eax
 X rorx $3,%eax,%eax
 X prefetchw (%rdi)
 X prefetcht0 (%rdi)
 X clflush (%rdi)
 X clflushopt (%rdi)
 X clwb (%rdi)
 X cmovz %eax,%eax
 X fcmovb %st(1),%st
 X fucomi %st(1),%st
 X fcomip %st(1),%st
 X fxsave (%rdi)
 X fxrstor (%rdi)
 X addps %xmm0,%xmm1
 X paddb %xmm0,%xmm1
 X paddb %mm0,%mm1
 X pshufw $0,%mm0,%mm1
 X movnti %eax,(%rdi)
 X ldmxcsr (%rdi)
 X lfence
 X mfence
 X sfence
 X sahf
 X lahf
 X monitor
 X mwait
 X xgetbv
 X vzeroupper
 X .byte 0xc4,0xe2,0x7c,0xf2,0xc1 # ANDN of 256 bits
 X .byte 0x66,0xc4,0xe2,0x78,0xf2,0xc1
 X .byte 0xf0,0xf3,0x0f,0xb8,0x07 # LOCK POPCNT
 X .byte 0x0f,0x38,0xf0,0xc1 # MOVBE of registers
 X .byte 0xf3,0x0f,0xc7,0xf8 # RDPID
 X clac
 X stac

 mov $7,%eax
 xor %ecx,%ecx
 cpuid
 test $1<<20,%ebx
 jz end

 # Pages below 0x180000 are the system's; the code's frames have a second address for programs.
 mov $0x103000,%edi
 mov $0x180,%ecx
1: andl $~4,(%rdi)
 add $8,%rdi
 loop 1b
 mov $0x103000+(ALIAS>>12)*8,%edi
 mov $SHOWN+7,%eax
 mov $8,%ecx
2: mov %rax,(%rdi)
 add $0x1000,%eax
 add $8,%rdi
 loop 2b
 mov %cr3,%rax
 mov %rax,%cr3
 .set USER, 0x18a000

 # --- CR4
 T
 CR4BITS UMIP|FSGSBASE|SMEP|SMAP
 mov %cr4,%rax
 E
 CR4BITS 0

 # --- SMEP
 T
 movb $0xc3,USER
 mov $USER,%eax
 call *%rax
 E
 CR4BITS SMEP
 T
 mov $USER,%eax
 call *%rax
 E
 T
 mov $0x180010,%eax
 jmp *%rax
 E
 T
 mov USER,%al
 movzbl %al,%eax
 E
 # The error code says that it was a fetch without NX too.
 mov $0xc0000080,%ecx
 rdmsr
 and $~0x800,%eax
 wrmsr
 T
 mov $USER,%eax
 call *%rax
 E
 CR4BITS 0
 T
 mov $0x180010,%eax
 jmp *%rax
 E
 mov $0xc0000080,%ecx
 rdmsr
 or $0x800,%eax
 wrmsr
 CR4BITS SMEP
 T
 PROGRAM nothing
 E

 # --- SMAP
 CR4BITS SMAP
 T
 mov USER,%eax
 E
 T
 movl $5,USER
 E
 T
 stac
 movl $5,USER
 mov USER,%eax
 clac
 E
 T
 stac
 mov USER,%eax
 clac
 mov USER,%eax
 E
 T
 push $AC|2
 popf
 mov USER,%eax
 pushf
 pop %rax
 push $2
 popf
 E
 T
 mov $0x182000,%esi
 mov $USER,%edi
 mov $3,%ecx
 cld
 rep movsb
 E
 T
 mov $USER,%esi
 mov $0x182000,%edi
 mov $3,%ecx
 rep movsb
 E
 # Across the end of a page of the system's.
 T
 mov 0x17fffe-0x1000,%eax
 mov $0x77,%eax
 E
 T
 movl $0x180007,0x103000+0x180*8
 invlpg 0x180000
 mov 0x17fffe,%eax
 E
 movl $0,0x103000+0x180*8
 invlpg 0x180000
 # What was found with AC set is forgotten like all else.
 T
 stac
 mov USER,%eax
 andl $~1,0x103000+(USER>>12)*8
 invlpg USER
 mov USER,%eax
 E
 orl $1,0x103000+(USER>>12)*8
 T
 stac
 mov USER,%eax
 andl $~1,0x103000+(USER>>12)*8
 mov %cr3,%rax
 mov %rax,%cr3
 mov USER,%eax
 E
 orl $1,0x103000+(USER>>12)*8
 # A local descriptor table in a user page.
 mov $gdt,%esi
 mov $MYGDT,%edi
 mov $gdtend-gdt,%ecx
 rep movsb
 movl $0x90000007,(%rdi)
 movl $0x00008218,4(%rdi)
 movq $0,8(%rdi)
 # Code of 16 bits for programs, which begins where the alias of address 0 would be.
 movl $0x9000ffff,16(%rdi)
 movl $0x0000fb18,20(%rdi)
 lgdt mygdtr
 mov $gdtend-gdt,%eax
 lldt %ax
 stac
 movl $0x0000ffff,USERLDT
 movl $0x00cff300,USERLDT+4
 clac
 T
 mov $4,%eax
 mov %eax,%fs
 E
 T
 stac
 mov $4,%eax
 mov %eax,%fs
 mov %fs,%eax
 clac
 E
 T
 PROGRAM segments
 E
 T
 PROGRAM segments, AC|0x202
 E
 lgdt gdtr
 T
 PROGRAM nothing, AC|0x202
 E
 T
 PROGRAM reads
 E
 T
 PROGRAM clacs
 E
 T
 PROGRAM stacs
 E
 CR4BITS 0
 T
 mov USER,%eax
 E

 # --- UMIP
 .macro STORES
 T
 PROGRAM sgdts
 E
 T
 PROGRAM sidts
 E
 T
 PROGRAM sldts
 E
 T
 PROGRAM strs
 E
 T
 PROGRAM smsws
 E
 T
 PROGRAM smswm
 E
 .endm
 STORES
 CR4BITS UMIP
 STORES
 T
 str %eax
 smsw %ecx
 shl $16,%ecx
 or %ecx,%eax
 sgdt 0x182000
 E

 # --- FSGSBASE
 CR4BITS FSGSBASE
 T
 mov $0x123456789abc,%rax
 wrfsbase %rax
 rdfsbase %rax
 E
 T
 rdfsbase %eax
 E
 T
 mov $0x8765432112345678,%rax
 wrgsbase %eax
 rdgsbase %rax
 E
 T
 mov $0xc0000101,%ecx
 rdmsr
 E
 T
 mov $0x800000000000,%rax
 wrfsbase %rax
 rdfsbase %rax
 E
 T
 mov $USER,%eax
 wrfsbase %rax
 movl $0x7654321,USER+0x10
 mov %fs:0x10,%eax
 E
 T
 PROGRAM bases
 E
 CR4BITS 0
 T
 PROGRAM bases
 E

 # --- RDTSCP
 T
 mov $0xc0000103,%ecx
 mov $0x12345,%eax
 mov $0x6,%edx
 wrmsr
 rdmsr
 mov $-1,%rcx
 rdtscp
 mov %rcx,%rax
 E
 T
 mov $0xc0000103,%ecx
 rdmsr
 E
 CR4BITS 4
 T
 rdtscp
 mov $0x78,%eax
 E
 T
 PROGRAM counts
 E

 # --- code of 32 and of 16 bits
 lgdt mygdtr
 CR4BITS FSGSBASE
 .irp label, andn32, andnw32, les32, lesreg32, vexshort32, crc32, movbe32, rdfsbase32, pextr32
 T
 PROGRAM32 \label
 E
 .endr
 .irp label, andn16, les16, popcnt16, crc16
 T
 PROGRAM16 \label
 E
 .endr
 lgdt gdtr
 CR4BITS 0

 # --- SYSENTER in long mode, which Intel's processors have
 T
 PROGRAM enters
 E
 mov $0x174,%ecx
 mov $0x18,%eax
 xor %edx,%edx
 wrmsr
 mov $0x175,%ecx
 mov $0x5800,%eax
 wrmsr
 mov $0x176,%ecx
 mov $entered,%eax
 wrmsr
 T
 PROGRAM enters
 E
 T
 PROGRAM32 enters
 E
 T
 PROGRAM exits
 E
 .macro EXIT ins
 T
 mov $0x100000000+USERSTACK,%rcx
 mov $nothing-SHOWN+ALIAS,%edx
 \ins
 E
 .endm
 EXIT sysexitq
 EXIT sysexitl

 # --- RDRAND
 T
 stc
 mov $-1,%rax
 rdrand %ax
 pushf
 pop %rbx
 mov $0,%ax
 or %rbx,%rax
 E
 T
 mov $-1,%rax
 rdrand %eax
 shr $32,%rax
 E

end:
 mov $0x31,%al
 out %al,$0xf4
 cli
 hlt

nothing: int $0x80
reads: mov USER,%eax
 int $0x80
segments: mov $7,%eax
 mov %eax,%fs
 int $0x80
enters: sysenter
exits: sysexitl
entered:
 mov %rsp,%r8
 mov %cs,%eax
 shl $16,%eax
 mov %ss,%ax
 shl $16,%rax
 or %r8,%rax
 call okprint
 pushf
 pop %rax
 call okprint
 jmp *resume
clacs: clac
stacs: stac
sgdts: mov $USER,%edi
 sgdt (%rdi)
 mov (%rdi),%rax
 int $0x80
sidts: mov $USER,%edi
 sidt (%rdi)
 mov (%rdi),%rax
 int $0x80
sldts: sldt %eax
 int $0x80
strs: str %eax
 int $0x80
smsws: smsw %eax
 int $0x80
smswm: mov $USER,%edi
 smsw (%rdi)
 mov (%rdi),%eax
 int $0x80
bases: mov $0x1122334455,%rax
 wrgsbase %rax
 rdgsbase %rax
 int $0x80
counts: rdtscp
 int $0x80

# EAX = 12, ECX = 34, as each test begins.
.code32
.macro DATA32
 mov $0x33,%edx
 mov %edx,%ds
.endm
andn32: .byte 0xc4,0xe2,0x70,0xf2,0xc0 # andn %eax,%ecx,%eax
 int $0x80
andnw32: .byte 0xc4,0xe2,0xf0,0xf2,0xc0 # W
 int $0x80
les32: DATA32
 movl $0x123,USER
 movw $0x33,USER+4
 les USER,%eax
 int $0x80
lesreg32: .byte 0xc4,0xc0,0,0,0
 int $0x80
vexshort32: .byte 0xc5,0xf8,0x77,0,0
 int $0x80
crc32: crc32l %ecx,%eax
 int $0x80
movbe32: DATA32
 movl $0x12345678,USER
 movbe USER,%eax
 movbe USER+1,%ax
 int $0x80
rdfsbase32: .byte 0xf3,0x0f,0xae,0xc0
 int $0x80
pextr32: pextrd $0,%xmm0,%eax
 mov $0,%eax
 int $0x80
.code16
andn16: .byte 0xc4,0xe2,0x70,0xf2,0xc0
 int $0x80
les16: mov $0x33,%dx
 mov %dx,%ds
 mov $USER,%edi
 movl $0x00330456,(%edi)
 addr32 les (%edi),%ax
 int $0x80
popcnt16: popcnt %cx,%ax
 int $0x80
crc16: crc32b %cl,%eax
 int $0x80
.code64

okprint:
 push %rax
 mov %rax,%rsi
 mov $'k',%al
 call pc
 mov %r15,%rax
 call hex
 mov %rsi,%rax
 call hex
 mov $10,%al
 call pc
 pop %rax
 ret
.include "print.inc"
handler: # stack: vec err rip cs rfl rsp ss
 mov %rax,%rbp
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
 mov %rbp,%rax
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
mygdtr: .word gdtend-gdt+23
 .quad MYGDT
callgate: ud2
.include "tables.inc"
