/** Clients of monitors that never read: what is kept for them has an end, and they go on when they read again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Machine } from '../../src/emu/index.ts';
import { DEFAULT_DIALECT } from '../../src/emu/monitor/dialects/dialects.ts';
import type { Channel, ChannelUser } from '../../src/node/chardev.ts';
import { attachMonitor } from '../../src/node/monitor-channels.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 2 ** 20;

/** A channel whose other side takes nothing until it is told to. */
class DeafChannel implements Channel {
  readonly filename = 'deaf';
  queuedBytes = 0;
  isHeld = false;
  writes = 0;
  user: ChannelUser | undefined;

  connect(user: ChannelUser): void {
    this.user = user;
  }

  write(bytes: Uint8Array): void {
    this.queuedBytes += bytes.length;
    this.writes++;
  }

  hold(held: boolean): void {
    this.isHeld = held;
  }

  close(): void {}

  /** Sends a text as often as it is read, `times` at most, and gives how often that was. */
  async send(text: string, times: number): Promise<number> {
    let sent = 0;
    for (let idle = 0; sent < times && idle < 20; ) {
      await sleep(1);
      if (this.isHeld) {
        idle++;
        continue;
      }
      this.user?.input(Buffer.from(text));
      sent++;
    }
    return sent;
  }
}

function served(mode: 'control' | 'readline') {
  const images = memoryImages();
  const host = { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images };
  const machine = new Machine({ memoryBytes: 64 * MIB }, host);
  const channel = new DeafChannel();
  const user = { machine, dialect: DEFAULT_DIALECT, wake() {}, stderr() {}, hasEnded: () => false };
  attachMonitor({ channel, mode, pretty: false }, user);
  channel.user?.opened();
  return { machine, channel };
}

describe.each([
  ['control', '{"execute":"query-qmp-schema"}'],
  ['readline', 'info qtree\n'],
] as const)('a client of a monitor in mode %s that never reads', (mode, request) => {
  it('is not read any more after a megabyte of answers', async () => {
    const { machine, channel } = served(mode);
    channel.user?.input(Buffer.from('{"execute":"qmp_capabilities"}\n'));
    const sent = await channel.send(request, 2000);
    expect(sent).toBeLessThan(2000);
    expect(channel.isHeld).toBe(true);
    expect(channel.queuedBytes).toBeGreaterThan(MIB);
    expect(channel.queuedBytes).toBeLessThan(3 * MIB);
    const { queuedBytes } = channel;
    await sleep(100);
    // Nothing more is run for it, however long it waits.
    expect(channel.queuedBytes).toBe(queuedBytes);
    channel.queuedBytes = 0;
    for (let tries = 0; channel.isHeld && tries < 100; tries++) await sleep(10);
    expect(channel.isHeld).toBe(false);
    expect(await channel.send(request, 1)).toBe(1);
    for (let tries = 0; channel.queuedBytes === 0 && tries < 100; tries++) await sleep(10);
    expect(channel.queuedBytes).toBeGreaterThan(0);
    await machine.close();
  });
});
