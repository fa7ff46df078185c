/**
 * What registers there are, in the order of their numbers. Names, sizes and order are those of QEMU's i386:x86-64.
 * Spec: Debugging with GDB, appendix "Target Descriptions", "i386 Features".
 */

export interface RegisterSpec {
  readonly name: string;
  readonly bytes: number;
  readonly type: string;
  readonly group?: string;
}

/** Bits of a register: a name for each, or for a range from one to another. */
type Fields = Readonly<Record<string, number | readonly [from: number, to: number]>>;

const quad = (name: string, type = 'int64'): RegisterSpec => ({ name, bytes: 8, type });
const word = (name: string, type = 'int32', group?: string): RegisterSpec => ({
  name,
  bytes: 4,
  type,
  ...(group === undefined ? {} : { group }),
});
const numbered = (count: number, make: (n: number) => RegisterSpec): RegisterSpec[] =>
  Array.from({ length: count }, (_, n) => make(n));

export const GENERAL_NAMES = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'] as const;

export const REGISTERS: readonly RegisterSpec[] = [
  ...GENERAL_NAMES.map((name) => quad(name, name === 'rbp' || name === 'rsp' ? 'data_ptr' : 'int64')),
  ...numbered(8, (n) => quad(`r${8 + n}`)),
  quad('rip', 'code_ptr'),
  word('eflags', 'x64_eflags'),
  ...['cs', 'ss', 'ds', 'es', 'fs', 'gs'].map((name) => word(name)),
  ...['fs_base', 'gs_base', 'k_gs_base'].map((name) => quad(name)),
  quad('cr0', 'x64_cr0'),
  quad('cr2'),
  quad('cr3', 'x64_cr3'),
  quad('cr4', 'x64_cr4'),
  quad('cr8'),
  quad('efer', 'x64_efer'),
  ...numbered(8, (n) => ({ name: `st${n}`, bytes: 10, type: 'i387_ext' })),
  ...['fctrl', 'fstat', 'ftag', 'fiseg', 'fioff', 'foseg', 'fooff', 'fop'].map((name) =>
    word(name, 'int', 'float'),
  ),
  ...numbered(16, (n) => ({ name: `xmm${n}`, bytes: 16, type: 'vec128' })),
  word('mxcsr', 'x64_mxcsr', 'vector'),
];

interface FlagsType {
  readonly bytes: number;
  /** As gdb prints them. */
  readonly fields: Fields;
}

/** QEMU: the highest first, but for MXCSR. */
const FLAGS: Readonly<Record<string, FlagsType>> = {
  x64_eflags: {
    bytes: 4,
    fields: {
      ...{ ID: 21, VIP: 20, VIF: 19, AC: 18, VM: 17, RF: 16, NT: 14, IOPL: [12, 13], OF: 11, DF: 10 },
      ...{ IF: 9, TF: 8, SF: 7, ZF: 6, AF: 4, PF: 2, CF: 0 },
    },
  },
  x64_cr0: {
    bytes: 8,
    fields: { PG: 31, CD: 30, NW: 29, AM: 18, WP: 16, NE: 5, ET: 4, TS: 3, EM: 2, MP: 1, PE: 0 },
  },
  x64_cr3: { bytes: 8, fields: { PDBR: [12, 63], PCID: [0, 11] } },
  x64_cr4: {
    bytes: 8,
    fields: {
      ...{ PKE: 22, SMAP: 21, SMEP: 20, OSXSAVE: 18, PCIDE: 17, FSGSBASE: 16, SMXE: 14, VMXE: 13 },
      ...{ LA57: 12, UMIP: 11, OSXMMEXCPT: 10, OSFXSR: 9, PCE: 8, PGE: 7, MCE: 6, PAE: 5, PSE: 4 },
      ...{ DE: 3, TSD: 2, PVI: 1, VME: 0 },
    },
  },
  x64_efer: {
    bytes: 8,
    fields: { TCE: 15, FFXSR: 14, LMSLE: 13, SVME: 12, NXE: 11, LMA: 10, LME: 8, SCE: 0 },
  },
  x64_mxcsr: {
    bytes: 4,
    fields: {
      ...{ IE: 0, DE: 1, ZE: 2, OE: 3, UE: 4, PE: 5, DAZ: 6, IM: 7, DM: 8, ZM: 9, OM: 10, UM: 11, PM: 12 },
      FZ: 15,
    },
  },
};

/** Views of a 128-bit register: name of the member, name of its vector, type and number of the elements. */
const VECTORS = [
  ['v4_float', 'v4f', 'ieee_single', 4],
  ['v2_double', 'v2d', 'ieee_double', 2],
  ['v16_int8', 'v16i8', 'int8', 16],
  ['v8_int16', 'v8i16', 'int16', 8],
  ['v4_int32', 'v4i32', 'int32', 4],
  ['v2_int64', 'v2i64', 'int64', 2],
] as const;

function flagsXml(id: string, { bytes, fields }: FlagsType): string {
  const lines = Object.entries(fields).map(([name, place]) => {
    const [start, end] = typeof place === 'number' ? [place, place] : place;
    return `<field name="${name}" start="${start}" end="${end}"/>`;
  });
  return `<flags id="${id}" size="${bytes}">${lines.join('')}</flags>\n`;
}

function vectorXml(): string {
  const vectors = VECTORS.map(
    ([, id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>\n`,
  );
  const members = VECTORS.map(([name, id]) => `<field name="${name}" type="${id}"/>`);
  return `${vectors.join('')}<union id="vec128">${members.join('')}<field name="uint128" type="uint128"/></union>\n`;
}

function registerXml({ name, bytes, type, group }: RegisterSpec): string {
  const inGroup = group === undefined ? '' : ` group="${group}"`;
  return `<reg name="${name}" bitsize="${8 * bytes}" type="${type}"${inGroup}/>\n`;
}

function featureXml(): string {
  const flags = Object.entries(FLAGS).map(([id, type]) => flagsXml(id, type));
  const body = `${flags.join('')}${vectorXml()}${REGISTERS.map(registerXml).join('')}`;
  return (
    '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n' +
    `<feature name="org.gnu.gdb.i386.core">\n${body}</feature>\n`
  );
}

const FEATURE = 'i386-64bit.xml';

/** What `qXfer:features:read` reads, by its annex. */
export const DESCRIPTIONS: Readonly<Record<string, string>> = {
  'target.xml':
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>i386:x86-64</architecture>' +
    `<xi:include href="${FEATURE}"/></target>`,
  [FEATURE]: featureXml(),
};
