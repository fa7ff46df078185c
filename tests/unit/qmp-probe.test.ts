/**
 * What a manager of virtual machines asks, as libvirt does: to learn what this QEMU can do, and of a machine that it has started. Each answer is that of
 * QEMU 7.2, which `scripts/record-qmp.ts` recorded, or is listed here with the reason why it is another.
 */
import { describe, expect, it } from 'vitest';
import { parseDriveOptions, parseDrivePlace } from '../../src/emu/block/drive-options.ts';
import { MonitorError, readCommandLine, StartError } from '../../src/emu/index.ts';
import { COMMAND_LINE_OPTIONS, type OptionParameter } from '../../src/emu/machine/command-line-options.ts';
import { typeNamed } from '../../src/emu/machine/type-queries.ts';
import { QmpSession, qmpText } from '../../src/emu/monitor/qmp/session.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { type MonitorRigOptions, monitorRig } from '../support/monitor-rig.ts';
import { qmpFlow } from '../support/qmp-flow.ts';

const MIB = 2 ** 20;

interface Answer {
  readonly return?: unknown;
  readonly error?: unknown;
}
interface Named {
  readonly name: string;
  readonly description?: unknown;
}
type Judge = (ours: Answer, theirs: Answer) => void;

const rowsOf = ({ return: rows }: Answer): readonly Named[] => rows as readonly Named[];
const names = (rows: readonly Named[]): readonly string[] => rows.map(({ name }) => name);
const sorted = (rows: readonly Named[]): readonly Named[] =>
  [...rows].sort((a, b) => (a.name < b.name ? -1 : 1));
/** Descriptions are our own words, and there may be none. */
const wordless = (rows: readonly Named[]): readonly unknown[] =>
  sorted(rows).map(({ description, ...row }) => row);

/** Ours are some of QEMU's, and are told as QEMU tells them. */
const someOf =
  (view: (rows: readonly Named[]) => readonly unknown[]): Judge =>
  (ours, theirs) => {
    const wanted = new Set(names(rowsOf(ours)));
    expect(view(rowsOf(ours))).toEqual(view(rowsOf(theirs).filter(({ name }) => wanted.has(name))));
  };

/** All but these are there, in another order. */
const without =
  (...left: readonly string[]): Judge =>
  (ours, theirs) => {
    const has = new Set(names(rowsOf(ours)));
    expect(
      names(rowsOf(theirs))
        .filter((name) => !has.has(name))
        .sort(),
    ).toEqual([...left].sort());
    someOf(wordless)(ours, theirs);
  };

const failsWith =
  (desc: string, errorClass = 'GenericError'): Judge =>
  (ours) =>
    expect(ours).toEqual({ error: { class: errorClass, desc } });
const nothing: Judge = (ours) => expect(ours).toEqual({ return: [] });

/** Members in QEMU's lists of a table come as they were put in; we do not know when that was. */
const sameMembers: Judge = (ours, theirs) => expect(ours).toEqual(theirs);

const ORDER = 'the order of properties is that of tables of hashes; descriptions are our own words';
const NO_PINS = 'wires are no properties here';
const ABSENT = 'this machine has no such device';

/** What is another here, and why. The pattern is looked for in the packet; the first one counts. */
const OTHERS: readonly (readonly [packet: RegExp, why: string, judge: Judge])[] = [
  [
    /query-version/,
    'the package is another',
    (ours, theirs) => expect(ours.return).toMatchObject({ qemu: (theirs.return as { qemu: object }).qemu }),
  ],
  [/query-commands/, 'some are not there: docs/monitor.md; their order is that of our files', someOf(sorted)],
  [
    /query-hotpluggable-cpus/,
    'with -preconfig the board is there from the beginning, and a processor in it',
    (ours, theirs) => {
      const places = ours.return as readonly Record<string, unknown>[];
      const { 'qom-path': path, ...first } = places.at(-1) ?? {};
      expect(path).toBe('/machine/unattached/device[0]');
      expect([...places.slice(0, -1), first]).toEqual(theirs.return);
    },
  ],
  [
    /qom-list-types/,
    'types that this machine has not are not there, and the others come by name',
    (ours, theirs) => {
      someOf(sorted)(ours, theirs);
      const known = rowsOf(theirs).filter(({ name }) => typeNamed(name) !== undefined);
      expect(known).toHaveLength(rowsOf(ours).length);
    },
  ],
  [/list-prop.*(?:PIIX4_PM)/, NO_PINS, without('smi-irq[0]', 'unnamed-gpio-out[0]')],
  [
    /list-prop.*i440FX-pcihost/,
    NO_PINS,
    without(
      ...['pci-hole-end', 'pci-hole64-start', 'pci-hole64-end', 'pci-hole-start'],
      ...['pci-conf-idx[0]', 'pci-conf-data[0]'],
    ),
  ],
  [/list-prop.*hpet/, NO_PINS, without('hpet[0]')],
  ...['usb-host', 'nvdimm'].map(
    (name) =>
      [
        new RegExp(`list-prop.*"${name}"`),
        ABSENT,
        failsWith(`Device '${name}' not found`, 'DeviceNotFound'),
      ] as const,
  ),
  ...['memory-backend-file', 'sev-guest', 'iothread'].map(
    (name) =>
      [
        new RegExp(`list-prop.*"${name}"`),
        ABSENT,
        failsWith(`Class '${name}' not found`, 'DeviceNotFound'),
      ] as const,
  ),
  [/list-prop.*rng-(?:builtin|random)/, 'QEMU has deprecated `opened`', without('opened')],
  [
    /list-prop.*(?:x86_64-cpu|-machine|"virtio-pci")/,
    'features are chosen by -cpu and the board by -machine, not by properties of their objects; abstract types have none',
    someOf(wordless),
  ],
  [
    /list-prop.*qom-list|qom-list-prop.*virtio-rng-pci/,
    'no property has a second name',
    without('legacy-addr'),
  ],
  [/device-list-properties.*virtio-pci"/, '', sameMembers],
  [/list-properties/, ORDER, without()],
  [
    /query-machines/,
    'q35, isapc, microvm and the others are boards that do not exist here, nor do versions before 2.7; the newest comes first',
    someOf(sorted),
  ],
  [
    /query-cpu-definitions/,
    'this core executes less than TCG, and has no EPYC and no Dhyana: tests/unit/cpu-queries.test.ts',
    someOf((rows) => rows.map((row) => ({ ...row, 'unavailable-features': [] }))),
  ],
  [/query-cpu-model-exp.*"host"/, 'it is KVM’s', failsWith("CPU model 'host' not found")],
  [
    /query-cpu-model-exp.*"max"/,
    'it is what the core executes: tests/unit/cpu-queries.test.ts',
    (ours, theirs) => {
      const props = ({ return: value }: Answer): object =>
        (value as { model: { props: object } }).model.props;
      expect(Object.keys(props(ours)).sort()).toEqual(Object.keys(props(theirs)).sort());
    },
  ],
  [
    /query-cpu-model-exp.*full/,
    'the order of members; no link to the memory of processors',
    (ours, theirs) => {
      const { model } = theirs.return as { model: { props: Record<string, unknown> } };
      const { memory, ...props } = model.props;
      expect(memory).toBeDefined();
      expect(ours.return).toEqual({ model: { ...model, props: sized(props) } });
    },
  ],
  [/query-cpu-model-exp/, 'the order of members', sameMembers],
  [/query-tpm-(?:models|types)/, 'there are no TPMs', nothing],
  [/query-command-line-options/, 'a test of its own', () => {}],
  [/qom-list.*objects\/m/, 'no region of memory is an object', without('m[0]')],
  [/qom-list.*objects\/r/, 'QEMU has deprecated `opened`', without('opened')],
];

/** JSON's reader rounds the one number of 64 bits. */
function sized(props: Record<string, unknown>): Record<string, unknown> {
  return { ...props, 'lbr-fmt': 2 ** 64, lbr_fmt: 2 ** 64 };
}

const SMP = { cpus: 1, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 };
const MACHINES: Readonly<Record<string, MonitorRigOptions>> = {
  probe: {},
  cpu_models: {},
  domain: { smp: SMP, dimms: { slots: 2, maxSize: 256 * MIB } },
  preconfig_numa: {
    smp: { cpus: 1, maxCpus: 4, sockets: 2, dies: 1, cores: 2, threads: 1 },
    dimms: { slots: 2, maxSize: 256 * MIB },
    ...{ objects: ['memory-backend-ram,id=a,size=64M'], hmat: true, preconfig: true },
  },
};

/** What differs from run to run, or is the host's. */
function normalised(line: string): string {
  return line
    .replace(/"timestamp": \{[^}]*\}/, '"timestamp": {}')
    .replaceAll(/"thread-id": \d+, "props"/g, '"thread-id": 1, "props"');
}

async function session(name: string) {
  const { machine } = await monitorRig({ memoryBytes: 64 * MIB, ...MACHINES[name] });
  let text = '';
  const qmp = new QmpSession(
    (message) => {
      text += qmpText(message);
    },
    { machine, nowMs: () => 0 },
  );
  qmp.start();
  return async (packet: string): Promise<readonly string[]> => {
    text = '';
    qmp.input(new TextEncoder().encode(`${packet}\n`));
    for (let turn = 0; turn < 1000 && !/"(?:return|error)": /.test(text); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return text.split('\r\n').filter((line) => line !== '');
  };
}

describe('what a manager asks is answered as by QEMU, or differs for a reason', () => {
  it.each(Object.keys(MACHINES))('%s', { timeout: 60_000 }, async (name) => {
    const ask = await session(name);
    for (const { packet, answers } of qmpFlow(name)) {
      const told = (await ask(packet)).map(normalised);
      const wanted = answers.map(normalised);
      if (told.join() === wanted.join()) continue;
      const other = OTHERS.find(([pattern]) => pattern.test(packet));
      if (other === undefined) expect.soft(told, packet).toEqual(wanted);
      else {
        const [, why, judge] = other;
        const parse = (lines: readonly string[]): Answer => JSON.parse(lines.at(-1) ?? '{}') as Answer;
        expect.soft(() => judge(parse(told), parse(wanted)), `${packet}: ${why}`).not.toThrow();
      }
    }
  });
});

describe('query-command-line-options', () => {
  interface Option {
    readonly option: string;
    readonly parameters: readonly (OptionParameter & { readonly help?: string })[];
  }
  const [step] = qmpFlow('probe').filter(({ packet }) => packet.endsWith('query-command-line-options"}'));
  const theirs = (JSON.parse(step?.answers[0] ?? '{}') as { return: readonly Option[] }).return;

  it('tells of options what QEMU tells, in its order and without its words', () => {
    const ours = COMMAND_LINE_OPTIONS.map(({ option }) => option);
    const known = theirs.filter(({ option }) => ours.includes(option));
    expect(known.map(({ option }) => option)).toEqual(ours);
    for (const { option, parameters } of COMMAND_LINE_OPTIONS) {
      const all = known.find((one) => one.option === option)?.parameters ?? [];
      // QEMU has the action on write errors twice.
      const some = all.filter(
        ({ name }, at) =>
          parameters.some((one) => one.name === name) && !all.slice(at + 1).some((one) => one.name === name),
      );
      expect(parameters, option).toEqual(some.map(({ help, ...parameter }) => parameter));
    }
  });

  /** By which option of the command line a group is given, and what it cannot do without. */
  const GIVEN_BY: Readonly<Record<string, readonly [option: string, always: string]>> = {
    'boot-opts': ['boot', ''],
    'smp-opts': ['smp', ''],
    memory: ['m', ''],
    chardev: ['chardev', 'null,id=c,'],
    drive: ['drive', 'file=f,'],
  };
  const parameters = COMMAND_LINE_OPTIONS.flatMap(({ option, parameters: all }) =>
    all.map(({ name, type }) => [option, name, type] as const),
  );

  it.each(parameters)('-%s takes %s', (option, name, type) => {
    const [given, always] = GIVEN_BY[option] ?? [option, ''];
    const value = { string: 'x', boolean: 'off', number: '1', size: '1G' }[type];
    const said = (parameter: string): string => {
      try {
        const line = `${always}${parameter}=${value}`;
        // What -drive says is read when the drive is made.
        if (option === 'drive') {
          const options = parseOptions(line, undefined, () => {});
          parseDrivePlace(options, 'none');
          const { node } = parseDriveOptions(options);
          if (node?.wrongWhenOpen !== undefined) throw node.wrongWhenOpen;
        } else readCommandLine([`-${given}`, line], () => {});
        return '';
      } catch (error) {
        if (!(error instanceof MonitorError || error instanceof StartError)) throw error;
        return error.message;
      }
    };
    const unknown = /Invalid parameter|\.zz' not found|is unexpected|does not support the option/;
    // What is wrong, if anything is, is the value.
    expect(said(name)).not.toMatch(unknown);
    expect(said('zz')).toMatch(unknown);
  });
});
