/** A vCPU of ours without devices: what QEMU's devices answer is taken over from QEMU. */
import { QUIET } from '../../src/emu/core/trace.ts';
import type { CpuHost } from '../../src/emu/cpu/cpu.ts';
import { createEngine, type Engine } from '../../src/emu/cpu/engine.ts';
import * as state from '../../src/emu/cpu/state.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import type { GuestRegisters, RegisterName } from './registers.ts';

const GPR: readonly RegisterName[] = [
  ...(['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
];
const SEGMENTS: readonly (readonly [RegisterName, number])[] = [
  ['cs', state.SEG_CS],
  ['ss', state.SEG_SS],
  ['ds', state.SEG_DS],
  ['es', state.SEG_ES],
  ['fs', state.SEG_FS],
  ['gs', state.SEG_GS],
];
const FW_CFG_DMA_LOW = 0x518;
const FW_CFG_DMA_READ = 2;
/** Iterations of a REP, and instructions run to leave it. */
const REPEATS_MAX = 1 << 24;

/** Memory that a device of QEMU wrote. */
export interface DmaRange {
  readonly address: number;
  readonly length: number;
}

export class Mirror {
  readonly engine: Engine;
  readonly memory: GuestMemory;
  /** The instruction read a port or MMIO: its result is QEMU's. */
  touchedDevice = false;
  readonly dma: DmaRange[] = [];

  constructor(memoryBytes: number) {
    this.memory = pcMemory(memoryBytes);
    const host: CpuHost = {
      ioRead: () => this.#device(),
      ioWrite: (port, _size, value) => {
        if (port === FW_CFG_DMA_LOW) this.#fwCfgDma(swap32(value));
      },
      mmioRead: () => this.#device(),
      mmioWrite: () => {},
      nowNs: () => 0,
      random: () => {},
      acknowledgePic: () => 0,
      broadcastEoi: () => {},
    };
    this.engine = createEngine({ memory: this.memory, host, trace: QUIET });
    /* The first instruction is fetched from the copy of the firmware below 1 MiB. */
    const { S } = this.engine.cpu;
    S[state.SEG_CS + state.SEG_BASE_LO] = 0xf0000;
    this.engine.cpu.updateMode();
  }

  get halted(): boolean {
    return this.engine.cpu.S[state.HALTED] !== 0;
  }

  /** One instruction, all iterations of a REP. */
  step(repeats: boolean): void {
    this.touchedDevice = false;
    const { S } = this.engine.cpu;
    const lo = S[state.RIP_LO];
    for (let i = 0; i < REPEATS_MAX; i++) {
      this.engine.run(1, true);
      if (!repeats || S[state.RIP_LO] !== lo) return;
    }
  }

  registers(): GuestRegisters {
    const { S } = this.engine.cpu;
    const long = (lo: number, hi: number): bigint => (BigInt(S[hi] >>> 0) << 32n) | BigInt(S[lo] >>> 0);
    const registers: Partial<Record<RegisterName, bigint>> = {};
    GPR.forEach((name, n) => {
      registers[name] = long(2 * n, 2 * n + 1);
    });
    for (const [name, at] of SEGMENTS) registers[name] = BigInt(S[at + state.SEG_SELECTOR] & 0xffff);
    const base = (at: number): bigint => long(at + state.SEG_BASE_LO, at + state.SEG_BASE_HI);
    return {
      ...(registers as GuestRegisters),
      rip: long(state.RIP_LO, state.RIP_HI),
      eflags: BigInt(this.engine.cpu.readFlags()),
      fs_base: base(state.SEG_FS),
      gs_base: base(state.SEG_GS),
      k_gs_base: long(state.KERNEL_GS_LO, state.KERNEL_GS_HI),
      cr0: BigInt(S[state.CR0] >>> 0),
      cr2: long(state.CR2_LO, state.CR2_HI),
      cr3: long(state.CR3_LO, state.CR3_HI),
      cr4: BigInt(S[state.CR4] >>> 0),
      cr8: 0n,
      efer: BigInt(S[state.EFER] >>> 0),
    };
  }

  /** Takes over general-purpose registers, flags and RIP. */
  adopt(registers: GuestRegisters): void {
    const { cpu } = this.engine;
    GPR.forEach((name, n) => {
      cpu.S[2 * n] = Number(BigInt.asIntN(32, registers[name]));
      cpu.S[2 * n + 1] = Number(BigInt.asIntN(32, registers[name] >> 32n));
    });
    cpu.S[state.RIP_LO] = Number(BigInt.asIntN(32, registers.rip));
    cpu.S[state.RIP_HI] = Number(BigInt.asIntN(32, registers.rip >> 32n));
    cpu.writeFlags(Number(registers.eflags));
  }

  #device(): number {
    this.touchedDevice = true;
    return 0;
  }

  /** Spec: QEMU docs/specs/fw_cfg: FWCfgDmaAccess is control, length and address, big-endian. */
  #fwCfgDma(access: number): void {
    const request = new Uint8Array(16);
    if (!this.memory.read(access, request)) return;
    const view = new DataView(request.buffer);
    const control = view.getUint32(0);
    this.dma.push({ address: access, length: 4 });
    if ((control & FW_CFG_DMA_READ) === 0) return;
    this.dma.push({ address: view.getUint32(12), length: view.getUint32(4) });
  }
}

function swap32(value: number): number {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, value, true);
  return bytes.getUint32(0);
}
