/** What becomes of files on a stick, and what is read of one that anybody may have written. */
import { describe, expect, it } from 'vitest';
import { allowedName, freeName, shortName } from '../../src/workers/fat/fat-names.ts';
import { FILE_MAX_BYTES, makeStick, type StickFile } from '../../src/workers/fat/fat-stick.ts';
import { type FatEntry, FatVolume } from '../../src/workers/fat/fat-volume.ts';
import { seededRandom } from '../support/seeded-random.ts';

const MIB = 2 ** 20;
const MODIFIED = Date.UTC(2024, 1, 29, 12, 34, 56);

function file(path: string, content: string | Uint8Array, sizeBytes?: number): StickFile {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    path,
    sizeBytes: sizeBytes ?? bytes.length,
    modifiedMs: MODIFIED,
    async *bytes() {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    },
  };
}

async function imageOf(files: readonly StickFile[]): Promise<Uint8Array> {
  const stick = makeStick(files, 0x1234_5678);
  const image = new Uint8Array(stick.sizeBytes);
  let at = 0;
  for await (const piece of stick.bytes()) {
    image.set(piece, at);
    at += piece.length;
  }
  expect(at).toBe(stick.sizeBytes);
  return image;
}

const sourceOf = (image: Uint8Array) => ({
  sizeBytes: image.length,
  async read(offset: number, target: Uint8Array) {
    if (offset < 0 || offset + target.length > image.length) throw new Error('beyond the end');
    target.set(image.subarray(offset, offset + target.length));
  },
});

async function volumeOf(image: Uint8Array): Promise<FatVolume> {
  const volume = await FatVolume.find(sourceOf(image));
  if (volume === undefined) throw new Error('no volume');
  return volume;
}

async function contents(volume: FatVolume, entry: FatEntry): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of volume.bytes(entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Paths of all files with what is in them. */
async function tree(volume: FatVolume, folder?: FatEntry, path = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await volume.list(folder)) {
    if (entry.isFolder) Object.assign(found, await tree(volume, entry, `${path}${entry.name}/`));
    else found[path + entry.name] = Buffer.from(await contents(volume, entry)).toString();
  }
  return found;
}

describe('a stick with files', () => {
  it('gives each of them back, under its name and in its folder', async () => {
    const long = `${'A rather long name, '.repeat(6)}end.text`;
    const files = {
      'README.TXT': 'short',
      'notes.txt': 'small letters',
      [long]: 'long',
      'Ünïcödé 日本語 🎉.txt': 'beyond ASCII',
      '.hidden': 'a dot first',
      'a/b/c/deep.bin': 'x'.repeat(5000),
      'a/other': '',
      'many/one.txt': '1',
    };
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`many/file number ${at}`, `${at}`]),
    );
    const wanted = { ...files, ...many };
    const image = await imageOf(Object.entries(wanted).map(([path, text]) => file(path, text)));
    const volume = await volumeOf(image);
    expect(await tree(volume)).toEqual(wanted);
    const readme = await volume.find(['README.TXT']);
    expect(readme).toMatchObject({ name: 'README.TXT', sizeBytes: 5, modifiedMs: MODIFIED });
    expect((await volume.find(['a', 'b', 'c', 'deep.bin']))?.sizeBytes).toBe(5000);
    expect(await volume.find(['a', 'none'])).toBeUndefined();
    expect(await volume.find(['README.TXT', 'x'])).toBeUndefined();
  });

  it('has room for more, and both tables say the same', async () => {
    const image = await imageOf([file('data', new Uint8Array(70 * MIB).fill(7))]);
    const view = new DataView(image.buffer);
    const at = MIB;
    expect(image.length).toBeGreaterThan(86 * MIB);
    const tableBytes = view.getUint32(at + 36, true) * 512;
    const tableAt = at + 32 * 512;
    const first = Buffer.from(image.subarray(tableAt, tableAt + tableBytes));
    expect(first.equals(image.subarray(tableAt + tableBytes, tableAt + 2 * tableBytes))).toBe(true);
    let used = 0;
    for (let entry = 8; entry < tableBytes; entry += 4) if (first.readUInt32LE(entry) !== 0) used++;
    const clusters = Math.floor(
      (view.getUint32(at + 32, true) - 32 - (2 * tableBytes) / 512) / (image[at + 13] ?? 1),
    );
    expect(view.getUint32(at + 512 + 488, true)).toBe(clusters - used);
    // Spec: what makes it FAT32.
    expect(clusters).toBeGreaterThan(65_525);
    expect(tableBytes / 4).toBeGreaterThanOrEqual(clusters + 2);
    expect(
      Buffer.from(image.subarray(at, at + 1024)).equals(image.subarray(at + 6 * 512, at + 8 * 512)),
    ).toBe(true);
  });

  it('a size at every border of the layout fits', async () => {
    for (const sizeBytes of [
      0,
      1,
      511,
      512,
      513,
      47 * MIB,
      192 * MIB,
      203 * MIB,
      260 * MIB,
      6 * 1024 * MIB,
    ]) {
      const stick = makeStick(
        [
          file('x', '', Math.min(sizeBytes, FILE_MAX_BYTES)),
          file('y', '', Math.max(0, sizeBytes - FILE_MAX_BYTES)),
        ],
        1,
      );
      expect(stick.sizeBytes % MIB).toBe(0);
      expect(stick.sizeBytes - MIB).toBeGreaterThanOrEqual(sizeBytes + 8 * MIB);
    }
  });

  it('refuses what FAT cannot have, and a file that changes while it is read', async () => {
    expect(() => makeStick([file('big.iso', '', FILE_MAX_BYTES + 1)], 1)).toThrow('big.iso is too large');
    await expect(imageOf([file('x', 'abc', 4)])).rejects.toThrow('x has changed while it was read');
    await expect(imageOf([file('x', 'abc', 2)])).rejects.toThrow('x has changed while it was read');
  });

  it('two of one name both stay', async () => {
    const image = await imageOf([
      file('a.txt', '1'),
      file('A.TXT', '2'),
      file('a.txt', '3'),
      file('a?b', '4'),
      file('a*b', '5'),
    ]);
    expect(await tree(await volumeOf(image))).toEqual({
      'a.txt': '1',
      'A (2).TXT': '2',
      'a (3).txt': '3',
      a_b: '4',
      'a_b (2)': '5',
    });
  });
});

describe('names', () => {
  it.each([
    ['a:b/c', 'a_b_c'],
    ['dots...', 'dots'],
    ['', '_'],
    ['\u0001x', '_x'],
    ['\ud800', '\ufffd'],
    ['n'.repeat(300), 'n'.repeat(255)],
  ])('%j is stored as %j', (name, stored) => {
    expect(allowedName(name)).toBe(stored);
  });

  it('short ones differ, however alike the long ones are', () => {
    const taken = new Set<string>();
    const shorts = Array.from({ length: 1200 }, (_, at) => shortName(`same beginning ${at}.text`, taken));
    expect(new Set(shorts).size).toBe(1200);
    expect(shorts[0]).toBe('SAMEBE~1TEX');
    for (const short of shorts) expect(short).toMatch(/^[A-Z0-9~_ ]{11}$/);
    expect(freeName('x.tar.gz', new Set(['X.TAR.GZ']))).toBe('x.tar (2).gz');
  });
});

describe('a volume that nobody made by the book', () => {
  it('is found to be none', async () => {
    for (const image of [
      new Uint8Array(0),
      new Uint8Array(100),
      new Uint8Array(MIB),
      new Uint8Array(MIB).fill(0xff),
    ])
      expect(await FatVolume.find(sourceOf(image))).toBeUndefined();
  });

  it('a chain in a circle ends, and a file that is longer than its chain is said to be damaged', async () => {
    const image = await imageOf([file('x', 'y'.repeat(2000))]);
    const view = new DataView(image.buffer);
    const tableAt = MIB + 32 * 512;
    const entry = (await (await volumeOf(image)).list())[0];
    if (entry === undefined) throw new Error('no file');
    view.setUint32(tableAt + 4 * (entry.cluster + 1), entry.cluster, true);
    const volume = await volumeOf(image);
    expect((await contents(volume, entry)).length).toBe(2000);
    view.setUint32(tableAt + 4 * entry.cluster, 0x0fff_ffff, true);
    await expect(contents(volume, entry)).rejects.toThrow('x is damaged');
    view.setUint32(tableAt + 8, 2, true);
    await volume.list();
  });

  it('ends, and reads nothing outside of the image, whatever its bytes are', async () => {
    const good = await imageOf([file('a/b.txt', 'x'.repeat(3000)), file('Some long name.txt', 'z')]);
    // As much as is used.
    const used = good.subarray(0, 3 * MIB);
    const random = seededRandom(7);
    const interesting = [...Array(512).keys()].map((at) => MIB + at);
    let lists = 0;
    for (let round = 0; round < 300; round++) {
      const image = Uint8Array.from(used);
      for (let change = 0; change < 1 + random(6); change++) {
        const at = random(2) === 0 ? (interesting[random(64)] ?? 0) : random(image.length);
        image[at] = random(256);
      }
      const volume = await FatVolume.find(sourceOf(image));
      if (volume === undefined) continue;
      for (const entry of await volume.list()) {
        lists++;
        if (entry.isFolder) await volume.list(entry);
        else if (entry.sizeBytes < MIB) await contents(volume, entry).catch(() => {});
      }
    }
    expect(lists).toBeGreaterThan(50);
  }, 60_000);
});
