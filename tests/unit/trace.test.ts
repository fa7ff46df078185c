/** Only this level shows that a guest cannot make the log grow, and how an event becomes a line. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TraceLog } from '../../src/emu/core/trace.ts';
import { TRACE_EVENTS, TRACE_FORMATS } from '../../src/emu/core/trace-events.ts';
import { formatted, ObjectNumbers } from '../../src/emu/core/trace-format.ts';
import { projectFiles } from '../support/project.ts';

it('says once what is not modelled, and not without end', () => {
  const trace = new TraceLog();
  const heard: unknown[] = [];
  trace.unimplemented('cpu: RDPMC');
  trace.listen((_, [text]) => heard.push(text));
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 100_000; index++) trace.unimplemented('wrmsr %x: ignored', index);
  }
  expect(heard).toHaveLength(64);
  expect(heard.slice(-1)).toEqual(['wrmsr 3f: ignored']);
  trace.unimplemented('cpu: RDPMC');
  expect(heard).toHaveLength(64);
});

it('bounds even messages that should not differ', () => {
  const trace = new TraceLog();
  const heard: unknown[] = [];
  trace.listen((_, [text]) => heard.push(text));
  for (let index = 0; index < 5000; index++) trace.unimplemented(`device ${index}`);
  expect([heard.length, trace.tail().length]).toEqual([1024, 256]);
});

it('keeps what came before a flood of one guest error', () => {
  const trace = new TraceLog();
  trace.guestError('i8042: unsupported command 0x%x', 0x1f);
  for (let offset = 0; offset < 10_000; offset++) trace.guestError('hpet: read of %d bytes at %d', 2, offset);
  trace.guestError('done');
  expect(trace.tail()).toEqual([
    'i8042: unsupported command 0x1f',
    'hpet: read of 2 bytes at 9999 (the last of 10000 in a row)',
    'done',
  ]);
});

/** A trace with what its log prints. */
function logged(patterns: readonly string[] = []) {
  const lines: string[] = [];
  const trace = new TraceLog((line) => lines.push(line));
  for (const pattern of patterns) trace.log.setPattern(pattern);
  return { trace, lines };
}

describe('the text of an event', () => {
  const text = (format: string, ...args: Parameters<typeof formatted>[1]): string =>
    formatted(format, args, new ObjectNumbers());

  it.each([
    ['%d %u', [0xffff_ffff, 0xffff_ffff], '-1 4294967295'],
    ['%d %d', [-5, 7], '-5 7'],
    ['0x%x 0x%02x 0x%08x', [0xabc, 5, 0x80], '0xabc 0x05 0x00000080'],
    ['0x%x', [-1], '0xffffffff'],
    ['0x%x %u', [2n ** 64n - 1n, 2n ** 40n], '0xffffffffffffffff 1099511627776'],
    ["%s '%s' 100%%", ['a', 'b'], "a 'b' 100%"],
    ['%3d|%03d', [7, 7], '  7|007'],
  ])('%s', (format, args, expected) => {
    expect(text(format, ...args)).toBe(expected);
  });

  it('gives an object the same number each time, and another one another', () => {
    const numbers = new ObjectNumbers();
    const [one, other] = [{}, {}];
    expect(formatted('%p %p %p', [one, other, one], numbers)).toBe('0x1 0x2 0x1');
  });
});

describe('the log', () => {
  it('has lines of the events that are on, and of no others', () => {
    const { trace, lines } = logged(['port92_*', '-port92_read']);
    trace.event('port92_write', 2);
    trace.event('port92_read', 2);
    trace.event('serial_read', 5, 0x60);
    expect(lines).toEqual(['port92_write port92: write 0x02']);
    trace.log.setEvents('*', false);
    expect(trace.on).toBe(false);
  });

  it('takes a star for any text and a question mark for any character, and a name as it is', () => {
    const { trace } = logged();
    const names = (pattern: string): readonly string[] => trace.log.events(pattern).map(({ name }) => name);
    expect(names('port92_*')).toEqual(['port92_read', 'port92_write']);
    expect(names('*gpe_?eadb')).toEqual(['piix4_gpe_readb']);
    expect(names('port92?read')).toEqual([]);
    expect(names('*')).toEqual(TRACE_EVENTS);
    for (const other of ['[', '(', '\\', '$', '.*', '', 'port92_rea', 'port92_read_'])
      expect(names(other), other).toEqual([]);
    // What tries all ways to share a name among stars would never end.
    expect(names(`${'*'.repeat(1000)}!`)).toEqual([]);
    expect(names(`${'*_'.repeat(20)}!`)).toEqual([]);
  });

  it('puts vCPU and virtual time before an event when the user wants that', () => {
    const { trace, lines } = logged(['port92_read']);
    trace.source = { nowNs: () => 12_345_678_901, cpuIndex: () => 3 };
    trace.log.timestamps = true;
    trace.event('port92_read', 1);
    trace.source = { nowNs: () => 2_000_000_000, cpuIndex: () => -1 };
    trace.event('port92_read', 1);
    expect(lines).toEqual([
      '3@12.345678:port92_read port92: read 0x01',
      '-1@2.000000:port92_read port92: read 0x01',
    ]);
  });

  it('keeps nothing of a guest that floods it', () => {
    let bytes = 0;
    const trace = new TraceLog((line) => {
      bytes += line.length;
    });
    trace.log.setEvents('virtio_blk_handle_read', true);
    const device = {};
    for (let sector = 0; sector < 100_000; sector++) {
      trace.event('virtio_blk_handle_read', device, {}, sector, 8);
    }
    expect(bytes).toBeGreaterThan(5e6);
    expect(trace.tail()).toEqual([]);
  });
});

describe('the table of events', () => {
  it('has those that the sources report, and no others', () => {
    const text = projectFiles()
      .filter((file) => /^src\/emu\/.*\.ts$/.test(file) && !file.endsWith('trace-events.ts'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
    expect(TRACE_EVENTS.filter((name) => !text.includes(`'${name}'`))).toEqual([]);
  });

  it('has formats that the reader of formats knows', () => {
    for (const [name, format] of Object.entries(TRACE_FORMATS)) {
      expect(format.replaceAll(/%0?\d*[duxXsp]/g, ''), name).not.toContain('%');
    }
  });
});
