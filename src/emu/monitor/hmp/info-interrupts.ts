/** `info irq`, `info pic` and `info lapic`. */
import type { Inspection, LocalApicInfo } from '../../machine/machine-api.ts';
import { integer, maybe } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';

type IoApicInfo = NonNullable<Inspection['ioApic']>;

const LEVEL = 1 << 15;
const ACTIVE_LOW = 1 << 13;
const PENDING = 1 << 12;
const LOGICAL = 1 << 11;
const MASKED = 1 << 16;
const REMOTE_IRR = 1 << 14;
const ICR_ASSERT = 1 << 14;
const SVR_ENABLE = 1 << 8;
const SVR_FOCUS = 1 << 9;
const DELIVERY_NMI = 4;
const FLAT = 0xf;
const REDIRECTION = 0x10;
const IOAPIC_VERSION = 0x20;
/** Spec: Intel SDM vol. 3 §11.5.1 and 82093AA §3.2.4, in QEMU's words. */
const LVT_DELIVERY = ['Fixed', '...', 'SMI', '...', 'NMI', 'INIT', '...', 'ExtINT'];
const PIN_DELIVERY = ['fixed', 'lowest', 'SMI', '...', 'NMI', 'INIT', '...', 'extINT'];
const TIMER_MODES = ['one-shot', 'periodic', 'tsc-deadline', '...'];
const SHORTHANDS = ['no-shorthand', 'self', 'all-self', 'all'];
/** As QEMU lists them, with their places among the registers; the timer is the last. */
const LVT_ROWS = [
  ['LVT0', 3],
  ['LVT1', 4],
  ['LVTPC', 2],
  ['LVTERR', 5],
  ['LVTTHMR', 1],
] as const;
const LVT_TIMER = 0;

const hex = (value: number, digits: number): string => (value >>> 0).toString(16).padStart(digits, '0');
const bits = (value: number, count: number): string =>
  (value >>> 0).toString(2).padStart(count, '0').slice(-count);

function countsText(name: string, chip: Pick<IoApicInfo, 'statistics'> | undefined): string {
  if (chip === undefined) return '';
  const { counts } = chip.statistics;
  const lines = counts.map((count, irq) => (count === 0 ? '' : `${String(irq).padStart(2)}: ${count}\n`));
  return `IRQ statistics for ${name}:\n${lines.join('')}`;
}

function pinText({ low, high }: { readonly low: number; readonly high: number }, pin: number): string {
  const word = (mask: number, yes: string, no: string): string => ((low & mask) !== 0 ? yes : no);
  const delivery = PIN_DELIVERY[(low >>> 8) & 7] ?? '';
  return (
    `  pin ${String(pin).padEnd(2)} 0x${hex(high, 8)}${hex(low, 8)} dest=${hex(high >>> 24, 1)} ` +
    `vec=${String(low & 0xff).padEnd(3)} ${word(ACTIVE_LOW, 'active-lo', 'active-hi')} ` +
    `${word(LEVEL, 'level', 'edge').padEnd(5)} ${word(MASKED, 'masked', '').padEnd(6)} ` +
    `${delivery.padEnd(6)} ${word(LOGICAL, 'logical', 'physical')}\n`
  );
}

function pinsText(name: string, pins: readonly number[]): string {
  return `  ${name.padEnd(8)} ${pins.length === 0 ? '(none)' : pins.join(' ')}\n`;
}

/** QEMU: without the chip nothing is said. */
function ioApicText({ ioApic }: Inspection): string {
  if (ioApic === undefined) return '';
  const { id, select, irr, entries } = ioApic.inspect();
  const chosen = select < REDIRECTION ? '' : ` (redir[${(select - REDIRECTION) >> 1}])`;
  const pins = entries.map((_, pin) => pin);
  return (
    `ioapic0: ver=0x${IOAPIC_VERSION.toString(16)} id=0x${hex(id, 2)} sel=0x${hex(select, 2)}${chosen}\n` +
    entries.map(pinText).join('') +
    pinsText(
      'IRR',
      pins.filter((pin) => (irr & (1 << pin)) !== 0),
    ) +
    pinsText(
      'Remote IRR',
      pins.filter((pin) => ((entries[pin]?.low ?? 0) & REMOTE_IRR) !== 0),
    )
  );
}

function chipsText({ pic }: Inspection): string {
  const lines = (pic?.chips ?? []).map((chip, n) => {
    const { irr, imr, isr, priorityAdd, irqBase, readIsr, elcr, specialFullyNested } = chip;
    return (
      `pic${n}: irr=${hex(irr, 2)} imr=${hex(imr, 2)} isr=${hex(isr, 2)} hprio=${priorityAdd} irq_base=${hex(irqBase, 2)} ` +
      `rr_sel=${readIsr ? 1 : 0} elcr=${hex(elcr, 2)} fnm=${specialFullyNested ? 1 : 0}\n`
    );
  });
  return lines.reverse().join('');
}

function lvtText(name: string, entry: number, isTimer = false): string {
  const word = (mask: number, yes: string, no: string): string => ((entry & mask) !== 0 ? yes : no);
  const delivery = (entry >>> 8) & 7;
  const mode = isTimer ? (TIMER_MODES[(entry >>> 17) & 3] ?? '') : '';
  const vector = delivery === DELIVERY_NMI ? '' : ` (vec ${entry & 0xff})`;
  return (
    `${name}\t 0x${hex(entry, 8)} ${word(ACTIVE_LOW, 'active-lo', 'active-hi')} ${word(LEVEL, 'level', 'edge').padEnd(5)} ` +
    `${word(MASKED, 'masked', '').padEnd(6)} ${word(PENDING, 'pending', '').padEnd(7)} ${mode.padEnd(12)} ` +
    `${(LVT_DELIVERY[delivery] ?? '').padEnd(6)}${vector}\n`
  );
}

function icrText({ icrLo, icrHi, dfr }: LocalApicInfo): string {
  const shorthand = (icrLo >>> 18) & 3;
  const isLogical = (icrLo & LOGICAL) !== 0;
  const dest = icrHi >>> 24;
  const first =
    `ICR\t 0x${hex(icrLo, 8)} ${isLogical ? 'logical' : 'physical'} ${(icrLo & LEVEL) !== 0 ? 'level' : 'edge'} ` +
    `${(icrLo & ICR_ASSERT) !== 0 ? 'assert' : 'de-assert'} ${SHORTHANDS[shorthand]}\nICR2\t 0x${hex(icrHi, 8)}`;
  if (shorthand !== 0) return `${first}\n`;
  if (!isLogical) return `${first} cpu ${dest} (APIC ID)\n`;
  if (dfr === FLAT) return `${first} mask ${bits(dest, 8)} (APIC ID)\n`;
  return `${first} cluster ${dest >>> 4} mask ${bits(dest & 0xf, 4)} (APIC ID)\n`;
}

function vectorsText(name: string, words: Uint32Array, levels: Uint32Array): string {
  const has = (set: Uint32Array, vector: number): boolean =>
    (((set[vector >>> 5] ?? 0) >>> (vector & 31)) & 1) === 1;
  const vectors = Array.from({ length: 256 }, (_, vector) => vector).filter((vector) => has(words, vector));
  const text = vectors.map((vector) => `${vector}${has(levels, vector) ? '(level)' : ''} `).join('');
  return `${name}\t ${text === '' ? '(none)' : text}\n`;
}

function timerText({ divide, initialCount, currentCount }: LocalApicInfo): string {
  const divisor = 1 << ((((divide & 3) | ((divide >>> 1) & 4)) + 1) & 7);
  return `Timer\t DCR=0x${divide.toString(16)} (divide by ${divisor}) initial_count = ${initialCount} current_count = ${currentCount}\n`;
}

export function lapicText(id: number, apic: LocalApicInfo): string {
  const { lvt, svr, esr, isr, irr, tmr, tpr, dfr, ldr, ppr } = apic;
  const enabled = (svr & SVR_ENABLE) !== 0 ? 'enabled' : 'disabled';
  const focus = (svr & SVR_FOCUS) !== 0 ? 'on' : 'off';
  const cluster = dfr === 0 ? `(cluster ${ldr >>> 4}: id ${ldr & 0xf})` : '';
  return (
    `dumping local APIC state for CPU ${String(id).padEnd(2)}\n\n` +
    LVT_ROWS.map(([name, entry]) => lvtText(name, lvt[entry] ?? 0)).join('') +
    lvtText('LVTT', lvt[LVT_TIMER] ?? 0, true) +
    timerText(apic) +
    `SPIV\t 0x${hex(svr, 8)} APIC ${enabled}, focus=${focus}, spurious vec ${svr & 0xff}\n` +
    icrText(apic) +
    `ESR\t 0x${hex(esr, 8)}\n` +
    vectorsText('ISR', isr, tmr) +
    vectorsText('IRR', irr, tmr) +
    `\nAPR 0x${hex(apic.id, 2)} TPR 0x${hex(tpr, 2)} DFR 0x${hex(dfr, 2)} LDR 0x${hex(ldr, 2)}${cluster} PPR 0x${hex(ppr, 2)}\n`
  );
}

function localApic({ machine, cpu }: CommandContext, wanted: number | undefined): string {
  const id = wanted ?? machine.inspect.apicIdOf(cpu.index);
  const apic = machine.inspect.localApic(id);
  return apic === undefined ? 'No CPU available\n' : lapicText(id, apic);
}

export const INTERRUPT_TOPICS: readonly Command[] = [
  {
    name: 'irq',
    args: [],
    params: '',
    help: 'how often interrupts came',
    run: ({ machine }) =>
      countsText('ioapic', machine.inspect.ioApic) + countsText('isa-i8259', machine.inspect.pic),
  },
  {
    name: 'lapic',
    args: [maybe(integer('apic-id'))],
    params: '[apic-id]',
    help: 'registers of a local APIC; without its id that of the current processor',
    run(context, args) {
      const id = args.get('apic-id');
      return localApic(context, id === undefined ? undefined : Number(id));
    },
  },
  {
    name: 'pic',
    args: [],
    params: '',
    help: 'registers of the I/O APIC and of the 8259s',
    run: ({ machine }) => ioApicText(machine.inspect) + chipsText(machine.inspect),
  },
];
