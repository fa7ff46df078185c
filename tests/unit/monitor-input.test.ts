/** Keys and mouse from the human monitor, as they come out of the guest's 8042. What is expected was read from QEMU 7.2's ports. */
import { beforeEach, describe, expect, it } from 'vitest';
import { QmpSession, qmpText } from '../../src/emu/monitor/qmp/session.ts';
import type { JsonValue } from '../../src/emu/qapi/json-value.ts';
import { type MonitorRig, monitorRig } from '../support/monitor-rig.ts';

const STATUS_OBF = 1;
const SOON_NS = 1e9;

let rig: MonitorRig;
beforeEach(async () => {
  rig = await monitorRig();
  rig.machine.cont();
  // Interrupts off, keyboard translated as it is on a PC, the mouse enabled.
  for (const [port, value] of [
    [0x64, 0x60],
    [0x60, 0x40],
    [0x64, 0xd4],
    [0x60, 0xf4],
  ] as const) {
    rig.machine.access.writePort(port, 1, value);
  }
  output();
});

/** What the guest can read now. */
function output(): string {
  const bytes: string[] = [];
  while ((rig.machine.access.readPort(0x64, 1) & STATUS_OBF) !== 0) {
    bytes.push(rig.machine.access.readPort(0x60, 1).toString(16).padStart(2, '0'));
  }
  return bytes.join(' ');
}

/** What comes at once, and then step by step. */
function outputs(): string {
  let all = output();
  for (let step = 0; step < 20; step++) {
    rig.runTimers(10e6);
    const more = output();
    if (more !== '') all += ` | ${more}`;
  }
  return all;
}

describe('keys', () => {
  it.each([
    ['a', '1e | 9e'],
    ['ctrl-alt-delete', '1d | 38 | e0 53 | e0 d3 | b8 | 9d'],
    ['0x1e-0x9c', '1e | e0 1c | e0 9c | 9e'],
    ['pause', 'e1 1d 45 e1 9d c5'],
    ['print', 'e0 2a e0 37 | e0 b7 e0 aa'],
    ['sysrq', 'e0 2a e0 37 | e0 b7 e0 aa'],
    ['a-a-b', '1e | 1e | 30 | b0 | 9e | 9e'],
    ['muhenkan', '7b | fb'],
    ['yen', '7d | fd'],
    ['less', '56 | d6'],
    ['<', '56 | d6'],
  ])('%s', async (keys, bytes) => {
    expect(await rig.execute(`sendkey ${keys}`)).toBe('');
    expect(outputs()).toBe(bytes);
  });

  it.each(['menu', 'unmapped', '0x0', '0x1ff', '0x9e'])('%s says nothing', async (key) => {
    expect(await rig.execute(`sendkey ${key}`)).toBe('');
    expect(outputs()).toBe('');
  });

  it('are held as long as is said, and come one after the other', async () => {
    await rig.execute('sendkey a 100');
    await rig.execute('sendkey b');
    expect(output()).toBe('1e');
    rig.runTimers(99e6);
    expect(output()).toBe('');
    rig.runTimers(1e6);
    expect(output()).toBe('9e');
    rig.runTimers(100e6);
    expect(output()).toBe('30');
  });

  it('are lost on a stopped machine', async () => {
    await rig.execute('stop');
    await rig.execute('sendkey a');
    await rig.execute('cont');
    expect(outputs()).toBe('');
  });
});

describe('the mouse', () => {
  it.each([
    ['mouse_move 3 4', '28 03 fc'],
    ['mouse_move -3 4 5', '38 fd fc 08 00 00'],
    ['mouse_move 300 4', '28 7f fc 08 7f 00 08 2e 00'],
    ['mouse_move x 1', '28 00 ff'],
    ['mouse_move 0 0', '08 00 00'],
    ['mouse_button 1', '09 00 00'],
    ['mouse_button 2', '0a 00 00'],
    ['mouse_button 4', '0c 00 00'],
    ['mouse_button 8', ''],
    ['mouse_button 7', '0f 00 00'],
  ])('%s', async (line, bytes) => {
    expect(await rig.execute(line)).toBe('');
    rig.runTimers(SOON_NS);
    expect(output()).toBe(bytes);
  });
});

describe('input-send-event', () => {
  type Event = readonly [type: 'key' | 'btn' | 'rel', what: string | number, value: boolean | number];

  async function send(...events: readonly Event[]): Promise<string> {
    const told: string[] = [];
    const session = new QmpSession((message) => told.push(qmpText(message)), {
      machine: rig.machine,
      nowMs: () => 0,
    });
    session.start();
    session.request({ execute: 'qmp_capabilities' });
    session.request({ execute: 'input-send-event', arguments: { events: events.map(eventJson) } });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told.at(-1)).toBe('{"return": {}}\r\n');
    return output();
  }

  function eventJson([type, what, value]: Event): JsonValue {
    if (type === 'rel') return { type, data: { axis: what, value } };
    if (type === 'btn') return { type, data: { button: what, down: value } };
    const kind = typeof what === 'number' ? 'number' : 'qcode';
    return { type, data: { down: value, key: { type: kind, data: what } } };
  }

  /** As QEMU 7.2 gives it to its guest, one after the other. */
  it('is what the guest reads', async () => {
    const steps: readonly (readonly [bytes: string, ...events: Event[]])[] = [
      ['1e', ['key', 'a', true]],
      ['9e', ['key', 'a', false]],
      ['1e e0 1c', ['key', 30, true], ['key', 0x9c, true]],
      ['9e e0 9c', ['key', 30, false], ['key', 0x9c, false]],
      ['', ['key', 'unmapped', true]],
      ['09 00 00', ['btn', 'left', true]],
      ['09 00 00', ['btn', 'left', true]],
      ['29 05 fd', ['rel', 'x', 5], ['rel', 'y', 3]],
      ['30 19 fb 00', ['rel', 'x', -5], ['key', 'b', true]],
      ['0f 00 00', ['btn', 'middle', true], ['btn', 'right', true]],
      ['0e 00 00', ['btn', 'left', false]],
      ['08 00 00', ['btn', 'middle', false], ['btn', 'right', false]],
      ['08 00 00', ['btn', 'wheel-up', true]],
      ['08 00 00', ['btn', 'side', true]],
      ['08 00 00', ['btn', 'side', false]],
      ['08 7f 00 08 7f 00 08 7f 00 08 7f 00 08 7f 00', ['rel', 'x', 1000]],
      ['08 7f 00 08 7f 00 08 79 00', ['rel', 'x', 1000], ['rel', 'x', -990]],
      [''],
    ];
    for (const [bytes, ...events] of steps) expect(await send(...events), JSON.stringify(events)).toBe(bytes);
  });

  it('turns the wheel and presses five buttons of a mouse that has them', async () => {
    for (const rate of [200, 200, 80]) {
      for (const byte of [0xf3, rate]) {
        rig.machine.access.writePort(0x64, 1, 0xd4);
        rig.machine.access.writePort(0x60, 1, byte);
      }
    }
    rig.machine.access.writePort(0x64, 1, 0xd4);
    rig.machine.access.writePort(0x60, 1, 0xf2);
    expect(output()).toBe('fa fa fa fa fa fa fa 04');
    expect(await send(['btn', 'wheel-up', true])).toBe('08 00 00 0f');
    expect(await send(['btn', 'wheel-up', false])).toBe('08 00 00 00');
    expect(await send(['btn', 'wheel-down', true], ['btn', 'wheel-down', true])).toBe('08 00 00 02');
    expect(await send(['btn', 'side', true])).toBe('08 00 00 10');
    expect(await send(['btn', 'extra', true])).toBe('08 00 00 30');
    expect(await send(['btn', 'side', false], ['btn', 'extra', false])).toBe('08 00 00 00');
  });
});

describe('log', () => {
  it('says what the guest does wrong, and which events there are', async () => {
    await rig.execute('log guest_errors');
    rig.machine.access.writePort(0x64, 1, 0x33);
    expect(rig.stderr).toEqual(['unsupported keyboard cmd=0x33']);
    await rig.execute('log none');
    await rig.execute('trace-event pckbd_kbd_write_command on');
    rig.machine.access.writePort(0x64, 1, 0xad);
    expect(rig.stderr.slice(1)).toEqual(['pckbd_kbd_write_command 0xad']);
    await rig.execute('logfile /tmp/log');
    rig.machine.access.writePort(0x64, 1, 0xae);
    expect(rig.stderr).toHaveLength(2);
    expect(new TextDecoder().decode(rig.files.get('/tmp/log'))).toBe('pckbd_kbd_write_command 0xae\n');
  });
});
