/** What CPUID, APIC ids and -smp tell of the same processors. Values are what QEMU 7.2 answered with the same -smp. */
import { describe, expect, it } from 'vitest';
import { QEMU64 } from '../../src/emu/cpu/models/cpu-identity.ts';
import { cpuidLeaf } from '../../src/emu/cpu/system/cpuid.ts';
import { apicIdOf, cpuTopologyOf, placeOfApicId, placeOfCpu } from '../../src/emu/machine/cpu-topology.ts';
import { readSmp } from '../../src/emu/machine/smp-options.ts';

const warnings: string[] = [];

function smp(text: string, prefersSockets = false) {
  const given = new Map(
    text.split(',').map((part) => {
      const [key = '', value] = part.split('=');
      return value === undefined ? ['cpus', key] : [key, value];
    }),
  );
  const read = readSmp(given, { prefersSockets, machine: 'pc' }, (warning) => warnings.push(warning));
  if (typeof read === 'string') throw new Error(read);
  return read;
}

describe('CPUID of the first processor', () => {
  it.each([
    ['1', { 1: [0x800, 0x78bfbfd], 11: [0, 1], 267: [0, 1], size: 0 }],
    ['4,sockets=4', { 1: [0x800, 0x78bfbfd], 11: [0, 1], 267: [0, 1], size: 0 }],
    ['8,sockets=2,dies=2,cores=2', { 1: [0x20800, 0x178bfbfd], 11: [0, 1], 267: [2, 2], size: 0x2001 }],
    ['12,sockets=2,cores=3,threads=2', { 1: [0x60800, 0x178bfbfd], 11: [1, 2], 267: [3, 6], size: 0x3005 }],
  ] as const)('-smp %s', (text, expected) => {
    const topology = cpuTopologyOf(smp(text), 0);
    const leaf = (number: number, subleaf = 0) => cpuidLeaf(QEMU64, number, subleaf, topology, true);
    const [, ebx, , edx] = leaf(1);
    expect([ebx, edx]).toEqual(expected[1]);
    expect(leaf(0xb).slice(0, 3)).toEqual([...expected[0xb], 0x100]);
    expect(leaf(0xb, 1).slice(0, 3)).toEqual([...expected[0x10b], 0x201]);
    expect(leaf(0xb, 2)).toEqual([0, 0, 2, 0]);
    expect(leaf(0x80000008)[2]).toBe(expected.size);
  });
});

describe('APIC ids', () => {
  it('have a field for each level: six processors of a socket with three cores need eight numbers', () => {
    const config = smp('12,sockets=2,cores=3,threads=2');
    const ids = Array.from({ length: 12 }, (_, index) => apicIdOf(config, index));
    expect(ids).toEqual([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]);
    for (const [index, id] of ids.entries())
      expect(placeOfApicId(config, id)).toEqual(placeOfCpu(config, index));
    expect(placeOfApicId(config, 99)).toEqual({ socket: 12, die: 0, core: 1, thread: 1 });
  });
});

describe('-smp', () => {
  it.each([
    ['4', { cpus: 4, maxCpus: 4, sockets: 1, cores: 4, threads: 1 }],
    ['4,sockets=1,cores=2', { sockets: 1, cores: 2, threads: 2 }],
    ['4,threads=2', { sockets: 1, cores: 2, threads: 2 }],
    ['sockets=2', { cpus: 2, maxCpus: 2, sockets: 2, cores: 1, threads: 1 }],
    ['4,dies=2', { sockets: 1, dies: 2, cores: 2, threads: 1 }],
    ['1,maxcpus=4', { cpus: 1, maxCpus: 4, sockets: 1, cores: 4 }],
    ['maxcpus=4,cores=2', { cpus: 4, maxCpus: 4, sockets: 2, cores: 2 }],
  ])('%s', (text, expected) => {
    expect(smp(text)).toMatchObject(expected);
    expect(warnings).toEqual([]);
  });

  it('before 6.2 what is not given became sockets', () => {
    expect(smp('1,maxcpus=4', true)).toMatchObject({ cpus: 1, sockets: 4, cores: 1 });
    expect(smp('4,sockets=2', true)).toMatchObject({ sockets: 2, cores: 2 });
  });

  it('a nought is as nothing, with a warning', () => {
    expect(smp('0')).toMatchObject({ cpus: 1, maxCpus: 1 });
    expect(smp('2,cores=0')).toMatchObject({ cpus: 2, cores: 2 });
    expect(warnings.splice(0)).toEqual(
      Array(2).fill(
        'Deprecated CPU topology (considered invalid): CPU topology parameters must be greater than zero',
      ),
    );
  });
});
