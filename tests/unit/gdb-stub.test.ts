import { describe, expect, it } from 'vitest';
import { RAX, RIP_LO } from '../../src/emu/cpu/state.ts';
import { GdbStub } from '../../src/emu/gdb/gdb-stub.ts';
import { framed, latin1, MAX_PACKET } from '../../src/emu/gdb/packet-reader.ts';
import { REGISTERS } from '../../src/emu/gdb/target-description.ts';
import { Machine, type MachineConfig, Monitor } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { COUNTER, DONE, restlessKernel } from '../support/smp-kernel.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const MIB = 1024 * 1024;
const ENTRY = 0x100000;
const TWO = { cpus: 2, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 };
/** inc eax; mov [0x7000], eax; jmp back */
const COUNTING = tinyKernel([0x40, 0xa3, 0, 0x70, 0, 0, 0xeb, 0xf8]);

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

/** A machine that stands, and a client's side of the connection. */
function rig(config: Partial<MachineConfig> = {}) {
  const machine = new Machine(
    { memoryBytes: 4 * MIB, kernel: COUNTING, ...config },
    {
      monotonicNs: () => performance.now() * 1e6,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images: memoryImages(),
    },
  );
  const monitor = new Monitor({ machine });
  const stderr: string[] = [];
  let received = '';
  const stub = new GdbStub(
    (bytes) => {
      received += Buffer.from(bytes).toString('latin1');
    },
    { machine, monitor: (line) => monitor.execute(line), stderr: (text) => stderr.push(text) },
  );
  const take = (): string => {
    const text = received;
    received = '';
    return text;
  };
  /** Raw bytes, and what came back. */
  const raw = (text: string): string => {
    stub.input(latin1(text));
    return take();
  };
  /** Contents of a packet; the contents of the answer, which is acknowledged. `undefined`: none. */
  const ask = (text: string): string | undefined => {
    stub.input(framed(text));
    const [, answer] = /^\+?(?:\$([^#]*)#[0-9a-f]{2})?$/s.exec(take()) ?? [];
    if (answer !== undefined) stub.input(latin1('+'));
    return answer;
  };
  /** Lets the machine run until it stops; the stop reply. */
  const wait = (slices = 1000): string | undefined => {
    for (let slice = 0; slice < slices && machine.runState === 'running'; slice++) machine.run(1);
    const [, answer] = /\$([^#]*)#/.exec(take()) ?? [];
    if (answer !== undefined) stub.input(latin1('+'));
    return answer;
  };
  const resume = (text: string): string | undefined => {
    ask(text);
    return wait();
  };
  const events: string[] = [];
  machine.events.listen(({ event }) => events.push(event));
  stub.opened();
  return { machine, stub, raw, ask, wait, resume, take, stderr, events };
}

/** As gdb begins. */
function attached(config: Partial<MachineConfig> = {}) {
  const all = rig(config);
  all.ask('qSupported:xmlRegisters=i386');
  all.ask('qXfer:features:read:target.xml:0,ffb');
  all.ask('?');
  return all;
}

const little = (text: string | undefined): number =>
  Number(
    BigInt(
      `0x${Buffer.from(text ?? '', 'hex')
        .reverse()
        .toString('hex')}`,
    ),
  );

describe('packets', () => {
  it('are acknowledged, and sent again when they came broken', () => {
    const { raw } = rig();
    expect(raw('$?#3f')).toBe('+$T05thread:01;#07');
    expect(raw('-')).toBe('$T05thread:01;#07');
    expect(raw('-+-')).toBe('$T05thread:01;#07');
    expect(raw('$?#00')).toBe('-');
    // QEMU: digits that are none; bytes outside of packets; a packet in pieces.
    expect(raw('$?#zz')).toBe('');
    expect(raw('+++---xyz\x03')).toBe('');
    expect(raw('$g#6')).toBe('');
    expect(raw('7')).toMatch(/^\+\$[0-9a-f]{1216}#/);
    expect(raw('+$m0,4$?#3f')).toBe('-');
  });

  it('that are too long are dropped, whole or repeated', () => {
    const { raw } = rig();
    expect(raw(`$${'a'.repeat(MAX_PACKET + 1000)}#00`)).toBe('');
    expect(raw('$?#3f')).toBe('+$T05thread:01;#07');
    const repeated = `+$a${'*~'.repeat(50)}`;
    expect(raw(repeated)).toBe('');
    expect(raw('#00$?#3f')).toBe('+$T05thread:01;#07');
  });

  it('may have escapes and repetitions', () => {
    const { ask, raw } = rig();
    ask('M0,4:01020304');
    const sum = (text: string): string => {
      let all = 0;
      for (const character of text) all += character.charCodeAt(0);
      return (all & 0xff).toString(16).padStart(2, '0');
    };
    // m0,} then 0x14: the digit 4.
    const withEscape = 'm0,}\x14';
    expect(raw(`$${withEscape}#${sum(withEscape)}`)).toContain('$01020304#');
    // m0* followed by a blank: three zeros more.
    const repeat = 'm0* ,4';
    expect(raw(`+$${repeat}#${sum(repeat)}`)).toContain('$01020304#');
  });

  it('may carry bytes as they are', () => {
    const { ask, stub, take } = rig();
    expect(ask('X7000,0:')).toBe('OK');
    // The byte 0x23, which would end the packet, is escaped.
    stub.input(framed('X7000,3:\x01}\x03\xff'));
    expect(take()).toContain('$OK#');
    stub.input(latin1('+'));
    expect(ask('m7000,3')).toBe('0123ff');
    expect(ask('X7000,4:\x01')).toBe('E22');
  });

  it('need no acknowledgement where the client says so', () => {
    const { raw } = rig();
    expect(raw('$QStartNoAckMode#b0')).toBe('+$OK#9a');
    expect(raw('$qC#b4')).toBe('$QC01#f5');
    expect(raw('-')).toBe('');
  });

  it.each([
    '',
    'A',
    'b!',
    'i1',
    'vFile:open',
    'vCtrlC',
    'vCont;x',
    'vCont;',
    'qOffsets',
    'qPasses',
    'pzz',
    'Pzz',
    'mzz',
    'Z5,0,1',
    'z9,0,1',
  ])('of an unknown kind have an empty answer: %s', (text) => {
    expect(attached().ask(text)).toBe('');
  });

  it.each([
    ['m0', 'E22'],
    ['m0,801', 'E22'],
    ['m0,0', ''],
    ['mfffffffffffffffff,4', ''],
    ['m-1,4', 'E14'],
    ['md0000000,4', 'E14'],
    ['m3ffffe,4', 'E14'],
    ['M0,4:0102', 'E22'],
    ['M0,2:01zz', 'OK'],
    ['M0,2', 'E22'],
    ['Md0000000,1:41', 'OK'],
    ['p', 'E14'],
    ['p80', 'E14'],
    ['P0', 'E22'],
    ['P99=00', 'OK'],
    ['Z0', 'E22'],
    ['Z2,1000,0', 'E22'],
    ['Z2,ffffffffffffffff,2', 'E22'],
    ['Z2,fffffffffffffffe,2', 'OK'],
    ['z0,1234,1', 'E22'],
    ['z3,5000,4', 'E22'],
    ['Hg0', 'OK'],
    ['Hgp0.0', 'OK'],
    ['Hc-1', 'OK'],
    ['Hg3', 'E22'],
    ['Hgp2.1', 'E22'],
    ['Hgxx', 'E22'],
    ['Hx1', 'E22'],
    ['T2', 'E22'],
    ['vCont;s:9', 'E22'],
    ['vCont;c:p1.1;s:zz', 'E22'],
    ['vCont', undefined],
    ['vAttach;9', 'E22'],
    ['vAttach;1', 'T05thread:01;'],
    ['qRcmd,', 'E22'],
    ['qRcmd,696', 'E01'],
    ['qAttached:1', '1'],
    ['qqemu.sstepbits', 'ENABLE=1,NOIRQ=2,NOTIMER=4'],
    ['qqemu.sstep', '0x7'],
    ['Qqemu.sstep=ff', 'E22'],
    ['qXfer:features:read:nothing.xml:0,ffb', 'E00'],
    ['qXfer:features:read:constructor:0,ffb', 'E00'],
    ['qXfer:features:read:target.xml:fff,10', 'E00'],
    ['qXfer:features:read:target.xml:5,10', 'm version="1.0"?>'],
    ['D;9', 'E22'],
    ['!', 'OK'],
  ])('%s is answered as QEMU does: %s', (text, answer) => {
    expect(attached().ask(text)).toBe(answer);
  });
});

describe('a hostile client', () => {
  it('sends noise, and the stub still answers', () => {
    const { stub, ask, take, machine } = attached();
    let seed = 12345;
    const next = (): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed >>> 8;
    };
    for (let packet = 0; packet < 2000; packet++) {
      const letters = '?cCsSDgGHmMpPqQTvXzZ!ikR';
      const body = Array.from({ length: next() % 24 }, () => String.fromCharCode(next() & 0xff)).join('');
      let text = (letters[next() % letters.length] ?? '?') + body.replaceAll(/[#$}*]/g, ',');
      // It ends the machine.
      if (text.startsWith('k')) text = `q${text}`;
      stub.input(framed(text));
      machine.run(1);
      if (machine.runState === 'running') stub.input(latin1('\x03'));
      take();
    }
    stub.input(latin1('++'));
    expect(ask('qC')).toBe('QC01');
  });

  it('sets no more points than there is room for', () => {
    const { ask } = attached();
    const answers = (packet: (n: number) => string, count: number): (string | undefined)[] =>
      Array.from({ length: count }, (_, n) => ask(packet(n)));
    expect(
      answers((n) => `Z2,${(0x1000 * n).toString(16)},4`, 70).filter((text) => text === 'OK').length,
    ).toBe(64);
    expect(
      answers((n) => `Z0,${(0x1000 * n).toString(16)},1`, 4100).filter((text) => text === 'OK').length,
    ).toBe(4096);
  });
});

describe('registers', () => {
  it('have QEMU’s sizes, and are described', () => {
    const { ask } = attached();
    expect(ask('g')?.length).toBe(1216);
    let xml = '';
    for (let part = 'm'; part.startsWith('m'); xml += part.slice(1)) {
      part = ask(`qXfer:features:read:i386-64bit.xml:${xml.length.toString(16)},7f0`) ?? '';
    }
    const names = [...xml.matchAll(/<reg name="([^"]+)" bitsize="(\d+)"/g)].map(([, name, bits]) => [
      name,
      Number(bits) / 8,
    ]);
    expect(names).toEqual(REGISTERS.map(({ name, bytes }) => [name, bytes]));
    expect(names.length).toBe(66);
  });

  it('are written as QEMU does outside of 64-bit code: the low half', () => {
    const { ask } = attached();
    expect(ask('P0=1122334455667788')).toBe('OK');
    expect(ask('p0')).toBe('1122334400000000');
    expect(ask('P8=1122334455667788')).toBe('OK');
    expect(ask('p8')).toBe('0000000000000000');
    expect(ask('P12=3412')).toBe('OK');
    expect(ask('p12')).toBe('34120000');
    expect(ask('P31=1122334455667788aabbccddeeff0102')).toBe('OK');
    expect(ask('p31')).toBe('1122334455667788aabbccddeeff0102');
    expect(ask('P21=1122334455667788aabb')).toBe('OK');
    expect(ask('p21')).toBe('1122334455667788aabb');
    expect(ask('P41=11223344')).toBe('OK');
    // ftag
    expect(ask('p2b')).toBe('00000000');
  });

  it('are written all at once, and what a processor refuses is not', () => {
    const { ask, resume } = attached();
    resume('s');
    const all = ask('g') ?? '';
    const changed = `efbeadde00000000${all.slice(16)}`;
    expect(ask(`G${changed}`)).toBe('OK');
    expect(ask('g')).toBe(changed);
    // CR0 with PG and without PE; CR4 with a reserved bit.
    const cr0 = ask('p1b');
    expect(ask('P1b=0000008000000000')).toBe('OK');
    expect(ask('p1b')).toBe(cr0);
    expect(ask('P1e=0000008000000000')).toBe('OK');
    expect(resume('s')).toBe('T05thread:01;');
  });

  it('are those of the vCPU that was chosen', () => {
    const { ask } = attached({ smp: TWO });
    expect(ask('Hg2')).toBe('OK');
    ask('P0=7700000000000000');
    ask('Hg1');
    expect(little(ask('p0'))).not.toBe(0x77);
    ask('Hg2');
    expect(little(ask('p0'))).toBe(0x77);
  });
});

describe('running', () => {
  it('a step is one instruction, with QEMU’s events and run state', () => {
    const { machine, resume, ask, events } = attached();
    resume('s');
    expect([machine.engine.cpu.S[RIP_LO], machine.engine.retired]).toEqual([ENTRY + 1, 1]);
    expect(machine.runState).toBe('debug');
    expect(events).toEqual(['RESUME', 'STOP']);
    expect(resume('vCont;s:1')).toBe('T05thread:01;');
    expect(little(ask('p10'))).toBe(ENTRY + 6);
    expect(resume(`s${ENTRY.toString(16)}`)).toBe('T05thread:01;');
    expect(little(ask('p10'))).toBe(ENTRY + 1);
  });

  it('stops at a breakpoint, before its instruction, again and again', () => {
    const { machine, resume, ask, wait } = attached();
    ask(`Z1,${(ENTRY + 6).toString(16)},1`);
    expect(resume('c')).toBe('T05thread:01;');
    expect(machine.engine.cpu.S[RAX]).toBe(1);
    for (let round = 2; round < 5; round++) {
      // As gdb does: without the breakpoint over it, and with it on.
      ask(`z1,${(ENTRY + 6).toString(16)},1`);
      expect(resume('vCont;s:1')).toBe('T05thread:01;');
      ask(`Z1,${(ENTRY + 6).toString(16)},1`);
      expect(resume('vCont;c')).toBe('T05thread:01;');
      expect([machine.engine.cpu.S[RIP_LO], machine.engine.cpu.S[RAX]]).toEqual([ENTRY + 6, round]);
    }
    // `?` is what a new client asks first.
    ask('?');
    ask('c');
    expect(wait(50)).toBeUndefined();
    expect(machine.runState).toBe('running');
  });

  it.each([
    ['2', 'watch', 6],
    ['4', 'awatch', 6],
  ])('stops behind a store to watched memory: Z%s', (type, word, behind) => {
    const { resume, ask } = attached();
    ask(`Z${type},7000,4`);
    expect(resume('c')).toBe(`T05thread:01;${word}:0000000000007000;`);
    expect(little(ask('p10'))).toBe(ENTRY + behind);
    expect(ask('m7000,4')).toBe('01000000');
    expect(resume('c')).toBe(`T05thread:01;${word}:0000000000007000;`);
    expect(ask('m7000,4')).toBe('02000000');
    ask(`z${type},7000,4`);
    ask('Z3,7000,4');
    expect(resume('vCont;s:1')).toBe('T05thread:01;');
  });

  it('is stopped by Ctrl-C, by the monitor, and by any byte, which is lost', () => {
    const { machine, ask, raw, wait } = attached();
    ask('c');
    wait(5);
    expect(raw('\x03')).toMatch(/^\$T02thread:01;#/);
    expect([machine.runState, raw('+')]).toEqual(['paused', '']);
    ask('c');
    machine.stop();
    expect(wait()).toBe('T02thread:01;');
    ask('c');
    expect(raw('$g#67')).toMatch(/^\$T02thread:01;#/);
  });

  it('stops when a client comes, and goes on when it lets go', () => {
    const { machine, stub, ask, take, wait } = attached();
    ask(`Z0,${ENTRY.toString(16)},1`);
    expect(ask('D')).toBe('OK');
    wait(5);
    expect(machine.runState).toBe('running');
    stub.closed();
    expect(take()).toBe('');
    stub.opened();
    expect([machine.runState, take().slice(0, 14)]).toEqual(['paused', '$T02thread:01;']);
    stub.closed();
    expect(machine.runState).toBe('paused');
  });

  it('says that the machine ends', () => {
    const { machine, stub, raw, stderr, take } = attached();
    raw('$k#6b');
    expect([machine.hasQuit, stderr]).toEqual([true, ['QEMU: Terminated via GDBstub']]);
    take();
    stub.exited();
    expect(take()).toBe('$W00#b7');
  });

  it('runs commands of the monitor', async () => {
    const { ask, stub, take } = attached();
    ask(`qRcmd,${hex('info status')}`);
    expect(stub.isBusy).toBe(true);
    // What comes meanwhile waits.
    stub.input(framed('qC'));
    await new Promise((resolve) => setImmediate(resolve));
    const all = take();
    expect(all).toContain(`$O${hex('VM status: paused (prelaunch)\r\n')}#`);
    expect(all.indexOf('$OK#9a')).toBeLessThan(all.indexOf('$QC01#f5'));
    expect(stub.isBusy).toBe(false);
  });
});

describe('many vCPUs', () => {
  const TWO_RUN: Partial<MachineConfig> = { kernel: restlessKernel(), smp: TWO };

  it('are threads, as QEMU names them', () => {
    const { ask } = rig({ smp: TWO });
    expect(ask('qSupported:multiprocess+')).toContain('multiprocess+');
    expect(ask('?')).toBe('T05thread:p01.01;');
    expect([ask('qfThreadInfo'), ask('qsThreadInfo'), ask('qsThreadInfo')]).toEqual([
      'mp01.01',
      'mp01.02',
      'l',
    ]);
    expect(ask('qThreadExtraInfo,p1.1')).toBe(hex('CPU#0 [running]'));
    expect(ask('qThreadExtraInfo,p1.2')).toBe(hex('CPU#1 [halted ]'));
    expect(ask('qThreadExtraInfo,zz')).toBe('E22');
    expect([ask('Tp1.2'), ask('Tp1.3')]).toEqual(['OK', 'E22']);
    expect(ask('qC')).toBe('QCp01.01');
  });

  it('stop at what each of them writes, and say which it was', () => {
    const { ask, resume, machine } = attached(TWO_RUN);
    ask(`Z2,${DONE.toString(16)},4`);
    expect(resume('c')).toBe(`T05thread:02;watch:${DONE.toString(16).padStart(16, '0')};`);
    expect(little(ask(`m${DONE.toString(16)},4`))).toBe(1);
    ask(`z2,${DONE.toString(16)},4`);
    ask(`Z2,${COUNTER.toString(16)},4`);
    expect(resume('c')).toMatch(/^T05thread:01;watch/);
    expect(machine.processors.current.index).toBe(0);
  });

  it('step alone, or with the others, and stand still where vCont leaves them out', () => {
    const { ask, resume, wait, raw } = attached(TWO_RUN);
    ask('c');
    wait(20);
    raw('\x03+');
    const counters = (): number[] => [COUNTER, DONE].map((at) => little(ask(`m${at.toString(16)},4`)));
    const before = counters();
    expect(before.every((count) => count > 0)).toBe(true);
    for (let step = 0; step < 20; step++) expect(resume('vCont;s:2;c')).toBe('T05thread:02;');
    const stepped = counters();
    expect((stepped[1] ?? 0) - (before[1] ?? 0)).toBe(10);
    ask('vCont;c:2');
    wait(10);
    raw('\x03+');
    const alone = counters();
    expect(alone[0]).toBe(stepped[0]);
    expect(alone[1]).toBeGreaterThan((stepped[1] ?? 0) + 1000);
  });
});
