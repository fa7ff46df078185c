/** The ring of commands of an xHCI. Spec: xHCI 1.1 §4.6, §5.4.5. QEMU: hw/usb/hcd-xhci.c of 7.2. */
import { hasRoom, type Portion } from '../core/bottom-half.ts';
import { BOOLEAN, DWORD, integer, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { XhciEvent } from './xhci-interrupters.ts';
import { trbName } from './xhci-names.ts';
import type { XhciSlots } from './xhci-slots.ts';
import {
  ADDRESS,
  address64,
  CC_COMMAND_RING_STOPPED,
  CC_SUCCESS,
  CC_TRB_ERROR,
  CR_ADDRESS_DEVICE,
  CR_CONFIGURE_ENDPOINT,
  CR_DISABLE_SLOT,
  CR_ENABLE_SLOT,
  CR_EVALUATE_CONTEXT,
  CR_GET_PORT_BANDWIDTH,
  CR_NOOP,
  CR_RESET_DEVICE,
  CR_RESET_ENDPOINT,
  CR_SET_TR_DEQUEUE,
  CR_STOP_ENDPOINT,
  CR_VENDOR_CHALLENGE_RESPONSE,
  CR_VENDOR_FIRMWARE_REVISION,
  ER_COMMAND_COMPLETE,
  ER_VENDOR_COMMAND_COMPLETE,
  fetchTrb,
  TRB_RESERVED,
  type Trb,
  trbAddress,
  typeOf,
} from './xhci-trb.ts';

const CRCR_CS = 1 << 1;
const CRCR_CA = 1 << 2;
const CRCR_CRR = 1 << 3;
const CRCR_KEPT = 0xffff_ffcf;
const CRCR_READ = 0xffff_fff1;
const RING_ADDRESS = 0xffff_ffc0;

const BLOCK_SET_ADDRESS = 1 << 9;
const DECONFIGURE = 1 << 9;
const ENDPOINT_SHIFT = 16;
const ENDPOINT_MASK = 0x1f;
const STREAM_SHIFT = 16;
/** QEMU: commands that are carried out for one ring of the doorbell. */
const COMMANDS_MAX = 256;
/** QEMU: of the firmware of NEC's controller. */
const VENDOR_FIRMWARE = 0x3034;

export interface XhciCommandState {
  low: number;
  high: number;
  dequeue: number;
  cycle: number;
  /** The doorbell rang, and not all of the commands were looked at. */
  isBusy: boolean;
}

export const COMMAND_FIELDS = record<XhciCommandState>({
  ...{ low: DWORD, high: DWORD, dequeue: ADDRESS, cycle: integer(0, 1), isBusy: BOOLEAN },
});

interface Completion {
  readonly code: number;
  readonly slot: number;
  readonly endpoint?: number;
  readonly type?: number;
  readonly length?: number;
}

export interface XhciCommandsWiring {
  readonly dma: DmaPort;
  readonly trace: Trace;
  readonly slots: XhciSlots;
  /** NEC's commands are known. */
  readonly isNec: boolean;
  readonly isRunning: () => boolean;
  readonly event: (event: XhciEvent) => void;
  readonly ports: () => number;
}

function powerOn(): XhciCommandState {
  return { low: 0, high: 0, dequeue: 0, cycle: 1, isBusy: false };
}

export class XhciCommands {
  readonly #wiring: XhciCommandsWiring;
  #s = powerOn();
  /** Commands that may still be carried out before the doorbell rings again. */
  #left = COMMANDS_MAX;

  constructor(wiring: XhciCommandsWiring) {
    this.#wiring = wiring;
  }

  reset(): void {
    this.#s = powerOn();
  }

  save(): XhciCommandState {
    return { ...this.#s };
  }

  restore(state: Readonly<XhciCommandState>): void {
    this.#s = { ...state };
    this.#left = COMMANDS_MAX;
  }

  /** The controller stops. */
  stop(): void {
    this.#s.low = (this.#s.low & ~CRCR_CRR) >>> 0;
  }

  /** The low half of CRCR. */
  get low(): number {
    return (this.#s.low & CRCR_READ & ~CRCR_CS & ~CRCR_CA) >>> 0;
  }

  set low(value: number) {
    const s = this.#s;
    s.low = ((value & CRCR_KEPT & ~CRCR_CRR) | (s.low & CRCR_CRR)) >>> 0;
  }

  get high(): number {
    return this.#s.high;
  }

  /** Written after the low half: the ring begins there, or stops. */
  set high(value: number) {
    const s = this.#s;
    s.high = value;
    if ((s.low & (CRCR_CA | CRCR_CS)) !== 0 && (s.low & CRCR_CRR) !== 0) {
      s.low = (s.low & ~CRCR_CRR) >>> 0;
      this.#wiring.event({ type: ER_COMMAND_COMPLETE, code: CC_COMMAND_RING_STOPPED });
    } else {
      s.dequeue = address64((s.low & RING_ADDRESS) >>> 0, value);
      s.cycle = s.low & 1;
    }
    s.low = (s.low & ~(CRCR_CA | CRCR_CS)) >>> 0;
  }

  /** The doorbell rang. */
  ring(): void {
    if (!this.#wiring.isRunning()) return;
    this.#s.low = (this.#s.low | CRCR_CRR) >>> 0;
    this.#s.isBusy = true;
    this.#left = COMMANDS_MAX;
  }

  get isBusy(): boolean {
    return this.#s.isBusy;
  }

  /** True: there is more to do. */
  serve(portion: Portion): boolean {
    const s = this.#s;
    const { dma, trace, event } = this.#wiring;
    while (s.isBusy && hasRoom(portion)) {
      if (this.#left-- <= 0) s.isBusy = false;
      if (!s.isBusy) break;
      const fetched = fetchTrb(dma, s, (trb) => {
        portion.descriptors--;
        if (!trace.on) return;
        const { address, status, control } = trb;
        trace.event('usb_xhci_fetch_trb', address, trbName(control), trbAddress(trb), status, control);
      });
      s.isBusy = fetched !== undefined && typeOf(fetched.trb) !== TRB_RESERVED;
      if (fetched === undefined) break;
      portion.requests--;
      s.dequeue = fetched.next.dequeue;
      s.cycle = fetched.next.cycle;
      // QEMU: a TRB that is none ends what the doorbell has ordered.
      if (!s.isBusy) break;
      const { type = ER_COMMAND_COMPLETE, ...completion } = this.#execute(fetched.trb);
      event({ type, address: fetched.trb.address, ...completion });
    }
    return s.isBusy;
  }

  #execute(trb: Trb): Completion {
    const { slots, isNec } = this.#wiring;
    const type = typeOf(trb);
    if (type === CR_ENABLE_SLOT) {
      const { id, code } = slots.enable();
      return { slot: id, code };
    }
    if (type === CR_GET_PORT_BANDWIDTH) return { slot: 0, code: this.#portBandwidth(trb) };
    if (type === CR_NOOP) return { slot: 0, code: CC_SUCCESS };
    if (isNec && type === CR_VENDOR_FIRMWARE_REVISION) {
      return { type: ER_VENDOR_COMMAND_COMPLETE, slot: 0, code: CC_SUCCESS, length: VENDOR_FIRMWARE };
    }
    if (isNec && type === CR_VENDOR_CHALLENGE_RESPONSE) return challenge(trb);
    if (!OF_A_SLOT.has(type)) return { slot: 0, code: CC_TRB_ERROR };
    const slot = trb.control >>> 24;
    const refusal = slots.refusal(slot);
    if (refusal !== undefined) return { slot: 0, code: refusal };
    return { slot, code: this.#executeOnSlot(type, slot, trb) };
  }

  #executeOnSlot(type: number, slot: number, trb: Trb): number {
    const { slots } = this.#wiring;
    const endpoint = (trb.control >>> ENDPOINT_SHIFT) & ENDPOINT_MASK;
    switch (type) {
      case CR_DISABLE_SLOT:
        return slots.disable(slot);
      case CR_ADDRESS_DEVICE:
        return slots.address(slot, trb, (trb.control & BLOCK_SET_ADDRESS) !== 0);
      case CR_CONFIGURE_ENDPOINT:
        return slots.configure(slot, trb, (trb.control & DECONFIGURE) !== 0);
      case CR_EVALUATE_CONTEXT:
        return slots.evaluate(slot, trb);
      case CR_STOP_ENDPOINT:
        return slots.stopEndpoint(slot, endpoint);
      case CR_RESET_ENDPOINT:
        return slots.resetEndpoint(slot, endpoint);
      case CR_SET_TR_DEQUEUE:
        return slots.setDequeue(slot, endpoint, trb.status >>> STREAM_SHIFT, trb);
      default:
        return slots.resetDevice(slot);
    }
  }

  /** QEMU: each port has 80 percent of its bandwidth left. */
  #portBandwidth(trb: Trb): number {
    const { dma, ports } = this.#wiring;
    const address = trbAddress(trb);
    dma.writeU8(address, 0);
    dma.fill(address + 1, ports(), 80);
    return CC_SUCCESS;
  }
}

const OF_A_SLOT = new Set([
  ...[CR_DISABLE_SLOT, CR_ADDRESS_DEVICE, CR_CONFIGURE_ENDPOINT, CR_EVALUATE_CONTEXT, CR_STOP_ENDPOINT],
  ...[CR_RESET_ENDPOINT, CR_SET_TR_DEQUEUE, CR_RESET_DEVICE],
]);

/** QEMU: "xHCI", turned by bits of the question. */
const CHALLENGE_KEY = 0x4943_4878;

function rotated(value: number, count: number): number {
  const bits = count & 31;
  return (value << bits) | (value >>> ((32 - bits) & 31));
}

/** What NEC's own driver asks to know its controller. */
function challenge({ low, high }: Trb): Completion {
  const first = rotated((low - CHALLENGE_KEY) | 0, 32 - ((high >>> 8) & 31));
  const second = rotated((low + CHALLENGE_KEY) | 0, high & 31);
  const third = rotated(high ^ CHALLENGE_KEY, (low >>> 16) & 31);
  const answer = ~(first + second - third);
  return {
    ...{ type: ER_VENDOR_COMMAND_COMPLETE, code: CC_SUCCESS, length: answer & 0xffff },
    ...{ endpoint: (answer >>> 16) & 0xff, slot: answer >>> 24 },
  };
}
