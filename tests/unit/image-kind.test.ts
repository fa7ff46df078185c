import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ImageKind, imageKind, KIND_START_BYTES } from '../../src/emu/block/image-kind.ts';

interface Heads {
  /** The first bytes of real files, in hexadecimal digits; what follows are zeros or data. */
  readonly starts: Readonly<Record<string, string>>;
  readonly ends: Readonly<Record<string, string>>;
}

/** Written by qemu-img 7.2, gzip, xz, bzip2, zstd, pzstd, lz4, lzip, compress, zip, 7z and tar of Debian 12. */
const HEADS: Heads = JSON.parse(readFileSync(join(import.meta.dirname, 'data/image-heads.json'), 'utf8'));

function block(hex: string): Uint8Array {
  const bytes = new Uint8Array(KIND_START_BYTES);
  bytes.set(Buffer.from(hex, 'hex'));
  return bytes;
}

const latin1 = (text: string, offset = 0): Uint8Array => {
  const bytes = new Uint8Array(KIND_START_BYTES);
  bytes.set(Buffer.from(text, 'latin1'), offset);
  return bytes;
};

describe('files that real programs wrote', () => {
  for (const [name, hex] of Object.entries(HEADS.starts)) {
    const kind = name === 'pzstd' ? 'zstd' : name.split(' ')[0];
    it(`${name} is ${kind}`, () => expect(imageKind(block(hex))).toBe(kind));
    it(`${name} is not recognised without its first byte that counts`, () => {
      const at = { vdi: 64, tar: 257 }[kind ?? ''] ?? 0;
      const bytes = block(hex);
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      expect(imageKind(bytes)).toBe('raw');
    });
  }

  it('a fixed VHD shows it at its end alone', () => {
    const end = block(HEADS.ends['vpc fixed'] ?? '');
    expect(imageKind(new Uint8Array(KIND_START_BYTES), end)).toBe('vpc');
    expect(imageKind(new Uint8Array(KIND_START_BYTES))).toBe('raw');
  });
});

describe('marks from the specifications', () => {
  const cases: readonly (readonly [ImageKind, Uint8Array])[] = [
    ['rar', latin1('Rar!\x1a\x07\0')],
    ['rar', latin1('Rar!\x1a\x07\x01\0')],
    ['cab', latin1('MSCF\0\0\0\0')],
    ['wim', latin1('MSWIM\0\0\0')],
    ['ewf', latin1('EVF\x09\x0d\x0a\xff\0\x01')],
    ['zip', latin1('PK\x05\x06')],
    ['cloop', latin1('#!/bin/sh\n#V2.0 Format\nmodprobe cloop')],
    ['bochs', latin1('Bochs Virtual HD Image\0')],
    ['vmdk', latin1('COWD\x01\0\0\0')],
  ];
  for (const [kind, start] of cases) it(kind, () => expect(imageKind(start)).toBe(kind));

  it('dmg, at the end', () => {
    expect(imageKind(new Uint8Array(512), latin1('koly\0\0\0\x04\0\0\x02\0'))).toBe('dmg');
  });
});

describe('what is raw', () => {
  const boot = latin1('\xeb\x63\x90\x10\x8e\xd0\xbc');
  boot.set([0x55, 0xaa], 510);
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['zeros', new Uint8Array(512)],
    ['nothing', new Uint8Array(0)],
    ['one byte of a mark', Uint8Array.of(0x1f)],
    ['a boot sector', boot],
    ['deflate without a gzip header', deflateRawSync('x'.repeat(2000))],
    ['a shell script', latin1('#!/bin/sh\necho hello\n')],
    ['text that begins as bzip2 does', latin1('BZh9 is a file')],
    ['a FAT volume', latin1('\xeb\x3c\x90MSDOS5.0')],
    ['an ISO: its descriptor is at 32 KiB', new Uint8Array(512)],
  ];
  for (const [name, start] of cases) it(name, () => expect(imageKind(start, start)).toBe('raw'));

  it('gzip made here is gzip, whatever its level', () => {
    for (const level of [0, 1, 9]) expect(imageKind(gzipSync('text', { level }))).toBe('gzip');
  });
});
