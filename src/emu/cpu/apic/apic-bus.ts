/** The wire between local APICs, IO-APIC and MSI senders; and the page through which each processor sees its own APIC. */
import { assert } from '../../core/assert.ts';
import type { AccessSize, IoHandler } from '../../core/device.ts';
import { type ApicBus, type ApicMessage, DELIVERY_LOWEST, type MsiSink } from '../../core/irq.ts';
import { QUIET, type Trace } from '../../core/trace.ts';
import type { ApicPeers, LocalApic } from './local-apic.ts';

/** The place of the APIC page in the address space of memory. */
export interface ApicPage {
  move(gpa: number): void;
}

/** Accesses to the APIC page reach the APIC of the processor that runs: see `select`. */
export class ApicBusHub implements ApicBus, ApicPeers, MsiSink, IoHandler {
  readonly #apics: LocalApic[] = [];
  #current: LocalApic | undefined;
  #page: ApicPage | undefined;
  readonly #trace: Trace;

  constructor(trace: Trace = QUIET) {
    this.#trace = trace;
  }

  /** Plugs in a processor's APIC; the first one is selected. */
  add(apic: LocalApic): void {
    assert(!this.#apics.includes(apic), 'local APIC added twice');
    this.#apics.push(apic);
    this.#current ??= apic;
  }

  remove(apic: LocalApic): void {
    this.#apics.splice(this.#apics.indexOf(apic), 1);
    if (this.#current === apic) this.#current = this.#apics[0];
  }

  /** `apic`'s processor runs from now on. */
  select(apic: LocalApic): void {
    this.#current = apic;
    this.follow();
  }

  /** From now on `page` is kept where the running processor has its APIC. */
  mapped(page: ApicPage): void {
    this.#page = page;
    this.follow();
  }

  /**
   * Spec: SDM vol. 3 §11.4.4: the page is where IA32_APIC_BASE says. QEMU: without KVM it stays at its first place, whatever the register
   * says; here the processor's book decides. QEMU: a page that is switched off by bit 11 still answers.
   */
  follow(): void {
    if (this.#current !== undefined) this.#page?.move(this.#current.base);
  }

  deliver(message: ApicMessage): void {
    const { dest, logical } = message;
    if (this.#trace.on) {
      const { delivery, vector, level } = message;
      this.#trace.event('apic_deliver_irq', dest, logical ? 1 : 0, delivery, vector, level ? 1 : 0);
    }
    for (const apic of this.#apics) {
      if (!apic.accepts(dest, logical)) continue;
      apic.receive(message);
      // QEMU: the first of the addressed processors has the lowest priority.
      if (message.delivery === DELIVERY_LOWEST) return;
    }
  }

  broadcast(message: ApicMessage, except: LocalApic | undefined): void {
    for (const apic of this.#apics) {
      if (apic !== except) apic.receive(message);
    }
  }

  /** Spec: SDM vol. 3 §11.11: message address and data formats. */
  send(address: number, data: number): void {
    const low = (address % 0x1_0000_0000) | 0;
    this.deliver({
      dest: (low >>> 12) & 0xff,
      logical: (low & (1 << 2)) !== 0,
      delivery: (data >> 8) & 7,
      vector: data & 0xff,
      level: (data & (1 << 15)) !== 0,
    });
  }

  read(offset: number, size: AccessSize): number {
    const value = this.#current?.read(offset, size) ?? 0;
    if (this.#trace.on) this.#trace.event('apic_mem_readl', offset, value);
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (this.#trace.on) this.#trace.event('apic_mem_writel', offset, value);
    this.#current?.write(offset, size, value);
  }
}
