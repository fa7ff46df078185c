/** Configuration mechanism 1: the ports 0xcf8 (address) and 0xcfc–0xcff (data). Spec: PCI Local Bus 3.0 §3.2.2.3.2. */
import type { AddressSpace } from '../bus/address-space.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { DWORD, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { PciBus } from './pci-bus.ts';
import { pciFunction, pciSlot } from './pci-bus.ts';

export const CONFIG_ADDRESS_PORT = 0xcf8;
export const CONFIG_DATA_PORT = 0xcfc;
const CONFIG_ENABLE = 0x8000_0000;

export type PciHostState = { readonly configAddress: number };

const PCI_HOST_STATE = record<PciHostState>({ configAddress: DWORD });

export class PciHost implements Device<PciHostState> {
  readonly vmstate = { name: 'PCIHost', version: 1, fields: PCI_HOST_STATE };
  readonly bus: PciBus;
  readonly #trace: Trace;
  readonly #s = { configAddress: 0 };

  constructor(bus: PciBus, ports: AddressSpace, trace: Trace) {
    this.bus = bus;
    this.#trace = trace;
    ports.map(CONFIG_ADDRESS_PORT, 4, this.#addressPort(), { name: 'pci-conf-idx' });
    ports.map(CONFIG_DATA_PORT, 4, this.#dataPort(), { name: 'pci-conf-data' });
  }

  reset(): void {
    this.#s.configAddress = 0;
  }

  save(): PciHostState {
    return { ...this.#s };
  }

  restore({ configAddress }: PciHostState): void {
    this.#s.configAddress = configAddress;
  }

  /** QEMU: only a whole dword sets the address; a smaller read gives the low bits whatever its offset. */
  #addressPort(): IoHandler {
    return {
      read: (_offset, size) => (this.#s.configAddress & OPEN_BUS[size]) >>> 0,
      write: (offset, size, value) => {
        if (offset === 0 && size === 4) this.#s.configAddress = value >>> 0;
      },
    };
  }

  #dataPort(): IoHandler {
    return {
      read: (offset, size) => this.#access(offset, size, undefined),
      write: (offset, size, value) => {
        this.#access(offset, size, value);
      },
    };
  }

  #access(offset: number, size: AccessSize, value: number | undefined): number {
    const address = this.#s.configAddress;
    if ((address & CONFIG_ENABLE) === 0) return OPEN_BUS[size];
    const bus = (address >>> 16) & 0xff;
    const devfn = (address >>> 8) & 0xff;
    const register = (address & 0xff) | offset;
    const device = bus === this.bus.number ? this.bus.device(devfn) : undefined;
    if (device === undefined) return OPEN_BUS[size];
    const { type } = device.identity;
    if (value === undefined) {
      const result = this.bus.configRead(devfn, register, size);
      if (this.#trace.on) {
        this.#trace.event('pci_cfg_read', type, bus, pciSlot(devfn), pciFunction(devfn), register, result);
      }
      return result;
    }
    if (this.#trace.on) {
      this.#trace.event('pci_cfg_write', type, bus, pciSlot(devfn), pciFunction(devfn), register, value);
    }
    this.bus.configWrite(devfn, register, size, value);
    return 0;
  }
}
