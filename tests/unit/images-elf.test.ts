import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ElfFile, isElf } from '../../scripts/images/elf.ts';
import { moduleClosure, moduleName, parseModinfo } from '../../scripts/images/kernel-modules.ts';
import { libraryClosure } from '../../scripts/images/userland.ts';

const STRINGS = '\0libc.so.6\0libm.so.6\0/lib/ld.so\0.modinfo\0.shstrtab\0';
const MODINFO = 'license=GPL\0depends=virtio,virtio-ring\0alias=pci:v1*\0alias=virtio:d2*\0';

/** A little ELF file, 32 or 64 bits: one PT_LOAD over all of it, PT_DYNAMIC, PT_INTERP, PT_NOTE, two sections. */
function elf(is64: boolean): Buffer {
  const file = Buffer.alloc(0x800);
  const word = is64 ? 8 : 4;
  const put = (at: number, value: number): void => {
    file.writeUInt32LE(value, at);
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1]);
  const [programs, sections, dynamic, strings, note, modinfo] = [0x80, 0x200, 0x300, 0x400, 0x500, 0x600];
  put(is64 ? 32 : 28, programs);
  put(is64 ? 40 : 32, sections);
  file.writeUInt16LE(is64 ? 56 : 32, is64 ? 54 : 42);
  file.writeUInt16LE(4, is64 ? 56 : 44);
  file.writeUInt16LE(is64 ? 64 : 40, is64 ? 58 : 46);
  file.writeUInt16LE(3, is64 ? 60 : 48);
  file.writeUInt16LE(2, is64 ? 62 : 50);
  const segment = (index: number, type: number, offset: number, size: number): void => {
    const at = programs + index * (is64 ? 56 : 32);
    put(at, type);
    put(at + (is64 ? 8 : 4), offset);
    put(at + (is64 ? 16 : 8), 0x1000 + offset);
    put(at + (is64 ? 32 : 16), size);
  };
  segment(0, 1, 0, file.length);
  segment(1, 2, dynamic, 0x80);
  segment(2, 3, strings + STRINGS.indexOf('/lib'), 11);
  segment(3, 4, note, 0x40);
  const tags: [number, number][] = [
    [1, STRINGS.indexOf('libm')],
    [1, STRINGS.indexOf('libc')],
    [5, 0x1000 + strings],
    [0, 0],
    [1, 1],
  ];
  tags.forEach(([tag, value], i) => {
    put(dynamic + 2 * word * i, tag);
    put(dynamic + 2 * word * i + word, value);
  });
  file.write(STRINGS, strings, 'latin1');
  const notes: [number, string][] = [
    [4, 'GNU\0'],
    [18, 'Xen\0'],
  ];
  notes.forEach(([type, name], i) => {
    put(note + 20 * i, 4);
    put(note + 20 * i + 4, 4);
    put(note + 20 * i + 8, type);
    file.write(name, note + 20 * i + 12, 'latin1');
  });
  file.write(MODINFO, modinfo, 'latin1');
  const section = (index: number, name: string, offset: number, size: number): void => {
    const at = sections + index * (is64 ? 64 : 40);
    put(at, STRINGS.indexOf(name));
    put(at + (is64 ? 24 : 16), offset);
    put(at + (is64 ? 32 : 20), size);
  };
  section(1, '.modinfo', modinfo, MODINFO.length);
  section(2, '.shstrtab', strings, STRINGS.length);
  return file;
}

describe.each([
  ['64 bits', true],
  ['32 bits', false],
])('ELF, %s', (_, is64) => {
  const file = new ElfFile(elf(is64));
  it('names the needed libraries in order', () => expect(file.needed()).toEqual(['libm.so.6', 'libc.so.6']));
  it('names the loader', () => expect(file.interpreter()).toBe('/lib/ld.so'));
  it('finds the PVH note behind another', () => expect(file.hasPvhEntry()).toBe(true));
  it('finds a section by name', () => {
    expect(Buffer.from(file.section('.modinfo') ?? []).toString('latin1')).toBe(MODINFO);
    expect(file.section('.text')).toBeUndefined();
  });
});

describe('ELF', () => {
  it('refuses other files', () => {
    expect(() => new ElfFile(Buffer.from('#!/bin/sh\n'))).toThrow(RangeError);
  });

  it.runIf(isElf(readFileSync(process.execPath)))('reads a real program', () => {
    expect(new ElfFile(readFileSync(process.execPath)).needed()).toContain('libc.so.6');
  });
});

describe('modules', () => {
  it('has all values of each modinfo key', () => {
    const modinfo = parseModinfo(new ElfFile(elf(true)).section('.modinfo') ?? new Uint8Array(0));
    expect(modinfo.get('depends')).toEqual(['virtio,virtio-ring']);
    expect(modinfo.get('alias')).toEqual(['pci:v1*', 'virtio:d2*']);
  });

  it('names a module as the kernel does', () => {
    expect(moduleName('kernel/drivers/char/hw_random/virtio-rng.ko')).toBe('virtio_rng');
    expect(moduleName('a/b.ko.xz')).toBe('b');
  });

  it('follows dependencies once, through cycles, past built-in modules', () => {
    const depends: Readonly<Record<string, readonly string[]>> = {
      virtio_blk: ['virtio', 'virtio-ring'],
      virtio_ring: ['virtio'],
      virtio: ['virtio_ring', 'built-in'],
    };
    const chosen = moduleClosure(['virtio-blk', 'ext4_built_in'], (name) => depends[name]);
    expect(chosen).toEqual(['virtio', 'virtio_blk', 'virtio_ring']);
  });
});

describe('libraries', () => {
  it('gives the closure, sorted, once each', () => {
    const needed: Readonly<Record<string, readonly string[]>> = {
      'libpci.so.3': ['libz.so.1', 'libc.so.6'],
      'libz.so.1': ['libc.so.6'],
    };
    const closure = libraryClosure([['libpci.so.3'], ['libc.so.6']], (soname) => needed[soname] ?? []);
    expect(closure).toEqual(['libc.so.6', 'libpci.so.3', 'libz.so.1']);
  });
});
