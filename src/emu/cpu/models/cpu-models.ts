/** The processor models by name, and the names of features. */
import { FEATURE_WORD_NAMES, MODEL_ALIASES, RECORDED_MODELS } from './cpu-model-table.ts';
import type { RecordedModel } from './recorded-model.ts';

/** What the core can do is not a model's list but all that it has. */
export const MAX_MODEL = 'max';

const NO_NAME = '-';

const MODELS: ReadonlyMap<string, RecordedModel> = new Map(
  RECORDED_MODELS.map((model) => [model.name, model]),
);

/** All names that -cpu takes, in QEMU's order. */
export const MODEL_NAMES: readonly string[] = [...MODELS.keys(), ...Object.keys(MODEL_ALIASES)].sort(
  (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
);

/** QEMU lists these after the others. */
function rank(name: string): number {
  return ['base', MAX_MODEL].indexOf(name);
}

export function modelNamed(name: string): RecordedModel | undefined {
  return MODELS.get(MODEL_ALIASES[name] ?? name);
}

/** QEMU's name of the device type. */
export function cpuTypeOf(name: string): string {
  return `${name}-x86_64-cpu`;
}

/** Where a feature's bit is: `word` is a place in FEATURE_WORD_NAMES. */
export interface FeatureBit {
  readonly name: string;
  readonly word: number;
  readonly bit: number;
}

/** By word, then by bit. */
export const FEATURE_BITS: readonly FeatureBit[] = FEATURE_WORD_NAMES.flatMap(({ names }, word) =>
  names
    .split(' ')
    .map((name, bit) => ({ name, word, bit }))
    .filter(({ name }) => name !== NO_NAME),
);

const BITS_BY_NAME: ReadonlyMap<string, FeatureBit> = new Map(FEATURE_BITS.map((one) => [one.name, one]));

/** Other spellings that QEMU takes; in all names `_` stands for `-`. */
const SPELLINGS: Readonly<Record<string, string>> = {
  ffxsr: 'fxsr-opt',
  i64: 'lm',
  pclmuldq: 'pclmulqdq',
  sse3: 'pni',
  'sse4-1': 'sse4.1',
  'sse4-2': 'sse4.2',
  xd: 'nx',
};

export function featureNamed(name: string): FeatureBit | undefined {
  return BITS_BY_NAME.get(SPELLINGS[name] ?? name);
}

/** As QEMU's warnings name it: `CPUID.01H:ECX.x2apic [bit 21]`. */
export function describeFeature({ name, word, bit }: FeatureBit): string {
  return `${FEATURE_WORD_NAMES[word]?.label ?? ''}.${name} [bit ${bit}]`;
}

/** One word for each row of FEATURE_WORD_NAMES. */
export function featuresOfModel({ features }: RecordedModel): Int32Array {
  const words = new Int32Array(FEATURE_WORD_NAMES.length);
  for (const name of features.split(' ')) {
    const feature = BITS_BY_NAME.get(name);
    if (feature !== undefined) words[feature.word] |= 1 << feature.bit;
  }
  return words;
}

/** What `-cpu help` prints. */
export function cpuHelp(): string {
  const models = MODEL_NAMES.map((name) => `x86 ${name.padEnd(20)}  ${descriptionOf(name)}`);
  const flags = FEATURE_BITS.map(({ name }) => name).sort();
  return `Available CPUs:\n${models.join('\n')}\n\nRecognized CPUID flags:\n${wrapped(flags)}`;
}

function descriptionOf(name: string): string {
  const alias = MODEL_ALIASES[name];
  if (alias === undefined) return MODELS.get(name)?.description ?? '';
  return alias === `${name}-v1` ? '(alias configured by machine type)' : `(alias of ${alias})`;
}

const HELP_WIDTH = 75;

function wrapped(words: readonly string[]): string {
  let text = '';
  let line = ' ';
  for (const word of words) {
    if (line.length + word.length + 1 > HELP_WIDTH) {
      text += `${line}\n`;
      line = ' ';
    }
    line += ` ${word}`;
  }
  return `${text}${line}\n`;
}
