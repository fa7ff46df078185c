/** What is alive after many plugs and unplugs, or many clients, is what was alive before them: no table, list of listeners, map or log keeps something of each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseChardevOptions } from '../../src/emu/char/chardev-options.ts';
import { Machine } from '../../src/emu/index.ts';
import { DEFAULT_DIALECT } from '../../src/emu/monitor/dialects/dialects.ts';
import { ChannelSet } from '../../src/node/channel-set.ts';
import { attachMonitor } from '../../src/node/monitor-channels.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { type LiveObjects, liveObjects } from '../support/live-objects.ts';
import { PlugCycle } from '../support/plug-cycle.ts';

/** After so many, caches and compiled code are as they stay. */
const WARM_CYCLES = 200;
const CYCLES = 1000;
/** The engine may compile a large function at any time, once: what grows by itself grows each time. */
const ATTEMPTS = 3;
/** One object that each cycle leaves would be 1,000. */
const OBJECTS = CYCLES / 20;
/** One line of text that each cycle leaves would be more. */
const BYTES = CYCLES * 80;

const isWithin = (grown: LiveObjects, limits: LiveObjects): boolean =>
  grown.count < limits.count && grown.bytes < limits.bytes;

/** By how much what is alive grows when `act` is done: the least of some times, unless one of the first is within the limits. */
async function growth(act: () => Promise<void>, limits: LiveObjects): Promise<LiveObjects> {
  let least = { count: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
  let before = await liveObjects();
  for (let attempt = 0; attempt < ATTEMPTS && !isWithin(least, limits); attempt++) {
    await act();
    const after = await liveObjects();
    least = {
      count: Math.min(least.count, after.count - before.count),
      bytes: Math.min(least.bytes, after.bytes - before.bytes),
    };
    before = after;
  }
  return least;
}

describe('a disk that comes, is read and goes', () => {
  it('a thousand times leaves no object behind', { timeout: 120_000 }, async () => {
    const cycle = await PlugCycle.start();
    for (let n = 0; n < WARM_CYCLES; n++) await cycle.run();
    const limits = { count: OBJECTS, bytes: BYTES };
    const grown = await growth(async () => {
      for (let n = 0; n < CYCLES; n++) await cycle.run();
    }, limits);
    expect(grown).toSatisfy((one: LiveObjects) => isWithin(one, limits));
    await cycle.machine.close();
  });
});

/** A machine whose monitors are on the sockets `qmp` and `hmp` of a folder. */
class Served {
  readonly folder = mkdtempSync(join(tmpdir(), 'hotslot-growth-'));
  readonly #machine: Machine;
  readonly #channels = new ChannelSet({
    ...{ warn() {}, say() {}, onExit() {}, nowMs: () => 0, wake() {} },
    ended: new Promise<never>(() => {}),
  });

  private constructor() {
    const host = {
      monotonicNs: () => 0,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images: memoryImages(),
    };
    this.#machine = new Machine({ memoryBytes: 64 * 2 ** 20 }, host);
  }

  static async start(): Promise<Served> {
    const served = new Served();
    for (const [name, mode] of [
      ['qmp', 'control'],
      ['hmp', 'readline'],
    ] as const) {
      const path = join(served.folder, name);
      await served.#channels.add(
        parseChardevOptions(`socket,id=${name},path=${path},server=on,wait=off`, () => {}),
      );
      const user = {
        ...{ machine: served.#machine, dialect: DEFAULT_DIALECT, wake() {}, stderr() {} },
        hasEnded: () => false,
      };
      attachMonitor({ channel: served.#channels.take(name, 'monitor'), mode, pretty: false }, user);
    }
    return served;
  }

  /** A client that hears the greeting, perhaps says something, and leaves. */
  visit(name: 'qmp' | 'hmp', says: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(join(this.folder, name));
      socket.once('error', reject);
      socket.once('data', () => {
        socket.end(says);
        socket.resume();
      });
      socket.once('close', () => resolve());
    });
  }

  async end(): Promise<void> {
    this.#channels.close();
    await this.#machine.close();
    rmSync(this.folder, { recursive: true });
  }
}

describe('clients that connect and leave', () => {
  const SAID = ['', '{"execute":"qmp_capabilities"}{"execute":"query-name"}', '{"exec', 'info status\n'];
  const CLIENTS = 200;

  it('two hundred of them leave no object behind', { timeout: 120_000 }, async () => {
    const served = await Served.start();
    const visits = async (): Promise<void> => {
      for (let n = 0; n < CLIENTS; n++) {
        await served.visit(n % 2 === 0 ? 'qmp' : 'hmp', SAID[(n >> 1) % SAID.length] ?? '');
      }
    };
    await visits();
    const limits = { count: CLIENTS / 10, bytes: CLIENTS * 200 };
    const grown = await growth(visits, limits);
    expect(grown).toSatisfy((one: LiveObjects) => isWithin(one, limits));
    await served.end();
  });
});

describe('the count', () => {
  it('sees one object or one text that each cycle leaves', async () => {
    const kept: unknown[] = [];
    for (let n = 0; n < CYCLES; n++) kept.push(undefined);
    const before = await liveObjects();
    for (let n = 0; n < CYCLES; n++) kept[n] = {};
    const withObjects = await liveObjects();
    expect(withObjects.count - before.count).toBeGreaterThan(CYCLES - OBJECTS);
    // Without the objects again: their room would otherwise hide a part of the texts'.
    kept.fill(undefined);
    const without = await liveObjects();
    for (let n = 0; n < CYCLES; n++) kept[n] = `the text of cycle ${n}, as a log keeps it`.padEnd(120);
    const withTexts = await liveObjects();
    expect(withTexts.bytes - without.bytes).toBeGreaterThan(BYTES);
    expect(kept.length).toBe(CYCLES);
  });
});
