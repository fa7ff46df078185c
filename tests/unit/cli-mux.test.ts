import { beforeEach, describe, expect, it } from 'vitest';
import type { Channel, ChannelUser } from '../../src/node/chardev.ts';
import { Mux } from '../../src/node/chardev-mux.ts';

/** The terminal under the multiplexer. */
class Terminal implements Channel {
  readonly queuedBytes = 0;
  readonly filename = 'stdio';
  held = false;
  shown = '';
  user: ChannelUser | undefined;

  connect(user: ChannelUser): void {
    this.user = user;
    user.opened();
  }

  write(bytes: Uint8Array): void {
    this.shown += Buffer.from(bytes).toString('latin1');
  }

  hold(held: boolean): void {
    this.held = held;
  }

  close(): void {}

  type(text: string): void {
    this.user?.input(Buffer.from(text, 'latin1'));
  }
}

describe('serial port and monitor on one terminal', () => {
  let terminal: Terminal;
  let mux: Mux;
  let fronts: Record<'monitor' | 'serial', Channel>;
  let log: string[];
  /** What was told before a key was typed. */
  let opened: string[];
  let nowMs: number;

  beforeEach(() => {
    terminal = new Terminal();
    log = [];
    nowMs = 5000;
    mux = new Mux({ channel: terminal, onExit: () => log.push('exit'), nowMs: () => nowMs });
    const user = (name: string): ChannelUser => ({
      input: (bytes) => log.push(`${name} ${Buffer.from(bytes).toString('latin1')}`),
      opened: () => log.push(`${name} opened`),
      closed: () => log.push(`${name} closed`),
      focus: (on) => log.push(`${name} ${on ? 'in' : 'out'}`),
      sendBreak: () => log.push(`${name} break`),
    });
    fronts = { monitor: mux.front(), serial: mux.front() };
    fronts.monitor.connect(user('monitor'));
    fronts.serial.connect(user('serial'));
    mux.begin();
    opened = log.splice(0);
  });

  it('the last that came, the serial port, has the terminal first', () => {
    terminal.type('ls\r');
    expect(opened).toEqual(['monitor out', 'monitor opened', 'serial opened']);
    expect(log).toEqual(['serial ls\r']);
  });

  it('C-a c goes to the monitor and back', () => {
    terminal.type('a\x01cb\x01cc\x01cd');
    expect(log).toEqual([
      'serial a',
      'serial out',
      'monitor in',
      'monitor b',
      'monitor out',
      'serial in',
      'serial c',
      'serial out',
      'monitor in',
      'monitor d',
    ]);
  });

  it('an escape may be cut in two', () => {
    terminal.type('a\x01');
    terminal.type('cb');
    expect(log.slice(-2)).toEqual(['monitor in', 'monitor b']);
  });

  it('C-a C-a sends one C-a, C-a b a break to all whatever is shown, C-a z nothing', () => {
    terminal.type('\x01\x01\x01zx\x01c\x01b');
    expect(log).toEqual([
      ...['serial \x01', 'serial x', 'serial out', 'monitor in', 'monitor break', 'serial break'],
    ]);
  });

  it('C-a x ends, C-a h lists the keys', () => {
    terminal.type('\x01h');
    for (const key of ['h', 'x', 's', 't', 'b', 'c', 'C-a'])
      expect(terminal.shown).toContain(`\rC-a ${key} `);
    terminal.type('\x01x');
    expect(log.at(-1)).toBe('exit');
    expect(terminal.shown).toMatch(/QEMU: Terminated\n\r$/);
  });

  it('C-a t puts the time before lines', () => {
    terminal.type('\x01t');
    fronts.serial.write(Buffer.from('a\nb'));
    nowMs += 61_234;
    fronts.serial.write(Buffer.from('c\nd\n'));
    terminal.type('\x01t');
    fronts.serial.write(Buffer.from('e\n'));
    expect(terminal.shown).toBe('a\n[00:00:00.000] bc\n[00:01:01.234] d\ne\n');
  });

  it('four can share it; C-a c goes round in the order in which they came', () => {
    const user = (name: string): ChannelUser => ({
      input: (bytes) => log.push(`${name} ${Buffer.from(bytes).toString('latin1')}`),
      ...{ opened() {}, closed() {}, focus() {}, sendBreak() {} },
    });
    const third = mux.front();
    third.connect(user('third'));
    mux.front().connect(user('fourth'));
    expect(mux.hasRoom).toBe(false);
    expect(() => mux.front()).toThrow('no room');
    log.length = 0;
    terminal.type('a\x01cb\x01cc\x01cd\x01ce');
    const typed = log.filter((line) => !/ (?:in|out)$/.test(line));
    expect(typed).toEqual(['fourth a', 'monitor b', 'serial c', 'third d', 'fourth e']);
    third.close();
    log.length = 0;
    terminal.type('\x01cf\x01cg\x01ch');
    expect(log.filter((line) => !/ (?:in|out)$/.test(line))).toEqual(['monitor f', 'serial g', 'fourth h']);
    expect(mux.hasRoom).toBe(false);
  });

  it('is held while one of both has not taken what was typed', () => {
    fronts.serial.hold(true);
    fronts.monitor.hold(true);
    fronts.serial.hold(false);
    expect(terminal.held).toBe(true);
    fronts.monitor.hold(false);
    expect(terminal.held).toBe(false);
  });
});
