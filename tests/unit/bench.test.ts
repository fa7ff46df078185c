import { describe, expect, it } from 'vitest';
import { KERNELS, kernelArchive } from '../../scripts/bench/kernels.ts';
import { report } from '../../scripts/bench/report.ts';
import { disagreements, type Figure, medians, type Results, ratio } from '../../scripts/bench/results.ts';
import { type Job, type Reading, Session } from '../../scripts/bench/runners/session.ts';

const JOB: Job = { memoryBytes: 1 << 28, append: '', kernels: ['crc32', 'fib'], driveBytes: 0 };

function results(figures: Readonly<Record<string, Readonly<Record<string, Figure>>>>): Results {
  return {
    machine: { processor: 'P', cores: 2, load: 1 },
    commit: 'c',
    rounds: 1,
    versions: { qemu: 'Q', node: 'N' },
    figures,
    extraBytes: { node: 100e6 },
  };
}

function figure(cpuSeconds: number, checksum?: string, instructions?: number): Figure {
  return {
    cpuSeconds,
    wallSeconds: cpuSeconds,
    ...(checksum === undefined ? {} : { checksum }),
    ...(instructions === undefined ? {} : { instructions }),
  };
}

describe('a session', () => {
  function start(): { session: Session; sent: string[]; clock: { value: number } } {
    const clock = { value: 0 };
    const sent: string[] = [];
    const read = (): Reading => ({
      cpuSeconds: clock.value,
      wallSeconds: 2 * clock.value,
      instructions: 100 * clock.value,
    });
    return { session: new Session(JOB, read, (text) => sent.push(text)), sent, clock };
  }

  it('takes the time to the prompt, asks for the kernels, and takes theirs', () => {
    const { session, sent, clock } = start();
    session.feed('[ 0.0] Linux\r\ngue');
    expect(session.samples).toEqual([]);
    clock.value = 5;
    session.feed('st# ');
    expect(sent).toEqual(['/bench/run crc32 fib\n']);
    clock.value = 6;
    // The echo of the command, then marks in pieces as a serial line gives them.
    session.feed('/bench/run crc32 fib\r\n@@sta');
    session.feed('rt crc32\r\n');
    clock.value = 8;
    session.feed('@@end crc32 00ff 12\r\n@@start fib\r\n');
    clock.value = 9;
    session.feed('@@end fib 1 1\r\n@@done\r\n');
    expect(session.done).toBe(true);
    expect(session.result()).toEqual({
      samples: [
        { name: 'boot', cpuSeconds: 5, wallSeconds: 10, instructions: 500 },
        { name: 'crc32', cpuSeconds: 2, wallSeconds: 4, instructions: 200, checksum: '00ff' },
        { name: 'fib', cpuSeconds: 1, wallSeconds: 2, instructions: 100, checksum: '1' },
      ],
    });
  });

  it('keeps what the guest said when a kernel fails', () => {
    const { session } = start();
    session.feed('guest# @@start crc32\n/dev/vda: No such file\n@@start fib\n@@end fib 1 1\n@@done\n');
    expect(session.result()).toMatchObject({ trouble: expect.stringContaining('No such file') });
  });
});

describe('results', () => {
  it('are medians of rounds', () => {
    const rounds = [3, 1, 2].map((cpuSeconds) => ({
      samples: [{ name: 'fib', cpuSeconds, wallSeconds: 10 * cpuSeconds, checksum: 'x' }],
    }));
    expect(medians(rounds).get('fib')).toEqual({ cpuSeconds: 2, wallSeconds: 20, checksum: 'x' });
    expect(medians(rounds.slice(0, 2)).get('fib')?.cpuSeconds).toBe(2);
  });

  it('name the kernels that computed something else', () => {
    const wrong = results({
      fib: { qemu: figure(1, 'a'), node: figure(3, 'a') },
      md5: { qemu: figure(1, 'a'), node: figure(3, 'b') },
    });
    expect(disagreements(wrong)).toEqual(['md5: qemu a, node b']);
    expect(ratio(wrong, 'fib', 'node')).toBe(3);
    expect(ratio(wrong, 'fib', 'native')).toBeUndefined();
  });

  it('are compared with a baseline by their ratios to QEMU', () => {
    const before = results({ fib: { qemu: figure(1), node: figure(4) } });
    const now = results({
      fib: { qemu: figure(2), node: figure(4) },
      boot: { node: figure(10, undefined, 4e8) },
    });
    const text = report(now, before);
    expect(text).toContain('fib on node: 4.00 → 2.00 × qemu, faster');
    expect(text).toContain('| cold boot ≥ 30 MIPS | node | 40.0 MIPS | met |');
    expect(text).toContain('| fib | 2.000 | 4.000 | 2.00 | – |');
  });
});

describe('kernels', () => {
  it('have names of their own', () => {
    expect(new Set(KERNELS.map(({ name }) => name)).size).toBe(KERNELS.length);
  });

  it('come as an archive in whole blocks', () => {
    const archive = kernelArchive(undefined);
    expect(archive.length % 512).toBe(0);
    expect(archive.subarray(0, 6).toString()).toBe('070701');
  });
});
