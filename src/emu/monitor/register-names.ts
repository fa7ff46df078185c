/** The registers that an expression may name. QEMU: these and no others, also in 64-bit mode. */
import type { CpuRegisters, MachineApi } from '../machine/machine-api.ts';

/** As `CpuRegisters.general` has them. */
const GENERAL: readonly string[] = 'eax ecx edx ebx esp ebp esi edi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
const SHORT: Readonly<Record<string, string>> = { sp: 'esp', fp: 'ebp' };
/** As `CpuRegisters.segments` has them. */
const SEGMENTS: readonly string[] = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const CS = 1;

function segmentValue(registers: CpuRegisters, name: string): bigint | undefined {
  const [segment = '', part] = name.split('.', 2);
  const { selector, base, limit } = registers.segments[SEGMENTS.indexOf(segment)] ?? {};
  if (selector === undefined || base === undefined || limit === undefined) return undefined;
  switch (part) {
    case undefined:
      return BigInt(selector);
    case 'base':
      return base;
    case 'limit':
      return BigInt(limit | 0);
    default:
      return undefined;
  }
}

function registerValue(registers: CpuRegisters, name: string): bigint | undefined {
  switch (name) {
    case 'pc':
      return registers.rip + (registers.segments[CS]?.base ?? 0n);
    case 'eip':
      return registers.rip;
    case 'eflags':
      return BigInt(registers.flags);
    default:
      return registers.general[GENERAL.indexOf(SHORT[name] ?? name)] ?? segmentValue(registers, name);
  }
}

/** The value of a processor's register; undefined for an unknown one. */
export function registerOf({ inspect }: MachineApi, cpu: number, name: string): bigint | undefined {
  const registers = inspect.cpuRegisters(cpu);
  return registers && registerValue(registers, name);
}
