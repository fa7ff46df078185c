/** Only this level catches a register or table that our firmware leaves otherwise than SeaBIOS does. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KernelError } from '../../src/emu/firmware/kernel-error.ts';
import { isBzImage, loadBzImage } from '../../src/emu/firmware/linux-boot.ts';
import { mpTable, mpTableSize } from '../../src/emu/firmware/mp-table.ts';
import { smbiosEntryPoint, smbiosTables } from '../../src/emu/firmware/smbios.ts';
import { Machine } from '../../src/emu/machine/machine.ts';
import { pcMemory, pcRamLayout } from '../../src/emu/memory/pc-ram.ts';
import { bytesAt } from '../support/memory.ts';

const MIB = 1 << 20;
const SLICES = 200;

function machineWith(kernel: Uint8Array, memoryBytes = 256 * MIB): { machine: Machine; text: () => string } {
  let now = 0;
  const machine = new Machine(
    { memoryBytes, kernel, icountShift: 3 },
    {
      makeBuffer: (bytes) => new ArrayBuffer(Math.min(bytes, 256 * MIB)),
      monotonicNs: () => {
        now += 1000;
        return now;
      },
      wallClockMs: () => 1_700_000_000_000,
      after() {},
      random: (bytes) => void bytes.fill(0),
      images: { open: () => Promise.reject(new Error('no images')) },
    },
  );
  let text = '';
  machine.onSerial = (bytes) => {
    text += String.fromCharCode(...bytes);
  };
  return { machine, text: () => text };
}

describe('the state that a kernel starts with', () => {
  const oracle = new URL('../oracle/firmware/', import.meta.url);

  it.each([
    ['256 MiB', 256 * MIB, 'state.txt'],
    ['8 GiB', 8192 * MIB, 'state-8g.txt'],
  ])('is with %s what QEMU 7.2 and SeaBIOS leave in every chip, MSR and table', (_size, bytes, recording) => {
    const kernel = new Uint8Array(readFileSync(new URL('state.elf', oracle)));
    const { machine, text } = machineWith(kernel, bytes);
    machine.cont();
    for (let slice = 0; slice < SLICES && !text().includes('\nend\n'); slice++) machine.run(1);
    const expected = readFileSync(new URL(recording, oracle), 'utf8').split('\n');
    expect(text().split('\n')).toEqual(expected);
  });

  it('is the same after a reset', () => {
    const { machine, text } = machineWith(new Uint8Array(readFileSync(new URL('state.elf', oracle))));
    machine.cont();
    for (let slice = 0; slice < SLICES && !text().includes('\nend\n'); slice++) machine.run(1);
    const first = text();
    machine.memory.fill(0, 0xa0000, 0xaa);
    machine.memory.fill(0xc0000, 3 * MIB, 0xaa);
    machine.reset();
    for (let slice = 0; slice < SLICES && text().length < 2 * first.length; slice++) machine.run(1);
    expect(text().slice(first.length).split('\n')).toEqual(first.split('\n'));
  });
});

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, value) => (total + value) & 0xff, 0);
}

describe('tables', () => {
  it('SMBIOS has a processor for each socket as QEMU has it, and checksums of zero', () => {
    const config = {
      machine: 'pc-i440fx-7.2',
      uuid: Uint8Array.from({ length: 16 }, (_, at) => at),
      ram: pcRamLayout(512 * MIB),
      ...{ sockets: 3, cores: 2, threads: 4 },
      ...{ cpuSignature: 0x60fb1, cpuFeatures: 0x78bfbfd },
    };
    const tables = smbiosTables(config);
    const entry = smbiosEntryPoint(tables, 0xf5000);
    expect(tables.count).toBe(11);
    expect([sum(entry), sum(entry.subarray(0x10))]).toEqual([0, 0]);
    const text = Buffer.from(tables.bytes).toString('latin1');
    expect(text).toContain('CPU 2\0QEMU\0pc-i440fx-7.2\0\0');
    expect(text).toContain('\x03\x02\x01\0\x05\x04\x07\x06\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f');
    // The first of QEMU 7.2 with -smp 12,sockets=3,cores=2,threads=2.
    expect(Buffer.from(tables.bytes).toString('hex')).toContain(
      '042a000401030102b10f0600fdfb8b0703000000d007d0074101ffffffffffff00000002020402000100' +
        '4350552030005145',
    );
  });

  it('the MP table lists the wired pin of a PCI slot as QEMU does with a virtio disk in slot 5', () => {
    const config = {
      apicIds: [0],
      cpuSignature: 0x60fb1,
      cpuFeatures: 0x78bfbfd,
      ioApic: { id: 0, base: 0xfec00000 },
      pci: [
        { slot: 1, pin: 0, irq: 9 },
        { slot: 5, pin: 0, irq: 10 },
      ],
    };
    const table = mpTable(config, 0xf5000);
    expect(table.length).toBe(mpTableSize(config));
    expect([sum(table.subarray(0, 16)), sum(table.subarray(16))]).toEqual([0, 0]);
    const entries = Buffer.from(table.subarray(16 + 44)).toString('hex');
    expect(entries).toContain(
      '020011010000c0fe030001000004000903000100001400' + '0a0300000001000002' + '0300000001010001',
    );
  });
});

describe('the Linux boot protocol', () => {
  const SETUP_SIZE = 1024;

  /** Setup code of one sector besides the first, and a body that is only `body`. */
  function bzImage(change: (view: DataView) => void = () => {}, body = 4096): Uint8Array {
    const file = new Uint8Array(SETUP_SIZE + body).fill(0x90, SETUP_SIZE);
    const view = new DataView(file.buffer);
    view.setUint8(0x1f1, 1);
    view.setUint16(0x1fe, 0xaa55, true);
    view.setUint8(0x201, 0x6a);
    view.setUint32(0x202, 0x53726448, true);
    view.setUint16(0x206, 0x20f, true);
    view.setUint8(0x211, 1);
    view.setUint32(0x22c, 0x7fffffff, true);
    view.setUint16(0x236, 1, true);
    view.setUint32(0x238, 2047, true);
    view.setUint32(0x260, MIB, true);
    change(view);
    return file;
  }
  const request = (kernel: Uint8Array, initrd?: Uint8Array) => ({
    kernel,
    initrd,
    commandLine: 'console=ttyS0',
    ram: pcRamLayout(64 * MIB),
    hypertransport: true,
    rsdp: 0xf59d0,
  });

  it('starts a 64-bit kernel at 0x200 past its load address, in long mode', () => {
    const memory = pcMemory(64 * MIB);
    const entry = loadBzImage(request(bzImage()), memory);
    expect(entry).toMatchObject({ mode: 'long64', rip: 0x100200, rsi: 0x10000 });
    expect(memory.readU8(0x100000)).toBe(0x90);
  });

  it('starts a kernel without the 64-bit flag at its load address, in protected mode', () => {
    const kernel = bzImage((view) => view.setUint16(0x236, 0, true));
    const entry = loadBzImage(request(kernel), pcMemory(64 * MIB));
    expect(entry).toMatchObject({ mode: 'protected32', rip: 0x100000, rsi: 0x10000, cr3: 0 });
  });

  it('fills boot_params', () => {
    const memory = pcMemory(64 * MIB);
    const initrd = new Uint8Array(5000).fill(7);
    const { rsi } = loadBzImage(request(bzImage(), initrd), memory);
    const ramdisk = memory.readU32(rsi + 0x218);
    expect(memory.readU8(rsi + 0x210)).toBe(0xb0);
    expect(ramdisk).toBe(64 * MIB - 0x20000 - 8192);
    expect(memory.readU32(rsi + 0x21c)).toBe(5000);
    expect(memory.readU8(ramdisk + 4999)).toBe(7);
    expect(memory.readU64(rsi + 0x70)).toBe(0xf59d0);
    const commandLine = memory.readU32(rsi + 0x228);
    expect(Buffer.from(bytesAt(memory, commandLine, 14)).toString()).toBe('console=ttyS0\0');
    const ranges = memory.readU8(rsi + 0x1e8);
    expect(ranges).toBe(7);
    expect(memory.readU64(rsi + 0x2d0 + 20 * (ranges - 1))).toBe(0xfd_0000_0000);
  });

  it('tells of no HyperTransport where the board knows none', () => {
    const memory = pcMemory(64 * MIB);
    const { rsi } = loadBzImage({ ...request(bzImage()), hypertransport: false }, memory);
    expect(memory.readU8(rsi + 0x1e8)).toBe(6);
  });

  it.each([
    ['an old protocol', bzImage((view) => view.setUint16(0x206, 0x203, true))],
    ['a body that is missing', bzImage().subarray(0, SETUP_SIZE)],
    ['a body larger than memory', bzImage(() => {}, 80 * MIB)],
    ['a command line that is too long', bzImage((view) => view.setUint32(0x238, 4, true))],
  ])('refuses %s', (_, kernel) => {
    expect(() => loadBzImage(request(kernel), pcMemory(64 * MIB))).toThrow(KernelError);
  });

  it('refuses an initrd that does not fit beside the kernel', () => {
    const initrd = new Uint8Array(63 * MIB);
    expect(() => loadBzImage(request(bzImage(), initrd), pcMemory(64 * MIB))).toThrow(
      'initrd is too large, cannot support it',
    );
  });

  it('knows a bzImage', () => {
    expect(isBzImage(bzImage())).toBe(true);
    expect(isBzImage(new Uint8Array(4096))).toBe(false);
  });
});
