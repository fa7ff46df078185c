/** What `scripts/record-cpu-log.ts` had QEMU run beside the programs of tests/oracle/system. */

/** Where firmware puts the first sector of a disk. */
export const LOAD_ADDRESS = 0x7c00;

/**
 *     mov $3, %cx; 1: dec %cx; jnz 1b; mov $0x10, %eax; mov %eax, %cr0; lmsw %ax; clts
 *     movl $1, %cs:(0x8000); jmp .+2; an instruction of 16 prefixes
 */
export const SMALL = Uint8Array.of(
  ...[0xb9, 3, 0, 0x49, 0x75, 0xfd, 0x66, 0xb8, 16, 0, 0, 0, 0x0f, 0x22, 0xc0, 0x0f, 0x01, 0xf0, 0x0f, 0x06],
  ...[0x2e, 0x66, 0xc7, 0x06, 0x00, 0x80, 1, 0, 0, 0, 0xeb, 0, ...Array<number>(16).fill(0x66)],
);
