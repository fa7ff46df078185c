/** A vCPU of ours that starts from QEMU's state: devices answer it what they answered QEMU. */
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { CpuHost } from '../../src/emu/cpu/cpu.ts';
import { createEngine, type Engine } from '../../src/emu/cpu/engine.ts';
import * as state from '../../src/emu/cpu/state.ts';
import { deliver } from '../../src/emu/cpu/system/exceptions.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import * as at from './trace-state.ts';
import type { VmFields } from './vm-state.ts';

const PAGE = 4096;
const INSTRUCTION_MAX = 15;
const ATTR_MASK = 0xf0ff00;
/** QEMU: far transfers leave a code segment's accessed bit alone. */
const ATTR_COMPARED = ATTR_MASK & ~state.ATTR_ACCESSED;
const SHADOW_HFLAG = 1 << 3;
/** RF and the reserved bit 1 say nothing about the program. */
const FLAGS_COMPARED = 0x3f7fd5 & ~state.FLAG_RF;
/** Iterations of a REP, in pieces. */
const PIECES_MAX = 1 << 20;
const MMIO_HOLE_START = 0xa0000;
const MMIO_HOLE_END = 0xc0000;

const AT_CS = at.AT_SEGMENTS + at.SEGMENT_WORDS;

const SEGMENTS = [
  ...[state.SEG_ES, state.SEG_CS, state.SEG_SS, state.SEG_DS],
  ...[state.SEG_FS, state.SEG_GS, state.SEG_LDTR, state.SEG_TR],
];

interface Compared {
  readonly name: string;
  readonly trace: number;
  readonly words: number;
  readonly size: 1 | 2;
  /** Only said by a block with 64-bit registers. */
  readonly long: boolean;
  readonly mask: number;
}

function entry(name: string, trace: number, words: number, size: 1 | 2, long = false, mask = -1): Compared {
  return { name, trace, words, size, long, mask };
}

/** Everything but flags. */
const COMPARED: readonly Compared[] = [
  ...at.GPR_NAMES.map((name, n) => entry(name, 2 * n, 2 * n, 2, n >= 8)),
  entry('rip', at.AT_RIP, state.RIP_LO, 2),
  entry('shadow', at.AT_SHADOW, state.SHADOW, 1),
  entry('cpl', at.AT_CPL, state.CPL, 1),
  ...at.SEGMENT_NAMES.flatMap((name, n) => {
    const trace = at.AT_SEGMENTS + at.SEGMENT_WORDS * n;
    const words = SEGMENTS[n] as number;
    return [
      entry(name, trace, words + state.SEG_SELECTOR, 1, false, 0xffff),
      entry(`${name} base`, trace + 1, words + state.SEG_BASE_LO, 2),
    ];
  }),
  entry('cs attributes', AT_CS + 4, state.SEG_CS + state.SEG_ATTR, 1, false, ATTR_COMPARED),
  entry('gdtr', at.AT_GDTR, state.GDTR_LO, 2),
  entry('gdtr limit', at.AT_GDTR + 2, state.GDTR_LIMIT, 1),
  entry('idtr', at.AT_IDTR, state.IDTR_LO, 2),
  entry('idtr limit', at.AT_IDTR + 2, state.IDTR_LIMIT, 1),
  entry('cr0', at.AT_CR0, state.CR0, 1),
  entry('cr2', at.AT_CR2, state.CR2_LO, 2),
  entry('cr3', at.AT_CR3, state.CR3_LO, 2),
  entry('cr4', at.AT_CR4, state.CR4, 1),
  entry('efer', at.AT_EFER, state.EFER, 1),
];

export interface Difference {
  readonly name: string;
  readonly ours: bigint;
  readonly qemu: bigint;
}

function join(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** What a device read of QEMU's gave. */
interface DeviceRead {
  readonly value: bigint;
  readonly size: number;
}

export class Replica {
  readonly engine: Engine;
  readonly memory: GuestMemory;
  /** The running instruction read a device that the trace says nothing of. */
  unknownRead = false;
  /** Number of exceptions that the last instruction raised, and the last one of them. */
  exceptions = 0;
  vector = 0;
  error = 0;
  readonly #reads: DeviceRead[] = [];

  constructor(memoryBytes: number) {
    this.memory = pcMemory(memoryBytes);
    const host: CpuHost = {
      ioRead: (_port, size) => this.#read(size),
      ioWrite: () => {},
      mmioRead: (_gpa, size) => this.#read(size),
      mmioWrite: () => {},
      nowNs: () => 0,
      random: () => {},
      acknowledgePic: () => 0,
      broadcastEoi: () => {},
    };
    this.engine = createEngine({ memory: this.memory, host, trace: QUIET });
    this.engine.onException = (vector, error) => {
      this.exceptions++;
      this.vector = vector;
      this.error = error;
      this.engine.cpu.requestExit();
      return false;
    };
  }

  /** Takes over QEMU's vCPU; its RAM is in `memory` already. */
  load(fields: VmFields): void {
    const { cpu } = this.engine;
    const { S } = cpu;
    const field = (name: string): Buffer => {
      const bytes = fields.get(`env.${name}`);
      if (bytes === undefined) throw new Error(`the state of QEMU has no field "${name}"`);
      return bytes;
    };
    const wide = (name: string, words: number, index = 0): void => {
      S[words] = field(name).readInt32BE(8 * index + 4);
      S[words + 1] = field(name).readInt32BE(8 * index);
    };
    // QEMU: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI as instructions number them.
    for (let n = 0; n < 16; n++) wide('regs', 2 * n, n);
    wide('eip', state.RIP_LO);
    for (let n = 0; n < 6; n++) loadSegment(S, SEGMENTS[n] as number, field('segs').subarray(20 * n));
    loadSegment(S, state.SEG_LDTR, field('ldt'));
    loadSegment(S, state.SEG_TR, field('tr'));
    for (const [name, words] of [
      ['gdt', state.GDTR_LIMIT],
      ['idt', state.IDTR_LIMIT],
    ] as const) {
      S[words] = field(name).readInt32BE(12);
      S[words + 1] = field(name).readInt32BE(8);
      S[words + 2] = field(name).readInt32BE(4);
    }
    S[state.CR0] = field('cr[0]').readInt32BE(4);
    wide('cr[2]', state.CR2_LO);
    wide('cr[3]', state.CR3_LO);
    S[state.CR4] = field('cr[4]').readInt32BE(4);
    S[state.EFER] = field('efer').readInt32BE(4);
    for (let n = 0; n < 4; n++) wide('dr', state.DR0_LO + 2 * n, n);
    wide('dr', state.DR6, 6);
    wide('dr', state.DR7, 7);
    this.#loadMsrs(field, wide);
    this.#loadFpu(field);
    S[state.CPL] = S[state.SEG_SS + state.SEG_ATTR] >> state.ATTR_DPL_SHIFT;
    S[state.CPL] = (S[state.CR0] & state.CR0_PE) === 0 ? 0 : S[state.CPL] & 3;
    S[state.SHADOW] = (field('hflags').readInt32BE(0) & SHADOW_HFLAG) === 0 ? 0 : 1;
    cpu.writeFlags(field('eflags').readInt32BE(4));
    cpu.updateMode();
    cpu.flushTlb(true);
  }

  #loadMsrs(field: (name: string) => Buffer, wide: (name: string, words: number) => void): void {
    const { S } = this.engine.cpu;
    wide('star', state.STAR_LO);
    wide('lstar', state.LSTAR_LO);
    wide('cstar', state.CSTAR_LO);
    S[state.SFMASK] = field('fmask').readInt32BE(4);
    wide('kernelgsbase', state.KERNEL_GS_LO);
    S[state.SYSENTER_CS] = field('sysenter_cs').readInt32BE(0);
    wide('sysenter_esp', state.SYSENTER_ESP_LO);
    wide('sysenter_eip', state.SYSENTER_EIP_LO);
    wide('pat', state.PAT_LO);
    S[state.TSC_AUX] = field('tsc_aux').readInt32BE(4);
  }

  #loadFpu(field: (name: string) => Buffer): void {
    const { S } = this.engine.cpu;
    S[state.FPU_CW] = field('fpuc').readUInt16BE(0);
    S[state.FPU_SW] = field('fpus_vmstate').readUInt16BE(0);
    S[state.FPU_EMPTY] = ~field('fptag_vmstate').readUInt16BE(0) & 0xff;
    S[state.MXCSR] = field('mxcsr').readInt32BE(0);
    for (let n = 0; n < 8; n++) {
      const register = field('fpregs').subarray(10 * n);
      S[state.FPU_REGS + 4 * n] = register.readInt32BE(4);
      S[state.FPU_REGS + 4 * n + 1] = register.readInt32BE(0);
      S[state.FPU_REGS + 4 * n + 2] = register.readUInt16BE(8);
    }
    const xmm = field('xmm_regs[0]');
    for (let n = 0; n < 32; n++) {
      S[state.XMM + 2 * n] = xmm.readInt32BE(8 * n + 4);
      S[state.XMM + 2 * n + 1] = xmm.readInt32BE(8 * n);
    }
  }

  /** The next device read of the running instruction. */
  expectRead(value: bigint, size: number): void {
    this.#reads.push({ value, size });
  }

  /** Forgets reads that did not happen: how many. */
  dropReads(): number {
    return this.#reads.splice(0).length;
  }

  get rip(): bigint {
    const { S } = this.engine.cpu;
    return join(S[state.RIP_LO], S[state.RIP_HI]);
  }

  /** RIP is that of the trace. */
  isAt(trace: Int32Array): boolean {
    const { S } = this.engine.cpu;
    return S[state.RIP_LO] === trace[at.AT_RIP] && S[state.RIP_HI] === trace[at.AT_RIP + 1];
  }

  get code64(): boolean {
    return (this.engine.cpu.S[state.MODE] & state.MODE_CODE64) !== 0;
  }

  /** The bytes at RIP, as far as they are in its page; none when they cannot be fetched. */
  code(): Uint8Array {
    const { cpu } = this.engine;
    const { S } = cpu;
    const cr2 = [S[state.CR2_LO], S[state.CR2_HI]] as const;
    const code64 = this.code64;
    const lo = code64 ? S[state.RIP_LO] : (S[state.RIP_LO] + S[state.SEG_CS + state.SEG_BASE_LO]) | 0;
    const at = cpu.mmu.translateCode(lo, code64 ? S[state.RIP_HI] : 0);
    S[state.FAULT] = 0;
    S[state.CR2_LO] = cr2[0];
    S[state.CR2_HI] = cr2[1];
    if (at < 0) return new Uint8Array(0);
    return this.memory.arena.bytes.subarray(at, Math.min(at + INSTRUCTION_MAX, (at & ~(PAGE - 1)) + PAGE));
  }

  /** One instruction, or into the handler of its exception. */
  step(): void {
    this.unknownRead = false;
    this.exceptions = 0;
    this.engine.run(1, true);
  }

  /** All iterations of a repeated string instruction. */
  stepRepeat(): void {
    const { S } = this.engine.cpu;
    const [lo, hi] = [S[state.RIP_LO], S[state.RIP_HI]];
    this.step();
    for (let piece = 0; piece < PIECES_MAX; piece++) {
      if (this.exceptions > 0 || S[state.RIP_LO] !== lo || S[state.RIP_HI] !== hi) return;
      this.engine.run(1, true);
    }
  }

  /** The iterations of a repeated string instruction until RCX is as given. */
  stepRepeatTo(rcxLo: number, rcxHi: number): void {
    const { S } = this.engine.cpu;
    const [lo, hi] = [S[state.RIP_LO], S[state.RIP_HI]];
    const count = join(S[state.RCX], S[state.RCX + 1]) - join(rcxLo, rcxHi);
    if (count === 0n) return;
    S[state.RCX] = Number(BigInt.asIntN(32, count));
    S[state.RCX + 1] = Number(BigInt.asIntN(32, count >> 32n));
    this.stepRepeat();
    S[state.RCX] = rcxLo;
    S[state.RCX + 1] = rcxHi;
    S[state.RIP_LO] = lo;
    S[state.RIP_HI] = hi;
  }

  /** Enters an interrupt's handler; false: ours would not take one now. */
  interrupt(vector: number): boolean {
    const { cpu } = this.engine;
    const taken = (cpu.S[state.EFLAGS] & state.FLAG_IF) !== 0 && cpu.S[state.SHADOW] === 0;
    deliver(cpu, vector, 'interrupt', undefined);
    return taken;
  }

  /** Puts another error code on the stack of a handler that was just entered in 64-bit mode. */
  replaceError(error: number): void {
    const { cpu } = this.engine;
    cpu.storeSystem64(cpu.S[state.RSP], cpu.S[state.RSP + 1], error, 0);
  }

  /** Takes over general-purpose registers by number. */
  adopt(trace: Int32Array, registers: readonly number[]): void {
    const { S } = this.engine.cpu;
    for (const n of registers) {
      S[2 * n] = trace[2 * n] as number;
      S[2 * n + 1] = trace[2 * n + 1] as number;
    }
  }

  /** Flags that are not as in the trace. */
  differingFlags(trace: Int32Array): number {
    return (this.engine.cpu.readFlags() ^ (trace[at.AT_FLAGS] as number)) & FLAGS_COMPARED;
  }

  /** Takes over the flags in `mask`. */
  adoptFlags(trace: Int32Array, mask: number): void {
    const { cpu } = this.engine;
    cpu.writeFlags((cpu.readFlags() & ~mask) | ((trace[at.AT_FLAGS] as number) & mask));
  }

  agrees(trace: Int32Array): boolean {
    const { S } = this.engine.cpu;
    const long = trace[at.AT_LONG] !== 0;
    for (let i = 0; i < COMPARED.length; i++) {
      const one = COMPARED[i] as Compared;
      if (one.long && !long) continue;
      if (((S[one.words] ^ (trace[one.trace] as number)) & one.mask) !== 0) return false;
      if (one.size === 2 && long && S[one.words + 1] !== trace[one.trace + 1]) return false;
    }
    return this.differingFlags(trace) === 0;
  }

  differences(trace: Int32Array): Difference[] {
    const { S } = this.engine.cpu;
    const long = trace[at.AT_LONG] !== 0;
    const found: Difference[] = [];
    for (const one of COMPARED) {
      if (one.long && !long) continue;
      const wide = one.size === 2 && long;
      const ours = join(S[one.words] & one.mask, wide ? S[one.words + 1] : 0);
      const qemu = join((trace[one.trace] as number) & one.mask, wide ? (trace[one.trace + 1] as number) : 0);
      if (ours !== qemu) found.push({ name: one.name, ours, qemu });
    }
    if (this.differingFlags(trace) !== 0) {
      const qemu = join(trace[at.AT_FLAGS] as number, 0);
      found.push({ name: 'flags', ours: join(this.engine.cpu.readFlags(), 0), qemu });
    }
    return found;
  }

  /** FPU and SSE registers that are not as in the text of QEMU's `info registers`. */
  differingFpu(text: string): Difference[] {
    const { S } = this.engine.cpu;
    const found: Difference[] = [];
    const compare = (name: string, pattern: string, ours: bigint): void => {
      const said = new RegExp(`${name}${pattern}`).exec(text);
      if (said === null) return;
      const qemu = BigInt(`0x${said.slice(1).join('')}`);
      if (ours !== qemu) found.push({ name, ours, qemu });
    };
    const quad = (words: number): bigint => join(S[words], S[words + 1]);
    compare('FCW', '=(\\w+)', BigInt(S[state.FPU_CW]));
    compare('FSW', '=(\\w+)', BigInt(S[state.FPU_SW]));
    compare('MXCSR', '=(\\w+)', BigInt(S[state.MXCSR]));
    for (let n = 0; n < 8; n++) compare(`FPR${n}`, '=(\\w+)', quad(state.FPU_REGS + 4 * n));
    for (let n = 0; n < 16; n++) {
      const words = state.XMM + 4 * n;
      const name = `XMM${String(n).padStart(2, '0')}`;
      compare(name, '=(\\w+) (\\w+)', (quad(words + 2) << 64n) | quad(words));
    }
    return found;
  }

  /** Takes QEMU's RAM over. */
  fillMemory(theirs: Buffer): void {
    for (const { gpa, size } of this.memory.regions) this.memory.write(gpa, theirs.subarray(gpa, gpa + size));
  }

  /** The address of the first word that differs from QEMU's RAM, bits of accessed and dirty pages aside; -1: none. */
  differingMemory(theirs: Buffer): number {
    const ours = Buffer.alloc(PAGE);
    for (let page = 0; page < theirs.length; page += PAGE) {
      if (page >= MMIO_HOLE_START && page < MMIO_HOLE_END) continue;
      this.memory.read(page, ours);
      if (ours.compare(theirs, page, page + PAGE) === 0) continue;
      for (let word = page; word < page + PAGE; word += 8) {
        const mine = ours.readBigUInt64LE(word - page);
        if (mine !== theirs.readBigUInt64LE(word) && !isSameEntry(mine, theirs.readBigUInt64LE(word)))
          return word;
      }
    }
    return -1;
  }

  #read(size: AccessSize): number {
    let value = 0n;
    let have = 0;
    while (have < size) {
      const read = this.#reads.shift();
      if (read === undefined) {
        this.unknownRead = true;
        return -1;
      }
      value |= read.value << BigInt(8 * have);
      have += read.size;
      // An access of 8 bytes is two of ours.
      if (read.size === 8 && size === 4) this.#reads.unshift({ value: read.value >> 32n, size: 4 });
    }
    return Number(BigInt.asIntN(32, value & ((1n << BigInt(8 * size)) - 1n)));
  }
}

const ACCESSED_DIRTY = 0x60n;
const SEGMENT_ACCESSED = 1n << 40n;
const SEGMENT_PRESENT = 0x9n << 44n;

/** Both look like the same present page-table entry or segment descriptor, but for accessed and dirty bits. */
function isSameEntry(a: bigint, b: bigint): boolean {
  const difference = a ^ b;
  if (difference === SEGMENT_ACCESSED) return (a & SEGMENT_PRESENT) === SEGMENT_PRESENT;
  return (difference & ~ACCESSED_DIRTY) === 0n && (a & 1n) === 1n;
}

function loadSegment(S: Int32Array, words: number, bytes: Buffer): void {
  S[words + state.SEG_SELECTOR] = bytes.readInt32BE(0);
  S[words + state.SEG_BASE_LO] = bytes.readInt32BE(8);
  S[words + state.SEG_BASE_HI] = bytes.readInt32BE(4);
  S[words + state.SEG_LIMIT] = bytes.readInt32BE(12);
  S[words + state.SEG_ATTR] = bytes.readInt32BE(16) & ATTR_MASK;
}
