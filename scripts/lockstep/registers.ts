/** A vCPU's registers as QEMU's debug stub sends them, and how two of them differ. */

const GPR_ORDER = [
  ...['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
] as const;
const SEGMENTS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const;
const LONG = ['fs_base', 'gs_base', 'k_gs_base', 'cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer'] as const;

export type RegisterName =
  | (typeof GPR_ORDER)[number]
  | (typeof SEGMENTS)[number]
  | (typeof LONG)[number]
  | 'rip'
  | 'eflags';

export type GuestRegisters = Readonly<Record<RegisterName, bigint>>;

const RIP = 16 * 8;
const EFLAGS = RIP + 8;
const SEGMENT = EFLAGS + 4;
const LONG_AT = SEGMENT + 6 * 4;
/** QEMU: i386-64bit.xml, up to EFER. */
export const REGISTER_BYTES = LONG_AT + LONG.length * 8;

/** RF and the reserved bit 1 say nothing about the program. */
const FLAGS_COMPARED = 0x3f7fd5n & ~0x10000n;

export function decodeRegisters(bytes: Buffer): GuestRegisters {
  const registers: Partial<Record<RegisterName, bigint>> = {};
  GPR_ORDER.forEach((name, i) => {
    registers[name] = bytes.readBigUInt64LE(8 * i);
  });
  registers.rip = bytes.readBigUInt64LE(RIP);
  registers.eflags = BigInt(bytes.readUInt32LE(EFLAGS));
  SEGMENTS.forEach((name, i) => {
    registers[name] = BigInt(bytes.readUInt32LE(SEGMENT + 4 * i));
  });
  LONG.forEach((name, i) => {
    registers[name] = bytes.readBigUInt64LE(LONG_AT + 8 * i);
  });
  return registers as GuestRegisters;
}

/** Names of the registers whose values are not the same; `undefinedFlags` are not looked at. */
export function differing(a: GuestRegisters, b: GuestRegisters, undefinedFlags = 0n): RegisterName[] {
  const mask = FLAGS_COMPARED & ~undefinedFlags;
  return (Object.keys(a) as RegisterName[]).filter((name) =>
    name === 'eflags' ? ((a.eflags ^ b.eflags) & mask) !== 0n : a[name] !== b[name],
  );
}
