/** A vCPU without an engine, its RAM, and a host that records MMIO and ports. */
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET, type Trace } from '../../src/emu/core/trace.ts';
import type { CpuHost, CpuTopology } from '../../src/emu/cpu/cpu.ts';
import type { CpuIdentity } from '../../src/emu/cpu/models/cpu-identity.ts';
import {
  CPL,
  CR0,
  CR0_PE,
  EFER,
  FAULT,
  FAULT_ERROR,
  GDTR_LIMIT,
  GDTR_LO,
  SEG_ATTR,
  SEG_BASE_LO,
  SEG_CS,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SS,
} from '../../src/emu/cpu/state.ts';
import { Vcpu } from '../../src/emu/cpu/vcpu.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';

export class RecordingHost implements CpuHost {
  readonly log: string[] = [];
  time = 0;
  answer = 0;
  vector = 0;

  ioRead(port: number, size: AccessSize): number {
    this.log.push(`in${size} ${port.toString(16)}`);
    return this.answer;
  }

  ioWrite(port: number, size: AccessSize, value: number): void {
    this.log.push(`out${size} ${port.toString(16)} ${value.toString(16)}`);
  }

  mmioRead(gpa: number, size: AccessSize): number {
    this.log.push(`read${size} ${gpa.toString(16)}`);
    return this.answer;
  }

  mmioWrite(gpa: number, size: AccessSize, value: number): void {
    this.log.push(`write${size} ${gpa.toString(16)} ${value.toString(16)}`);
  }

  nowNs(): number {
    return this.time;
  }

  random(bytes: Uint8Array): void {
    bytes.fill(this.answer);
  }

  acknowledgePic(): number {
    return this.vector;
  }

  broadcastEoi(vector: number): void {
    this.log.push(`eoi ${vector.toString(16)}`);
  }
}

export class VcpuRig {
  readonly memory: GuestMemory;
  readonly host = new RecordingHost();
  readonly messages: string[] = [];
  readonly cpu: Vcpu;
  readonly S: Int32Array;

  constructor(topology?: CpuTopology, memoryBytes = 4 << 20, identity?: CpuIdentity) {
    this.memory = pcMemory(memoryBytes);
    const messages = this.messages;
    const trace: Trace = {
      ...QUIET,
      guestError: (message) => messages.push(message),
      unimplemented: (message) => messages.push(message),
    };
    this.cpu = new Vcpu(this.memory, this.host, trace, topology, 1, identity);
    this.S = this.cpu.S;
  }

  poke32(gpa: number, value: number): void {
    this.memory.writeU32(gpa, value >>> 0);
  }

  poke64(gpa: number, lo: number, hi: number): void {
    this.poke32(gpa, lo);
    this.poke32(gpa + 4, hi);
  }

  peek32(gpa: number): number {
    return this.memory.readU32(gpa);
  }

  /** `[vector, error]`, or undefined; clears the fault. */
  takeFault(): readonly [number, number] | undefined {
    const word = this.S[FAULT] ?? 0;
    if (word === 0) return undefined;
    this.S[FAULT] = 0;
    return [word & 0xff, this.S[FAULT_ERROR] ?? 0];
  }

  /** Entry `index` of the GDT at 0x1000. */
  gdt(index: number, lo: number, hi: number): void {
    this.poke64(0x1000 + 8 * index, lo, hi);
  }

  setSegment(segment: number, selector: number, attr: number, limit: number, base = 0): void {
    this.S[segment + SEG_SELECTOR] = selector;
    this.S[segment + SEG_ATTR] = attr;
    this.S[segment + SEG_LIMIT] = limit;
    this.S[segment + SEG_BASE_LO] = base;
  }

  /**
   * Protected mode without paging, GDT at 0x1000: 08 code32 DPL0, 10 data32 DPL0, 18|3 code32 DPL3, 20|3 data32 DPL3,
   * 28 code64 DPL0, 30|3 code64 DPL3.
   */
  protectedMode(cpl: number, efer = 0): void {
    const S = this.S;
    this.gdt(0, 0, 0);
    this.gdt(1, 0x0000ffff, 0x00cf9b00);
    this.gdt(2, 0x0000ffff, 0x00cf9300);
    this.gdt(3, 0x0000ffff, 0x00cffb00);
    this.gdt(4, 0x0000ffff, 0x00cff300);
    this.gdt(5, 0x0000ffff, 0x00af9b00);
    this.gdt(6, 0x0000ffff, 0x00affb00);
    S[GDTR_LO] = 0x1000;
    S[GDTR_LIMIT] = 0xff;
    S[CR0] = (S[CR0] ?? 0) | CR0_PE;
    S[EFER] = efer;
    S[CPL] = cpl;
    const long = efer !== 0;
    const user = cpl === 3;
    const code = long ? (user ? 0x33 : 0x28) : user ? 0x1b : 0x08;
    this.setSegment(SEG_CS, code, (long ? 0xa09b00 : 0xc09b00) | (cpl << 13), -1);
    for (const segment of [SEG_SS, SEG_SS - 16, SEG_SS + 8]) {
      this.setSegment(segment, user ? 0x23 : 0x10, 0xc09300 | (cpl << 13), -1);
    }
    this.cpu.updateMode();
  }
}
