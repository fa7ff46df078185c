/** Serial ports on PCI: one, two or four 16550s behind one BAR and one interrupt pin. Spec: QEMU docs/specs/pci-serial. */

import type { CharBackend } from '../char/char-backend.ts';
import { Serial16550, type SerialState } from '../char/serial-16550.ts';
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { list, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { PciDevice, type PciState } from '../pci/pci-device.ts';

const PCI_VENDOR_ID_REDHAT = 0x1b36;
const PCI_CLASS_SERIAL = 0x0700;
/** By the number of ports. */
const DEVICE_IDS: ReadonlyMap<number, number> = new Map([
  [1, 2],
  [2, 3],
  [4, 4],
]);
const PORT_BYTES = 8;

export type PciSerialState = { readonly pci: PciState; readonly ports: readonly SerialState[] };

export interface PciSerialWiring {
  readonly type: string;
  /** The lowest byte of the class: how a driver programs it. */
  readonly programmingInterface: number;
  /** One for each port. */
  readonly backends: readonly CharBackend[];
  readonly clock: Clock;
  readonly trace: Trace;
}

export class PciSerial extends PciDevice<PciSerialState> {
  readonly vmstate;
  readonly #ports: readonly Serial16550[];
  /** A bit for each port that interrupts. */
  #raised = 0;

  constructor(wiring: PciSerialWiring, id = '', multifunction = false) {
    const { type, programmingInterface, backends, clock, trace } = wiring;
    const deviceId = DEVICE_IDS.get(backends.length);
    assert(deviceId !== undefined, `no card has ${backends.length} serial ports`);
    super(
      {
        ...{ type, vendorId: PCI_VENDOR_ID_REDHAT, deviceId, revision: 1, interruptPin: 1, multifunction },
        classCode: (PCI_CLASS_SERIAL << 8) | programmingInterface,
      },
      id,
    );
    this.#ports = backends.map(
      (backend, at) => new Serial16550({ set: (level) => this.#follow(at, level) }, backend, clock, trace),
    );
    const ofPorts = this.#ports.map((port) => port.vmstate.fields);
    const [first] = ofPorts;
    assert(first !== undefined, 'there is a port');
    this.vmstate = {
      name: type,
      version: 1,
      fields: record<PciSerialState>({ pci: this.pciFields, ports: list(first, backends.length) }),
    };
    const handler: IoHandler = {
      unaligned: true,
      read: (offset, size) => this.#bytes(offset, size, (port, at) => port.readByte(at)),
      write: (offset, size, value) =>
        void this.#bytes(offset, size, (port, at, n) => {
          port.writeByte(at, (value >>> (8 * n)) & 0xff);
          return 0;
        }),
    };
    this.addBar({ index: 0, kind: 'io', sizeBytes: PORT_BYTES * backends.length, handler });
  }

  reset(): void {
    this.resetPci();
    for (const port of this.#ports) port.reset();
  }

  /** It has left: its timers do not fire. */
  abandon(): void {
    for (const port of this.#ports) port.reset();
  }

  save(): PciSerialState {
    return { pci: this.savePci(), ports: this.#ports.map((port) => port.save()) };
  }

  restore({ pci, ports }: PciSerialState): void {
    for (const [at, port] of this.#ports.entries()) {
      const state = ports[at];
      if (state !== undefined) port.restore(state);
    }
    this.restorePci(pci);
  }

  /** A wider access is one of bytes, which may reach into the next port. */
  #bytes(
    offset: number,
    size: AccessSize,
    access: (port: Serial16550, at: number, n: number) => number,
  ): number {
    let value = 0;
    for (let n = 0; n < size; n++) {
      const port = this.#ports[Math.floor((offset + n) / PORT_BYTES)];
      if (port !== undefined) value += access(port, (offset + n) % PORT_BYTES, n) * 2 ** (8 * n);
    }
    return value;
  }

  #follow(port: number, level: boolean): void {
    this.#raised = level ? this.#raised | (1 << port) : this.#raised & ~(1 << port);
    this.setIntx(this.#raised !== 0);
  }
}
