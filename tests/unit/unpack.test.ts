import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { atMost, type Packing, unpacked } from '../../src/workers/storage/unpack.ts';
import { Xxh64 } from '../../src/workers/storage/xxh64.ts';

/** Written by zstd 1.5.4 of `TEXT`. */
const STREAMS: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'data/zstd-streams.json'), 'utf8'),
);
const TEXT = Buffer.from(Array.from({ length: 40_000 }, (_, i) => `line ${(i * 7) % 1000}\n`).join(''));

const zstd = (name: string): Buffer => Buffer.from(STREAMS[name] ?? '', 'base64');

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function all(packing: Packing, bytes: Uint8Array, pieceBytes = 1 << 16): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of unpacked(packing, inPieces(bytes, pieceBytes))) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A frame without size or end, window 128 KiB, of blocks that each repeat one byte 128 Ki times. */
function bombOf(blocks: number): Buffer {
  const block = Buffer.from([0x02, 0x00, 0x10, 0x61]);
  return Buffer.concat([Buffer.from('28b52ffd0038', 'hex'), ...new Array<Buffer>(blocks).fill(block)]);
}

const DAMAGED = { code: 'EINVAL', message: expect.stringMatching(/ data are damaged,? (or )?cut off/) };

describe('gzip', () => {
  const packed = gzipSync(TEXT);

  it('unpacks, in pieces of any length', async () => {
    for (const pieceBytes of [1, 7, 4096, 1 << 20]) {
      expect((await all('gzip', packed, pieceBytes)).equals(TEXT)).toBe(true);
    }
  });

  it('nothing packed is nothing', async () => {
    expect((await all('gzip', gzipSync(''))).length).toBe(0);
  });

  it('cut off anywhere it is refused', async () => {
    for (const length of [0, 1, 9, 10, packed.length >> 1, packed.length - 9, packed.length - 1]) {
      await expect(all('gzip', packed.subarray(0, length)), `${length} bytes`).rejects.toMatchObject(DAMAGED);
    }
  });

  it('a changed byte of the data or of the checksum is found', async () => {
    for (const at of [packed.length >> 1, packed.length - 6]) {
      const bytes = Buffer.from(packed);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      await expect(all('gzip', bytes), `byte ${at}`).rejects.toMatchObject(DAMAGED);
    }
  });

  it('what the source throws is what comes out', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield packed.subarray(0, 20);
      throw new RangeError('the file is gone');
    }
    const read = async (): Promise<void> => {
      for await (const _ of unpacked('gzip', failing()));
    };
    await expect(read()).rejects.toThrow('the file is gone');
  });

  it('who stops reading ends the source', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield packed.subarray(0, packed.length - 8);
        for (;;) yield new Uint8Array(1);
      } finally {
        ended = true;
      }
    }
    for await (const _ of unpacked('gzip', endless())) break;
    expect(ended).toBe(true);
  });
});

describe('zstd', () => {
  for (const name of ['size and checksum', 'stream', 'best', 'no checksum', 'small window']) {
    it(`unpacks ${name}, in pieces of any length`, async () => {
      for (const pieceBytes of [1, 7, 4096, 1 << 20]) {
        expect((await all('zstd', zstd(name), pieceBytes)).equals(TEXT)).toBe(true);
      }
    });

    it(`finds ${name} cut off anywhere`, async () => {
      const packed = zstd(name);
      for (let length = 1; length < packed.length; length += 1 + (length >> 4)) {
        await expect(all('zstd', packed.subarray(0, length)), `${length} bytes`).rejects.toMatchObject(
          DAMAGED,
        );
      }
    });
  }

  it('frames one after the other, skippable ones too', async () => {
    const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    const packed = Buffer.concat([skippable, zstd('stream'), skippable, zstd('size and checksum')]);
    expect((await all('zstd', packed, 100)).equals(Buffer.concat([TEXT, TEXT]))).toBe(true);
  });

  it('small frames', async () => {
    const empty = Buffer.from('28b52ffd240001000099e9d851', 'hex');
    expect((await all('zstd', empty)).length).toBe(0);
    const raw = Buffer.from('28b52ffd200421000061626364', 'hex');
    expect((await all('zstd', raw)).toString()).toBe('abcd');
  });

  it('a changed byte is found by the checksum, unless it means the same', async () => {
    const packed = zstd('size and checksum');
    let same = 0;
    for (let at = 4; at < packed.length; at += 13) {
      const bytes = Buffer.from(packed);
      bytes[at] = (bytes[at] ?? 0) ^ 0x01;
      const unpackedOrError = await all('zstd', bytes).catch((error: { code?: string }) => error.code);
      if (unpackedOrError === 'EINVAL') continue;
      expect(TEXT.equals(unpackedOrError as Buffer), `byte ${at}`).toBe(true);
      same++;
    }
    expect(same).toBeLessThan(3);
  });

  it('garbage after the last frame is refused', async () => {
    const packed = Buffer.concat([zstd('stream'), Buffer.from('garbage')]);
    await expect(all('zstd', packed)).rejects.toMatchObject(DAMAGED);
  });

  it('a window that needs too much memory is refused before it is made', async () => {
    const message = expect.stringContaining('a window of 2048 MiB');
    await expect(all('zstd', zstd('long window'))).rejects.toMatchObject({ code: 'EINVAL', message });
    // A single segment of 2^40 bytes.
    const segment = Buffer.from('28b52ffde00000000000010000010000', 'hex');
    await expect(all('zstd', segment)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining('window'),
    });
  });

  it('lets others have their turn, however much comes out of little', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const read = unpacked('zstd', inPieces(bombOf(8000), 1 << 16));
    await expect(
      (async () => {
        for await (const _ of read);
      })(),
    ).rejects.toMatchObject(DAMAGED);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('a bomb comes out in pieces no larger than a block', async () => {
    const bomb = bombOf(4000);
    let total = 0;
    let largest = 0;
    const read = async (): Promise<void> => {
      for await (const piece of atMost(2 ** 28, unpacked('zstd', inPieces(bomb, 1 << 16)))) {
        total += piece.length;
        largest = Math.max(largest, piece.length);
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'EINVAL' });
    expect(largest).toBe(128 * 1024);
    expect(total).toBe(2 ** 28);
  });
});

describe('XXH64', () => {
  /** Of the bytes 0, 1, 2, … by xxhsum 0.8.1. */
  const sums: readonly (readonly [number, string])[] = [
    [0, 'ef46db3751d8e999'],
    [1, 'e934a84adb052768'],
    [3, 'e5c7bb4533bc65dd'],
    [4, 'ffced8604453cc1e'],
    [7, '14cc643f630c72d2'],
    [8, '884a173614b81b8d'],
    [11, '652a564a95365aca'],
    [12, '424af23f1f08dca5'],
    [31, 'c346d2b59b4d8ee1'],
    [32, 'cbf59c5116ff32b4'],
    [33, '0c535d1acafb8ead'],
    [63, 'e26aa9e2a95f8e4f'],
    [64, 'f7c67301db6713f0'],
    [100, '6ac1e58032166597'],
    [1000, '6ef436b00eba4078'],
    [100000, 'f7a005162637d2fa'],
  ];
  for (const [length, sum] of sums) {
    it(`of ${length} bytes`, () => {
      const hash = new Xxh64();
      const bytes = Uint8Array.from({ length }, (_, i) => i & 0xff);
      hash.update(bytes.subarray(0, length >> 1));
      hash.update(bytes.subarray(length >> 1));
      expect(hash.low32().toString(16).padStart(8, '0')).toBe(sum.slice(8));
    });
  }
});
