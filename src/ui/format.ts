const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes for a reader: `512 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** A size as qemu-img takes it: `64M`, `1.5G`, plain bytes; undefined when it is not one, or not above zero. */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGTB]?)(?:i?B)?\s*$/i.exec(text);
  if (match === null) return undefined;
  const factor = SUFFIXES[(match[2] ?? '').toUpperCase()];
  const bytes = Math.floor(Number(match[1]) * (factor ?? Number.NaN));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** Seconds for a reader: `8 s`, `2 min`. */
export function formatSeconds(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}

/** A path as one value of a `file=` option: a comma is doubled. */
export function optionValue(path: string): string {
  return path.replaceAll(',', ',,');
}

/** A text as one word of a monitor's line: quoted, where it has spaces or quotes. */
export function monitorWord(text: string): string {
  if (/^[^\s"\\]+$/.test(text)) return text;
  return `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

/** `/tmp/test.img` becomes `/tmp/test-2.img`, or the next number that is free. */
export function freePath(path: string, taken: ReadonlySet<string>): string {
  const dot = path.lastIndexOf('.');
  const stemEnd = dot > path.lastIndexOf('/') + 1 ? dot : path.length;
  for (let number = 2; ; number++) {
    const candidate = `${path.slice(0, stemEnd)}-${number}${path.slice(stemEnd)}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** What went wrong, in words, whatever was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The image of README.md's story. */
export const STORY_PATH = '/tmp/test.img';
