/** What comes from outside is cut into pieces, or is more than anybody takes. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CharPipe } from '../../src/emu/char/char-backend.ts';
import { HmpConsole } from '../../src/emu/monitor/hmp/console.ts';
import { NullChannel } from '../../src/node/chardev.ts';
import { InputGate } from '../../src/node/input-gate.ts';
import { OutputCollector } from '../../src/node/output-collector.ts';
import { Utf8Encoder } from '../../src/ui/utf8-encoder.ts';
import { OutputBatcher } from '../../src/workers/output-batcher.ts';
import { TextOutput } from '../../src/workers/text-output.ts';
import { monitorRig } from '../support/monitor-rig.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('text to the guest', () => {
  it('keeps both halves of a character together', () => {
    const encoder = new Utf8Encoder();
    const pieces = ['a\ud83d', '\ude00b', '\ud83d', 'x', '\ude00'].map((text) =>
      Buffer.from(encoder.encode(text)),
    );
    expect(Buffer.concat(pieces).toString()).toBe('a😀b\ufffdx\ufffd');
    expect(pieces[0]).toEqual(Buffer.from('a'));
  });

  it('waits, and is refused only when it is more than anybody pastes', () => {
    const pipe = new CharPipe(() => {});
    const megabyte = new Uint8Array(1 << 20);
    for (let n = 0; n < 16; n++) expect(pipe.send(megabyte)).toBe(true);
    expect(pipe.send(Uint8Array.of(1))).toBe(false);
    expect(pipe.pending).toBe(16 << 20);
    let taken = 0;
    const receive = (bytes: Uint8Array): void => {
      taken += bytes.length;
    };
    pipe.connect({ canReceive: () => 1000, receive, event() {}, outputReady() {} });
    expect([taken, pipe.pending]).toEqual([16 << 20, 0]);
    expect(pipe.send(Uint8Array.of(1))).toBe(true);
  });
});

describe('what a guest writes byte by byte', () => {
  it('goes to the host in pieces', async () => {
    const pieces: Uint8Array[] = [];
    const collector = new OutputCollector((bytes) => pieces.push(bytes));
    for (let n = 0; n < 100_000; n++) collector.add(Uint8Array.of(n));
    expect(pieces).toHaveLength(1);
    await Promise.resolve();
    expect(pieces.map(({ length }) => length)).toEqual([65_536, 100_000 - 65_536]);
    expect(Buffer.concat(pieces).every((byte, at) => byte === (at & 0xff))).toBe(true);
  });

  it('is kept for a hidden page in one buffer', () => {
    vi.useFakeTimers();
    const posted: Uint8Array[] = [];
    const batcher = new OutputBatcher(
      (bytes) => posted.push(bytes),
      () => 0,
    );
    batcher.write(new Uint8Array(2 << 20));
    vi.advanceTimersByTime(16);
    const heap = process.memoryUsage().heapUsed;
    const one = Uint8Array.of(65);
    for (let n = 0; n < 3 << 19; n++) batcher.write(one.slice());
    // An object for each byte would take more than a hundred megabytes.
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(100 << 20);
    batcher.shown(2 << 20);
    vi.advanceTimersByTime(16);
    expect(posted[1]).toHaveLength(3 << 19);
  });
});

describe('a monitor whose user does not read', () => {
  it('runs no more commands until there is room', async () => {
    let text = '';
    let full = false;
    let waited = 0;
    const { machine } = await monitorRig();
    const output = { isFull: () => full, waits: () => void waited++ };
    const console = new HmpConsole((more) => (text += more), { machine }, output);
    console.start();
    full = true;
    for (let n = 0; n < 3; n++) expect(console.input('info version\r')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect([text.includes('7.2'), text.endsWith('(qemu) '), console.waitingCharacters]).toEqual([
      true,
      true,
      39,
    ]);
    expect(waited).toBeGreaterThan(0);
    full = false;
    console.goOn();
    await vi.waitFor(() => expect(console.waitingCharacters).toBe(0));
    await vi.waitFor(() => expect(text.match(/\n7\.2/g)).toHaveLength(3));
  });

  it('has a megabyte on its way to the page', async () => {
    const posted: string[] = [];
    const output = new TextOutput((text) => posted.push(text));
    for (const piece of ['a', 'b', 'x'.repeat(1 << 20)]) output.write(piece);
    expect(output.isFull).toBe(true);
    await Promise.resolve();
    expect([posted.length, output.isFull]).toEqual([1, true]);
    output.shown(posted[0]?.length ?? 0);
    expect(output.isFull).toBe(false);
  });
});

describe('a channel', () => {
  it('is not read while what came from it was not taken', () => {
    vi.useFakeTimers();
    const holds: boolean[] = [];
    const channel = new NullChannel('null');
    channel.hold = (held = false): void => void holds.push(held);
    let full = false;
    const gate = new InputGate(channel, () => full);
    gate.update();
    full = true;
    gate.update();
    gate.update();
    vi.advanceTimersByTime(1000);
    expect(holds).toEqual([true]);
    full = false;
    vi.advanceTimersByTime(1000);
    expect(holds).toEqual([true, false]);
  });
});

describe('output that is skipped', () => {
  it('goes on with a whole character', () => {
    vi.useFakeTimers();
    const posted: Uint8Array[] = [];
    const batcher = new OutputBatcher(
      (bytes) => posted.push(bytes),
      () => performance.now(),
    );
    const text = new TextEncoder().encode('x日'.repeat(1 << 19));
    for (let n = 0; n < 8; n++) {
      batcher.write(text.subarray(0, text.length - (n % 3)));
      vi.advanceTimersByTime(50);
    }
    for (let n = 0; n < 8; n++) batcher.shown(2 << 20);
    vi.advanceTimersByTime(50);
    const all = Buffer.concat(posted).toString();
    expect(all).toContain('bytes of output skipped');
    expect(all.slice(all.lastIndexOf('not shown]\r\n') + 12)[0]).not.toBe('\ufffd');
  });
});
