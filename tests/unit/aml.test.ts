/** The AML encoder: each test shows the ASL above the bytes. */
import { describe, expect, it } from 'vitest';
import {
  type Aml,
  buffer,
  eisaId,
  integer,
  namePath,
  pkg,
  pkgLength,
  term,
  terms,
  text,
  uuid,
} from '../../src/emu/acpi/aml.ts';
import {
  dma8,
  dwordMemory,
  interrupt,
  io,
  irqNoFlags,
  memory32FixedReadOnly,
  qwordMemory,
  resourceTemplate,
  wordBusNumber,
  wordIo,
} from '../../src/emu/acpi/aml-resources.ts';
import {
  acquire,
  add,
  arg,
  BREAK,
  bitAnd,
  call,
  createDWordField,
  device,
  equal,
  field,
  increment,
  index,
  less,
  local,
  loopWhile,
  method,
  mutex,
  name,
  not,
  notEqual,
  notify,
  operationRegion,
  otherwise,
  processor,
  release,
  returns,
  scope,
  serializedMethod,
  shiftLeft,
  store,
  toInteger,
  when,
} from '../../src/emu/acpi/aml-terms.ts';
import { table } from '../../src/emu/acpi/tables.ts';
import { disassemble, HAS_ACPICA, recompile } from '../golden/acpi/acpica.ts';

function hex(aml: Aml): string {
  return Buffer.from(aml).toString('hex');
}

describe('package length', () => {
  it.each([
    [0, '01'],
    [62, '3f'],
    [63, '4104'],
    [0x1000 - 3, '4fff'],
    [0x1000 - 2, '810001'],
    [0x10_0000 - 4, '8fffff'],
    [0x10_0000 - 3, 'c1000001'],
  ])('%i bytes of content', (length, expected) => {
    expect(hex(pkgLength(length))).toBe(expected);
  });
});

describe('names', () => {
  it.each([
    ['BNUM', '424e554d'],
    ['S8', '53385f5f'],
    ['\\', '5c00'],
    ['\\_SB', '5c5f53425f'],
    ['^S20.PCNT', '5e2e5332305f50434e54'],
    ['\\_SB.PCI0.BLCK', '5c2f035f53425f50434930424c434b'],
  ])('%s', (path, expected) => {
    expect(hex(namePath(path))).toBe(expected);
  });

  it('refuses what ASL refuses', () => {
    for (const bad of [' ', 'toolong', 'low', '1ABC', 'A..B', 'A^B', '\\.A']) {
      expect(() => namePath(bad), bad).toThrow('bad AML name');
    }
  });
});

describe('data', () => {
  it.each([
    [0, '00'],
    [1, '01'],
    [2, '0a02'],
    [0xff, '0aff'],
    [0x100, '0b0001'],
    [0x10000, '0c00000100'],
    [0xffffffff, '0cffffffff'],
    [2 ** 32, '0e0000000001000000'],
  ])('integer %i', (value, expected) => {
    expect(hex(integer(value))).toBe(expected);
  });

  it('EisaId ("PNP0A03")', () => {
    expect(hex(eisaId('PNP0A03'))).toBe('0c41d00a03');
  });

  it('ToUUID ("e5c937d0-3553-4d7a-9117-ea4d19c3434d")', () => {
    expect(hex(uuid('e5c937d0-3553-4d7a-9117-ea4d19c3434d'))).toBe(
      '11130a10d037c9e553357a4d9117ea4d19c3434d',
    );
  });

  it('Package (3) {"AB", BSEL}, the third element uninitialized', () => {
    expect(hex(pkg([text('AB'), 'BSEL'], 3))).toBe('120a030d4142004253454c');
  });

  it('Buffer (2) {0x01, 0x02}', () => {
    expect(hex(buffer(Uint8Array.of(1, 2)))).toBe('11050a020102');
  });
});

/** [ASL, AML, bytes] */
const TERMS: readonly (readonly [asl: string, aml: Aml, bytes: string])[] = [
  ['Name (_ADR, Zero)', name('_ADR', 0), '085f41445200'],
  ['Scope (\\_GPE) {}', scope('\\_GPE'), '10065c5f475045'],
  ['Device (S08) {}', device('S08'), '5b82055330385f'],
  ['Processor (C001, 1, 0, 0) {}', processor('C001', 1), '5b830b43303031010000000000'],
  ['Method (IQST, 1) {}', method('IQST', 1), '14064951535401'],
  ['Method (_INI, 0, Serialized) {}', serializedMethod('_INI', 0), '14065f494e4908'],
  ['Mutex (BLCK, 0)', mutex('BLCK'), '5b01424c434b00'],
  [
    'OperationRegion (PCST, SystemIO, 0xAE00, 8)',
    operationRegion('PCST', 'SystemIO', 0xae00, 8),
    '5b8050435354010b00ae0a08',
  ],
  [
    'Field (PCST, DWordAcc, NoLock, WriteAsZeros) {PCIU, 32, PCID, 32}',
    field('PCST', 'DWordAcc', 'WriteAsZeros', [
      ['PCIU', 32],
      ['PCID', 32],
    ]),
    '5b8110504353544350434955205043494420',
  ],
  [
    'Field (HPMR, ByteAcc, Lock, Preserve) {Offset (0x14), MES, 1}',
    field(
      'HPMR',
      'ByteAcc',
      'Preserve',
      [
        [undefined, 160],
        ['MES', 1],
      ],
      true,
    ),
    '5b810e48504d521100400a4d45535f01',
  ],
  ['CreateDWordField (Arg0, 5, PRRI)', createDWordField(arg(0), 5, 'PRRI'), '8a680a0550525249'],
  ['Acquire (BLCK, 0xFFFF)', acquire('BLCK'), '5b23424c434bffff'],
  ['Release (BLCK)', release('BLCK'), '5b27424c434b'],
  ['BNUM = Arg0', store(arg(0), 'BNUM'), '7068424e554d'],
  ['B0EJ = (1 << Arg1)', store(shiftLeft(1, arg(1)), 'B0EJ'), '70790169004230454a'],
  ['MAXL = (MINL + LENL)', add('MINL', 'LENL', 'MAXL'), '724d494e4c4c454e4c4d41584c'],
  ['Notify (S18, Arg1)', notify('S18', arg(1)), '865331385f69'],
  [
    'If ((Arg0 & 8)) {Notify (S18, 3)}',
    when(bitAnd(arg(0), 8), notify('S18', 3)),
    'a00d7b680a0800865331385f0a03',
  ],
  [
    'If (!Local0) {} Else {Return (1)}',
    terms(when(not(local(0))), otherwise(returns(1))),
    'a0039260a103a401',
  ],
  ['If ((Arg0 != 2)) {Break}', when(notEqual(arg(0), 2), BREAK), 'a0079293680a02a5'],
  ['While ((Local0 < 2)) {Local0++}', loopWhile(less(local(0), 2), increment(local(0))), 'a20795600a027560'],
  ['Return ((Local0 == 1))', returns(equal(local(0), 1)), 'a4936001'],
  ['Local1 = CNEW [Local0]', store(index('CNEW', local(0)), local(1)), '7088434e4557600061'],
  ['MSEL = ToInteger (Arg0)', store(toInteger(arg(0)), 'MSEL'), '709968004d53454c'],
  ['PCEJ (BSEL, _SUN)', call('PCEJ', 'BSEL', '_SUN'), '5043454a4253454c5f53554e'],
];

describe('terms', () => {
  it.each(TERMS)('%s', (_asl, aml, bytes) => {
    expect(hex(aml)).toBe(bytes);
  });
});

describe('resources', () => {
  it.each([
    ['IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)', io(0xcf8, 8), '4701f80cf80c0108'],
    ['IRQNoFlags () {12}', irqNoFlags(12), '220010'],
    ['DMA (Compatibility, NotBusMaster, Transfer8) {2}', dma8(2), '2a0400'],
    [
      'Memory32Fixed (ReadOnly, 0xFED00000, 0x400)',
      memory32FixedReadOnly(0xfed00000, 0x400),
      '860900000000d0fe00040000',
    ],
    ['Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {5}', interrupt(5), '890600090105000000'],
    ['WordBusNumber (0…0xFF)', wordBusNumber({ min: 0, max: 255 }), '880d00020c0000000000ff0000000001'],
    ['WordIO (0xD00…0xFFFF)', wordIo({ min: 0xd00, max: 0xffff }), '880d00010c030000000dffff000000f3'],
    [
      'DWordMemory (Cacheable, 0xA0000…0xBFFFF)',
      dwordMemory({ min: 0xa0000, max: 0xbffff }, true),
      '871700000c030000000000000a00ffff0b000000000000000200',
    ],
    [
      'QWordMemory (4 GiB…6 GiB − 1)',
      qwordMemory({ min: 2 ** 32, max: 2 ** 32 + 2 ** 31 - 1 }),
      '8a2b00000c0300000000000000000000000001000000ffffff7f0100000000000000000000000000008000000000',
    ],
    ['ResourceTemplate () {}', resourceTemplate(), '11050a027900'],
  ])('%s', (_asl, aml, bytes) => {
    expect(hex(aml)).toBe(bytes);
  });
});

describe.runIf(HAS_ACPICA)('seen by ACPICA', () => {
  const ssdt = table(
    'SSDT',
    scope(
      '\\',
      name('BIG', pkg(Array.from({ length: 200 }, (_, n) => text(`element ${n}`)))),
      operationRegion('DBG', 'SystemIO', 0x402, 1),
      field('DBG', 'ByteAcc', 'Preserve', [['DBGB', 8]]),
      method('SEND', 1, loopWhile(less(arg(0), 3), store(arg(0), 'DBGB'), increment(arg(0)))),
      method('MAIN', 0, call('SEND', 0), returns(term('BIG'))),
    ),
  );

  it('a package of 2 KiB, a region, a field and methods disassemble to the ASL meant', () => {
    const asl = disassemble(ssdt);
    expect(asl).toContain('OperationRegion (DBG, SystemIO, 0x0402, One)');
    expect(asl).toContain('Name (BIG, Package (0xC8)');
    expect(asl).toContain('"element 199"');
    expect(asl).toMatch(/While \(\(Arg0 < 0x03\)\)\s*{\s*DBGB = Arg0\s*Arg0\+\+\s*}/);
    expect(asl).toMatch(/SEND \(Zero\)\s*Return \(BIG\)/);
  });

  it('and compile again', () => {
    expect(recompile(ssdt)).toMatch(/\b0 Errors/);
  });
});
