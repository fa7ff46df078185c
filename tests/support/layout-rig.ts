/**
 * A processor in 64-bit mode over whatever regions of memory a test wants. Linear addresses below 2^40 are physical ones, those of the next
 * 2^40 are the same once more. Its own tables and programs lie in a region apart.
 */
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { createEngine, type Engine } from '../../src/emu/cpu/engine.ts';
import type { FunctionMaker } from '../../src/emu/cpu/interp/code-maker.ts';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import * as cpuState from '../../src/emu/cpu/state.ts';
import { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import type { Region } from '../../src/emu/memory/region.ts';
import { enterLongMode } from './long-mode.ts';
import { deviceByte } from './memory-model.ts';

const CHUNKS = 64;
const OWN_BYTES = 0x80000;
/** Linear addresses of the alias of all memory. */
export const ALIAS = 2 ** 40;
const TABLE_BYTES = 0x1000;
const LARGE_PAGE = 2 ** 21;
const GIB = 2 ** 30;
const PML4_SPAN = 2 ** 39;
const [PRESENT, WRITABLE, LARGE] = [1, 2, 0x80];

export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface RigOptions {
  readonly compiled: boolean;
  /** Where the rig's own region is, a multiple of 2 MiB. */
  readonly own: number;
}

export class LayoutRig {
  readonly memory = new GuestMemory(CHUNKS);
  readonly engine: Engine;
  readonly own: number;
  /** Bytes that devices were given, and what they do when the guest writes to them. */
  device: string[] = [];
  onDeviceWrite: (gpa: number) => void = () => {};
  fault: string | undefined;
  /** Instructions that compiled code has run. */
  compiledInstructions = 0;
  #regions: Region[] = [];
  #nextTable = 0;
  #nextCode = 0;

  constructor({ compiled, own }: RigOptions) {
    this.own = own;
    this.memory.add('rig', own, OWN_BYTES);
    const bytes = (gpa: number, size: AccessSize, value: number): void => {
      for (let n = 0; n < size; n++) {
        this.device.push(`${(gpa + n).toString(16)}=${Math.floor(value / 2 ** (8 * n)) & 0xff}`);
      }
    };
    this.engine = createEngine({
      memory: this.memory,
      host: {
        ioRead: () => 0,
        ioWrite() {},
        mmioRead: (gpa, size) => {
          let value = 0;
          for (let n = size - 1; n >= 0; n--) value = value * 256 + deviceByte(gpa + n);
          return value;
        },
        mmioWrite: (gpa, size, value) => {
          bytes(gpa, size, value);
          this.onDeviceWrite(gpa);
        },
        nowNs: () => 0,
        random() {},
        acknowledgePic: () => 0,
        broadcastEoi() {},
      },
      trace: QUIET,
      makeFunction: this.#make,
    });
    this.engine.compiler.enabled = compiled;
    this.engine.compiler.policy = EAGER;
    this.engine.onException = (vector, error) => {
      const { S } = this.engine.cpu;
      this.fault = `exception ${vector} (${error}) at ${S[cpuState.RIP_HI]}:${S[cpuState.RIP_LO]}, CR2 ${S[cpuState.CR2_HI]}:${S[cpuState.CR2_LO]}`;
      return true;
    };
    enterLongMode(this.S);
    this.engine.cpu.updateMode();
  }

  get S(): Int32Array {
    return this.engine.cpu.S;
  }

  /** Takes the regions of before away and puts others there; `ranges` of addresses are mapped, in large pages or small ones. */
  layOut(
    regions: readonly (readonly [gpa: number, size: number, readOnly: boolean])[],
    ranges: readonly Range[],
    large: boolean,
  ): readonly Region[] {
    for (const region of this.#regions) this.memory.remove(region);
    this.#regions = regions.map(([gpa, size, readOnly], n) =>
      this.memory.add(`region ${n}`, gpa, size, { readOnly }),
    );
    this.map([...ranges, { start: this.own, end: this.own + OWN_BYTES }], large);
    this.device = [];
    return this.#regions;
  }

  /** Page tables for these addresses and no others. */
  map(ranges: readonly Range[], large: boolean): void {
    this.#nextTable = this.own;
    const pml4 = this.#newTable();
    for (const { start, end } of ranges) {
      for (let gpa = Math.floor(start / LARGE_PAGE) * LARGE_PAGE; gpa < end; gpa += LARGE_PAGE) {
        const top = Math.floor(gpa / PML4_SPAN);
        const pdpt = this.#tableAt(pml4 + 8 * top);
        this.#entry(pml4 + 8 * (top + ALIAS / PML4_SPAN), pdpt, PRESENT | WRITABLE);
        const directory = this.#tableAt(pdpt + 8 * (Math.floor(gpa / GIB) % 512));
        const at = directory + 8 * (Math.floor(gpa / LARGE_PAGE) % 512);
        if (large) this.#entry(at, gpa, PRESENT | WRITABLE | LARGE);
        else {
          const table = this.#tableAt(at);
          for (let n = 0; n < 512; n++) this.#entry(table + 8 * n, gpa + n * TABLE_BYTES, PRESENT | WRITABLE);
        }
      }
    }
    this.setPair(cpuState.CR3_LO, pml4);
    this.engine.cpu.flushTlb(true);
  }

  /** Puts a program into the rig's own region; its address. */
  program(code: readonly number[]): number {
    const at = this.own + OWN_BYTES / 2 + this.#nextCode;
    // Each in a line of its own, so that it is sampled for itself.
    this.#nextCode += 64;
    this.memory.write(at, Uint8Array.from(code));
    return at;
  }

  /** A register pair (see state.ts) takes a number below 2^53. */
  setPair(index: number, value: number): void {
    this.S[index] = (value % 2 ** 32) | 0;
    this.S[index + 1] = Math.floor(value / 2 ** 32);
  }

  pair(index: number): bigint {
    const { S } = this;
    return (BigInt((S[index + 1] ?? 0) >>> 0) << 32n) | BigInt((S[index] ?? 0) >>> 0);
  }

  /** Runs `count` instructions from linear address `at`; what is hot there is compiled first. */
  run(at: number, count: number): void {
    this.fault = undefined;
    this.setPair(cpuState.RIP_LO, at);
    this.engine.run(0);
    this.engine.run(count);
    if (this.fault !== undefined) throw new Error(this.fault);
  }

  #newTable(): number {
    const table = this.#nextTable;
    this.#nextTable += TABLE_BYTES;
    if (this.#nextTable > this.own + OWN_BYTES / 2) throw new Error('no room for page tables');
    this.memory.fill(table, TABLE_BYTES, 0);
    return table;
  }

  /** The table that the entry at `at` leads to; a new one when there is none. */
  #tableAt(at: number): number {
    const entry = this.memory.readU64(at);
    if (entry !== 0) return Math.floor(entry / TABLE_BYTES) * TABLE_BYTES;
    const table = this.#newTable();
    this.#entry(at, table, PRESENT | WRITABLE);
    return table;
  }

  #entry(at: number, gpa: number, bits: number): void {
    this.memory.writeU64(at, gpa + bits);
  }

  /** As the engine's own, but counts what compiled code does. */
  readonly #make: FunctionMaker = (parameters, body) => {
    const make = new Function(...parameters, body) as ReturnType<FunctionMaker>;
    return (...values) => {
      const made = make(...values);
      if (typeof made !== 'function' || made.name !== 'region') return made;
      return (block: number) => {
        const before = this.S[cpuState.BUDGET] ?? 0;
        const next: unknown = made(block);
        this.compiledInstructions += before - (this.S[cpuState.BUDGET] ?? 0);
        return next;
      };
    };
  };
}
