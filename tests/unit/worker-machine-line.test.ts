/** The command line of the page's machine: what it takes, and what it says to the rest. */
import { describe, expect, it } from 'vitest';
import { splitWords } from '../../src/emu/command-line/split-words.ts';
import { StartError } from '../../src/emu/index.ts';
import { answerOf, isSameLine, readMachineLine } from '../../src/workers/machine-line.ts';

const MIB = 2 ** 20;
const DEFAULT_BYTES = 256 * MIB;

const words = (line: string): readonly string[] => splitWords(line).map(({ text }) => text);

/** What is said to a line that starts no machine, with the part of the line that is marked. */
function refusal(line: string): { readonly text: string; readonly marked: string | undefined } {
  try {
    readMachineLine(line, DEFAULT_BYTES);
  } catch (error) {
    const { text, range } = answerOf(error, line);
    return { text, marked: range && line.slice(range.start, range.end) };
  }
  throw new Error(`${line} starts a machine`);
}

describe('words, as a shell splits them', () => {
  it.each([
    ['', []],
    ['  \n ', []],
    ['-smp 2\t-m  512\n', ['-smp', '2', '-m', '512']],
    ['-append "a b" c\'d e\'f', ['-append', 'a b', 'cd ef']],
    ['"" \'\'', ['', '']],
    ['-name a\\ b\\"', ['-name', 'a b"']],
    ['"a\\"b\\\\c\\d"', ['a"b\\c\\d']],
    ['-m 512 \\\n  -smp 2', ['-m', '512', '-smp', '2']],
    ["'a\\b'", ['a\\b']],
  ])('%j', (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  it('knows where they are', () => {
    expect(splitWords(' -m "5 1"2 ')).toEqual([
      { text: '-m', start: 1, end: 3 },
      { text: '5 12', start: 4, end: 10 },
    ]);
  });

  it.each(['"a', "-name 'b", 'a\\'])('what has no end is refused: %s', (line) => {
    expect(() => splitWords(line)).toThrow(StartError);
  });
});

describe('a line of the page', () => {
  it('is a machine', () => {
    const wanted = readMachineLine('-smp 1,maxcpus=4 -m 256,slots=4,maxmem=2G', DEFAULT_BYTES);
    expect(wanted).toMatchObject({
      commandLine: {
        memoryBytes: 256 * MIB,
        dimms: { slots: 4, maxBytes: 2048 * MIB },
        smp: { cpus: 1, maxCpus: 4, cores: 4 },
      },
      warnings: [],
    });
  });

  it('may be copied from where it begins with the program', () => {
    for (const program of ['qemu-system-x86_64', 'bin/hotslot-system-x86_64']) {
      expect(readMachineLine(`${program} -m 64`, DEFAULT_BYTES)).toMatchObject({
        commandLine: { memoryBytes: 64 * MIB },
      });
    }
    expect(refusal('qemu-system-x86_64 disk.img').marked).toBe('disk.img');
  });

  it('has warnings without the program', () => {
    const { warnings } = { warnings: [], ...readMachineLine('-smp 2,cores=0', DEFAULT_BYTES) };
    expect(warnings).toEqual([expect.stringMatching(/^warning: Deprecated CPU topology/)]);
  });

  it.each([
    ['-foo', '-foo: invalid option', '-foo'],
    ['-S -m', '-m: requires an argument', '-m'],
    ['-smp foo -m 64', "Parameter 'smp.cpus' expects integer", '-smp foo'],
    ['-m 64 -smp 4,maxcpus=2', /^Invalid CPU topology: maxcpus must be equal/, '-smp 4,maxcpus=2'],
    ['-m 256,slots=3 -S', 'slots specified but no max-size', '-m 256,slots=3'],
    ['-m 1T', "cannot set up guest memory 'pc.ram': Cannot allocate memory", '-m 1T'],
    [
      '-m slots=1,maxmem=64M',
      /^invalid value of maxmem: maximum memory size \(0x4000000\)/,
      '-m slots=1,maxmem=64M',
    ],
    ['-M foo', /^unsupported machine type/, '-M foo'],
    ['-cpu foo -S', "unable to find CPU model 'foo'", '-cpu foo'],
    ['-m "64', '"64: a quote or backslash has no end', '"64'],
  ])('%s is refused in QEMU’s words, where it is', (line, text, marked) => {
    expect(refusal(line)).toEqual({
      text: typeof text === 'string' ? text : expect.stringMatching(text),
      marked,
    });
  });

  it.each([
    '-kernel bzImage',
    '-initrd x',
    '-append init=/bin/sh',
    '-M pc,kernel=x',
    '-machine initrd=x',
    '-machine append=x',
    '-guest debian-amd64',
  ])('%s: a page has one kernel, and nobody chooses what that starts', (option) => {
    const { text, marked } = refusal(`-m 64 ${option}`);
    expect(text).toContain('this page starts the kernel of its guest image');
    expect(marked).toBe(option);
  });

  it.each(['-drive file=/tmp/test.img,if=virtio', '-hda /tmp/test.img', '-cdrom x', '/tmp/test.img'])(
    '%s: a page has no files of a host',
    (option) => {
      const { text, marked } = refusal(`-m 64 ${option}`);
      expect(text).toContain('this page has no files of a host');
      expect(marked).toBe(option);
    },
  );

  it.each(['-serial stdio', '-monitor unix:/tmp/x', '-nodefaults'])(
    '%s: its terminals are the page’s',
    (option) => {
      const { text, marked } = refusal(`${option} -S`);
      expect(text).toContain('in its own terminals');
      expect(marked).toBe(option);
    },
  );

  it.each(['-M none', '-accel qtest', '-M pc,accel=qtest'])('%s: nothing would run the guest', (option) => {
    const { text, marked } = refusal(`-m 256 ${option}`);
    expect(text).toContain('which needs a board and a processor that runs');
    expect(marked).toBe(option);
  });

  it('asks for help that names nothing which the page refuses', () => {
    const help = readMachineLine('-help', DEFAULT_BYTES);
    const text = 'text' in help ? help.text : '';
    expect(text).toContain('-smp ');
    expect(text).not.toMatch(/-kernel|-append|-drive|-serial|disk_image/);
    expect(readMachineLine('-M help', DEFAULT_BYTES)).toEqual({
      text: expect.stringContaining('Supported machines are:'),
    });
  });

  it('has an end', () => {
    expect(refusal('x'.repeat(20_000)).text).toMatch(/at most \d+ characters/);
  });

  it('is the same with other blanks and quotes, and with no other words', () => {
    expect(isSameLine(' -m  256 -smp "1"', '-m 256 -smp 1')).toBe(true);
    expect(isSameLine('-m 256', '-m 256M')).toBe(false);
    expect(isSameLine('-name "a b"', '-name a b')).toBe(false);
  });
});
