/**
 * Asks a real QEMU what processor models there are. Writes src/emu/cpu/models/cpu-model-table.ts (names, identities and features, as QMP
 * tells them) and tests/golden/cpu/cpuid.json (what CPUID answers a guest). Needs qemu-system-x86_64 7.2, gcc and ld.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CPUID_CASES, CPUID_LEAVES } from '../tests/golden/cpu/cases.ts';
import { ask, BARE, QEMU, type Values } from './ask-qemu.ts';

const TABLE = fileURLToPath(new URL('../src/emu/cpu/models/cpu-model-table.ts', import.meta.url));
const GOLDEN = fileURLToPath(new URL('../tests/golden/cpu/cpuid.json', import.meta.url));
const BITS = 32;
/** They have cache tables of their own, which their extended topology leaves tell. */
const LEFT_OUT = /^(EPYC|Dhyana|host$)/;

interface WordPlace {
  readonly label: string;
  readonly bit: number;
}

const FEATURE_WORDS = {
  execute: 'qom-get',
  arguments: { path: '/machine/unattached/device[0]', property: 'feature-words' },
};

/** QEMU's list of words, as `label` to value. */
function wordsOf(answer: unknown): Map<string, number> {
  const words = new Map<string, number>();
  if (!Array.isArray(answer)) return words;
  for (const word of (answer as Record<string, number | string>[]).reverse()) {
    const leaf = Number(word['cpuid-input-eax']).toString(16).toUpperCase().padStart(2, '0');
    const label = `CPUID.${leaf}H:${word['cpuid-register']}`;
    // Leaf 0xD has words of several subleaves: those of the first subleaf count, whose names people use.
    const key = words.has(label) ? `${label} again` : label;
    words.set(key, Number(word['features']));
  }
  return words;
}

/** How QEMU writes a feature in a warning. */
const NAMED = '(CPUID\\.[0-9A-F]+H:E[A-D]X|MSR\\([0-9A-F]+H\\))\\.(\\S+) \\[bit (\\d+)\\]';

function complaint(warnings: string, name: string): WordPlace | undefined {
  for (const [, label = '', flag, bit] of warnings.matchAll(new RegExp(NAMED, 'g'))) {
    if (flag === name) return { label, bit: Number(bit) };
  }
  return undefined;
}

async function placeOf(name: string, base: ReadonlyMap<string, number>): Promise<WordPlace | undefined> {
  const { results, warnings } = await ask(['-cpu', `base,+${name}`], [FEATURE_WORDS]);
  const told = complaint(warnings, name);
  if (told !== undefined) return told;
  for (const [label, value] of wordsOf(results[0])) {
    const changed = (value ^ (base.get(label) ?? 0)) >>> 0;
    if (changed !== 0 && (changed & (changed - 1)) === 0) return { label, bit: 31 - Math.clz32(changed) };
  }
  return undefined;
}

function flagNames(help: string): readonly string[] {
  const [, list = ''] = help.split('Recognized CPUID flags:');
  return list
    .trim()
    .split(/\s+/)
    .filter((name) => !name.startsWith('vmx-'));
}

interface Definition {
  readonly name: string;
  readonly 'alias-of'?: string;
  readonly 'unavailable-features'?: readonly string[];
}

async function recordModels(names: ReadonlySet<string>, help: string): Promise<string> {
  const { results } = await ask([], [{ execute: 'query-cpu-definitions' }]);
  const definitions = (results[0] as Definition[]).filter(({ name }) => !LEFT_OUT.test(name));
  const own = definitions.filter((one) => one['alias-of'] === undefined);
  const expand = own.map(({ name }) => ({
    execute: 'query-cpu-model-expansion',
    arguments: { type: 'full', model: { name } },
  }));
  const expanded = (await ask([], expand)).results as { model: { props: Values } }[];
  const rows = own.map((definition, at) => {
    const props = expanded[at]?.model.props ?? {};
    const features = new Set(definition['unavailable-features'] ?? []);
    for (const [name, value] of Object.entries(props)) {
      if (value === true && names.has(name)) features.add(name);
    }
    const { name } = definition;
    const { vendor, family, model, stepping } = props;
    const numbers = { family, model, stepping, level: props['min-level'], xlevel: props['min-xlevel'] };
    const description = new RegExp(`^x86 ${name} +(.*)$`, 'm').exec(help)?.[1] ?? '';
    const row = { name, vendor, ...numbers, modelId: props['model-id'], description };
    return {
      ...row,
      features: [...features]
        .filter((flag) => names.has(flag))
        .sort()
        .join(' '),
    };
  });
  const aliases = definitions.flatMap(({ name, 'alias-of': of }) => (of === undefined ? [] : [[name, of]]));
  return `${declare('RECORDED_MODELS', 'readonly RecordedModel[]', rows.sort(byName))}
/** Names of models, to their versions. */
${declare('MODEL_ALIASES', 'Readonly<Record<string, string>>', Object.fromEntries(aliases.sort()))}`;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function declare(name: string, type: string, value: unknown): string {
  return `export const ${name}: ${type} = ${JSON.stringify(value)};\n`;
}

async function recordTable(): Promise<void> {
  const help = execFileSync(QEMU, ['-cpu', 'help'], { encoding: 'utf8' });
  const base = wordsOf((await ask(['-cpu', 'base'], [FEATURE_WORDS])).results[0]);
  const words = new Map<string, string[]>([...base.keys()].map((label) => [label, []]));
  const names = new Set<string>();
  const without: string[] = [];
  for (const name of flagNames(help)) {
    const place = await placeOf(name, base);
    if (place === undefined) {
      without.push(name);
      continue;
    }
    names.add(name);
    const list = words.get(place.label) ?? [];
    words.set(place.label, list);
    list[place.bit] = name;
  }
  const rows = [...words]
    .filter(([, list]) => list.length > 0)
    .map(([label, list]) => ({
      label,
      names: Array.from({ length: BITS }, (_, bit) => list[bit] ?? '-').join(' '),
    }));
  const text = `/** What QEMU 7.2 tells of its processor models; recorded by scripts/record-cpu-models.ts, not to be edited by hand. */
import type { FeatureWordNames, RecordedModel } from './recorded-model.ts';

/** In the order in which QEMU judges them. */
${declare('FEATURE_WORD_NAMES', 'readonly FeatureWordNames[]', rows)}
/** Features of other accelerators: taken without a word, and without effect. */
${declare('IDLE_FEATURES', 'readonly string[]', [...new Set(without)])}
${await recordModels(names, help)}`;
  writeFileSync(TABLE, text);
  execFileSync('node_modules/.bin/biome', ['format', '--write', TABLE]);
}

const PROGRAM = `.code16
.globl _start
_start:
  cli
  xorw %ax, %ax
  movw %ax, %ds
  movw $0x7000, %sp
  cld
  movw $leaves, %si
1: movl (%si), %eax
  movl 4(%si), %ecx
  cmpl $-1, %ecx
  je 2f
  addw $8, %si
  pushw %si
  cpuid
  movl %eax, 0x600
  movl %ebx, 0x604
  movl %ecx, 0x608
  movl %edx, 0x60c
  movw $0x600, %si
  movw $16, %cx
  movw $0xe9, %dx
  rep outsb
  popw %si
  jmp 1b
2: movw $0xf4, %dx
  outb %al, %dx
3: hlt
  jmp 3b
leaves:
`;
const WORDS_PER_LEAF = 4;

/** A boot sector that writes the answers to the debug console. */
function bootSector(folder: string): string {
  const leaves = [...CPUID_LEAVES, [0, -1]].map(([leaf, subleaf]) => `.long ${leaf}, ${subleaf}\n`);
  const [source, object, sector] = ['boot.S', 'boot.o', 'boot.bin'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(source, `${PROGRAM}${leaves.join('')}.org 510\n.word 0xaa55\n`);
  execFileSync('gcc', ['-m32', '-c', source, '-o', object]);
  execFileSync('ld', ['-m', 'elf_i386', '-Ttext', '0x7c00', '--oformat', 'binary', object, '-o', sector]);
  return sector;
}

function recordCpuid(): void {
  const folder = mkdtempSync(join(tmpdir(), 'hotslot-cpuid-'));
  const sector = bootSector(folder);
  const record: Record<string, readonly string[]> = {};
  for (const args of CPUID_CASES) {
    const out = join(folder, 'out');
    writeFileSync(out, '');
    const disk = ['-drive', `file=${sector},format=raw,if=ide`, '-debugcon', `file:${out}`];
    const qemu = [...BARE, ...disk, '-device', 'isa-debug-exit,iobase=0xf4', ...args.split(' ')];
    try {
      execFileSync(QEMU, qemu, { stdio: 'ignore', timeout: 30_000 });
    } catch {
      // isa-debug-exit never ends with status 0.
    }
    const size = CPUID_LEAVES.length * WORDS_PER_LEAF * 4;
    const bytes = readFileSync(out).subarray(-size);
    if (bytes.length !== size) throw new Error(`${args}: ${bytes.length} bytes`);
    record[args] = CPUID_LEAVES.map((_, leaf) =>
      Array.from({ length: WORDS_PER_LEAF }, (_word, word) =>
        bytes
          .readUInt32LE((leaf * WORDS_PER_LEAF + word) * 4)
          .toString(16)
          .padStart(8, '0'),
      ).join(' '),
    );
  }
  rmSync(folder, { recursive: true });
  writeFileSync(GOLDEN, `${JSON.stringify(record, undefined, 1)}\n`);
}

if (!process.argv.includes('--only-cpuid')) await recordTable();
recordCpuid();
