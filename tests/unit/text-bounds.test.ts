/** What comes from outside is cut into pieces, or is more than anybody takes. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CharPipe } from '../../src/emu/char/char-backend.ts';
import { NullChannel } from '../../src/node/chardev.ts';
import { InputGate } from '../../src/node/input-gate.ts';
import { Utf8Encoder } from '../../src/ui/utf8-encoder.ts';
import { OutputBatcher } from '../../src/workers/output-batcher.ts';

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
