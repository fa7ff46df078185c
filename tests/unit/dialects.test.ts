/** The tables of the dialects: that each word is there from its year on, and that no table names what is not there. */
import { describe, expect, it } from 'vitest';
import { DIALECT_NAMES, type DialectName } from '../../src/emu/monitor/dialects/dialect.ts';
import { DEFAULT_DIALECT, DIALECTS, findDialect } from '../../src/emu/monitor/dialects/dialects.ts';
import { change, inWordsOf } from '../../src/emu/monitor/dialects/error-style.ts';
import {
  COMMANDS_SINCE,
  cameAfter,
  QMP_SINCE,
  TOPICS_SINCE,
} from '../../src/emu/monitor/dialects/vocabulary.ts';
import { HMP_COMMANDS } from '../../src/emu/monitor/hmp/commands.ts';
import { INFO_COMMANDS } from '../../src/emu/monitor/hmp/info-commands.ts';
import { hmpCommands } from '../../src/emu/monitor/hmp/table.ts';
import { QMP_COMMANDS, qmpCommands } from '../../src/emu/monitor/qmp/table.ts';
import { MONITOR_DIALECTS } from '../../src/workers/protocol.ts';

const names = (all: Iterable<{ readonly name: string }>): readonly string[] =>
  [...all].map(({ name }) => name);

function dialect(name: DialectName) {
  const found = findDialect(name);
  if (found === undefined) throw new Error(name);
  return found;
}

/** The commands, topics and QMP commands that a dialect has. */
function vocabulary(name: DialectName) {
  const commands = hmpCommands(dialect(name));
  return {
    commands: names(commands),
    topics: names(commands.find((command) => command.name === 'info')?.subcommands ?? []),
    qmp: [...qmpCommands(dialect(name)).keys()],
  };
}

describe('the list of dialects', () => {
  it('is the same for the command line, the page and the monitors', () => {
    expect(names(DIALECTS)).toEqual(DIALECT_NAMES);
    expect(MONITOR_DIALECTS).toEqual(DIALECT_NAMES);
    expect(findDialect('3.0')).toBeUndefined();
  });

  it('has a default that adds and takes nothing', () => {
    expect(vocabulary('7.2')).toEqual({
      commands: names(HMP_COMMANDS),
      topics: names(INFO_COMMANDS),
      qmp: names(QMP_COMMANDS),
    });
    expect(DEFAULT_DIALECT.errors.changes).toEqual([]);
  });
});

describe.each([
  ['commands', COMMANDS_SINCE, HMP_COMMANDS],
  ['topics of info', TOPICS_SINCE, INFO_COMMANDS],
  ['commands of QMP', QMP_SINCE, QMP_COMMANDS],
] as const)('%s', (_what, since, all) => {
  it('that came later are known today, and named once', () => {
    const later = Object.values(since).flatMap((text) => text.split(' '));
    expect(later.filter((word) => !names(all).includes(word))).toEqual([]);
    expect(later.length).toBe(new Set(later).size);
  });

  it('become fewer with each older dialect', () => {
    const counts = DIALECT_NAMES.map((name) => cameAfter(name, since).size);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[0]).toBe(0);
    expect(counts.at(-1)).toBeGreaterThan(5);
  });
});

describe('words of other years', () => {
  const LIFETIMES: readonly (readonly [word: string, knownTo: readonly DialectName[]])[] = [
    ['pci_add', ['2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['pci_del', ['2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['usb_add', ['2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['usb_del', ['2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['cpu_set', ['qemu-kvm-0.15']],
    ['cpu-add', ['5.1', '2.0']],
    ['host_net_add', ['2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['acl_show', ['5.1', '2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['block_passwd', ['5.1', '2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['migrate_set_cache_size', ['5.1', '2.0', '1.5', '1.1']],
    ['device_add', DIALECT_NAMES],
    ['object_add', ['7.2', '5.1', '2.0']],
    ['chardev-add', ['7.2', '5.1', '2.0', '1.5']],
  ];
  it.each(LIFETIMES)('%s', (word, knownTo) => {
    expect(DIALECT_NAMES.filter((name) => vocabulary(name).commands.includes(word))).toEqual(knownTo);
  });

  it('info hotpluggable-cpus and info memory-devices', () => {
    for (const topic of ['hotpluggable-cpus', 'memory-devices']) {
      expect(DIALECT_NAMES.filter((name) => vocabulary(name).topics.includes(topic))).toEqual(['7.2', '5.1']);
    }
  });

  it.each([
    ['cpu-add', ['5.1', '2.0', '1.5']],
    ['query-cpus', ['5.1', '2.0', '1.5', '1.1', 'qemu-kvm-0.15']],
    ['query-cpus-fast', ['7.2', '5.1']],
    ['query-qmp-schema', ['7.2', '5.1']],
    ['device_add', DIALECT_NAMES],
  ] as const)('%s in QMP', (word, knownTo) => {
    expect(DIALECT_NAMES.filter((name) => vocabulary(name).qmp.includes(word))).toEqual(knownTo);
  });
});

describe('A5: without a display', () => {
  it.each([
    ['7.2', undefined],
    ['5.1', 'VNC server running on ::1:5900'],
    ['2.0', "VNC server running on '::1:5900'"],
    ['1.5', "VNC server running on `::1:5900'"],
    ['1.1', "VNC server running on `::1:5900'"],
    ['qemu-kvm-0.15', "VNC server running on `::1:5900'"],
  ] as const)('%s says %j', (name, sentence) => {
    expect(dialect(name).start.display).toBe(sentence);
  });
});

describe('errors of another year', () => {
  it('change what is told after them, too', () => {
    const style = {
      ...DEFAULT_DIALECT.errors,
      changes: [change('buses at {bus}', 'busses at {bus}'), change('No bus', 'No bus at all')],
    };
    expect(inWordsOf(style, { message: 'No bus', hint: 'buses at "x"' })).toEqual({
      message: 'No bus at all',
      hint: 'busses at "x"',
    });
  });

  it('keep what differs from case to case', () => {
    const style = {
      ...DEFAULT_DIALECT.errors,
      changes: [change("No '{a}' (for '{b}')", "'{b}' lacks '{a}'", 'Sorry')],
    };
    expect(inWordsOf(style, { message: "No 'x$1' (for 'y.z')", hint: undefined })).toEqual({
      message: "'y.z' lacks 'x$1'",
      hint: 'Sorry',
    });
    const other = { message: "No 'x' for 'y'", hint: 'line' };
    expect(inWordsOf(style, other)).toEqual(other);
  });
});
