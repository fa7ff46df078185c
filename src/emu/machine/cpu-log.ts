/** Items of `-d` that are about processors: `int`, `cpu_reset`, `in_asm`, `exec`, `cpu`, `fpu` and `mmu`, in QEMU's lines. */
import { type AddressRange, isInRanges } from '../core/address-ranges.ts';
import type { CpuEntry, CpuWatcher } from '../cpu/cpu.ts';
import { MODE, VEC_DE, VEC_DF, VEC_GP, VEC_MC, VEC_NMI, VEC_PF, VEC_TS } from '../cpu/state.ts';
import { CR0_RESET } from '../cpu/system/reset.ts';
import { listingText } from '../disassembler/listing.ts';
import { type CpuRegisters, codeSizeOf, readCpuRegisters } from './cpu-registers.ts';
import { loggedText } from './registers-text.ts';

/** QEMU: no exception before this one matters. */
const NONE = 0xffff_ffff;
const COUNT_WIDTH = 6;
const CR0_PE = 1;
/** QEMU: how many instructions the code of the host is for, among other bits. */
const ONE_INSTRUCTION = 1;
const RAX = 0;
const RSP = 4;
const SEGMENT_CS = 1;
const SEGMENT_SS = 2;

/** QEMU: the second line would name the function, of which nothing is known here. */
const LISTING_HEAD = '----------------\nIN: \n';

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, '0');

/** Spec: SDM vol. 3 table 6-5: another fault on the way to its handler may make a double fault. */
function isRemembered(vector: number): boolean {
  return (
    vector === VEC_DE || (vector >= VEC_TS && vector <= VEC_GP) || vector === VEC_PF || vector === VEC_DF
  );
}

export interface CpuLogWiring {
  /** The words of the vCPU on the stage. */
  readonly S: Int32Array;
  /** Takes lines without the last line's end. */
  readonly write: (lines: string) => void;
  readonly items: ReadonlySet<string>;
  /** Addresses of code that is told; none: all. */
  readonly ranges: readonly AddressRange[];
  /** The number of the processor with that APIC id. */
  readonly indexOf: (apicId: number) => number;
  /** The number of the processor on the stage. */
  readonly cpuIndex: () => number;
}

/** Items of which one makes a `CpuLog` necessary. */
export const CPU_LOG_ITEMS = ['int', 'cpu_reset', 'in_asm', 'exec', 'cpu', 'mmu'];

/** The linear address of the instruction at RIP. */
function codeAddress({ rip, segments }: CpuRegisters): bigint {
  return BigInt.asUintN(64, (segments[SEGMENT_CS]?.base ?? 0n) + rip);
}

export class CpuLog implements CpuWatcher {
  readonly wantsInstructions: boolean;
  readonly #wiring: CpuLogWiring;
  readonly #logsEntries: boolean;
  readonly #logsResets: boolean;
  /** Interrupts and exceptions in protected mode so far. */
  #count = 0;
  #old = NONE;

  constructor(wiring: CpuLogWiring) {
    this.#wiring = wiring;
    this.#logsEntries = wiring.items.has('int');
    this.#logsResets = wiring.items.has('cpu_reset');
    this.wantsInstructions = wiring.items.has('exec') || wiring.items.has('cpu');
  }

  entering(entry: CpuEntry): void {
    if (!this.#logsEntries) return;
    const { vector, kind, raised, isNested } = entry;
    if (!isNested) this.#old = NONE;
    if (kind === 'interrupt' && vector !== VEC_NMI && vector !== VEC_MC)
      this.#write(`Servicing hardware INT=0x${hex(vector, 2)}`);
    if (kind === 'fault' || kind === 'trap') this.#check(raised);
    if (isRemembered(vector) && kind !== 'interrupt') this.#old = vector;
    this.#tellEntry(entry);
  }

  /** QEMU: where the code of the host is, what it was made for, and the name of a symbol, of which there is none. */
  executing(block: number): void {
    const { S, items, ranges, cpuIndex } = this.#wiring;
    const registers = readCpuRegisters(S, 0);
    const pc = codeAddress(registers);
    if (!isInRanges(ranges, pc)) return;
    if (items.has('exec')) {
      const base = registers.segments[SEGMENT_CS]?.base ?? 0n;
      const made = `${hex(base, 16)}/${hex(pc, 16)}/${hex(S[MODE] >>> 0, 8)}/${hex(ONE_INSTRUCTION, 8)}`;
      this.#wiring.write(`Trace ${cpuIndex()}: 0x${hex(block, 1)} [${made}] `);
    }
    if (items.has('cpu')) this.#write(loggedText(registers, items.has('fpu')));
  }

  /** Code at RIP, which is going to be executed, was decoded. */
  decoded(code: Uint8Array): void {
    const { S, ranges } = this.#wiring;
    const registers = readCpuRegisters(S, 0);
    const address = codeAddress(registers);
    if (!isInRanges(ranges, address)) return;
    // A line that is empty follows, as the log ends this one.
    this.#wiring.write(`${LISTING_HEAD}${listingText(code, address, codeSizeOf(registers))}`);
  }

  writingCr0(value: number): void {
    if (this.#wiring.items.has('mmu')) this.#write(`CR0 update: CR0=0x${hex(value >>> 0, 8)}`);
  }

  tripleFault(raised: number): void {
    if (this.#logsEntries) this.#check(raised);
    if (this.#logsResets) this.#write('Triple fault');
  }

  resetting(S: Int32Array, apicId: number): void {
    const { indexOf } = this.#wiring;
    if (this.#logsResets) {
      this.#write(`CPU Reset (CPU ${indexOf(apicId)})\n${loggedText(readCpuRegisters(S, 0), true)}`);
    }
    this.writingCr0(CR0_RESET);
  }

  #check(raised: number): void {
    this.#write(`check_exception old: 0x${hex(this.#old, 1)} new 0x${hex(raised, 1)}`);
  }

  /** QEMU: nothing in real mode. */
  #tellEntry({ vector, kind, errorCode = 0 }: CpuEntry): void {
    const registers = readCpuRegisters(this.#wiring.S, 0);
    if ((registers.cr0 & CR0_PE) === 0) return;
    const { general, rip, segments, cpl, cr2 } = registers;
    const cs = segments[SEGMENT_CS];
    const number = String(this.#count++).padStart(COUNT_WIDTH);
    const what = `v=${hex(vector, 2)} e=${hex(errorCode, 4)} i=${kind === 'software' ? 1 : 0} cpl=${cpl}`;
    const where = `IP=${hex(cs?.selector ?? 0, 4)}:${hex(rip, 16)} pc=${hex(codeAddress(registers), 16)}`;
    const stack = `SP=${hex(segments[SEGMENT_SS]?.selector ?? 0, 4)}:${hex(general[RSP] ?? 0n, 16)}`;
    const more =
      vector === VEC_PF ? `CR2=${hex(cr2, 16)}` : `env->regs[R_EAX]=${hex(general[RAX] ?? 0n, 16)}`;
    this.#write(`${number}: ${what} ${where} ${stack} ${more}\n${loggedText(registers, false)}`);
  }

  #write(lines: string): void {
    this.#wiring.write(lines.trimEnd());
  }
}
