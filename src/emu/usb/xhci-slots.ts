/**
 * The slots of an xHCI: each is a device for the driver, with a context in guest memory and its endpoints. Spec: xHCI 1.1 §4.5, §4.6.
 * QEMU: hw/usb/hcd-xhci.c of 7.2.
 */
import { BOOLEAN, integer, list, nullable, record, type StateKind, text } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { readWords, writeWords } from './dma-words.ts';
import type { UsbDevice } from './usb-device.ts';
import {
  CONTEXT_BYTES,
  EP_HALTED,
  readAddress,
  SLOT_ADDRESSED,
  SLOT_CONFIGURED,
  SLOT_DEFAULT,
  SLOT_ENTRIES_MASK,
  SLOT_ENTRIES_SHIFT,
  SLOT_STATE_SHIFT,
} from './xhci-context.ts';
import { XhciEndpoint, type XhciEndpointWiring } from './xhci-endpoint.ts';
import { ENDPOINT_FIELDS, endpointState, type XhciEndpointState } from './xhci-endpoint-state.ts';
import {
  ADDRESS,
  CC_CONTEXT_STATE_ERROR,
  CC_ENDPOINT_NOT_ENABLED_ERROR,
  CC_NO_SLOTS_ERROR,
  CC_SLOT_NOT_ENABLED_ERROR,
  CC_STOPPED,
  CC_SUCCESS,
  CC_TRB_ERROR,
  CC_USB_TRANSACTION_ERROR,
  type Trb,
  trbAddress,
} from './xhci-trb.ts';

/** Endpoints of a device: the control endpoint, and two for each number. */
const ENDPOINTS = 31;
const SET_ADDRESS = 5;
const SLOT_WORDS = 4;
const ENDPOINT_WORDS = 5;
/** A port of the controller and five hubs behind it, each of at most 15 ports. */
const PATH_MAX = 24;
const TIERS = 5;
const ROUTE_BITS = 4;
const PORT_SHIFT = 16;
const INTERRUPTER_SHIFT = 22;
const INTERRUPTER_MASK = 0x3ff;
const EXIT_LATENCY_MASK = 0xffff;
const MAX_PACKET_MASK = 0xffff_0000;
const SLOT_STATE_MASK = 0x1f << SLOT_STATE_SHIFT;
/** Flags of an input control context: the slot's and the control endpoint's. */
const BOTH = 3;

interface Slot {
  isEnabled: boolean;
  /** QEMU's path of the port in which its device is; null: none, or it has left. */
  path: string | null;
  /** Of the context that the controller keeps. */
  context: number;
  interrupter: number;
  readonly endpoints: (XhciEndpoint | undefined)[];
}

export type XhciSlotState = {
  readonly isEnabled: boolean;
  readonly path: string | null;
  readonly context: number;
  readonly interrupter: number;
  readonly endpoints: readonly (XhciEndpointState | null)[];
};

const SLOT_FIELDS = record<XhciSlotState>({
  isEnabled: BOOLEAN,
  path: nullable(text(PATH_MAX)),
  context: ADDRESS,
  interrupter: integer(0, INTERRUPTER_MASK),
  endpoints: list(nullable(ENDPOINT_FIELDS), ENDPOINTS),
});

export function slotFields(count: number): StateKind<XhciSlotState[]> {
  return list(SLOT_FIELDS, count);
}

function emptySlot(): Slot {
  return {
    ...{ isEnabled: false, path: null, context: 0, interrupter: 0 },
    endpoints: new Array<undefined>(ENDPOINTS).fill(undefined),
  };
}

export interface XhciSlotsWiring extends Omit<XhciEndpointWiring, 'slot' | 'endpoint' | 'device'> {
  readonly dma: DmaPort;
  readonly trace: Trace;
  /** The device in the port with that path. */
  readonly deviceAt: (path: string) => UsbDevice | undefined;
  /** The number from 1, of those that are told to users, of the port that a driver calls so; undefined: there is none. */
  readonly userPort: (port: number) => number | undefined;
  /** Where the driver keeps the addresses of contexts; 0: nowhere. */
  readonly contexts: () => number;
  /** Sizes of arrays of streams that there are. */
  readonly streamsMask: number;
}

export class XhciSlots {
  readonly #wiring: XhciSlotsWiring;
  readonly #slots: readonly Slot[];

  constructor(count: number, wiring: XhciSlotsWiring) {
    this.#wiring = wiring;
    this.#slots = Array.from({ length: count }, emptySlot);
  }

  get count(): number {
    return this.#slots.length;
  }

  reset(): void {
    for (const [index, slot] of this.#slots.entries()) {
      this.disable(index + 1);
      slot.context = 0;
      slot.interrupter = 0;
    }
  }

  save(): XhciSlotState[] {
    return this.#slots.map(({ endpoints, ...slot }) => ({
      ...slot,
      endpoints: endpoints.map((endpoint) => endpoint?.save() ?? null),
    }));
  }

  restore(state: readonly XhciSlotState[]): void {
    for (const [index, slot] of this.#slots.entries()) {
      for (const endpoint of slot.endpoints) endpoint?.giveUp();
      const { endpoints, ...own } = state[index] ?? { ...emptySlot(), endpoints: [] };
      Object.assign(slot, own);
      for (let at = 0; at < ENDPOINTS; at++) {
        const saved = endpoints[at] ?? null;
        slot.endpoints[at] = saved === null ? undefined : this.#makeEndpoint(index + 1, at + 1, saved);
      }
    }
  }

  /** The controller leaves: nothing is under way any more. */
  giveUp(): void {
    for (const { endpoints } of this.#slots) for (const endpoint of endpoints) endpoint?.giveUp();
  }

  /** A doorbell rang. */
  kick(id: number, endpoint: number, stream: number): void {
    this.#slots[id - 1]?.endpoints[endpoint - 1]?.kick(stream);
  }

  /** Something happened at a device in the port with the path, or behind it. */
  wake(path: string): void {
    for (const slot of this.#slots) {
      if (slot.path !== path && slot.path?.startsWith(`${path}.`) !== true) continue;
      for (const endpoint of slot.endpoints) endpoint?.wake();
    }
  }

  /** The device in the port with the path has left. */
  detach(path: string): void {
    for (const slot of this.#slots) {
      if (slot.path !== path) continue;
      for (const endpoint of slot.endpoints) endpoint?.giveUp();
      slot.path = null;
    }
  }

  /** A free slot, from 1; or the code that says that there is none. */
  enable(): { readonly id: number; readonly code: number } {
    const index = this.#slots.findIndex(({ isEnabled }) => !isEnabled);
    const slot = this.#slots[index];
    if (slot === undefined) return { id: 0, code: CC_NO_SLOTS_ERROR };
    this.#trace('usb_xhci_slot_enable', index + 1);
    slot.isEnabled = true;
    slot.path = null;
    return { id: index + 1, code: CC_SUCCESS };
  }

  /** What is wrong with a command's slot; undefined: nothing. */
  refusal(id: number): number | undefined {
    const slot = this.#slots[id - 1];
    if (slot === undefined) return CC_TRB_ERROR;
    return slot.isEnabled ? undefined : CC_SLOT_NOT_ENABLED_ERROR;
  }

  disable(id: number): number {
    this.#trace('usb_xhci_slot_disable', id);
    const slot = this.#slot(id);
    for (let endpoint = 1; endpoint <= ENDPOINTS; endpoint++) this.#disableEndpoint(id, slot, endpoint);
    slot.isEnabled = false;
    slot.path = null;
    return CC_SUCCESS;
  }

  /** Spec: §4.6.5. @param isDefault the device keeps the address 0 */
  address(id: number, trb: Trb, isDefault: boolean): number {
    const { dma } = this.#wiring;
    const slot = this.#slot(id);
    const input = trbAddress(trb);
    const output = readAddress(dma, this.#wiring.contexts() + 8 * id);
    const [drop, add] = readWords(dma, input, 2);
    if (drop !== 0 || add !== BOTH) return CC_TRB_ERROR;
    const slotContext = readWords(dma, input + CONTEXT_BYTES, SLOT_WORDS);
    const endpointContext = readWords(dma, input + 2 * CONTEXT_BYTES, ENDPOINT_WORDS);
    const path = this.#pathOf(slotContext);
    if (path === undefined) return CC_TRB_ERROR;
    this.#trace('usb_xhci_slot_address', id, path);
    const device = this.#wiring.deviceAt(path);
    if (device === undefined) return CC_TRB_ERROR;
    if (this.#slots.some((other) => other !== slot && other.path === path)) return CC_TRB_ERROR;
    slot.path = path;
    slot.context = output;
    slot.interrupter = interrupterOf(slotContext);
    if (isDefault) slotContext[3] = SLOT_DEFAULT << SLOT_STATE_SHIFT;
    else {
      slotContext[3] = (SLOT_ADDRESSED << SLOT_STATE_SHIFT) | id;
      device.busReset();
      device.request({ type: 0, request: SET_ADDRESS, value: id, index: 0, length: 0 }, new Uint8Array());
    }
    this.#enableEndpoint(id, slot, 1, endpointContext);
    writeWords(dma, output, slotContext);
    writeWords(dma, output + CONTEXT_BYTES, endpointContext);
    return CC_SUCCESS;
  }

  /** Spec: §4.6.6. @param isDeconfigured all endpoints but that of control are dropped */
  configure(id: number, trb: Trb, isDeconfigured: boolean): number {
    const { dma } = this.#wiring;
    this.#trace('usb_xhci_slot_configure', id);
    const slot = this.#slot(id);
    const input = trbAddress(trb);
    if (isDeconfigured) {
      for (let endpoint = 2; endpoint <= ENDPOINTS; endpoint++) this.#disableEndpoint(id, slot, endpoint);
      this.#setState(slot, SLOT_ADDRESSED);
      return CC_SUCCESS;
    }
    const [drop = 0, add = 0] = readWords(dma, input, 2);
    if ((drop & BOTH) !== 0 || (add & BOTH) !== 1) return CC_TRB_ERROR;
    const [inputEntries = 0] = readWords(dma, input + CONTEXT_BYTES, 1);
    const slotContext = readWords(dma, slot.context, SLOT_WORDS);
    if ((slotContext[3] ?? 0) >>> SLOT_STATE_SHIFT < SLOT_ADDRESSED) return CC_CONTEXT_STATE_ERROR;
    for (let endpoint = 2; endpoint <= ENDPOINTS; endpoint++) {
      if ((drop & (1 << endpoint)) !== 0) this.#disableEndpoint(id, slot, endpoint);
      if ((add & (1 << endpoint)) === 0) continue;
      const context = readWords(dma, input + CONTEXT_BYTES * (endpoint + 1), ENDPOINT_WORDS);
      this.#enableEndpoint(id, slot, endpoint, context);
      writeWords(dma, slot.context + CONTEXT_BYTES * endpoint, context);
    }
    slotContext[3] = withSlotState(slotContext[3] ?? 0, SLOT_CONFIGURED);
    const entries = SLOT_ENTRIES_MASK << SLOT_ENTRIES_SHIFT;
    slotContext[0] = ((slotContext[0] ?? 0) & ~entries) | (inputEntries & entries);
    writeWords(dma, slot.context, slotContext);
    return CC_SUCCESS;
  }

  /** Spec: §4.6.7. */
  evaluate(id: number, trb: Trb): number {
    const { dma } = this.#wiring;
    this.#trace('usb_xhci_slot_evaluate', id);
    const slot = this.#slot(id);
    const input = trbAddress(trb);
    const [drop, add = 0] = readWords(dma, input, 2);
    if (drop !== 0 || (add & ~BOTH) !== 0) return CC_TRB_ERROR;
    if ((add & 1) !== 0) {
      const wanted = readWords(dma, input + CONTEXT_BYTES, SLOT_WORDS);
      const context = readWords(dma, slot.context, SLOT_WORDS);
      context[1] = ((context[1] ?? 0) & ~EXIT_LATENCY_MASK) | ((wanted[1] ?? 0) & EXIT_LATENCY_MASK);
      slot.interrupter = interrupterOf(wanted);
      const interrupterBits = INTERRUPTER_MASK << INTERRUPTER_SHIFT;
      context[2] = ((context[2] ?? 0) & ~interrupterBits) | ((wanted[2] ?? 0) & interrupterBits);
      writeWords(dma, slot.context, context);
    }
    if ((add & 2) !== 0) {
      const wanted = readWords(dma, input + 2 * CONTEXT_BYTES, ENDPOINT_WORDS);
      const context = readWords(dma, slot.context + CONTEXT_BYTES, ENDPOINT_WORDS);
      context[1] = ((context[1] ?? 0) & ~MAX_PACKET_MASK) | ((wanted[1] ?? 0) & MAX_PACKET_MASK);
      writeWords(dma, slot.context + CONTEXT_BYTES, context);
    }
    return CC_SUCCESS;
  }

  /** Spec: §4.6.11: the device was reset. */
  resetDevice(id: number): number {
    this.#trace('usb_xhci_slot_reset', id);
    const slot = this.#slot(id);
    for (let endpoint = 2; endpoint <= ENDPOINTS; endpoint++) this.#disableEndpoint(id, slot, endpoint);
    this.#setState(slot, SLOT_DEFAULT);
    return CC_SUCCESS;
  }

  /** Spec: §4.6.9. */
  stopEndpoint(id: number, number: number): number {
    const endpoint = this.#endpoint(id, number);
    if (typeof endpoint === 'number') return endpoint;
    this.#traceEndpoint('usb_xhci_ep_stop', id, number);
    endpoint.giveUp(CC_STOPPED);
    endpoint.stop();
    return CC_SUCCESS;
  }

  /** Spec: §4.6.8: out of a halt. */
  resetEndpoint(id: number, number: number): number {
    const { trace } = this.#wiring;
    if (trace.on && number >= 1 && number <= ENDPOINTS) trace.event('usb_xhci_ep_reset', id, number);
    const endpoint = this.#endpoint(id, number);
    if (typeof endpoint === 'number') return endpoint;
    if (endpoint.state !== EP_HALTED) return CC_CONTEXT_STATE_ERROR;
    endpoint.giveUp();
    if (this.#deviceOf(this.#slot(id)) === undefined) return CC_USB_TRANSACTION_ERROR;
    endpoint.stop();
    return CC_SUCCESS;
  }

  /** Spec: §4.6.10. */
  setDequeue(id: number, number: number, stream: number, { low, high }: Trb): number {
    const endpoint = this.#endpoint(id, number);
    const { trace } = this.#wiring;
    if (trace.on && typeof endpoint !== 'number') {
      trace.event('usb_xhci_ep_set_dequeue', id, number, stream, high * 2 ** 32 + low);
    }
    return typeof endpoint === 'number' ? endpoint : endpoint.setDequeue(stream, low, high);
  }

  #slot(id: number): Slot {
    return this.#slots[id - 1] ?? emptySlot();
  }

  /** An endpoint, or the code that says that there is none. */
  #endpoint(id: number, number: number): XhciEndpoint | number {
    if (number < 1 || number > ENDPOINTS) return CC_TRB_ERROR;
    return this.#slot(id).endpoints[number - 1] ?? CC_ENDPOINT_NOT_ENABLED_ERROR;
  }

  #deviceOf({ path }: Slot): UsbDevice | undefined {
    return path === null ? undefined : this.#wiring.deviceAt(path);
  }

  /** QEMU's path of the port that a slot context names by the route to it. Spec: USB 3.1 §8.9. */
  #pathOf([route = 0, info = 0]: Uint32Array): string | undefined {
    const root = this.#wiring.userPort((info >>> PORT_SHIFT) & 0xff);
    if (root === undefined) return undefined;
    const path = [root];
    for (let tier = 0; tier < TIERS; tier++) {
      const port = (route >>> (ROUTE_BITS * tier)) & 0xf;
      if (port === 0) break;
      path.push(port);
    }
    return path.join('.');
  }

  #makeEndpoint(id: number, number: number, state: XhciEndpointState): XhciEndpoint {
    const slot = this.#slot(id);
    const own = { slot: id, endpoint: number, device: () => this.#deviceOf(slot) };
    return new XhciEndpoint({ ...this.#wiring, ...own }, state);
  }

  /** @param context of the driver's, which says then that the endpoint is running */
  #enableEndpoint(id: number, slot: Slot, number: number, context: Uint32Array): void {
    this.#traceEndpoint('usb_xhci_ep_enable', id, number);
    this.#disableEndpoint(id, slot, number);
    const state = endpointState(context, slot.context + CONTEXT_BYTES * number, this.#wiring.streamsMask);
    slot.endpoints[number - 1] = this.#makeEndpoint(id, number, state);
    context[0] = ((context[0] ?? 0) & ~7) | state.state;
  }

  #disableEndpoint(id: number, slot: Slot, number: number): void {
    const endpoint = slot.endpoints[number - 1];
    if (endpoint === undefined) return;
    this.#traceEndpoint('usb_xhci_ep_disable', id, number);
    // QEMU: a controller that is being reset leaves guest memory alone.
    endpoint.disable(this.#wiring.contexts() !== 0);
    slot.endpoints[number - 1] = undefined;
  }

  #setState(slot: Slot, state: number): void {
    const { dma } = this.#wiring;
    const context = readWords(dma, slot.context, SLOT_WORDS);
    context[3] = withSlotState(context[3] ?? 0, state);
    writeWords(dma, slot.context, context);
  }

  #trace(
    event:
      | 'usb_xhci_slot_enable'
      | 'usb_xhci_slot_disable'
      | 'usb_xhci_slot_address'
      | 'usb_xhci_slot_configure'
      | 'usb_xhci_slot_evaluate'
      | 'usb_xhci_slot_reset',
    ...values: readonly (number | string)[]
  ): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event(event, ...values);
  }

  #traceEndpoint(
    event: 'usb_xhci_ep_enable' | 'usb_xhci_ep_disable' | 'usb_xhci_ep_stop',
    id: number,
    number: number,
  ): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event(event, id, number);
  }
}

function withSlotState(word: number, state: number): number {
  return (word & ~SLOT_STATE_MASK) | (state << SLOT_STATE_SHIFT);
}

function interrupterOf([, , word = 0]: Uint32Array): number {
  return (word >>> INTERRUPTER_SHIFT) & INTERRUPTER_MASK;
}
