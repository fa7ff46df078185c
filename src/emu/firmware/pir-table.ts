/** PCI interrupt routing table: which PIRQ a slot's pins reach. Spec: PCI IRQ Routing Table Specification 1.0. */

const HEADER_SIZE = 32;
const SLOT_SIZE = 16;
const CHECKSUM = 31;
const ROUTER_DEVFN = 0x08;
/** The routing register of the older PIIX, which drivers know how to program. */
const COMPATIBLE_ROUTER = [0x86, 0x80, 0x2e, 0x12];
/** Configuration register of PIRQA#; B, C and D follow. */
const PIRQRCA = 0x60;
/** IRQs 3 to 7, 9 to 12, 14, 15. */
const POSSIBLE_IRQS = [0xf8, 0xde];
const PINS = 4;
const FIRST_SLOT = 1;
/** QEMU: SeaBIOS describes six slots, whatever is in them. */
const SLOTS = 6;

/** The table; to be placed on a 16-byte boundary between 0xf0000 and 0xfffff. */
export function pirTable(): Uint8Array {
  const size = HEADER_SIZE + SLOT_SIZE * SLOTS;
  const slots = Array.from({ length: SLOTS }, (_, index) => {
    const slot = FIRST_SLOT + index;
    const links = Array.from({ length: PINS }, (__, pin) => {
      return [PIRQRCA + ((pin + index) % PINS), ...POSSIBLE_IRQS];
    });
    return [0, slot << 3, ...links.flat(), index, 0];
  });
  const signature = Array.from('$PIR', (letter) => letter.charCodeAt(0));
  const header = [...signature, 0, 1, size & 0xff, size >> 8, 0, ROUTER_DEVFN, 0, 0, ...COMPATIBLE_ROUTER];
  const table = new Uint8Array(size);
  table.set(header);
  table.set(slots.flat(), HEADER_SIZE);
  table[CHECKSUM] = -table.reduce((sum, value) => sum + value, 0) & 0xff;
  return table;
}
