/** PCI interrupt routing: the table `_PRT` and the four link devices behind the PIIX3's PIRQ registers. */
import { type Aml, eisaId, pkg, terms } from './aml.ts';
import { INTERRUPT_NUMBER_OFFSET, interrupt, resourceTemplate } from './aml-resources.ts';
import {
  arg,
  bitAnd,
  bitOr,
  call,
  createDWordField,
  device,
  less,
  method,
  name,
  returns,
  scope,
  serializedMethod,
  store,
  when,
} from './aml-terms.ts';

const SLOTS = 32;
const PINS = 4;
const LINKS = ['LNKA', 'LNKB', 'LNKC', 'LNKD'];
const PIRQ_REGISTERS = ['PRQ0', 'PRQ1', 'PRQ2', 'PRQ3'];
const PM_SLOT = 1;
const SCI_IRQ = 9;
/** Spec: 82371SB datasheet, PIRQRC: set when the PIRQ is routed nowhere. */
const PIRQ_DISABLED = 0x80;
const ALL_FUNCTIONS = 0xffff;
const STA_ENABLED = 0x0b;
const STA_DISABLED = 0x09;

/** `_PRT`, `IQST`, `IQCR` and the devices LNKA…LNKD, LNKS. */
export function interruptLinks(): Aml {
  return terms(
    scope('\\_SB.PCI0', method('_PRT', 0, returns(routingTable()))),
    scope(
      '\\_SB',
      method('IQST', 1, when(bitAnd(arg(0), PIRQ_DISABLED), returns(STA_DISABLED)), returns(STA_ENABLED)),
      serializedMethod(
        'IQCR',
        1,
        name('PRR0', resourceTemplate(interrupt(0))),
        createDWordField('PRR0', INTERRUPT_NUMBER_OFFSET, 'PRRI'),
        when(less(arg(0), PIRQ_DISABLED), store(arg(0), 'PRRI')),
        returns('PRR0'),
      ),
      ...PIRQ_REGISTERS.map((register, pirq) => link(LINKS[pirq] ?? '', pirq, register)),
      sciLink(),
    ),
  );
}

/**
 * Spec: ACPI 6.5 §6.2.13. Pin p of slot s reaches PIRQ (s + p − 1) mod 4, as the board is wired.
 * QEMU: pin A of slot 1 carries the PIIX4's SCI, which no PIRQ register moves: it has a link of its own.
 */
function routingTable(): Aml {
  const rows: Aml[] = [];
  for (let slot = 0; slot < SLOTS; slot++) {
    for (let pin = 0; pin < PINS; pin++) {
      const wired = LINKS[(slot + pin + PINS - 1) % PINS] ?? '';
      const source = slot === PM_SLOT && pin === 0 ? 'LNKS' : wired;
      rows.push(pkg([slot * 0x10000 + ALL_FUNCTIONS, pin, source, 0]));
    }
  }
  return pkg(rows);
}

/** A PIRQ: the guest may route it to IRQ 5, 10 or 11. */
function link(path: string, uid: number, register: string): Aml {
  return device(
    path,
    name('_HID', eisaId('PNP0C0F')),
    name('_UID', uid),
    name('_PRS', resourceTemplate(interrupt(5, 10, 11))),
    method('_STA', 0, returns(call('IQST', register))),
    method('_DIS', 0, bitOr(register, PIRQ_DISABLED, register)),
    method('_CRS', 0, returns(call('IQCR', register))),
    serializedMethod(
      '_SRS',
      1,
      createDWordField(arg(0), INTERRUPT_NUMBER_OFFSET, 'PRRI'),
      store('PRRI', register),
    ),
  );
}

/** The fixed route of the SCI. */
function sciLink(): Aml {
  return device(
    'LNKS',
    name('_HID', eisaId('PNP0C0F')),
    name('_UID', LINKS.length),
    name('_PRS', resourceTemplate(interrupt(SCI_IRQ))),
    method('_STA', 0, returns(STA_ENABLED)),
    method('_DIS', 0),
    method('_CRS', 0, returns('_PRS')),
    method('_SRS', 1),
  );
}
