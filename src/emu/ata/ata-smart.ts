/** SMART: a disk that never fails, and tells so. Spec: ATA/ATAPI-6 §8.41. The values are QEMU's. */
import * as r from './ata-registers.ts';
import { NOT_RUN, SELF_TESTS } from './ata-state.ts';
import type { AtaUnit } from './ata-unit.ts';

const READ_DATA = 0xd0;
const READ_THRESHOLDS = 0xd1;
const ATTRIBUTE_AUTOSAVE = 0xd2;
const EXECUTE_OFFLINE = 0xd4;
const READ_LOG = 0xd5;
const ENABLE = 0xd8;
const DISABLE = 0xd9;
const RETURN_STATUS = 0xda;

const SIGNATURE_MID = 0x4f;
const SIGNATURE_HIGH = 0xc2;
const LOG_ERRORS = 0x01;
const LOG_SELF_TESTS = 0x06;
const AUTOSAVE_ON = 0xf1;
const TEST_BYTES = 24;

interface Attribute {
  readonly id: number;
  readonly flags: number;
  readonly value: number;
  readonly raw: readonly number[];
  readonly threshold: number;
}

const attribute = (
  id: number,
  flags: number,
  value: number,
  threshold: number,
  ...raw: number[]
): Attribute => ({
  ...{ id, flags, value, threshold, raw },
});

const ATTRIBUTES: readonly Attribute[] = [
  attribute(0x01, 0x03, 0x64, 0x06),
  attribute(0x03, 0x03, 0x64, 0x00, 0x10),
  attribute(0x04, 0x02, 0x64, 0x14, 0x64),
  attribute(0x05, 0x03, 0x64, 0x24),
  attribute(0x09, 0x03, 0x64, 0x00, 0x01),
  attribute(0x0c, 0x03, 0x64, 0x00),
  attribute(0xbe, 0x03, 0x45, 0x32, 0x1f, 0x00, 0x1f, 0x1f),
];

/** The command SMART. `done`: it is over; else its data moves. */
export function smart(unit: AtaUnit): 'done' | 'goes on' {
  const { s, kept } = unit;
  if (s.high !== SIGNATURE_HIGH || s.mid !== SIGNATURE_MID) return refused(unit);
  if (!kept.smart && s.feature !== ENABLE) return refused(unit);
  switch (s.feature) {
    case ENABLE:
    case DISABLE:
      kept.smart = s.feature === ENABLE;
      return 'done';
    case ATTRIBUTE_AUTOSAVE:
      if (s.low !== 0 && s.low !== AUTOSAVE_ON) return refused(unit);
      kept.smartAutosave = s.low !== 0;
      return 'done';
    case RETURN_STATUS:
      // The registers have what says that all is well.
      return 'done';
    case READ_THRESHOLDS:
      return tell(unit, thresholds());
    case READ_DATA:
      return tell(unit, values(unit));
    case READ_LOG:
      if (s.low === LOG_ERRORS)
        return tell(
          unit,
          page(1, () => {}),
        );
      return s.low === LOG_SELF_TESTS ? tell(unit, selfTests(unit)) : refused(unit);
    case EXECUTE_OFFLINE:
      return runTest(unit);
    default:
      return refused(unit);
  }
}

function refused(unit: AtaUnit): 'done' {
  unit.abort();
  return 'done';
}

function tell(unit: AtaUnit, data: Uint8Array): 'goes on' {
  unit.s.status = r.DRDY | r.DSC;
  unit.transfer(data, 'stop');
  unit.host.interrupt();
  return 'goes on';
}

/** With a checksum in its last byte. */
function page(version: number, fill: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = new Uint8Array(r.SECTOR_BYTES);
  bytes[0] = version;
  fill(bytes);
  const sum = bytes.subarray(0, -1).reduce((all, byte) => all + byte, 0);
  bytes[r.SECTOR_BYTES - 1] = -sum;
  return bytes;
}

function thresholds(): Uint8Array {
  return page(1, (bytes) => {
    for (const [n, { id, threshold }] of ATTRIBUTES.entries()) bytes.set([id, threshold], 2 + 12 * n);
  });
}

function values({ kept }: AtaUnit): Uint8Array {
  return page(1, (bytes) => {
    for (const [n, { id, flags, value, raw }] of ATTRIBUTES.entries()) {
      bytes.set([id, flags, 0, value, value, ...raw], 2 + 12 * n);
    }
    bytes[362] = 0x02 | (kept.smartAutosave ? 0x80 : 0);
    // A test that was run has passed: the byte behind its kind says so, which is 0.
    bytes.set([0x20, 0x01, 0, 0x19, 0x03, 0x00, 0x01, 0, 0x02, 0x36, 0x01], 364);
  });
}

function selfTests({ kept }: AtaUnit): Uint8Array {
  return page(1, (bytes) => {
    if (kept.selfTest === 0) return;
    bytes[508] = kept.selfTest;
    for (const [n, kind] of kept.selfTests.entries()) {
      if (kind !== NOT_RUN) bytes.set([kind, 0, 0x34, 0x12], 2 + TEST_BYTES * n);
    }
  });
}

function runTest(unit: AtaUnit): 'done' {
  const { s, kept } = unit;
  if (s.low > 2) return refused(unit);
  kept.selfTest = (kept.selfTest % SELF_TESTS) + 1;
  const tests = [...kept.selfTests];
  tests[kept.selfTest - 1] = s.low;
  kept.selfTests = tests;
  return 'done';
}
