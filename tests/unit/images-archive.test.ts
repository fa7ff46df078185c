import { spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { extractVmlinux, payloadOf } from '../../scripts/images/bzimage.ts';
import { writeNewc } from '../../scripts/images/newc.ts';
import { Rootfs } from '../../scripts/images/rootfs.ts';

interface Record {
  readonly name: string;
  readonly mode: number;
  readonly fields: readonly number[];
  readonly data: string;
}

function readNewc(archive: Buffer): Record[] {
  const records: Record[] = [];
  for (let at = 0; ; ) {
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const fields = Array.from({ length: 13 }, (_, i) =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * i, at + 14 + 8 * i), 16),
    );
    const [, mode = 0, , , , , size = 0, , , , , nameSize = 0] = fields;
    const name = archive.toString('utf8', at + 110, at + 110 + nameSize - 1);
    const dataAt = (at + 110 + nameSize + 3) & ~3;
    const data = archive.toString('utf8', dataAt, dataAt + size);
    if (name === 'TRAILER!!!') return records;
    records.push({ name, mode, fields, data });
    at = (dataAt + size + 3) & ~3;
  }
}

function sample(): Rootfs {
  const rootfs = new Rootfs();
  rootfs.file('etc/init.d/rcS', '#!/bin/sh\n', 0o755);
  rootfs.file('etc/hosts', 'abc');
  rootfs.symlink('init', 'bin/busybox');
  rootfs.character('dev/console', 0o600, 5, 1);
  rootfs.directory('tmp', 0o1777);
  return rootfs;
}

describe('newc archive', () => {
  it('holds every entry sorted, parents first, owned by root, without time', () => {
    const records = readNewc(writeNewc(sample().entries()));
    expect(records.map((r) => [r.name, r.mode.toString(8), r.data])).toEqual([
      ['dev', '40755', ''],
      ['dev/console', '20600', ''],
      ['etc', '40755', ''],
      ['etc/hosts', '100644', 'abc'],
      ['etc/init.d', '40755', ''],
      ['etc/init.d/rcS', '100755', '#!/bin/sh\n'],
      ['init', '120777', 'bin/busybox'],
      ['tmp', '41777', ''],
    ]);
    for (const { fields } of records) expect([fields[2], fields[3], fields[5]]).toEqual([0, 0, 0]);
    expect(records[1]?.fields.slice(9, 11)).toEqual([5, 1]);
    expect(new Set(records.map((r) => r.fields[0])).size).toBe(records.length);
  });

  it('is the same for the same tree, whatever the order of insertion', () => {
    const entries = sample().entries();
    const archive = writeNewc(entries);
    expect(archive.length % 512).toBe(0);
    expect(writeNewc([...entries].reverse()).equals(archive)).toBe(true);
  });

  const cpio = spawnSync('cpio', ['-t', '--quiet'], { input: writeNewc(sample().entries()) });
  it.runIf(cpio.error === undefined)('is understood by cpio', () => {
    expect(cpio.stdout.toString().split('\n')).toContain('etc/init.d/rcS');
  });
});

describe('bzImage', () => {
  const bzImage = (payload: Uint8Array): Buffer => {
    const image = Buffer.alloc(0x1000 + payload.length);
    image.writeUInt8(3, 0x1f1);
    image.write('HdrS', 0x202, 'latin1');
    image.writeUInt16LE(0x20f, 0x206);
    image.writeUInt32LE(0x100, 0x248);
    image.writeUInt32LE(payload.length, 0x24c);
    image.set(payload, 4 * 512 + 0x100);
    return image;
  };

  it('gives the payload behind the setup sectors', () => {
    expect(payloadOf(bzImage(Buffer.from('kernel'))).toString()).toBe('kernel');
  });

  it('decompresses gzip itself and hands XZ on', () => {
    const fail = (): Buffer => {
      throw new Error('not XZ');
    };
    expect(extractVmlinux(bzImage(gzipSync('kernel')), fail).toString()).toBe('kernel');
    const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1]);
    expect(extractVmlinux(bzImage(xz), (bytes) => Buffer.from(`${bytes.length}`)).toString()).toBe('7');
  });

  it('refuses other files', () => {
    expect(() => payloadOf(Buffer.alloc(0x1000))).toThrow(RangeError);
    expect(() => extractVmlinux(bzImage(Buffer.from('LZ4!')), (b) => b)).toThrow(
      'unknown kernel compression',
    );
  });
});
