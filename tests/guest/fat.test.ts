/** Only Linux's own driver shows whether others read the sticks that the page makes, and the page those that others write. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeStick } from '../../src/workers/fat/fat-stick.ts';
import { type FatEntry, FatVolume } from '../../src/workers/fat/fat-volume.ts';
import { waitFor } from '../support/guest-waits.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
const LONG = 'Ünïcödé and a rather long name 日本語.text';

let guest: HeadlessGuest;
const images = memoryImages();

beforeAll(async () => {
  guest = await HeadlessGuest.atPrompt({ images, config: { icountShift: 3 } });
}, 4 * MINUTES);

afterAll(() => guest.end());

async function plug(path: string, id: string): Promise<void> {
  expect(await guest.hmp(`drive_add 0 if=none,file=${path},format=raw,id=${id}`)).toContain('OK');
  expect(await guest.hmp(`device_add virtio-blk-pci,drive=${id},id=v${id}`)).toBe('');
}

async function textOf(volume: FatVolume, entry: FatEntry | undefined): Promise<string> {
  if (entry === undefined) throw new Error('no such file');
  const pieces: Uint8Array[] = [];
  for await (const piece of volume.bytes(entry)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

it('Linux reads and writes a stick with files', { timeout: 4 * MINUTES }, async () => {
  const texts: Record<string, string> = {
    'PLAIN.TXT': 'plain\n',
    [`folder/inner/${LONG}`]: 'x'.repeat(100_000),
    empty: '',
  };
  const files = Object.entries(texts).map(([path, text]) => ({
    path,
    sizeBytes: text.length,
    modifiedMs: Date.UTC(2024, 1, 29, 12, 34, 56),
    async *bytes() {
      yield new TextEncoder().encode(text);
    },
  }));
  const stick = makeStick(files, 0xcafe_f00d);
  await images.upload('/tmp/stick.img', stick.bytes(), { sizeBytes: stick.sizeBytes });
  await plug('/tmp/stick.img', 'd1');
  expect(
    await guest.ask(
      `${waitFor('[ -b /dev/vda1 ]')}; mount -t vfat -o utf8 /dev/vda1 /mnt && cd /mnt && find . -type f | sort && ` +
        'stat -c %Y PLAIN.TXT && sha256sum folder/inner/* | cut -c-16 && ' +
        'echo more > folder/added.txt && df /mnt | tail -n 1 | cut -c-9; cd /; umount /mnt; dmesg | grep -ci fat-fs',
    ),
  ).toBe(
    [
      './PLAIN.TXT',
      './empty',
      `./folder/inner/${LONG}`,
      '1709210096',
      'd69e689881578332',
      '/dev/vda1',
      '0',
    ].join('\n'),
  );
  // As the page does: what a guest did not flush may be in its disk's cache.
  await images.flush();
  const image = await images.open('/tmp/stick.img', { readOnly: true });
  const volume = await FatVolume.find(image);
  if (volume === undefined) throw new Error('no volume');
  expect(await textOf(volume, await volume.find(['folder', 'added.txt']))).toBe('more\n');
  expect(await textOf(volume, await volume.find(['folder', 'inner', LONG]))).toBe(
    texts[`folder/inner/${LONG}`],
  );
  await image.close();
});

it('files that Linux writes on FAT12, FAT16 and FAT32 are found', { timeout: 4 * MINUTES }, async () => {
  const sizes = { 12: 2 * MIB, 16: 16 * MIB, 32: 64 * MIB };
  const disks = Object.entries(sizes).map(([bits, sizeBytes], at) => ({
    bits,
    sizeBytes,
    device: `/dev/vd${'bcd'[at]}`,
  }));
  for (const { bits, sizeBytes, device } of disks) {
    await images.createEmpty(`/tmp/fat${bits}.img`, sizeBytes);
    await plug(`/tmp/fat${bits}.img`, `f${bits}`);
    await guest.run(
      `${waitFor(`[ -b ${device} ]`)}; mkfs.fat -F ${bits} ${device} > /dev/null; mount -t vfat -o utf8 ${device} /mnt; ` +
        `cd /mnt; mkdir -p a/b; seq 1 20000 > "a/b/Some rather long name of a file.text"; echo small > small.txt; echo CAPITALS > CAPITALS; ` +
        `rm small.txt; for n in $(seq 1 40); do echo $n > a/number$n; done; cd /; umount /mnt`,
    );
    await images.flush();
    const image = await images.open(`/tmp/fat${bits}.img`, { readOnly: true });
    const volume = await FatVolume.find(image);
    if (volume === undefined) throw new Error(`no FAT${bits}`);
    const numbers = Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join('');
    expect((await volume.list()).map(({ name }) => name).sort()).toEqual(['CAPITALS', 'a']);
    expect(await textOf(volume, await volume.find(['a', 'b', 'Some rather long name of a file.text']))).toBe(
      numbers,
    );
    expect(await textOf(volume, await volume.find(['a', 'number40']))).toBe('40\n');
    await image.close();
  }
});
