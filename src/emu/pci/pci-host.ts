/** Configuration mechanism 1: the ports 0xcf8 (address) and 0xcfc–0xcff (data). Spec: PCI Local Bus 3.0 §3.2.2.3.2. */
import type { AddressSpace } from '../bus/address-space.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { DWORD, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { PciBus } from './pci-bus.ts';
import { pciFunction, pciSlot } from './pci-bus.ts';

export const CONFIG_ADDRESS_PORT = 0xcf8;
export const CONFIG_DATA_PORT = 0xcfc;
const CONFIG_ENABLE = 0x8000_0000;
/** From the address port on. */
const CONFIG_DATA = CONFIG_DATA_PORT - CONFIG_ADDRESS_PORT;

export type PciHostState = { readonly configAddress: number };

const PCI_HOST_STATE = record<PciHostState>({ configAddress: DWORD });

export class PciHost implements Device<PciHostState> {
  static readonly registers = new RegisterTable<PciHost>(
    {
      name: 'pci-host',
      title: 'PCI configuration',
      place: 'ports from 0xcf8',
      spec: 'PCI Local Bus 3.0 §3.2.2.3.2',
    },
    [
      register(
        0,
        4,
        'CONFIG_ADDRESS',
        '0 to 7 register, 8 to 10 function, 11 to 15 slot, 16 to 23 bus, 31 enables CONFIG_DATA; written as a whole',
        {
          read: (host, size) => (host.#s.configAddress & OPEN_BUS[size]) >>> 0,
          write: (host, value) => {
            host.#s.configAddress = value >>> 0;
          },
        },
      ),
      ...[0, 1, 2, 3].map((byte) =>
        register<PciHost>(
          CONFIG_DATA + byte,
          4 - byte,
          `CONFIG_DATA_${byte}`,
          'the register, from that byte on',
          {
            read: (host, size) => host.#access(byte, size, undefined),
            write: (host, value, size) => void host.#access(byte, size, value),
          },
        ),
      ),
    ],
  );

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
      read: (_offset, size) => PciHost.registers.read(this, this.#trace, 0, size) ?? 0,
      write: (offset, size, value) => {
        if (size === 4) PciHost.registers.write(this, this.#trace, offset, size, value);
      },
    };
  }

  #dataPort(): IoHandler {
    return {
      read: (offset, size) => PciHost.registers.read(this, this.#trace, CONFIG_DATA + offset, size) ?? 0,
      write: (offset, size, value) => {
        PciHost.registers.write(this, this.#trace, CONFIG_DATA + offset, size, value);
      },
    };
  }

  #access(offset: number, size: AccessSize, value: number | undefined): number {
    const address = this.#s.configAddress;
    if ((address & CONFIG_ENABLE) === 0) return OPEN_BUS[size];
    const number = (address >>> 16) & 0xff;
    const devfn = (address >>> 8) & 0xff;
    const register = (address & 0xff) | offset;
    const bus = this.bus.find(number);
    const device = bus?.device(devfn);
    if (bus === undefined || device === undefined) return OPEN_BUS[size];
    const { type } = device.identity;
    if (value === undefined) {
      const result = bus.configRead(devfn, register, size);
      if (this.#trace.on) {
        this.#trace.event('pci_cfg_read', type, number, pciSlot(devfn), pciFunction(devfn), register, result);
      }
      return result;
    }
    if (this.#trace.on) {
      this.#trace.event('pci_cfg_write', type, number, pciSlot(devfn), pciFunction(devfn), register, value);
    }
    bus.configWrite(devfn, register, size, value);
    return 0;
  }
}
