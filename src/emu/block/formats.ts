import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { asBlockError, type BlockBackend, BlockError } from './block-backend.ts';
import { RawFormat, SECTOR_BYTES } from './raw.ts';

/** Makes a disk of the bytes of an image file. */
export type OpenFormat = (file: BlockBackend) => Promise<BlockBackend>;

/** Formats by QEMU's name. A new format is one file and one line here. */
export const FORMATS: ReadonlyMap<string, OpenFormat> = new Map([
  ['raw', async (file: BlockBackend) => new RawFormat(file)],
]);

interface Magic {
  readonly format: string;
  readonly offset: number;
  readonly bytes: readonly number[];
}

const text = (characters: string): readonly number[] => [...characters].map((c) => c.charCodeAt(0));

/** Spec: each format's header. QEMU: the formats that it recognises by their start. */
const MAGICS: readonly Magic[] = [
  { format: 'qcow', offset: 0, bytes: [...text('QFI'), 0xfb, 0, 0, 0, 1] },
  { format: 'qcow2', offset: 0, bytes: [...text('QFI'), 0xfb, 0, 0, 0, 2] },
  { format: 'qcow2', offset: 0, bytes: [...text('QFI'), 0xfb, 0, 0, 0, 3] },
  { format: 'qed', offset: 0, bytes: [...text('QED'), 0] },
  { format: 'vmdk', offset: 0, bytes: text('KDMV') },
  { format: 'vmdk', offset: 0, bytes: text('COWD') },
  { format: 'vdi', offset: 64, bytes: [0x7f, 0x10, 0xda, 0xbe] },
  { format: 'vhdx', offset: 0, bytes: text('vhdxfile') },
  { format: 'vpc', offset: 0, bytes: text('conectix') },
  { format: 'luks', offset: 0, bytes: [...text('LUKS'), 0xba, 0xbe] },
  { format: 'parallels', offset: 0, bytes: text('WithoutFreeSpace') },
  { format: 'parallels', offset: 0, bytes: text('WithouFreSpacExt') },
];

/** QEMU's name of the format that an image's first sector shows; `raw` when none is known. */
export function formatOfStart(start: Uint8Array): string {
  const found = MAGICS.find(({ offset, bytes }) => bytes.every((byte, i) => start[offset + i] === byte));
  return found?.format ?? 'raw';
}

/** Looks at an image's start. EIO. */
export async function probeFormat(file: BlockBackend): Promise<string> {
  const start = new Uint8Array(Math.min(SECTOR_BYTES, file.sizeBytes));
  await file.read(0, start).catch((error: unknown) => {
    const { code, message, hint, errno } = asBlockError(error);
    throw new BlockError(code, `Could not read image for determining its format: ${message}`, hint, errno);
  });
  return formatOfStart(start);
}

/** Throws QEMU's error when there is no such format. QEMU: that is looked at before the file. */
export function checkFormat(format: string | undefined): void {
  if (format !== undefined && !FORMATS.has(format)) {
    throw new MonitorError(`Unknown driver '${format}'`);
  }
}

/**
 * Opens `file` as `format`, or as what it looks like when undefined. EINVAL with QEMU's text when unknown.
 * QEMU: with a guessed `raw` the caller prints `probedRawWarning`.
 * @param disk the same bytes, for the format to work on
 */
export async function openFormat(
  file: BlockBackend,
  format: string | undefined,
  disk = file,
): Promise<{ readonly format: string; readonly disk: BlockBackend }> {
  const name = format ?? (await probeFormat(file));
  if (format === undefined && name === 'raw') {
    return { format: 'raw', disk: new RawFormat(disk, (start) => formatOfStart(start) !== 'raw') };
  }
  checkFormat(name);
  const open = FORMATS.get(name);
  assert(open !== undefined, 'the format was checked');
  return { format: name, disk: await open(disk) };
}

/** QEMU: what it warns of when `path` came without a format and looks raw. */
export function probedRawWarning(path: string): string {
  return [
    `WARNING: Image format was not specified for '${path}' and probing guessed raw.`,
    '         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.',
    "         Specify the 'raw' format explicitly to remove the restrictions.",
  ].join('\n');
}
