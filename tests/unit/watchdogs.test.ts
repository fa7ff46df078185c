/** Both watchdogs by their registers, and what a machine does when one was not fed; QEMU's answers were read over qtest and QMP. */
import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { Ib700 } from '../../src/emu/chipset/ib700.ts';
import type { MachineEvent, WatchdogAction } from '../../src/emu/core/machine-events.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { QmpCaller } from '../../src/emu/index.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { fuzz, ManualClock } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { qtestRig } from '../support/qtest-rig.ts';
import { WATCHDOG_DEVFN, watchdogRig } from '../support/watchdog-rig.ts';

const S = 1e9;

function ib700() {
  const io = new AddressSpace('I/O');
  const clock = new ManualClock();
  const expiries: number[] = [];
  const device = new Ib700(clock, QUIET, () => void expiries.push(clock.nowNs()));
  device.attach({ io });
  return { io, clock, expiries, device };
}

deviceContract(
  'ib700',
  () => ib700().device,
  (device) => device.registerAt(2).write(0, 1, 3),
  (device) => device.save(),
);

describe('ib700', () => {
  it.each([
    [0x443, 1, 0x0e, 2],
    [0x444, 1, 0xfe, 2],
    [0x443, 1, 0x0f, 0],
    [0x443, 2, 0x000e, 30],
    [0x443, 2, 0x0e0d, 2],
    [0x444, 2, 0x000e, 2],
  ] as const)('port %i, %i bytes, %i: within %i s', (port, size, value, seconds) => {
    const { io, clock, expiries } = ib700();
    clock.step(S);
    io.write(port, size, value);
    clock.step(40 * S);
    expect(expiries).toEqual([(1 + seconds) * S]);
  });

  it.each([
    [0x442, 2, 0x0e00],
    [0x443, 4, 0x0e0e_0e0e],
  ] as const)('port %i, %i bytes: nothing begins', (port, size, value) => {
    const { io, device } = ib700();
    io.write(port, size, value);
    expect(device.save()).toEqual({ deadlineNs: null });
  });

  it('is fed, and switched off at both ports, not by a dword; nothing is read', () => {
    const { io, clock, expiries } = ib700();
    for (let n = 0; n < 5; n++) {
      io.write(0x443, 1, 0x0e);
      clock.step(1.9 * S);
    }
    for (const [port, size] of [
      [0x441, 1],
      [0x442, 1],
      [0x441, 2],
    ] as const) {
      io.write(0x443, 1, 0x0e);
      io.write(port, size, 0);
      clock.step(5 * S);
    }
    expect(expiries).toEqual([]);
    io.write(0x443, 1, 0x0e);
    io.write(0x441, 4, 0);
    clock.step(5 * S);
    expect(expiries.length).toBe(1);
    expect([io.read(0x441, 1), io.read(0x443, 2), io.read(0x441, 4)]).toEqual([0xff, 0xffff, 0xffff_ffff]);
  });

  it('survives random accesses', () => {
    for (const offset of [0, 2]) {
      const { device, clock } = ib700();
      fuzz(device.registerAt(offset), 2, device, (random) => clock.step(random(S)));
    }
  });
});

const BAR = 0xfe00_0000;
const rigs = new WeakMap<object, ReturnType<typeof watchdogRig>>();

function esb() {
  const rig = watchdogRig();
  rigs.set(rig.card, rig);
  return rig;
}

type Rig = ReturnType<typeof watchdogRig>;

function open({ configWrite }: Rig): void {
  configWrite(WATCHDOG_DEVFN, 0x10, 4, BAR);
  configWrite(WATCHDOG_DEVFN, 0x04, 2, 2);
}

function afterUnlock({ memory }: Rig, offset: number, size: 2 | 4, value: number): void {
  memory.write(BAR + 0x0c, 1, 0x80);
  memory.write(BAR + 0x0c, 1, 0x86);
  memory.write(BAR + offset, size, value);
}

deviceContract(
  'i6300esb',
  () => esb().card,
  (card) => {
    const rig = rigs.get(card);
    if (rig === undefined) throw new Error('no rig');
    open(rig);
    // One timeout, then on its way through the second stage of another.
    afterUnlock(rig, 0, 4, 1);
    afterUnlock(rig, 4, 4, 1);
    rig.configWrite(WATCHDOG_DEVFN, 0x68, 1, 2);
    rig.pass(S);
    rig.configWrite(WATCHDOG_DEVFN, 0x60, 2, 0x35);
    afterUnlock(rig, 0, 4, 1);
    afterUnlock(rig, 4, 4, 0xf_fffe);
    rig.configWrite(WATCHDOG_DEVFN, 0x68, 1, 7);
    rig.pass(0.1 * S);
    rig.memory.write(BAR + 0x0c, 1, 0x80);
  },
  (card) => [card.configRead(0x60, 2), card.configRead(0x68, 1), card.bars[0]?.handler.read(0x0c, 2)],
  ['timedOut'],
);

describe('i6300esb', () => {
  // The clock of PCI, 33 MHz, divided by 2^15 or 2^5.
  it.each([
    [0x00, 1000, Math.floor((1000 * 2 ** 15 * S) / 33e6)],
    [0x04, 1000, Math.floor((1000 * 2 ** 5 * S) / 33e6)],
  ])('counts two stages, CONFIG %i', (config, preload, stageNs) => {
    const rig = esb();
    open(rig);
    rig.configWrite(WATCHDOG_DEVFN, 0x60, 2, config);
    afterUnlock(rig, 0, 4, preload);
    afterUnlock(rig, 4, 4, preload);
    rig.configWrite(WATCHDOG_DEVFN, 0x68, 1, 2);
    rig.pass(stageNs + 1);
    expect(rig.card.save()).toMatchObject({ stage: 2, deadlineNs: 2 * stageNs });
    afterUnlock(rig, 0x0c, 2, 0x100);
    expect(rig.card.save()).toMatchObject({ stage: 1, deadlineNs: 2 * stageNs + 1 });
    rig.pass(10 * stageNs);
    expect(rig.expiries).toEqual([3 * stageNs + 1]);
    expect(rig.card.save()).toMatchObject({ enabled: false, timedOut: true, deadlineNs: null });
  });

  it('tells of a timeout before a reset, and has no timer when it has left', () => {
    const rig = esb();
    open(rig);
    afterUnlock(rig, 0, 4, 1);
    afterUnlock(rig, 4, 4, 1);
    rig.configWrite(WATCHDOG_DEVFN, 0x68, 1, 2);
    rig.pass(S);
    rig.card.reset();
    open(rig);
    expect(rig.memory.read(BAR + 0x0c, 2)).toBe(0x1200);
    rig.configWrite(WATCHDOG_DEVFN, 0x68, 1, 2);
    rig.card.abandon();
    rig.pass(10_000 * S);
    expect(rig.expiries.length).toBe(1);
  });

  it('survives random accesses, in configuration space too', () => {
    const rig = esb();
    open(rig);
    const [bar] = rig.card.bars;
    if (bar === undefined) throw new Error('no BAR');
    fuzz(bar.handler, 16, rig.card, (random) => {
      if (random(4) === 0) rig.memory.write(BAR + 0x0c, 1, [0x80, 0x86][random(2)] ?? 0);
      if (random(8) === 0) rig.configWrite(WATCHDOG_DEVFN, 0x60, 2, random(0x1_0000));
      if (random(8) === 0) rig.configWrite(WATCHDOG_DEVFN, 0x68, 1, random(256) & 0xfe);
      if (random(8) === 0) rig.time.ns += random(S);
      rig.clock.runDue();
    });
    expect(rig.expiries.length).toBeGreaterThan(10);
  });
});

async function machineWith(action: WatchdogAction) {
  const lines: string[] = [];
  const rig = qtestRig({ coldPlug: true, watchdogAction: action, noShutdown: true });
  await rig.machine.devices.add(parseOptions('ib700', 'driver', () => {}));
  rig.machine.devices.machineReady();
  const events: MachineEvent[] = [];
  rig.machine.events.listen((event) => void events.push(event));
  return { ...rig, lines, events };
}

describe('a machine whose watchdog was not fed', () => {
  it.each([
    ['reset', ['WATCHDOG', 'RESET'], 'running', undefined],
    ['shutdown', ['WATCHDOG', 'POWERDOWN'], 'running', undefined],
    ['poweroff', ['WATCHDOG'], 'shutdown', 0],
    ['pause', ['WATCHDOG', 'STOP'], 'watchdog', undefined],
    ['debug', ['WATCHDOG'], 'running', undefined],
    ['none', ['WATCHDOG'], 'running', undefined],
    ['inject-nmi', ['WATCHDOG'], 'running', undefined],
  ] as const)('%s', async (action, names, state, status) => {
    const { machine, ask, say, events } = await machineWith(action);
    ask('outb 0x443 0xe');
    ask('clock_step 1999999999');
    expect(events).toEqual([]);
    say('clock_step 1');
    say('inb 0x443');
    expect(events.map(({ event }) => event)).toEqual(names);
    expect(events[0]).toEqual({ event: 'WATCHDOG', data: { action } });
    expect([machine.runState, machine.exitStatus]).toEqual([state, status]);
  });

  it('is treated as the monitors said last, and goes on by cont', async () => {
    const { machine, ask, say, events } = await machineWith('reset');
    const client = new QmpCaller(() => {}, { machine, nowMs: () => 0 });
    const call = (execute: string, more: object): Promise<string> =>
      client.call(JSON.stringify({ execute, arguments: more }));
    await call('watchdog-set-action', { action: 'none' });
    expect(machine.actions.watchdogAction).toBe('none');
    await call('set-action', { watchdog: 'debug' });
    expect(machine.actions.watchdogAction).toBe('debug');
    await call('human-monitor-command', { 'command-line': 'watchdog_action pause' });
    const wrong = await call('human-monitor-command', { 'command-line': 'watchdog_action zz' });
    expect(JSON.parse(wrong)).toEqual({ return: 'Error: invalid parameter value: zz\r\n' });
    ask('outb 0x443 0xf');
    say('clock_step 1');
    expect([machine.runState, events[0]]).toEqual([
      'watchdog',
      { event: 'WATCHDOG', data: { action: 'pause' } },
    ]);
    expect(machine.cont()).toBeUndefined();
    expect(machine.runState).toBe('running');
  });
});
