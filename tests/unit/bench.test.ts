import { afterEach, describe, expect, it, vi } from 'vitest';
import { outcomes } from '../../scripts/bench/aims.ts';
import { documentOf } from '../../scripts/bench/document.ts';
import { KERNELS, kernelArchive, kernelsOf } from '../../scripts/bench/kernels.ts';
import { wantedKernels } from '../../scripts/bench/measure.ts';
import { LineBuffer } from '../../scripts/bench/page/line-buffer.ts';
import { type Answer, ConsoleLink } from '../../scripts/bench/page/link.ts';
import { changes, report } from '../../scripts/bench/report.ts';
import {
  disagreements,
  type Figure,
  gather,
  meanRange,
  medians,
  type Results,
  ratio,
  ratioRange,
  ratios,
} from '../../scripts/bench/results.ts';
import { type Job, type Reading, Session } from '../../scripts/bench/runners/session.ts';

const JOB: Job = {
  memoryBytes: 1 << 28,
  append: '',
  kernels: ['crc32', 'fib'],
  driveBytes: 0,
  driveIn: 'memory',
};

type Figures = Readonly<Record<string, Readonly<Record<string, Figure>>>>;

function results(amd64: Figures, i386?: Figures): Results {
  return {
    machine: { processor: 'P', cores: 2, load: 1 },
    commit: 'c',
    date: '2026-01-02',
    rounds: 1,
    versions: { qemu: 'Q', node: 'N', 'node-before': 'N', 'v86-node': 'V' },
    guests: {
      amd64: { figures: amd64, extraBytes: { node: 100e6 } },
      ...(i386 === undefined ? {} : { i386: { figures: i386, extraBytes: {} } }),
    },
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
      samples: [
        { name: 'fib', cpuSeconds, allSeconds: 2 * cpuSeconds, wallSeconds: 10 * cpuSeconds, checksum: 'x' },
      ],
    }));
    const median = { cpuSeconds: 2, allSeconds: 4, wallSeconds: 20, checksum: 'x' };
    const each = { cpuSeconds: [3, 1, 2], allSeconds: [6, 2, 4], wallSeconds: [30, 10, 20] };
    expect(medians(rounds).get('fib')).toEqual({ ...median, rounds: each });
    expect(medians(rounds.slice(0, 1)).get('fib')).not.toHaveProperty('rounds');
    expect(medians(rounds.slice(0, 2)).get('fib')?.cpuSeconds).toBe(2);
    const gathered = gather(['fib', 'md5'], new Map([['node', [{ ...rounds[0], samples: [] }]]]));
    expect(gathered).toEqual({ figures: { boot: {}, fib: {}, md5: {} }, extraBytes: {} });
  });

  it('name the kernels that computed something else', () => {
    const wrong = results({
      fib: { qemu: figure(1, 'a'), node: figure(3, 'a') },
      md5: { qemu: figure(1, 'a'), node: figure(3, 'b') },
    });
    expect(disagreements(wrong)).toEqual(['amd64 md5: qemu a, node b']);
    expect(report(wrong).join('\n')).toContain('CHECKSUMS DIFFER');
    const guest = wrong.guests.amd64 ?? { figures: {}, extraBytes: {} };
    expect(ratio(guest, 'fib', 'node', 'qemu')).toBe(3);
    expect(ratio(guest, 'fib', 'native', 'qemu')).toBeUndefined();
  });

  it('leave boots and disks out of the means', () => {
    const both = { qemu: figure(1), node: figure(2) };
    const { guests } = results({ boot: both, fib: both, blkread: both });
    expect(ratios(guests.amd64 ?? { figures: {}, extraBytes: {} }, 'node', 'qemu')).toEqual([
      { kernel: 'fib', value: 2 },
    ]);
  });

  it('are compared with a baseline by their ratios', () => {
    const before = results({ fib: { qemu: figure(1), node: figure(4) } }, { md5: { node: figure(1) } });
    const now = results(
      { fib: { qemu: figure(2), node: figure(4) } },
      { md5: { node: figure(1), 'v86-node': figure(1) } },
    );
    expect(changes(now, before)).toEqual([
      'Against the baseline of 2026-01-02, commit c:',
      '',
      '- amd64 fib, node: 4.00 → 2.00 × qemu, faster',
    ]);
    expect(report(now)).toContain('| fib | 2.000 | 4.000 | – |');
    expect(report(now)).toContain('| fib | 2.00 | – | 2.00 |');
    expect(changes(now, now).at(-1)).toBe('- no notable change');
  });

  it('show the spread of the rounds: of ratios, each round divides what took its turn in it', () => {
    const of = (...cpuSeconds: number[]): Figure => ({
      ...figure(cpuSeconds[1] ?? 0),
      rounds: { cpuSeconds, wallSeconds: cpuSeconds },
    });
    const measured = results({
      boot: { qemu: of(1, 2, 4), node: of(3, 4, 4) },
      fib: { qemu: of(1, 2, 4), node: of(2, 8, 8) },
    });
    const guest = measured.guests.amd64 ?? { figures: {}, extraBytes: {} };
    expect(ratioRange(guest, 'boot', 'node', 'qemu')).toEqual([1, 3]);
    expect(meanRange(guest, 'node', 'qemu')?.map((mean) => mean.toFixed(6))).toEqual([
      '2.000000',
      '4.000000',
    ]);
    const text = report({ ...measured, rounds: 3, command: 'npm run bench -- --rounds 3' }).join('\n');
    expect(text).toContain('medians of 3 interleaved rounds, `npm run bench -- --rounds 3`.');
    expect(text).toContain('| fib | 4.00 (2.00–4.00) | – | 4.00 (2.00–4.00) |');
    expect(text).toContain('| CPU s, busiest thread | 2.0 (1.0–4.0) | 4.0 (3.0–4.0) |');
    const [kernels] = outcomes(measured).filter(({ aim }) => aim.startsWith('64-bit kernels'));
    expect(kernels).toMatchObject({
      goal: '1.5 ×',
      limit: '≤ 3.00 ×',
      spread: '2.00 × – 4.00 ×',
      met: false,
    });
  });

  it('become a document around the notes', () => {
    const text = documentOf(
      results({ fib: { qemu: figure(1), node: figure(4) } }),
      '# P\n\n<!-- tables -->\n\n## Why\n',
    );
    expect(text.startsWith('# P\n\n2026-01-02, commit c, one round: no medians, no spread.')).toBe(true);
    expect(text.endsWith('\n\n## Why\n')).toBe(true);
  });
});

describe('aims', () => {
  const measured = results(
    {
      boot: { qemu: figure(2), node: figure(12) },
      fib: { qemu: figure(1), node: figure(2) },
      md5: { qemu: figure(1), node: figure(13) },
      blkread: { node: figure(0.1) },
    },
    {
      boot: { 'v86-node': figure(2), node: figure(2.8) },
      fib: { 'v86-node': figure(1), node: figure(0.5) },
      md5: { 'v86-node': figure(1), node: figure(1) },
    },
  );
  const found = outcomes(measured);
  const outcome = (start: string) => found.find(({ aim }) => aim.startsWith(start));

  it('compare 32-bit code with v86 by speed, and say goal and limit', () => {
    const speed = { measured: '1.41 ×', goal: '1.3 ×', limit: '≥ 1.00 ×', met: true };
    expect(outcome("32-bit kernels: v86's")).toMatchObject(speed);
    expect(outcome('slowest 32-bit kernel')).toMatchObject({ measured: 'md5 1.0 ×', met: true });
    expect(outcome('Debian 686 boots')).toMatchObject({ measured: '1.40 ×', met: true });
  });

  it('compare 64-bit code with QEMU by time, and name what is far behind', () => {
    expect(outcome('64-bit kernels: time of QEMU')).toMatchObject({ measured: '5.10 ×', met: false });
    expect(outcome('slowest 64-bit kernel')).toMatchObject({ measured: 'md5 13.0 ×', met: false });
    expect(outcome('memory beyond')).toMatchObject({ measured: '100 MB', met: true });
    expect(outcome('virtio-blk from memory: read')).toMatchObject({ measured: '503 MB/s', met: true });
    expect(report(measured)).toContain('| blkread, MB/s | 503 |');
  });

  it('hold a change to the checkout before it', () => {
    const figures = { node: figure(2.1), 'node-before': figure(2) };
    const changed = results({ boot: figures, fib: figures, blkread: figures });
    const [change] = outcomes(changed).filter(({ aim }) => aim.includes('before'));
    expect(change).toMatchObject({ limit: '≤ 1.03 ×', measured: '1.05 ×', met: false });
    expect(report(changed)).toContain('| blkread | 1.05 | – | 1.05 |');
  });

  it('hold boots to the baseline: they may take a fifth more of the time of QEMU', () => {
    expect(outcome('the default guest boots')).toBeUndefined();
    const boots = (node: number) =>
      outcomes(measured, results({ boot: { qemu: figure(1), node: figure(node) } }))
        .filter(({ aim }) => aim.includes('boot'))
        .filter(({ aim }) => !aim.includes('686'));
    expect(boots(5).map(({ measured, limit, met }) => ({ measured, limit, met }))).toEqual([
      { measured: '6.00 ×', limit: '≤ 6.00 ×', met: true },
      { measured: '6.00 ×', limit: '≤ 6.00 ×', met: true },
    ]);
    expect(boots(4.9).map(({ met }) => met)).toEqual([false, false]);
  });
});

describe('kernels', () => {
  it('have names of their own', () => {
    expect(new Set(KERNELS.map(({ name }) => name)).size).toBe(KERNELS.length);
  });

  it('are chosen by name, by speed, and by what the guest and the host have', () => {
    const all = { full: true, only: undefined };
    expect(wantedKernels('amd64', true, all)).toEqual(KERNELS.map(({ name }) => name));
    expect(wantedKernels('i386', true, all)).toEqual(kernelsOf('i386').map(({ name }) => name));
    expect(wantedKernels('i386', true, all)).not.toContain('blkread');
    expect(wantedKernels('amd64', false, all)).toEqual(['gzip', 'sort', 'awk', 'shell']);
    expect(wantedKernels('amd64', true, { full: false, only: ['boot', 'fib'] })).toEqual(['fib']);
    expect(() => wantedKernels('amd64', true, { full: false, only: ['fab'] })).toThrow('no kernel fab');
  });

  it('come as an archive in whole blocks', () => {
    const archive = kernelArchive(undefined);
    expect(archive.length % 512).toBe(0);
    expect(archive.subarray(0, 6).toString()).toBe('070701');
  });
});

describe("a worker's console", () => {
  afterEach(() => vi.unstubAllGlobals());

  it('tells the bench of prompts and marks, each as one piece', () => {
    const told: string[] = [];
    vi.stubGlobal(
      'XMLHttpRequest',
      class {
        readonly responseText = '{"input":"i","stop":false}';
        open(): void {}
        send(body: string): void {
          told.push((JSON.parse(body) as { text: string }).text);
        }
      },
    );
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    const answers: Answer[] = [];
    const link = new ConsoleLink(
      () => 7,
      (answer) => answers.push(answer),
    );
    for (const text of ['[0.0] Linux\r\n', 'guest', '# ']) link.feed(text);
    // However long nothing was told: a mark is not cut.
    now.mockReturnValue(1e6);
    for (const text of ['ls\r\n', '@', '@start fib\r', '\n']) link.feed(text);
    expect(told).toEqual(['[0.0] Linux\r\nguest# ', 'ls\r\n', '@@start fib\r\n']);
    expect(answers[0]).toEqual({ input: 'i', stop: false });
    now.mockRestore();
  });
});

describe('a line buffer', () => {
  it('gives whole lines, and prompts', () => {
    const given: string[] = [];
    const lines = new LineBuffer((text) => given.push(text));
    for (const character of 'a b\r\nguest# ') lines.feed(character);
    expect(given).toEqual(['a b\r\n', 'guest# ']);
  });
});
