import { describe, expect, it } from 'vitest';
import { qtestRig } from '../support/qtest-rig.ts';

const NS_PER_S = 1_000_000_000;
const CMOS_INDEX = 0x70;
const CMOS_DATA = 0x71;

describe('memory and ports', () => {
  it('are written and read in every width', () => {
    const { ask } = qtestRig();
    expect(ask('endianness')).toBe('little');
    expect(ask('writeq 0x1000 0x1122334455667788')).toBe('');
    expect(ask('readq 0x1000')).toBe('0x1122334455667788');
    expect(ask('readl 0x1004')).toBe('0x0000000011223344');
    expect(ask('readw 4098')).toBe('0x0000000000005566');
    expect(ask('readb 010007')).toBe('0x0000000000000011');
    expect(ask('writel 0x1000 -1')).toBe('');
    expect(ask('writeb 0x1000 0x1fe')).toBe('');
    expect(ask('writew 0x1002 0')).toBe('');
    expect(ask('read 0x1000 8')).toBe('0xfeff000044332211');
    expect(ask('outl 0xcf8 0x80000000')).toBe('');
    expect(ask('inl 0xcfc')).toBe('0x12378086');
    expect(ask('inw 0xcfc')).toBe('0x8086');
    expect(ask('inb 0xcfd')).toBe('0x0080');
  });

  it('are moved as blocks', () => {
    const { ask } = qtestRig();
    expect(ask('write 0x2000 4 0xDEADbeef')).toBe('');
    expect(ask('b64read 0x2000 4')).toBe('3q2+7w==');
    expect(ask('b64write 0x2001 3 AQID')).toBe('');
    expect(ask('read 0x2000 5')).toBe('0xde01020300');
    expect(ask('b64read 0x2000 0')).toBe('');
    expect(ask('b64write 0x2000 2 A*QI')).toBe('');
    expect(ask('write 0x2004 4 0xzz12')).toBe('');
    expect(ask('read 0x2000 8')).toBe('0xde01020300120000');
    expect(ask('memset 0x2000 3 0xa5')).toBe('');
    expect(ask('memset 0x2000 0 0')).toBe('');
    expect(ask('read 0x2000 4')).toBe('0xa5a5a503');
    // Over the end of a page and over more than is set at once.
    expect(ask('memset 0x2ffff 70000 1')).toBe('');
    expect(ask('read 0x2fffe 3')).toBe('0x000101');
    expect(ask('read 0x4116e 2')).toBe('0x0100');
  });

  it('read as nothing where nothing is', () => {
    const { ask } = qtestRig();
    expect(ask('readq 0x7fff00000000')).toBe('0x0000000000000000');
    expect(ask('writeq 0xffffffffffffffff 1')).toBe('');
    expect(ask('inl 0x7000')).toBe('0xffffffff');
  });

  it('reach the registers of devices', () => {
    const { ask } = qtestRig();
    expect(ask('readl 0xfed00000')).toBe('0x000000008086a201');
    expect(ask('writel 0xfec00000 1')).toBe('');
    expect(ask('readl 0xfec00010')).toBe('0x0000000000170020');
  });
});

describe('virtual time', () => {
  it('moves only when it is told to, and each timer runs at its moment', () => {
    const { machine, ask, say } = qtestRig();
    const at: number[] = [];
    const timer = machine.clock.timer(() => {
      at.push(machine.clock.nowNs());
      if (at.length < 3) timer.arm(machine.clock.nowNs() + 100);
    });
    timer.arm(1000);
    machine.run(20);
    expect(machine.clock.nowNs()).toBe(0);
    expect(ask('clock_step 999')).toBe('999');
    expect(at).toEqual([]);
    expect(ask('clock_step 5001')).toBe('6000');
    expect(at).toEqual([1000, 1100, 1200]);
    expect(ask('clock_set 7000')).toBe('7000');
    expect(ask('clock_set 500')).toBe('7000');
    expect(ask('clock_step -5')).toBe('7000');
    timer.arm(9000);
    expect(ask('clock_step')).toBe('9000');
    expect(say('clock_step 0x7fffffffffffffff')).toEqual([expect.stringMatching(/^FAIL /)]);
  });

  it('does not stand still because of a timer that always is due', () => {
    const { machine, ask } = qtestRig();
    let runs = 0;
    const timer = machine.clock.timer(() => {
      runs++;
      timer.arm(machine.clock.nowNs());
    });
    timer.arm(5);
    expect(ask('clock_step 6')).toBe('6');
    expect(runs).toBeGreaterThan(1);
    timer.cancel();
  });

  it('goes on without its timers while the machine is stopped', () => {
    const { machine, ask } = qtestRig();
    machine.stop();
    let runs = 0;
    machine.clock.timer(() => runs++).arm(10);
    expect(ask('clock_step 20')).toBe('20');
    expect(runs).toBe(0);
    machine.cont();
    machine.run(1);
    expect(runs).toBe(1);
  });

  it('is not the client’s where vCPUs move it', () => {
    const { say } = qtestRig({ accel: 'tcg' });
    expect(say('clock_step 1')).toEqual(["FAIL Unknown command 'clock_step'"]);
    expect(say('clock_set 1')).toEqual(["FAIL Unknown command 'clock_set'"]);
  });
});

describe('interrupts', () => {
  it('are told when their wire changes, before the answer of what changed it', () => {
    const { ask, say } = qtestRig();
    expect(ask('irq_intercept_in ioapic')).toBe('');
    expect(ask('irq_intercept_in ioapic')).toBe('');
    ask(`outb ${CMOS_INDEX} 0x0b`);
    ask(`outb ${CMOS_DATA} 0x12`);
    const lines = say(`clock_step ${NS_PER_S}`);
    expect(lines.filter((line) => !/ 0$/.test(line))).toEqual(['IRQ raise 8', `OK ${NS_PER_S}`]);
    // The timer of the board goes on at 18 Hz, as nobody has set it.
    expect(lines.filter((line) => line === 'IRQ raise 0')).toHaveLength(18);
    ask(`outb ${CMOS_INDEX} 0x0c`);
    expect(say(`inb ${CMOS_DATA}`)).toEqual(['IRQ lower 8', 'OK 0x0090']);
  });

  it('can be listened to where they leave a device', () => {
    const { machine, ask, say } = qtestRig();
    const rtc = machine.qom.find('/machine/unattached')[0]?.children.find((one) => one.isA('mc146818rtc'));
    expect(ask(`irq_intercept_out ${rtc?.path}`)).toBe('');
    ask(`outb ${CMOS_INDEX} 0x0b`);
    ask(`outb ${CMOS_DATA} 0x12`);
    expect(say('clock_step 1000000000')[0]).toBe('IRQ raise 0');
  });

  it('can be driven', () => {
    const { ask, say } = qtestRig();
    ask('irq_intercept_in ioapic');
    expect(say('set_irq_in ioapic unnamed-gpio-in 5 1')).toEqual(['IRQ raise 5', 'OK']);
    expect(say('set_irq_in ioapic unnamed-gpio-in 5 1')).toEqual(['OK']);
    expect(say('set_irq_in ioapic unnamed-gpio-in 5 0')).toEqual(['IRQ lower 5', 'OK']);
    expect(say('set_irq_in ioapic unnamed-gpio-in 24 1')).toEqual([expect.stringMatching(/^FAIL /)]);
  });

  it('belong to one device', () => {
    const { ask, say } = qtestRig();
    expect(say('irq_intercept_in nothing')).toEqual(['FAIL Unknown device']);
    expect(say('irq_intercept_in /machine')).toEqual(['FAIL Unknown device']);
    ask('irq_intercept_in ioapic');
    expect(say('irq_intercept_in /machine/unattached/device[2]')).toEqual([
      'FAIL IRQ intercept already enabled',
    ]);
  });
});

describe('a line', () => {
  it('may come in pieces, or with others', () => {
    const { session, say } = qtestRig();
    for (const character of 'endian') session.input(new TextEncoder().encode(character));
    expect(say('ness\nendianness')).toEqual(['OK little', 'OK little']);
  });

  it('that is wrong is refused, and changes nothing', () => {
    const { say, ask } = qtestRig();
    const before = ask('b64read 0 1024');
    expect(say('')).toEqual(["FAIL Unknown command ''"]);
    expect(say('ENDIANNESS')).toEqual(["FAIL Unknown command 'ENDIANNESS'"]);
    expect(say('endianness\r')).toEqual(["FAIL Unknown command 'endianness\r'"]);
    const wrong = [
      ...['inb', 'inb x', 'inb 0x', 'inb 0x10000', 'inb -1', 'inb 1.5', 'inb  5', 'outb 5', 'outb 0x70 12z'],
      ...[
        'readb',
        'readb 0x10000000000000000',
        'writel 5',
        'writel 5 five',
        'writel 08 1',
        'read 0',
        'read 0 0',
      ],
      ...[
        'write 0 4',
        'write 0 5 0',
        'write 0 x 0x00',
        'memset 0 4',
        'memset 0 1e3 5',
        'b64write 0',
        'module_load a b',
      ],
      ...[
        'set_irq_in',
        'set_irq_in ioapic',
        'set_irq_in ioapic unnamed-gpio-in',
        'clock_set',
        'clock_step soon',
      ],
      ...['irq_intercept_in', 'read 0 0x4000001', 'memset 0 0x4000001 1', 'write 0 0xffffffffffff 0x00'],
    ];
    for (const line of wrong) expect(say(line), line).toEqual([expect.stringMatching(/^(?:FAIL|ERR)/)]);
    expect(ask('b64read 0 1024')).toBe(before);
  });

  it('that is too long is skipped to its end', () => {
    const { session, say } = qtestRig();
    const piece = new Uint8Array(1 << 24).fill(0x30);
    for (let sent = 0; sent < 9; sent++) session.input(piece);
    expect(say('\nendianness')).toEqual([expect.stringMatching(/^FAIL A line/), 'OK little']);
  });

  it('is in the log with its answer, while a client is there', () => {
    const { session, log, say } = qtestRig();
    say('inb 0x70');
    session.closed();
    say('inb 0x70');
    expect(log).toEqual([
      '[I +0.000000] OPENED\n',
      '[R +0.000000] inb 0x70\n',
      '[S +0.000000] OK 0x00ff\n',
      '[I +0.000000] CLOSED\n',
    ]);
  });
});

/** Bytes of an item of fw_cfg. */
function fwCfg(ask: (line: string) => string, key: number, size: number): readonly number[] {
  ask(`outw 0x510 ${key}`);
  return Array.from({ length: size }, () => Number(ask('inb 0x511')) & 0xff);
}

describe('what firmware is told', () => {
  const cmos = (ask: (line: string) => string, index: number): number => {
    ask(`outb ${CMOS_INDEX} ${index}`);
    return Number(ask(`inb ${CMOS_DATA}`));
  };
  const order = (ask: (line: string) => string): readonly number[] => [cmos(ask, 0x38), cmos(ask, 0x3d)];

  it('of the boot order: the one of one start is over with a reset', () => {
    const { machine, ask } = qtestRig({ boot: { order: 'n', once: 'ad', skipsFloppyCheck: true } });
    expect(order(ask)).toEqual([0x01, 0x31]);
    machine.reset();
    expect(order(ask)).toEqual([0x01, 0x04]);
    expect(order(qtestRig().ask)).toEqual([0x30, 0x12]);
  });

  it('in fw_cfg, as QEMU 7.2 has it', () => {
    const { ask } = qtestRig({
      boot: { menu: true, rebootTimeoutMs: 15, splashTimeMs: 7 },
      uuid: '4600cb32-38ec-4b2f-8acb-81c6ea54f2d8',
      smp: { cpus: 2, maxCpus: 4, sockets: 1, dies: 1, cores: 4, threads: 1 },
    });
    const uuid = fwCfg(ask, 2, 16).map((byte) => byte.toString(16).padStart(2, '0'));
    expect(uuid.join('')).toBe('4600cb3238ec4b2f8acb81c6ea54f2d8');
    expect(fwCfg(ask, 3, 8)).toEqual([0, 0, 0, 1, 0, 0, 0, 0]);
    expect([fwCfg(ask, 5, 2), fwCfg(ask, 14, 2), fwCfg(ask, 15, 2)]).toEqual([
      [2, 0],
      [1, 0],
      [4, 0],
    ]);
    expect(fwCfg(ask, 0x20, 4)).toEqual([15, 0, 0, 0]);
    expect(fwCfg(ask, 0x21, 2)).toEqual([7, 0]);
  });
});

describe('a machine without vCPUs that run', () => {
  it('still is reset and switched off by its registers', () => {
    const { machine, ask } = qtestRig();
    const events: string[] = [];
    machine.events.listen(({ event }) => events.push(event));
    ask('outb 0xcf9 6');
    expect(events).toEqual(['RESET']);
    expect(machine.runState).toBe('running');
    expect(machine.retiredInstructions).toBe(0);
  });
});
