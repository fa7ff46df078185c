/** -cpu and -M: CPUID as QEMU 7.2 answered it with the same options, and QEMU's words about them. */
import { describe, expect, it } from 'vitest';
import {
  CPUID_EXT2_LM,
  EXECUTED_FEATURES,
  FEAT_1_ECX,
  FEAT_1_EDX,
  FEAT_6_EAX,
  FEAT_7_0_EBX,
  FEAT_7_0_ECX,
  FEAT_7_0_EDX,
  FEAT_7_1_EAX,
  FEAT_8000_0001_ECX,
  FEAT_8000_0001_EDX,
  FEAT_8000_0007_EDX,
  FEAT_8000_0008_EBX,
  hasFeature,
  QEMU64_FEATURES,
} from '../../src/emu/cpu/cpu-features.ts';
import { QEMU64 } from '../../src/emu/cpu/models/cpu-identity.ts';
import { cpuHelp } from '../../src/emu/cpu/models/cpu-models.ts';
import { CURRENT_CPU, hyperthreadingWarning, readCpu } from '../../src/emu/cpu/models/cpu-option.ts';
import { cpuidLeaf } from '../../src/emu/cpu/system/cpuid.ts';
import { cpuTopologyOf } from '../../src/emu/machine/cpu-topology.ts';
import { CURRENT_MACHINE, machineVersion } from '../../src/emu/machine/machine-versions.ts';
import { readSmp } from '../../src/emu/machine/smp-options.ts';
import { CPUID_CASES, CPUID_LEAVES } from '../golden/cpu/cases.ts';
import recorded from '../golden/cpu/cpuid.json' with { type: 'json' };

type Leaf = readonly number[];
const HTT = 1 << 28;
const CMP_LEGACY = 1 << 1;
const SVM = 1 << 2;
const XSAVE = 1 << 26;
const LA57 = 1 << 16;

const RECORDED: Readonly<Record<string, readonly string[]>> = recorded;

function answers(text: string): Map<string, Leaf> {
  const words = (RECORDED[text] ?? []).map((leaf) =>
    leaf.split(' ').map((word) => Number.parseInt(word, 16)),
  );
  return new Map(CPUID_LEAVES.map(([leaf, subleaf], at) => [`${leaf}.${subleaf}`, words[at] ?? []]));
}

function option(text: string, name: string): string | undefined {
  const words = text.split(' ');
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

function machineOf(text: string) {
  const version = machineVersion(option(text, '-M') ?? CURRENT_MACHINE);
  const identity = readCpu(option(text, '-cpu') ?? '', version.cpu, () => {});
  const [cpus = '1', ...rest] = (option(text, '-smp') ?? '1').split(',');
  const given = new Map(rest.map((part) => part.split('=') as [string, string]));
  const smp = readSmp(given.set('cpus', cpus), { ...version, machine: version.name }, () => {});
  if (typeof smp === 'string') throw new Error(smp);
  return { identity, topology: cpuTopologyOf(smp, 0) };
}

/** QEMU's answer without the features that this core does not have. */
function without(key: string, [eax = 0, ebx = 0, ecx = 0, edx = 0]: Leaf, hasLa57: boolean): Leaf {
  const only = (word: number, more = 0): number => EXECUTED_FEATURES[word] | more;
  switch (key) {
    case '1.0':
      return [eax, ebx, ecx & only(FEAT_1_ECX), edx & only(FEAT_1_EDX, HTT)];
    case '6.0':
      return [eax & only(FEAT_6_EAX), ebx, ecx, edx];
    case '7.0':
      return [eax, ebx & only(FEAT_7_0_EBX), ecx & only(FEAT_7_0_ECX), edx & only(FEAT_7_0_EDX)];
    case '7.1':
      return [eax & only(FEAT_7_1_EAX), ebx, ecx, edx];
    case `${0x80000001}.0`:
      return [eax, ebx, ecx & only(FEAT_8000_0001_ECX, CMP_LEGACY), edx & only(FEAT_8000_0001_EDX)];
    case `${0x80000007}.0`:
      return [eax, ebx, ecx, edx & only(FEAT_8000_0007_EDX)];
    case `${0x80000008}.0`:
      return [hasLa57 ? 0x3028 : eax, ebx & only(FEAT_8000_0008_EBX), ecx, edx];
    default:
      return [eax, ebx, ecx, edx];
  }
}

const hex = (leaf: Leaf): readonly string[] => leaf.map((word) => (word >>> 0).toString(16));

describe('CPUID', () => {
  it.each(CPUID_CASES)('%s', (text) => {
    const { identity, topology } = machineOf(text);
    const qemu = answers(text);
    const [level = 0] = qemu.get('0.0') ?? [];
    const [xlevel = 0] = qemu.get(`${0x80000000}.0`) ?? [];
    const isClipped = (leaf: number): boolean => {
      if (leaf >= 0x80000000) return identity.xlevel < leaf;
      return leaf >= 0x40000000 ? leaf > 0x40000001 : leaf > level;
    };
    const hasXsave = ((qemu.get('1.0')?.[2] ?? 0) & XSAVE) !== 0;
    const hasLa57 = ((qemu.get('7.0')?.[2] ?? 0) & LA57) !== 0;
    for (const [leaf, subleaf] of CPUID_LEAVES) {
      // Where the highest leaf describes XSAVE, QEMU answers with it what this core has not.
      if (isClipped(leaf) && hasXsave) continue;
      const key = isClipped(leaf) ? `${level}.${subleaf}` : `${leaf}.${subleaf}`;
      const expected = qemu.get(`${leaf}.${subleaf}`) ?? [];
      const name = `${leaf.toString(16)}.${subleaf}`;
      expect([name, ...hex(cpuidLeaf(identity, leaf, subleaf, topology, true))]).toEqual([
        name,
        ...hex(without(key, expected, hasLa57)),
      ]);
    }
    if (identity.xlevel > 0) expect(identity.xlevel).toBe(xlevel);
  });

  it('announces nothing that QEMU has not', () => {
    const max = answers('-cpu max');
    const [, ebx7 = 0, ecx7 = 0, edx7 = 0] = max.get('7.0') ?? [];
    const extended = max.get(`${0x80000001}.0`) ?? [];
    for (const [word, has] of [
      [FEAT_1_ECX, max.get('1.0')?.[2]],
      [FEAT_1_EDX, max.get('1.0')?.[3]],
      [FEAT_7_0_EBX, ebx7],
      [FEAT_7_0_ECX, ecx7],
      [FEAT_7_0_EDX, edx7],
      [FEAT_8000_0001_ECX, extended[2]],
      [FEAT_8000_0001_EDX, extended[3]],
    ] as const) {
      expect([word, (EXECUTED_FEATURES[word] & ~(has ?? 0)) >>> 0]).toEqual([word, 0]);
    }
  });

  it('of qemu64 is the default', () => {
    const identity = readCpu('qemu64', CURRENT_CPU, () => {});
    expect(identity).toEqual(QEMU64);
    expect(identity.features).toEqual(QEMU64_FEATURES);
    expect((answers('-cpu qemu64').get(`${0x80000001}.0`)?.[2] ?? 0) & SVM).toBe(SVM);
  });
});

function complaint(text: string): string {
  try {
    readCpu(text, CURRENT_CPU, () => {});
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}

const T = 'qemu64-x86_64-cpu';

describe('-cpu', () => {
  it.each([
    ['', '-cpu option cannot be empty'],
    ['foo', "unable to find CPU model 'foo'"],
    ['nehalem', "unable to find CPU model 'nehalem'"],
    ['host', "CPU model 'host' requires KVM or HVF"],
    ['qemu64,foo=on', `can't apply global ${T}.foo=on: Property '${T}.foo' not found`],
    ['qemu64,foo', `can't apply global ${T}.foo=on: Property '${T}.foo' not found`],
    ['qemu64,=on', `can't apply global ${T}.=on: Property '${T}.' not found`],
    ['qemu64,+foo=3', `Property '${T}.foo=3' not found`],
    ['qemu64,-foo,+foo', `Property '${T}.foo' not found`],
    ['qemu64,sse3=maybe', `can't apply global ${T}.sse3=maybe: Parameter 'sse3' expects 'on' or 'off'`],
    ['qemu64,vendor=abc', `can't apply global ${T}.vendor=abc: Property '.vendor' doesn't take value 'abc'`],
    [
      'qemu64,model=300',
      `can't apply global ${T}.model=300: Property .model doesn't take value 300 (minimum: 0, maximum: 255)`,
    ],
    [
      'qemu64,family=1000',
      `can't apply global ${T}.family=1000: Property .family doesn't take value 1000 (minimum: 0, maximum: 270)`,
    ],
    ['qemu64,level=foo', `can't apply global ${T}.level=foo: Parameter 'level' expects uint64`],
    [
      'qemu64,level=5000000000',
      `can't apply global ${T}.level=5000000000: Parameter 'level' expects uint32_t`,
    ],
    ['qemu64,family', `can't apply global ${T}.family=on: Parameter 'family' expects int64`],
  ])('%s: %s', (text, expected) => {
    expect(complaint(text)).toBe(expected);
  });

  it('warns of what the core has not, once for each processor', () => {
    const { warnings } = readCpu('kvm64,+spec-ctrl,+x2apic,+rdctl-no', CURRENT_CPU, () => {});
    expect(warnings).toEqual([
      'This feature depends on other features that were not requested: MSR(10AH).rdctl-no [bit 0]',
      "TCG doesn't support requested feature: CPUID.01H:ECX.x2apic [bit 21]",
      "TCG doesn't support requested feature: CPUID.07H:EDX.spec-ctrl [bit 26]",
    ]);
    expect(readCpu('kvm64,+x2apic,check=off', CURRENT_CPU, () => {}).warnings).toEqual([]);
  });

  it('refuses with enforce, after the warnings', () => {
    const said: string[] = [];
    expect(() => readCpu('qemu64,+x2apic,enforce', CURRENT_CPU, (text) => said.push(text))).toThrow(
      "TCG doesn't support requested features",
    );
    expect(said).toEqual(["TCG doesn't support requested feature: CPUID.01H:ECX.x2apic [bit 21]"]);
  });

  it('says when flags and properties contradict each other', () => {
    const said: string[] = [];
    const identity = readCpu('qemu64,+lm,lm=off', CURRENT_CPU, (text) => said.push(text));
    expect(said).toEqual([
      `Ambiguous CPU model string. Don't mix both "+lm" and "lm=off"`,
      "Compatibility of ambiguous CPU model strings won't be kept on future QEMU versions",
    ]);
    expect(hasFeature(identity.features, CPUID_EXT2_LM)).toBe(true);
  });

  it('knows no hyperthreads on AMD', () => {
    expect(hyperthreadingWarning(QEMU64, 1)).toBeUndefined();
    expect(hyperthreadingWarning(QEMU64, 2)).toMatch(
      /^This family of AMD CPU doesn't support hyperthreading\(2\)\n/,
    );
    expect(
      hyperthreadingWarning(
        readCpu('Nehalem', CURRENT_CPU, () => {}),
        2,
      ),
    ).toBeUndefined();
  });

  it('help names models as QEMU lists them', () => {
    const lines = cpuHelp().split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'Available CPUs:',
      'x86 486                   (alias configured by machine type)',
      'x86 486-v1                ',
    ]);
    expect(lines).toContain('x86 IvyBridge-IBRS        (alias of IvyBridge-v2)');
    expect(lines).toContain('x86 IvyBridge-v2          Intel Xeon E3-12xx v2 (Ivy Bridge, IBRS)');
    expect(lines).toContain('  3dnow 3dnowext 3dnowprefetch abm ace2 ace2-en acpi adx aes amd-no-ssb');
  });
});
