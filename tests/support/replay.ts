/** Replays what scripts/record-monitor.ts recorded on any monitor and compares each answer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const GOLDEN = join(import.meta.dirname, '../golden/monitor');

export type ReplayStep =
  | {
      readonly kind: 'hmp' | 'guest' | 'keys';
      readonly line: string;
      readonly output: string;
      readonly events: string[];
    }
  | { readonly kind: 'boot' | 'settle'; readonly events: string[] };

export interface Recording {
  readonly name: string;
  readonly steps: readonly ReplayStep[];
  /** What QEMU printed beside the monitor. */
  readonly stderr: string;
}

const HMP = '>>> HMP: ';
const GUEST = '>>> GUEST: ';
const KEYS = '>>> KEYS: ';
const EVENT = '<<< EVENT: ';
const STDERR = '--- stderr\n';

/** The step that a line begins, or undefined for a line that belongs to the step before. */
function stepOf(line: string): ReplayStep | undefined {
  if (line === '--- boot') return { kind: 'boot', events: [] };
  if (line === '--- settle') return { kind: 'settle', events: [] };
  if (line.startsWith(HMP)) return { kind: 'hmp', line: line.slice(HMP.length), output: '', events: [] };
  if (line.startsWith(GUEST))
    return { kind: 'guest', line: line.slice(GUEST.length), output: '', events: [] };
  if (line.startsWith(KEYS)) {
    return { kind: 'keys', line: JSON.parse(line.slice(KEYS.length)), output: '', events: [] };
  }
  return undefined;
}

function continued(step: ReplayStep, line: string): ReplayStep {
  if (line.startsWith(EVENT)) return { ...step, events: [...step.events, line.slice(EVENT.length)] };
  if (!('output' in step)) throw new Error(`what is ${JSON.stringify(line)}?`);
  return { ...step, output: `${step.output}${line}\n` };
}

/** Reads tests/golden/monitor/`name`.txt. */
export function readRecording(name: string): Recording {
  const [text = '', stderr = ''] = readFileSync(join(GOLDEN, `${name}.txt`), 'utf8').split(STDERR);
  const steps: ReplayStep[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const step = stepOf(line);
    const last = steps.pop();
    if (step !== undefined) steps.push(...(last === undefined ? [] : [last]), step);
    else if (last !== undefined) steps.push(continued(last, line));
  }
  return { name, steps, stderr };
}

/** Something that differs by nature; applied to both sides unless `side` says otherwise. */
export interface Normalisation {
  readonly why: string;
  readonly side?: 'qemu';
  /** Which input lines it is for; all when absent. */
  readonly lines?: RegExp;
  readonly apply: (text: string) => string;
}

/** One answer that is ours on purpose. */
export interface Difference {
  readonly line: string;
  readonly ours: string;
  readonly why: string;
}

/** Chips of QEMU's pc board that ours does not have, with what hangs below them. */
const UNMODELLED_CHIPS = ['kvmvapic', 'vmport', 'vmmouse', 'smbus-eeprom'];

/** A device in `info qtree`, and in `info qom-tree`. */
const CHIP_LINES = [/^ *dev: ([^,]+),/, /^ *\/.* \((.*)\)$/];

function withoutChips(text: string): string {
  let skipDeeperThan = -1;
  return text
    .split('\n')
    .filter((line) => {
      const indent = line.search(/\S|$/);
      if (skipDeeperThan >= 0 && indent > skipDeeperThan) return false;
      skipDeeperThan = -1;
      const type = CHIP_LINES.map((pattern) => pattern.exec(line)?.[1]).find((found) => found !== undefined);
      if (type === undefined || !UNMODELLED_CHIPS.includes(type)) return true;
      skipDeeperThan = indent;
      return false;
    })
    .join('\n');
}

/** `device_add help` without the types in `text` that `known` lacks, and without headings that are left alone. */
function onlyKnownTypes(text: string, known: ReadonlySet<string>): string {
  const groups = text.split('\n\n').map((group) => group.split('\n').filter((line) => line !== ''));
  return groups
    .map(([heading = '', ...types]) => [
      heading,
      ...types.filter((line) => known.has(/^name "([^"]+)"/.exec(line)?.[1] ?? '')),
    ])
    .filter((group) => group.length > 1)
    .map((group) => `${group.join('\n')}\n`)
    .join('\n');
}

/** The listed rules. `knownTypes`: what this machine's `device_add help` may name. */
export function normalisations(knownTypes: ReadonlySet<string>): readonly Normalisation[] {
  return [
    {
      why: 'generated node names have random digits',
      apply: (text) => text.replaceAll(/#block\d+/g, '#block'),
    },
    {
      why: 'the host decides',
      lines: /^info cpus/,
      apply: (text) => text.replaceAll(/thread_id=\d+/g, 'thread_id=N'),
    },
    {
      why: 'the package is ours, the version is the same',
      lines: /^info version/,
      apply: (text) => text.replace(/^([\d.]+)\S.*$/m, '$1'),
    },
    { why: 'chips that the board does not have', side: 'qemu', lines: /^info qtree/, apply: withoutChips },
    {
      why: "the board's chips that it does not have, and parts of QEMU itself",
      side: 'qemu',
      lines: /^info qom-tree/,
      apply: (text) =>
        withoutChips(text.replaceAll(/^ *\/.* \((memory-region|irq|apic|serial|rng-builtin)\)\n/gm, '')),
    },
    {
      why: 'address spaces of our machine have no containers, of which PIIX4 has one that is switched off, and one region for both ELCRs',
      lines: /^info mtree/,
      apply: (text) =>
        (/^address-space: I\/O\n[\s\S]*?\n\n/m.exec(text)?.[0] ?? text).replaceAll(
          /^.*: (acpi-(evt|cnt|tmr)|rtc-index|kvmvapic|vmport|ioportF0|elcr)\n/gm,
          '',
        ),
    },
    {
      why: 'memory that is no RAM is not modelled',
      side: 'qemu',
      lines: /^info ramblock/,
      apply: (text) => text.replaceAll(/^ *(\/rom@|pc\.(bios|rom)).*\n/gm, ''),
    },
    {
      why: 'chips that the board does not have',
      side: 'qemu',
      lines: /^device_add .*bus=/,
      apply: (text) => UNMODELLED_CHIPS.reduce((all, chip) => all.replaceAll(`, "${chip}"`, ''), text),
    },
    {
      why: 'types that are not modelled are not listed',
      side: 'qemu',
      lines: /^(device_add help|info qdm)$/,
      apply: (text) => onlyKnownTypes(text, knownTypes),
    },
    {
      why: 'types of objects that are not modelled are not listed',
      side: 'qemu',
      lines: /^object_add .*(help|\?)$/,
      apply: (text) =>
        text.replaceAll(/^ {2}([\w-]+)\n/gm, (line, name: string) => (knownTypes.has(name) ? line : '')),
    },
    {
      why: 'QEMU lists them in the order of a hash table',
      lines: /^info memdev$/,
      apply: (text) =>
        `${text
          .replace(/\n$/, '')
          .split(/(?=^memory backend: )/m)
          .sort()
          .join('')}\n`,
    },
    {
      why: 'QEMU lists them in the order of a hash table; parts of QEMU itself and old spellings are not modelled',
      lines: /^qom-list /,
      apply: (text) =>
        text
          .split('\n')
          .filter((line) => !/\(child<(memory-region|irq)>\)$|^legacy-/.test(line))
          .sort()
          .join('\n'),
    },
    {
      why: 'QEMU prints the members of an object in the order of a hash table',
      lines: /^qom-get /,
      apply: (text) =>
        text.startsWith('{') ? text.replaceAll(',\n', '\n').split('\n').sort().join('\n') : text,
    },
    {
      why: 'how much room an image takes follows from where it is kept',
      lines: /^info block .*-v/,
      apply: (text) => text.replaceAll(/^disk size: [\d.]+ [KMG]?i?B$/gm, 'disk size: N'),
    },
    {
      why: 'descriptions of properties are in our own words',
      lines: /^(device|object)_add .*[,=](help|\?)/,
      apply: (text) => text.replaceAll(/( +-) .*?( \(default: .*\))?$/gm, '$1$2'),
    },
    {
      why: 'drive_add is shown in the older words, which tutorials show',
      lines: /^help$/,
      apply: (text) => text.replace(/^drive_add .*\n(\[.*\n)*/m, ''),
    },
    {
      why: 'descriptions of commands are in our own words, but for device_add',
      lines: /^(help|\?)(?! device_add| drive_add)/,
      apply: (text) => text.replaceAll(/ -- .*(\n\t.*)*$/gm, ' --'),
    },
  ];
}

/** The guest's output without the kernel's messages, whose times are the host's and which come when they like. */
export function withoutKernelMessages(text: string): string {
  return text.replaceAll(/^\[ *\d+\.\d+\] .*\n/gm, '');
}

/** What a replay drives. */
export interface ReplayTarget {
  execute(line: string): Promise<string>;
  /** QMP events since the last call, as `{"event":…,"data":…}`. */
  takeEvents(): readonly string[];
  /** Awaits the guest's prompt. */
  boot(): Promise<void>;
  /** Awaits that the guest has become quiet. */
  settle(): Promise<void>;
  /** Absent: what the guest prints is not compared. */
  guest?(command: string): Promise<string>;
  /** What the terminal is sent for these keys; needed by recordings with keys only. */
  keys?(text: string): Promise<string>;
}

export interface ReplayOptions {
  readonly rules: readonly Normalisation[];
  readonly differences?: readonly Difference[];
  /** Events that are compared. */
  readonly events: (event: string) => boolean;
  /** A guest answers when it can: events are compared in their order, up to the next `settle`, not step by step. */
  readonly guestAnswers?: boolean;
  /** Told each pair, normalised; the test compares them. */
  readonly compare: (what: string, ours: string, qemu: string) => void;
}

function normalise(
  rules: readonly Normalisation[],
  line: string,
  text: string,
  side: 'ours' | 'qemu',
): string {
  return rules
    .filter((rule) => (rule.side ?? side) === side && (rule.lines?.test(line) ?? true))
    .reduce((result, rule) => rule.apply(result), text);
}

/** Runs all steps of a recording in order. */
export async function replay(
  recording: Recording,
  target: ReplayTarget,
  options: ReplayOptions,
): Promise<void> {
  const { rules, differences = [], events, compare, guestAnswers = false } = options;
  const pool = { ours: [] as string[], qemu: [] as string[] };
  for (const [index, step] of recording.steps.entries()) {
    const what = `${recording.name} step ${index}: ${'line' in step ? step.line : step.kind}`;
    switch (step.kind) {
      case 'boot':
        await target.boot();
        break;
      case 'settle':
        await target.settle();
        break;
      case 'guest':
        if (target.guest !== undefined) {
          const ours = withoutKernelMessages(await target.guest(step.line));
          compare(what, ours, withoutKernelMessages(step.output));
        }
        break;
      case 'keys':
        compare(what, (await target.keys?.(step.line)) ?? '', JSON.parse(step.output));
        break;
      case 'hmp': {
        const ours = await target.execute(step.line);
        const difference = differences.find(({ line }) => line === step.line);
        const expected = difference?.ours ?? normalise(rules, step.line, step.output, 'qemu');
        compare(what, normalise(rules, step.line, ours, 'ours'), expected);
        break;
      }
    }
    pool.ours.push(...target.takeEvents());
    pool.qemu.push(...step.events.filter(events));
    if (guestAnswers && step.kind !== 'settle' && index < recording.steps.length - 1) continue;
    compare(`${what}: events`, pool.ours.splice(0).join('\n'), pool.qemu.splice(0).join('\n'));
  }
}
