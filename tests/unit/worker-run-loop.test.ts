import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MipsMeter } from '../../src/workers/mips-meter.ts';
import { OutputBatcher } from '../../src/workers/output-batcher.ts';
import { RunLoop } from '../../src/workers/run-loop.ts';

const macrotasks = () => new Promise((resolve) => setTimeout(resolve, 30));

describe('RunLoop', () => {
  const loops: RunLoop[] = [];
  afterEach(() => {
    for (const loop of loops.splice(0)) loop.stop();
  });

  function loopOf(run: () => { idleMs: number }, crashed: (error: unknown) => void = () => {}) {
    const loop = new RunLoop({ run }, { afterSlice() {}, crashed });
    loops.push(loop);
    return loop;
  }

  it('runs a busy machine again and again, and lets messages in between', async () => {
    let turns = 0;
    loopOf(() => ({ idleMs: ++turns && 0 })).wake();
    const { port1, port2 } = new MessageChannel();
    const answered = new Promise((resolve) => {
      port1.onmessage = resolve;
    });
    port2.postMessage('typed');
    await answered;
    const before = turns;
    await macrotasks();
    expect(turns).toBeGreaterThan(before + 10);
    port1.close();
  });

  it('looks twice at an idle machine, then sleeps until it is woken', async () => {
    let turns = 0;
    const loop = loopOf(() => ({ idleMs: ++turns && Number.POSITIVE_INFINITY }));
    loop.wake();
    await macrotasks();
    expect(turns).toBe(2);
    loop.wake();
    loop.wake();
    await macrotasks();
    expect(turns).toBe(3);
  });

  it('sleeps as long as the machine may', async () => {
    let turns = 0;
    loopOf(() => ({ idleMs: ++turns <= 2 ? 5 : Number.POSITIVE_INFINITY })).wake();
    await macrotasks();
    expect(turns).toBe(3);
  });

  it('stands still after a crash and hands it on', async () => {
    const crashed = vi.fn();
    const loop = loopOf(() => {
      throw new Error('bug');
    }, crashed);
    loop.wake();
    await macrotasks();
    loop.wake();
    await macrotasks();
    expect(crashed).toHaveBeenCalledTimes(1);
  });
});

describe('OutputBatcher', () => {
  let now = 0;
  beforeEach(() => {
    vi.useFakeTimers();
    now = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const text = (posts: readonly Uint8Array[]) => posts.map((bytes) => new TextDecoder().decode(bytes));
  function batcher() {
    const posts: Uint8Array[] = [];
    return {
      posts,
      out: new OutputBatcher(
        (bytes) => posts.push(bytes),
        () => now,
      ),
    };
  }

  it('joins what comes within 16 ms', () => {
    const { posts, out } = batcher();
    for (const word of ['a', 'b', 'c']) out.write(new TextEncoder().encode(word));
    out.poll();
    out.write(new TextEncoder().encode('d'));
    out.poll();
    expect(text(posts)).toEqual(['abc']);
    now = 16;
    out.poll();
    expect(text(posts)).toEqual(['abc', 'd']);
  });

  it('posts by itself when nobody polls', () => {
    const { posts, out } = batcher();
    out.write(new Uint8Array([0x61]));
    vi.advanceTimersByTime(20);
    expect(text(posts)).toEqual(['a']);
  });

  it('keeps the newest for a page that shows nothing, and says what is missing', () => {
    const { posts, out } = batcher();
    const piece = new Uint8Array(64 << 10).fill(0x2e);
    for (let n = 0; n < 160; n++) {
      out.write(piece.slice());
      now += 16;
      out.poll();
    }
    const sent = posts.reduce((sum, bytes) => sum + bytes.length, 0);
    const before = posts.length;
    expect(sent).toBeLessThan(3 << 20);
    out.write(new TextEncoder().encode('the end'));
    out.shown(sent);
    const last = text(posts.slice(before)).join('');
    expect(last.startsWith('\x1b[0m\r\n[')).toBe(true);
    expect(last).toMatch(/\[\d+ bytes of output skipped: this page was not shown\]\r\n/);
    expect(last.endsWith('the end')).toBe(true);
    expect(last.length).toBeLessThan(3 << 20);
  });

  it('loses nothing while the terminal keeps up', () => {
    const { posts, out } = batcher();
    let written = 0;
    for (let n = 0; n < 200; n++) {
      out.write(new Uint8Array(50_000));
      written += 50_000;
      now += 16;
      out.poll();
      out.shown(posts.at(-1)?.length ?? 0);
    }
    expect(posts.reduce((sum, bytes) => sum + bytes.length, 0)).toBe(written);
  });
});

describe('MipsMeter', () => {
  it('measures the last second', () => {
    const meter = new MipsMeter();
    expect(meter.mips).toBe(0);
    for (let ms = 0; ms <= 3000; ms += 500)
      meter.sample(ms, ms < 2000 ? ms * 1000 : 2e6 + (ms - 2000) * 50_000, true);
    expect(meter.mips).toBeCloseTo(50);
  });

  it('does not count pauses', () => {
    const meter = new MipsMeter();
    meter.sample(0, 0, true);
    meter.sample(500, 10e6, true);
    meter.sample(500, 10e6, false);
    meter.sample(60_500, 10e6, true);
    meter.sample(61_000, 20e6, true);
    expect(meter.mips).toBeCloseTo(20);
  });

  it('begins anew where the machine went back to a snapshot', () => {
    const meter = new MipsMeter();
    meter.sample(0, 900e6, true);
    meter.sample(100, 910e6, true);
    meter.sample(200, 5e6, true);
    expect(meter.mips).toBe(0);
    meter.sample(700, 15e6, true);
    expect(meter.mips).toBeCloseTo(20);
  });
});
