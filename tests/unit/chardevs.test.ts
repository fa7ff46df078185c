/** Character devices by id, and the events that a guest causes on them. The orders were read from QEMU 7.2. */
import { expect, it } from 'vitest';
import { Chardevs } from '../../src/emu/char/chardevs.ts';
import { type MachineEvent, MachineEvents } from '../../src/emu/core/machine-events.ts';
import { NameTable } from '../../src/emu/core/name-table.ts';
import { ObjectTree } from '../../src/emu/qdev/objects.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const names = (table: NameTable<number>): string =>
  table
    .entries()
    .map(([name]) => name)
    .join(' ');

it('names are listed in the order of QEMU’s table, also when it has grown and names have left', () => {
  const table = new NameTable<number>();
  const first = 'r0 f0 s0 n0 st0 p0 v0 compat_monitor0 compat_monitor1 serial0'.split(' ');
  for (const [at, name] of first.entries()) table.add(name, at);
  expect(names(table)).toBe('serial0 v0 compat_monitor1 f0 r0 compat_monitor0 st0 p0 n0 s0');
  const more = 'm0 abc x1 x2 x3 x4 x5 x6 x7 zz'.split(' ');
  for (const [at, name] of more.entries()) table.add(name, at);
  expect(names(table)).toBe(
    'p0 x1 compat_monitor0 s0 x7 x4 v0 zz abc r0 compat_monitor1 x2 x5 n0 st0 serial0 x3 x6 m0 f0',
  );
  expect([table.get('p0'), table.get('zz'), table.get('zy')]).toEqual([5, 9, undefined]);
});

it('a removed name leaves a place into which another may go', () => {
  const table = new NameTable<number>();
  for (const name of ['compat_monitor0', 'compat_monitor1', 'serial0']) table.add(name, 0);
  for (let n = 0; n < 12; n++) table.add(`x${n}`, n);
  for (const n of [3, 5, 7, 1]) table.remove(`x${n}`);
  expect(names(table)).toBe('serial0 x6 compat_monitor1 x4 compat_monitor0 x9 x2 x8 x0 x11 x10');
  for (let n = 0; n < 6; n++) table.add(`y${n}`, n);
  expect(names(table)).toBe(
    'x4 compat_monitor0 x10 y2 y5 x2 y0 compat_monitor1 y3 x11 x8 serial0 x0 y1 x6 y4 x9',
  );
  for (const n of [0, 2, 4, 6, 8, 9, 10, 11]) table.remove(`x${n}`);
  for (let n = 0; n < 5; n++) table.remove(`y${n}`);
  expect(names(table)).toBe('compat_monitor0 y5 compat_monitor1 serial0');
});

it('query-chardev says who is open: a console from the start, a port when the guest has opened it', async () => {
  const { machine, execute } = await monitorRig();
  for (const id of ['a', 'b', 'd']) await execute(`chardev-add ringbuf,id=${id}`);
  await execute('device_add virtio-serial-pci,id=v');
  await execute('device_add virtserialport,chardev=a');
  await execute('device_add virtconsole,chardev=b,id=c');
  const open = (): readonly string[] =>
    machine.chardevs.query().flatMap(({ label, frontendOpen }) => (frontendOpen ? [label] : []));
  expect(open().filter((label) => label.length === 1)).toEqual(['b']);
  machine.chardevs.setFrontendOpen('a', true);
  expect(open()).toContain('a');
  await execute('device_del c');
  expect(open()).not.toContain('b');
});

it('what comes with the machine is in use for good, and its id is taken', () => {
  const chardevs = new Chardevs(new ObjectTree('none-machine'));
  chardevs.provide('serial0', { driver: 'vc', backend: null, filename: () => 'vc' });
  const create = (): void => chardevs.create(parseOptions('null,id=serial0', 'backend', () => {}));
  expect(create).toThrow("attempt to add duplicate property 'serial0' to object (type 'container')");
  expect(() => chardevs.remove('serial0')).toThrow("Chardev 'serial0' is busy");
  expect(chardevs.checkFree('serial0', 'virtconsole', 'chardev')?.message).toBe(
    "Property 'virtconsole.chardev' can't take value 'serial0': Device 'serial0' is in use",
  );
  expect([chardevs.attach('serial0'), chardevs.madeByUser()]).toEqual([undefined, []]);
});

it('VSERPORT_CHANGE comes once a second for each port, the last one when the second is over', () => {
  const timers: { delayMs: number; callback: () => void }[] = [];
  const events = new MachineEvents((delayMs, callback) => timers.push({ delayMs, callback }));
  const told: string[] = [];
  events.listen((event) => {
    if (event.event === 'VSERPORT_CHANGE') told.push(`${event.data.id} ${event.data.open}`);
    else told.push(event.event);
  });
  const change = (id: string, open: boolean): MachineEvent => ({
    event: 'VSERPORT_CHANGE',
    data: { id, open },
  });
  for (const open of [true, false, true, false]) events.emit(change('p', open));
  events.emit(change('q', true));
  for (let n = 0; n < 2; n++) events.emit({ event: 'STOP', data: undefined });
  const second = (): void => {
    for (const { delayMs, callback } of timers.splice(0)) if (delayMs === 1000) callback();
    told.push('-');
  };
  second();
  events.emit(change('p', true));
  events.emit(change('q', false));
  second();
  second();
  second();
  events.emit(change('p', false));
  expect(told.join(', ')).toBe('p true, q true, STOP, STOP, p false, -, q false, p true, -, -, -, p false');
  expect(timers.length).toBe(1);
});
