/** `-d` of what processors do: lines as QEMU 7.2 wrote them for the same programs (`scripts/record-cpu-log.ts`). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AddressRange } from '../../src/emu/core/address-ranges.ts';
import { QUIET, TraceLog } from '../../src/emu/core/trace.ts';
import { Engine } from '../../src/emu/cpu/engine.ts';
import { RIP_LO, SEG_BASE_LO, SEG_CS, SEG_SELECTOR } from '../../src/emu/cpu/state.ts';
import { CpuLog } from '../../src/emu/machine/cpu-log.ts';
import { readCpuRegisters } from '../../src/emu/machine/cpu-registers.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { LOAD_ADDRESS, SMALL } from '../golden/log/cases.ts';
import { snapshotRig } from '../support/snapshot-rig.ts';
import { RecordingHost } from '../support/vcpu-rig.ts';

const ENTRY = 0x7c40;
const DX = 4;

interface Logged {
  readonly engine: Engine;
  readonly lines: string[];
}

interface LogChoice {
  readonly items: readonly string[];
  readonly ranges?: readonly AddressRange[];
  readonly isSingleStep?: boolean;
}

function golden(name: string): string {
  return readFileSync(new URL(`../golden/log/${name}.txt`, import.meta.url), 'utf8');
}

/** Runs it until it stands still. */
function runAll({ engine }: Logged): void {
  for (let slice = 0; slice < 300 && engine.run(10_000) === 'budget'; slice++);
}

function oracle(program: string, choice: LogChoice): Logged {
  const code = readFileSync(new URL(`../oracle/system/${program}.bin`, import.meta.url));
  const logged = loggedEngine(code, ENTRY, choice);
  // The drive, as firmware names it.
  logged.engine.cpu.S[DX] = 0x80;
  runAll(logged);
  return logged;
}

function loggedEngine(code: Uint8Array, entry: number, choice: LogChoice): Logged {
  const memory = pcMemory(16 << 20);
  memory.write(LOAD_ADDRESS, code);
  const host = new RecordingHost();
  host.answer = 0xff;
  const engine = new Engine({ memory, host, trace: QUIET });
  const lines: string[] = [];
  const { cpu } = engine;
  const { items, ranges = [], isSingleStep = false } = choice;
  const write = (text: string): void => void lines.push(...text.split('\n'));
  const wiring = { S: cpu.S, write, items: new Set(items), ranges };
  const log = new CpuLog({ ...wiring, indexOf: (apicId) => apicId, cpuIndex: () => 0 });
  cpu.watcher = log;
  if (items.includes('in_asm')) engine.blocks.onDecode = (bytes) => log.decoded(bytes);
  engine.isSingleStep = isSingleStep;
  cpu.S[SEG_CS + SEG_SELECTOR] = 0;
  cpu.S[SEG_CS + SEG_BASE_LO] = 0;
  cpu.S[RIP_LO] = entry;
  cpu.updateMode();
  return { engine, lines };
}

/**
 * QEMU works out flags late, shows the descriptor of a task as it was before LTR has marked it busy, and of a null selector what was there before.
 * No guest sees any of these.
 */
function comparable(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => !line.startsWith('CCS='))
    .map((line) =>
      line
        .trimEnd()
        .replace(/^([DEFG]S =0000) .*/, '$1')
        .replace(/^(TR =.*) 00008[9b]00 (.*)-(?:avl|busy)$/, '$1 $2'),
    );
}

describe('-d int', () => {
  it.each(['faults32', 'faults64'])('%s', (program) => {
    const { lines } = oracle(program, { items: ['int'] });
    const expected = golden(program)
      // QEMU: SYSRET and SYSEXIT leave bits of the limit out of the attributes.
      .replaceAll(/^([CS]S =00(?:1b|23|5b|63|6b) .* ffffffff 00[ac])0/gm, '$1f');
    expect(comparable(lines)).toEqual(comparable(expected.trimEnd().split('\n')));
  });
});

describe('-d in_asm', () => {
  const INSTRUCTION = /^0x[0-9a-f]+: .{26}\S.*(?:\n0x[0-9a-f]+: {2}[0-9a-f ]+$)?/gm;

  it('lists blocks as they are decoded, and -d mmu what is written to CR0', () => {
    const { engine, lines } = loggedEngine(SMALL, LOAD_ADDRESS, { items: ['in_asm', 'mmu'] });
    engine.run(12);
    expect(lines).toEqual(golden('code').trimEnd().concat('\n').split('\n'));
  });

  it.each(['faults32', 'faults64'])('lists the instructions of %s one by one with -singlestep', (program) => {
    const { lines } = oracle(program, { items: ['in_asm'], isSingleStep: true });
    const text = lines.join('\n');
    expect(text.match(/^IN: $/gm)).toHaveLength(text.match(INSTRUCTION)?.length ?? 0);
    const told = [...new Set(text.match(INSTRUCTION))];
    // QEMU: of an instruction that is only for the system no more is read than says so.
    const known = golden(`${program}-code`).replace(
      /^0x00008b1a:.*\n.*/m,
      '0x00008b1a:  0f 20 c0                 movq     %cr0, %rax',
    );
    expect(told.slice(0, -2)).toEqual(known.match(INSTRUCTION));
    // QEMU ends where the program asks for that.
    expect(told.slice(-2).join('\n')).toMatch(/ cli {6}\n.* hlt {6}$/);
  });

  it('reads an instruction in both pages in which it lies', () => {
    const memory = new Uint8Array(0x410);
    // 1: movl $0x44332211, %cs:(0x5566), with its last five bytes in the next page; hlt
    memory.set([0x66, 0x2e, 0xc7, 0x06, 0x66, 0x55, 0x11, 0x22, 0x33, 0x44, 0xf4], 0x3fb);
    const { engine, lines } = loggedEngine(memory, 0x7ffb, { items: ['in_asm'] });
    engine.run(2);
    expect(lines.slice(2, 5)).toEqual([
      '0x00007ffb:  66 2e c7 06 66 55 11 22  movl     $0x44332211, %cs:0x5566',
      '0x00008003:  33 44',
      '',
    ]);
  });
});

describe('-dfilter', () => {
  it('is for code at other addresses a log of nothing', () => {
    const range = { first: 0x7c03n, last: 0x7c03n };
    const places = (items: readonly string[]): readonly string[] => {
      const { engine, lines } = loggedEngine(SMALL, LOAD_ADDRESS, { items, ranges: [range] });
      engine.run(12);
      return lines;
    };
    expect(places(['exec']).map((line) => line.split('/')[1])).toEqual(Array(3).fill('0000000000007c03'));
    expect(places(['cpu']).filter((line) => line.startsWith('EIP='))).toHaveLength(3);
    expect(places(['in_asm']).filter((line) => line.startsWith('0x'))).toEqual([
      '0x00007c03:  49                       decw     %cx',
      '0x00007c04:  75 fd                    jne      0x7c03',
    ]);
    expect(places(['mmu'])).toHaveLength(2);
  });
});

describe('-singlestep', () => {
  it('changes nothing of what the processor does', () => {
    const [single, blocks] = [true, false].map((isSingleStep) =>
      oracle('faults64', { items: [], isSingleStep }),
    );
    const registers = (logged: Logged | undefined) => logged && readCpuRegisters(logged.engine.cpu.S, 0);
    expect(registers(single)).toEqual(registers(blocks));
    expect(single?.engine.retired).toBe(blocks?.engine.retired);
  });
});

describe('-d cpu_reset', () => {
  /** Leaves no room for a handler, then executes what is no instruction: real mode, as QEMU 7.2 logged it. */
  const TRIPLE = Uint8Array.of(0x2e, 0x0f, 0x01, 0x1e, 0x20, 0x7c, 0x0f, 0x0b);

  it('tells a triple fault beside the exceptions that led to it', () => {
    const { engine, lines } = loggedEngine(TRIPLE, LOAD_ADDRESS, { items: ['int', 'cpu_reset'] });
    expect(engine.run(100)).toBe('shutdown');
    expect(lines).toEqual([
      'check_exception old: 0xffffffff new 0x6',
      'check_exception old: 0xffffffff new 0xd',
      'check_exception old: 0xd new 0xd',
      'check_exception old: 0x8 new 0xd',
      'Triple fault',
    ]);
  });

  it('has the registers as they were, with those of the FPU', () => {
    const { engine, lines } = loggedEngine(TRIPLE, LOAD_ADDRESS, { items: ['cpu_reset'] });
    engine.run(100);
    lines.length = 0;
    engine.cpu.processor.reset();
    expect(lines[0]).toBe('CPU Reset (CPU 0)');
    expect(lines).toContain('EIP=00007c06 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0');
    expect(lines).toContain('FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80');
    expect(lines.at(-1)).toBe(
      'XMM06=0000000000000000 0000000000000000 XMM07=0000000000000000 0000000000000000',
    );
  });
});

describe('-d exec and -d cpu', () => {
  /** mov $3, %cx; 1: dec %cx; jnz 1b; hlt */
  const LOOP = Uint8Array.of(0xb9, 3, 0, 0x49, 0x75, 0xfd, 0xf4);
  const run = (items: readonly string[]): Logged => {
    const logged = loggedEngine(LOOP, LOAD_ADDRESS, { items });
    expect(logged.engine.run(1000)).toBe('halted');
    return logged;
  };

  it('tell each instruction, where it is and what its registers were', () => {
    const { lines } = run(['exec', 'cpu']);
    const places = lines.map(
      (line) => /^Trace 0: 0x[0-9a-f]+ \[0{16}\/0{12}(7c[0-9a-f]{2})\/[0-9a-f]{8}\/0{7}1\] $/.exec(line)?.[1],
    );
    expect(places.filter((place) => place !== undefined)).toEqual([
      ...['7c00', '7c03', '7c04', '7c03', '7c04', '7c03', '7c04', '7c06'],
    ]);
    const counts = lines
      .map((line) => /ECX=0000(\d{4})/.exec(line)?.[1])
      .filter((count) => count !== undefined);
    expect(counts).toEqual(['0000', '0003', '0002', '0002', '0001', '0001', '0000', '0000']);
  });

  it('take a repeated string instruction in large pieces, so that a slice of instructions ends', () => {
    // mov $0xffff, %cx; rep lodsb; hlt
    const code = Uint8Array.of(0xb9, 0xff, 0xff, 0xf3, 0xac, 0xf4);
    const { engine, lines } = loggedEngine(code, LOAD_ADDRESS, { items: ['exec'] });
    expect(engine.run(1000)).toBe('halted');
    expect(lines.length).toBeLessThan(200);
  });

  it('have the FPU where it is asked for, and change nothing of what the processor does', () => {
    const [told, silent] = [run(['cpu', 'fpu']), run([])];
    expect(told.lines.filter((line) => line.startsWith('FCW='))).toHaveLength(8);
    expect(silent.lines).toEqual([]);
    expect(told.engine.retired).toBe(silent.engine.retired);
    const registers = ({ engine }: Logged) => readCpuRegisters(engine.cpu.S, 0);
    expect(registers(told)).toEqual(registers(silent));
  });
});

describe('a machine', () => {
  it('logs what it is asked to, from then on and no longer', async () => {
    const printed: string[] = [];
    const trace = new TraceLog((line) => printed.push(line));
    const { machine, hmp } = snapshotRig({ trace });
    expect(await hmp('log cpu_reset')).toBe('');
    expect([trace.on, machine.engine.cpu.watcher]).toEqual([false, expect.anything()]);
    machine.reset();
    expect(printed.join('\n')).toMatch(/^CPU Reset \(CPU 0\)\nEAX=0{8} .*\n[\s\S]*\nXMM06=.*$/);
    await hmp('log none');
    printed.length = 0;
    machine.reset();
    expect([printed, machine.engine.cpu.watcher]).toEqual([[], undefined]);
    expect([await hmp('log all'), await hmp('log exec,tid')]).toEqual(
      Array(2).fill("Filename template with '%d' required for 'tid'\n"),
    );
    expect(await hmp('log op,pcall,page')).toBe('');
    expect([printed, machine.engine.cpu.watcher]).toEqual([[], undefined]);
    await hmp('singlestep');
    expect(machine.engine.isSingleStep).toBe(true);
    expect(await hmp('info status')).toMatch(/^VM status: paused \(single step mode\)/);
    expect(await hmp('singlestep off')).toBe('');
    expect(await hmp('info status')).not.toContain('single');
    expect(await hmp('log help')).toMatch(/^Log items \(comma separated\):\nnone {12}/);
  });
});
