/** Plays the recorded sessions to our machine: what it answers is what QEMU answered. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  attachBackends,
  attachDevices,
  type Machine,
  Monitor,
  machineOfCommandLine,
  readCommandLine,
} from '../../../src/emu/index.ts';
import { pcFirmwareSetup } from '../../../src/emu/machine/boards/pc-firmware.ts';
import { queryPci } from '../../../src/emu/monitor/qapi/pci.ts';
import { memoryImages } from '../../support/headless-guest.ts';
import { normalisations } from '../../support/replay.ts';
import { type PciRecords, type PciSession, SESSIONS, type Step, sortedJson } from './sessions.ts';

const RECORDS: PciRecords = JSON.parse(readFileSync(new URL('records.json', import.meta.url), 'utf8'));
const COMMON = ['-nodefaults', '-display', 'none', '-m', '64', '-serial', 'null', '-S'];
const MIB = 1 << 20;

async function machineOf({ arguments: own, firmware }: PciSession): Promise<Machine> {
  const commandLine = readCommandLine([...COMMON, ...own], () => {});
  if ('text' in commandLine) throw new Error(commandLine.text);
  const host = {
    monotonicNs: () => 0,
    wallClockMs: () => 0,
    after() {},
    random() {},
    images: memoryImages(),
  };
  const parts = { kernel: undefined, initrd: undefined, append: '', memoryBytes: 64 * MIB };
  const machine = machineOfCommandLine(commandLine, parts, host);
  attachBackends(machine, commandLine, () => {});
  await attachDevices(machine, commandLine, () => {});
  machine.devices.machineReady();
  if (firmware === true) pcFirmwareSetup(machine.board);
  return machine;
}

function hex(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

class Player {
  readonly #machine: Machine;
  readonly #monitor: Monitor;
  #events: string[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#monitor = new Monitor({ machine });
    machine.events.listen(({ event, data }) => {
      const path = data !== undefined && 'path' in data ? String(data.path) : '';
      this.#events.push(`${event} ${path}`.trim());
    });
  }

  /** Undefined: nothing is recorded of the step. */
  async play(step: Step): Promise<number | string | undefined> {
    const { ports } = this.#machine.board;
    const { access } = this.#machine;
    switch (step[0]) {
      case 'get':
        return this.#data(step[1], step[2], (port) => ports.read(port, step[3]));
      case 'set':
        this.#data(step[1], step[2], (port) => ports.write(port, step[3], step[4]));
        return undefined;
      case 'config':
        return hex(
          Array.from({ length: 256 }, (_, at) => this.#data(step[1], at, (port) => ports.read(port, 1))),
        );
      case 'in':
        return ports.read(step[1], step[2]);
      case 'out':
        ports.write(step[1], step[2], step[3]);
        return undefined;
      case 'read': {
        const bytes = new Uint8Array(4);
        access.readPhysical(BigInt(step[1]), bytes.subarray(0, step[2]));
        return new DataView(bytes.buffer).getUint32(0, true);
      }
      case 'write': {
        const bytes = new Uint8Array(4);
        new DataView(bytes.buffer).setUint32(0, step[3], true);
        access.writeBus(BigInt(step[1]), bytes.subarray(0, step[2]));
        return undefined;
      }
      case 'dump': {
        const bytes = new Uint8Array(step[2]);
        access.readPhysical(BigInt(step[1]), bytes);
        return hex(bytes);
      }
      case 'hmp':
        return await this.#monitor.execute(step[1]);
      case 'query':
        return sortedJson(queryPci(this.#machine));
      case 'events': {
        const events = this.#events.join('\n');
        this.#events = [];
        return events;
      }
    }
  }

  #data<T>(bdf: number, offset: number, access: (port: number) => T): T {
    this.#machine.board.ports.write(0xcf8, 4, 0x8000_0000 + bdf * 0x100 + (offset & 0xfc));
    return access(0xcfc + (offset & 3));
  }
}

/** RESET comes when it is over, between late events. */
const ofDevices = (line: string): boolean => line.startsWith('DEVICE_DELETED');

/** A step and its value, so that a difference says where it is. */
function told(step: Step, number: number, value: number | string): string {
  return `${number} ${step.join(' ')}: ${typeof value === 'number' ? value.toString(16) : value}`;
}

describe('PCI as QEMU 7.2 has it', () => {
  it.each(SESSIONS)('$name', async (session) => {
    const machine = await machineOf(session);
    const types = machine.devices.registry.userCreatable().map(({ name }) => name);
    const rules = normalisations(new Set(types));
    const normalised = (step: Step, text: number | string, side: 'qemu' | 'ours'): number | string => {
      if (step[0] !== 'hmp' || typeof text !== 'string') return text;
      return rules
        .filter((rule) => (rule.lines?.test(step[1]) ?? true) && (side === 'qemu' || rule.side !== 'qemu'))
        .reduce((so, rule) => rule.apply(so), text);
    };
    const player = new Player(machine);
    const recorded = [...(RECORDS[session.name] ?? [])];
    const ours: string[] = [];
    const qemu: string[] = [];
    // QEMU tells of a device that has left when its threads have let go of it: events come late, but in their order.
    const events = { ours: [] as string[], qemu: [] as string[] };
    for (const [number, step] of session.steps.entries()) {
      const value = await player.play(step);
      if (value === undefined) continue;
      if (step[0] === 'events') {
        events.ours.push(...String(value).split('\n'));
        events.qemu.push(...String(recorded.shift()).split('\n'));
        continue;
      }
      ours.push(told(step, number, normalised(step, value, 'ours')));
      qemu.push(told(step, number, normalised(step, recorded.shift() ?? 'nothing', 'qemu')));
    }
    expect(ours).toEqual(qemu);
    expect(events.ours.filter(ofDevices)).toEqual(events.qemu.filter(ofDevices));
    expect(recorded).toEqual([]);
  });
});
