/** Does to a processor's memory and to the model what a step says, and compares what either saw. */
import * as cpuState from '../../src/emu/cpu/state.ts';
import { CHUNK_SIZE } from '../../src/emu/memory/arena.ts';
import type { Region } from '../../src/emu/memory/region.ts';
import { ALIAS, type LayoutRig, type Range } from './layout-rig.ts';
import type { Place, Step } from './memory-layouts.ts';
import { MemoryModel } from './memory-model.ts';

type StepOf<K extends Step['kind']> = Extract<Step, { readonly kind: K }>;

type Access = Extract<Step, { readonly log: number; readonly at: Place }>;

const [RAX, RBX, RCX, RDX, RSI, RDI] = [
  cpuState.RAX,
  cpuState.RBX,
  cpuState.RCX,
  cpuState.RDX,
  cpuState.RSI,
  cpuState.RDI,
] as const;
const FLAG_ZF = 0x40;
const REPEATS = { once: [], rep: [0xf3], repne: [0xf2] } as const;
const STRINGS = { movs: 0xa4, stos: 0xaa, lods: 0xac, scas: 0xae, cmps: 0xa6 } as const;
/** By log2 of the size. Loads to RAX or XMM0 from [RBX], stores the other way, ADD [RBX] of RAX. */
const PREFIX = [[], [0x66], [], [0x48]] as const;
const FLAGS = 0x202;
const ELSEWHERE = 0x7f000;
/** `mov [rbx], cl; mov eax, 0x44332211; add edx, eax; jmp` back to the start. */
const LOOP = Uint8Array.of(0x88, 0x0b, 0xb8, 0x11, 0x22, 0x33, 0x44, 0x01, 0xc2, 0xeb, 0xf5);
const NUMBER_AT = 3;
const LOOP_INSTRUCTIONS = 4;
const LOOP_PASSES = 12;
/** Bytes of zeros that are run at most before a slice ends: a block of 64 instructions, twice. */
const ZEROS_RUN = 0x100;

/** Opcode of the one-byte form and of the wider ones. */
function access(kind: 'load' | 'store' | 'add' | 'number', log: number): readonly number[] {
  if (kind === 'number') return log % 2 === 0 ? [0xf2, 0x0f, 0x10, 0x03] : [0xf2, 0x0f, 0x11, 0x03];
  if (log === 4) return kind === 'load' ? [0x0f, 0x10, 0x03] : [0x0f, 0x11, 0x03];
  const opcode = { load: 0x8a, store: 0x88, add: 0x00 }[kind] | (log === 0 ? 0 : 1);
  return [...(PREFIX[log] ?? []), opcode, 0x03];
}

function little(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function bytesOf(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
}

function same(what: string, got: unknown, want: unknown): void {
  if (got !== want) throw new Error(`${what}: ${got}, not ${want}`);
}

export class LayoutPlayer {
  readonly #rig: LayoutRig;
  /** An address in the rig's own region that is written without anybody looking. */
  readonly #elsewhere: number;
  readonly #programs = new Map<string, number>();
  #model: MemoryModel;
  #edges: readonly number[] = [];
  #ranges: readonly Range[] = [];

  constructor(rig: LayoutRig) {
    this.#rig = rig;
    this.#elsewhere = rig.own + ELSEWHERE;
    this.#model = new MemoryModel([]);
  }

  begin(model: MemoryModel, edges: readonly number[], ranges: readonly Range[]): void {
    this.#model = model;
    this.#edges = edges;
    this.#ranges = ranges;
  }

  step(step: Step): void {
    if (step.kind === 'string') this.#string(step);
    else if (step.kind === 'dma') this.#dma(step);
    else if (step.kind === 'code') this.#code(step);
    else this.#access(step);
    same('device', this.#rig.device.join(), this.#model.device.join());
  }

  /** All contents are the same. */
  check(): void {
    const wrong = this.#model.difference(this.#rig.memory);
    if (wrong !== undefined) throw new Error(wrong);
  }

  /** The address of a place, moved so far that `length` bytes from it on are mapped. */
  #address({ edge, delta }: Place, length: number): number {
    const wanted = (this.#edges[edge % this.#edges.length] ?? 0) + delta;
    const range = this.#ranges.find(({ start, end }) => wanted >= start && wanted < end);
    if (range === undefined) throw new Error('an edge outside of what is mapped');
    return Math.max(range.start, Math.min(wanted, range.end - length));
  }

  /** The instruction, and a jump back to it: one pass is two instructions. */
  #program(code: readonly number[]): number {
    const key = code.join();
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const made = this.#rig.program([...code, 0xeb, -(code.length + 2) & 0xff]);
    this.#programs.set(key, made);
    return made;
  }

  #access({ kind, log, at, value }: Access): void {
    const rig = this.#rig;
    const model = this.#model;
    const size = kind === 'number' ? 8 : 2 ** (kind === 'add' ? log % 4 : log);
    const gpa = this.#address(at, 16);
    const register = (BigInt(value) << 32n) | (BigInt(value ^ 0x5a5a5a5a) & 0xffffffffn);
    const wide = kind === 'number' || size === 16;
    rig.S.set([Number(register & 0xffffffffn), value], RAX);
    rig.S.set([value, value + 1, value + 2, value + 3], cpuState.XMM);
    const vector = new Uint8Array(
      new Uint8Array(rig.S.buffer).slice(cpuState.XMM * 4, cpuState.XMM * 4 + size),
    );
    rig.setPair(RBX, gpa + (at.alias ? ALIAS : 0));
    rig.run(this.#program(access(kind, kind === 'add' ? log % 4 : log)), 2);
    const isLoad = kind === 'load' || (kind === 'number' && log % 2 === 0);
    if (isLoad) {
      const want = little(model.read(gpa, size));
      const mask = (1n << BigInt(8 * size)) - 1n;
      const got = wide ? little(new Uint8Array(rig.S.buffer, cpuState.XMM * 4, size)) : rig.pair(RAX) & mask;
      same(`load of ${size} at ${gpa.toString(16)}`, got, want);
    } else if (kind === 'add') {
      const sum = (little(model.read(gpa, size)) + register) & ((1n << BigInt(8 * size)) - 1n);
      model.write(gpa, bytesOf(sum, size));
    } else model.write(gpa, wide ? vector : bytesOf(register, size));
  }

  #string({ name, log, repeat, backwards, from, to, count, value }: StepOf<'string'>): void {
    const rig = this.#rig;
    const size = 2 ** log;
    const times = repeat === 'once' ? 1 : count;
    const span = Math.max(times * size, 1);
    const first = backwards && times > 0 ? (times - 1) * size : 0;
    const source = this.#address(from, span) + first;
    const target = this.#address(to, span) + first;
    const high = [from.alias ? ALIAS : 0, to.alias ? ALIAS : 0];
    rig.S.set([value, value], RAX);
    rig.setPair(RSI, source + (high[0] ?? 0));
    rig.setPair(RDI, target + (high[1] ?? 0));
    rig.setPair(RCX, count);
    rig.engine.cpu.writeFlags(FLAGS | (backwards ? cpuState.FLAG_DF : 0));
    const opcode = STRINGS[name] | (log === 0 ? 0 : 1);
    rig.run(this.#program([...REPEATS[repeat], ...(PREFIX[log] ?? []), opcode]), 2);

    const want = this.#stringModel({
      name,
      repeat,
      times,
      size,
      step: backwards ? -size : size,
      source,
      target,
      value,
    });
    same('RSI', rig.pair(RSI), BigInt(want.source + (high[0] ?? 0)));
    same('RDI', rig.pair(RDI), BigInt(want.target + (high[1] ?? 0)));
    same('RCX', rig.pair(RCX), BigInt(repeat === 'once' ? count : times - want.done));
    same('RAX', rig.pair(RAX), want.accumulator);
    if (want.equal !== undefined) same('ZF', (rig.engine.cpu.readFlags() & FLAG_ZF) !== 0, want.equal);
    rig.engine.cpu.writeFlags(FLAGS);
  }

  #stringModel(op: {
    readonly name: keyof typeof STRINGS;
    readonly repeat: keyof typeof REPEATS;
    readonly times: number;
    readonly size: number;
    readonly step: number;
    readonly source: number;
    readonly target: number;
    readonly value: number;
  }): { source: number; target: number; done: number; accumulator: bigint; equal: boolean | undefined } {
    const { name, size, step } = op;
    const model = this.#model;
    let { source, target } = op;
    let accumulator = BigInt(op.value) * 0x1_0000_0001n;
    let equal: boolean | undefined;
    let done = 0;
    while (done < op.times) {
      done++;
      const mask = (1n << BigInt(8 * size)) - 1n;
      if (name === 'movs') model.write(target, model.read(source, size));
      else if (name === 'stos') model.write(target, bytesOf(accumulator, size));
      else if (name === 'lods') {
        const kept = size === 4 ? 0n : accumulator & ~mask;
        accumulator = kept | little(model.read(source, size));
      } else {
        const other = little(model.read(target, size));
        equal = (name === 'cmps' ? little(model.read(source, size)) : accumulator & mask) === other;
      }
      if (name !== 'stos' && name !== 'scas') source += step;
      if (name !== 'lods') target += step;
      if (equal !== undefined && op.repeat !== 'once' && equal !== (op.repeat === 'rep')) break;
    }
    return { source, target, done, accumulator, equal };
  }

  #dma({ what, at, length, value }: StepOf<'dma'>): void {
    const { memory } = this.#rig;
    const model = this.#model;
    const gpa = this.#address(at, Math.max(length, 8));
    const isRam = model.isRam(gpa, length);
    const look: Access = { kind: 'load', log: 0, at, value: 0 };
    // What the processor remembers of the place must not outlast the transfer.
    this.#access(look);
    const bytes = Uint8Array.from({ length }, (_, n) => (value >>> (n % 4)) + n);
    if (what === 'release') {
      memory.release(gpa, length * 64);
      model.release(gpa, length * 64);
    } else if (what === 'number') {
      const size = ([1, 2, 4, 8] as const)[length % 4] ?? 1;
      const there = model.isRam(gpa, size);
      const want = there ? little(model.read(gpa, size)) : 0n;
      const read = { 1: memory.readU8, 2: memory.readU16, 4: memory.readU32, 8: memory.readU64 }[size];
      same(`read of ${size}`, read.call(memory, gpa), Number(want));
      const write = { 1: memory.writeU8, 2: memory.writeU16, 4: memory.writeU32, 8: memory.writeU64 }[size];
      same(`write of ${size}`, write.call(memory, gpa, value % 2 ** (8 * size)), there);
      if (there) model.write(gpa, bytesOf(BigInt(value), size));
    } else if (what === 'read') {
      const target = new Uint8Array(length).fill(0xee);
      same('read', memory.read(gpa, target), isRam);
      const want = isRam ? model.read(gpa, length) : new Uint8Array(length);
      same('bytes read', Buffer.compare(target, want), 0);
    } else if (what === 'write') {
      same('write', memory.write(gpa, bytes), isRam);
      if (isRam) model.write(gpa, bytes);
    } else if (what === 'fill' || what === 'clear') {
      const byte = what === 'clear' ? 0 : (value & 0xff) | 1;
      same('fill', memory.fill(gpa, length, byte), isRam);
      if (isRam) model.write(gpa, bytes.fill(byte));
    } else {
      let done = 0;
      const answer = memory.forEachPiece(gpa, length, 'write', (piece) => {
        piece.set(bytes.subarray(done, done + piece.length));
        done += piece.length;
        return true;
      });
      same('pieces', answer, isRam);
      if (isRam) model.write(gpa, bytes);
    }
    this.#access(look);
  }

  /**
   * A loop that lies across an edge. It runs until it is hot, then a byte of the number in it is written, by the loop's own first
   * instruction or by somebody else, or the memory under it is given back: what EAX and EDX get must follow at once.
   */
  #code({ writer, before, at, alias, byte, value }: StepOf<'code'>): void {
    const rig = this.#rig;
    const start = this.#address({ ...at, delta: -before }, LOOP.length + ZEROS_RUN);
    if (!this.#model.isRam(start, LOOP.length)) return;
    this.#load(start, LOOP);
    const place = start + NUMBER_AT + byte;
    const entry = start + (alias ? ALIAS : 0);
    rig.setPair(RCX, value);
    this.#pass(start, entry, this.#elsewhere);
    const write = (): void => {
      rig.memory.write(place, Uint8Array.of(value));
    };
    if (writer === 'itself') this.#pass(start, entry, place + (at.alias ? ALIAS : 0));
    else if (writer === 'dma') {
      write();
      this.#model.poke(place, value);
    } else if (writer === 'string') {
      rig.setPair(RDI, place + (at.alias ? ALIAS : 0));
      rig.S.set([value, 0], RAX);
      rig.run(this.#program([STRINGS.stos]), 2);
      this.#model.poke(place, value);
    } else if (writer === 'device') {
      this.#passWithDevice(entry, write);
      this.#model.poke(place, value);
      same('EAX behind the write to a device', rig.pair(RAX), little(this.#model.read(start + NUMBER_AT, 4)));
    } else {
      this.#released(start, entry, value);
      return;
    }
    this.#pass(start, entry, this.#elsewhere);
  }

  /** Runs the loop some times; its first instruction writes to `target`. */
  #pass(start: number, entry: number, target: number): void {
    const rig = this.#rig;
    const model = this.#model;
    rig.setPair(RBX, target);
    rig.setPair(RDX, 0);
    rig.run(entry, LOOP_PASSES * LOOP_INSTRUCTIONS);
    if (target !== this.#elsewhere) model.poke(target % ALIAS, rig.S[RCX] as number);
    const number = little(model.read(start + NUMBER_AT, 4));
    same('EAX', rig.pair(RAX), number);
    same('EDX', rig.pair(RDX), (number * BigInt(LOOP_PASSES)) & 0xffffffffn);
  }

  /** One pass, whose first instruction writes to a device that does `act`. */
  #passWithDevice(entry: number, act: () => void): void {
    const rig = this.#rig;
    const device = (this.#ranges[0]?.end ?? 0) - 16;
    rig.setPair(RBX, device);
    rig.onDeviceWrite = act;
    rig.run(entry, LOOP_INSTRUCTIONS);
    rig.onDeviceWrite = () => {};
    this.#model.poke(device, rig.S[RCX] as number);
  }

  /** The device gives the memory back in which the loop lies, all of its chunk or only a part; then other code is put there. */
  #released(start: number, entry: number, value: number): void {
    const rig = this.#rig;
    const model = this.#model;
    const from = value % 2 === 0 ? start : Math.floor(start / CHUNK_SIZE) * CHUNK_SIZE;
    const length = value % 2 === 0 ? LOOP.length + ZEROS_RUN : 2 * CHUNK_SIZE;
    const becomesZeros = Array.from({ length: LOOP.length + ZEROS_RUN }, (_, n) => model.regionAt(start + n));
    if (!becomesZeros.every((region) => region?.readOnly === false)) return;
    // ADD [RAX], AL is what zeros are: RAX leads where that does no harm.
    rig.setPair(RAX, this.#elsewhere);
    this.#passWithDevice(entry, () => rig.memory.release(from, length));
    model.release(from, length);
    same('RAX after the loop went', rig.pair(RAX), BigInt(this.#elsewhere));
    const other = LOOP.slice();
    other[NUMBER_AT] = 0x77;
    this.#load(start, other);
    this.#pass(start, entry, this.#elsewhere);
  }

  /** Puts bytes where they are, in a ROM too. */
  #load(gpa: number, bytes: Uint8Array): void {
    const { memory } = this.#rig;
    for (let n = 0; n < bytes.length; n++) {
      const region = memory.find(gpa + n, 1) as Region;
      memory.load(region, gpa + n - region.gpa, bytes.subarray(n, n + 1));
    }
    this.#model.load(gpa, bytes);
  }
}
