/** Only this level catches parts that come in another order, and what a visitor is told when one is broken. */
import { describe, expect, it } from 'vitest';
import { type PartMessage, receiveParts, sendParts } from '../../src/workers/snapshot-parts.ts';
import { seededRandom } from '../support/chip-rig.ts';

const TEXT = Array.from({ length: 2000 }, (_, at) => `line ${at % 50} of a text that repeats itself\n`).join(
  '',
);
/** TEXT by `zstd -19 --no-check --stream-size=75600`. */
const PACKED = Buffer.from(
  'KLUv/aBQJwEAFQQAUoYSEaDtYHapXVtV97NtUsrifjdHppAhmldD3xQyRPNq4JtChmheDXtTyBDNq3rzcvJx8T5/ryAxFOV6lAc9BC+P' +
    'kpcTyZ8n93DUFgszqCHA7P534DWWMREkBP//CgGQ3/8O6R9lVxUg1yiFwEhEglVESEk72w3rdq7tXJOvogjYVQ==',
  'base64',
);
const PARTS = 5;

function manifest(snapshot: unknown): string {
  const file = { file: 'x', compressedBytes: 1, rawBytes: 1, rawSha256: '' };
  const files = { kernel: file, initrd: file };
  return JSON.stringify({
    name: 'a',
    kernelRelease: 'b',
    append: '',
    memoryMiB: 1,
    machine: '',
    files,
    snapshot,
  });
}

const parts = Array.from({ length: PARTS }, (_, at) => ({
  file: `${at}.zst`,
  compressedBytes: PACKED.length,
  rawBytes: TEXT.length,
  rawSha256: '',
}));
const MANIFEST = manifest({ parts, console: '', seedBytes: 32 });

const HEADER = [0x28, 0xb5, 0x2f, 0xfd];
/** A block of 128 KiB of zeros in four bytes. Spec: RFC 8878 §3.1.1.2.2, RLE_Block. */
const ZEROS = (last: number): number[] => [0x02 | last, 0x00, 0x10, 0x00];
/** 1 GiB of zeros, said in a header without a window, and without a size but with a window. */
const BLOCKS = [...Array.from({ length: 8191 }, () => ZEROS(0)).flat(), ...ZEROS(1)];
const BOMB = Uint8Array.from([...HEADER, 0xa0, 0, 0, 0, 0x40, ...BLOCKS]);
const ENDLESS = Uint8Array.from([...HEADER, 0x00, 0x58, ...BLOCKS]);

type Files = Readonly<Record<string, BodyInit | number>>;
const GOOD: Files = {
  'manifest.json': MANIFEST,
  ...Object.fromEntries(parts.map(({ file }) => [file, PACKED])),
};

async function send(files: Files, worker = 0, workers = 1): Promise<PartMessage[]> {
  const messages: PartMessage[] = [];
  const fetch = async (url: string): Promise<Response> => {
    const body = files[url.slice('base/'.length)];
    return typeof body === 'number' || body === undefined
      ? new Response('', { status: body ?? 404 })
      : new Response(body);
  };
  const share = { guestUrl: 'base/', worker, workers };
  await sendParts(share, (message) => messages.push(message), { fetch, subtle: undefined });
  return messages;
}

const partsOf = (messages: readonly PartMessage[]) =>
  messages.flatMap((message) => (message.type === 'part' ? [message] : []));

describe('sendParts', () => {
  it.each([
    [0, 1, [0, 1, 2, 3, 4]],
    [0, 2, [0, 2, 4]],
    [1, 2, [1, 3]],
    [3, 4, [3]],
    [7, 8, []],
  ])('worker %i of %i unpacks its share', async (worker, workers, expected) => {
    const messages = await send(GOOD, worker, workers);
    const sent = partsOf(messages);
    expect(sent.map(({ index }) => index)).toEqual(expected);
    for (const { bytes } of sent) expect(Buffer.from(bytes).toString()).toBe(TEXT);
    const loaded = messages.reduce(
      (sum, message) => sum + (message.type === 'progress' ? message.bytes : 0),
      0,
    );
    expect(loaded).toBe(expected.length * PACKED.length);
  });

  it('shares by size: who had a large part waits for its next', async () => {
    const [first = {}, ...others] = parts;
    const sizes = [{ ...first, compressedBytes: 3 * TEXT.length }, ...others];
    const files = { ...GOOD, 'manifest.json': manifest({ parts: sizes, console: '', seedBytes: 32 }) };
    expect(partsOf(await send(files, 0, 2)).map(({ index }) => index)).toEqual([0]);
    expect(partsOf(await send(files, 1, 2)).map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  });

  it('takes what the browser has unpacked already', async () => {
    const [part] = partsOf(await send({ ...GOOD, '0.zst': TEXT }));
    expect(Buffer.from(part?.bytes ?? []).toString()).toBe(TEXT);
  });

  it('sends nothing when the image has no snapshot', async () => {
    expect(await send({ 'manifest.json': manifest(undefined) })).toEqual([]);
  });

  it.each<[string, Files, RegExp]>([
    ['a part is missing', { ...GOOD, '2.zst': 404 }, /^The guest image is missing: base\/2\.zst/],
    ['the server fails', { ...GOOD, '1.zst': 503 }, /HTTP status 503/],
    [
      'a part is cut off',
      { ...GOOD, '1.zst': PACKED.subarray(0, 60) },
      /is damaged: a part has another size/,
    ],
    ['a part is endless', { ...GOOD, '1.zst': new Uint8Array(200_000) }, /longer than its manifest says/],
    [
      'a part unpacks to more than the manifest says',
      { ...GOOD, '1.zst': BOMB },
      /another size than its manifest says/,
    ],
    [
      'a part is two frames',
      { ...GOOD, '1.zst': Buffer.concat([PACKED, PACKED]) },
      /another size than its manifest/,
    ],
    ['a part is of unknown size', { ...GOOD, '1.zst': ENDLESS }, /another size than its manifest says/],
    [
      'the seed has no end',
      { 'manifest.json': manifest({ parts, console: '', seedBytes: 1e9 }) },
      /cannot be read/,
    ],
    [
      'a part has no bounds',
      {
        'manifest.json': manifest({
          parts: [{ ...parts[0], rawBytes: 2 ** 40 }],
          console: '',
          seedBytes: 32,
        }),
      },
      /cannot be read/,
    ],
    ['the manifest is another', { 'manifest.json': manifest({ file: 'snapshot.zst' }) }, /cannot be read/],
  ])('says it in a sentence when %s', async (_, files, sentence) => {
    expect((await send(files)).at(-1)).toMatchObject({
      type: 'failed',
      text: expect.stringMatching(sentence),
    });
  });

  it('damaged anywhere, says so or gives other bytes', async () => {
    const random = seededRandom(0xda3a9e);
    for (let round = 0; round < 200; round++) {
      const damaged = Buffer.from(PACKED);
      // Not where the frame says its size: that is so much memory, if there is.
      for (let flips = 1 + random(4); flips > 0; flips--)
        damaged[9 + random(damaged.length - 9)] = random(256);
      const messages = await send({ ...GOOD, '0.zst': damaged });
      expect(['part', 'failed']).toContain(messages.at(-1)?.type);
    }
  });
});

describe('receiveParts', () => {
  const setUp = (take: (bytes: Uint8Array) => void) => {
    const channels = [new MessageChannel(), new MessageChannel()];
    const progress: number[] = [];
    const ports = channels.map(({ port2 }) => port2);
    const done = receiveParts(ports, PARTS, take, (bytes) => progress.push(bytes));
    const post = (channel: number, message: PartMessage): void =>
      channels[channel]?.port1.postMessage(message);
    return { done, post, progress };
  };

  it('hands the parts on in order, whoever is first', async () => {
    const taken: number[] = [];
    const { done, post, progress } = setUp(([first = -1]) => taken.push(first));
    post(0, { type: 'progress', bytes: 7 });
    for (const index of [3, 1, 4]) post(1, { type: 'part', index, bytes: Uint8Array.of(index) });
    for (const index of [0, 2]) post(0, { type: 'part', index, bytes: Uint8Array.of(index) });
    await done;
    expect(taken).toEqual([0, 1, 2, 3, 4]);
    expect(progress).toEqual([7]);
  });

  it('ends with the first failure, of the sender or of the taker', async () => {
    const sender = setUp(() => {});
    sender.post(1, { type: 'failed', text: 'No such part.', detail: 'Build it.' });
    await expect(sender.done).rejects.toMatchObject({ message: 'No such part.', detail: 'Build it.' });
    const taker = setUp(() => {
      throw new Error('no room');
    });
    taker.post(0, { type: 'part', index: 0, bytes: Uint8Array.of(0) });
    await expect(taker.done).rejects.toThrow('no room');
  });
});
