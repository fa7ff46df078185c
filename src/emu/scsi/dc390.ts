/** What a Tekram DC-390 has beside its Am53C974: an EEPROM, which is reached by configuration space. QEMU: hw/scsi/esp-pci.c of 7.2. */
import { EEPROM_WORDS, Eeprom93c46, type EepromKind } from '../pci/eeprom-93c46.ts';

/** In configuration space: the EEPROM's lines, with the chip selected; and where a write lets it go. */
const EEPROM_LINES = 0x80;
const EEPROM_CLOCK = 0x80;
const EEPROM_INPUT = 0x40;
const EEPROM_DESELECT = 0xc0;

const EEPROM: EepromKind = { zeroFirst: true, writes: true, floatsHigh: true, chains: false };
/** Bytes of the EEPROM: what each target may do, then what the card is like, then a sum. */
const TARGETS = 16;
const TARGET_DEFAULT = 0x57;
const ADAPTER_ID = 64;
const MODE_2 = 65;
const TAG_COUNT = 67;
/** QEMU has this byte, too. */
const UNNAMED = 68;
const CHECKSUM_WORD = 63;
const CHECKSUM = 0x1234;

/** As the card comes. */
function factoryWords(): Uint16Array {
  const bytes = new Uint8Array(2 * EEPROM_WORDS);
  for (let target = 0; target < TARGETS; target++) bytes[2 * target] = TARGET_DEFAULT;
  bytes[ADAPTER_ID] = 7;
  bytes[MODE_2] = 0x0f;
  bytes[TAG_COUNT] = 4;
  bytes[UNNAMED] = 7;
  const view = new DataView(bytes.buffer);
  const words = Uint16Array.from({ length: EEPROM_WORDS }, (_, at) => view.getUint16(2 * at, true));
  words[CHECKSUM_WORD] = CHECKSUM - words.reduce((sum, word) => sum + word, 0);
  return words;
}

export class Dc390Eeprom {
  readonly chip = new Eeprom93c46(factoryWords(), EEPROM);

  /** The first byte of the vendor's number is there while the EEPROM's line is high. */
  hides(offset: number, size: number): boolean {
    return offset === 0 && size === 1 && !this.chip.output;
  }

  /** A write of configuration space; false: it is none of the EEPROM's. */
  write(offset: number, value: number): boolean {
    if (offset === EEPROM_LINES) {
      this.chip.drive(true, (value & EEPROM_CLOCK) !== 0, (value & EEPROM_INPUT) !== 0);
    } else if (offset === EEPROM_DESELECT) this.chip.drive(false, false, false);
    else return false;
    return true;
  }
}
