/** What network cards on PCI share: an address, an end of a wire, and an expansion ROM. */
import type { Clock } from '../core/clock.ts';
import type { AccessSize } from '../core/device.ts';
import type { Plain } from '../core/plain.ts';
import type { Trace } from '../core/trace.ts';
import type { NetClient, NetEnd, Packet } from '../net/net-client.ts';
import { PCI_COMMAND } from '../pci/config-space.ts';
import { PciDevice, type PciIdentity } from '../pci/pci-device.ts';
import { expansionRom, ROM_BYTES } from './expansion-rom.ts';

const PCI_CLASS_NETWORK_ETHERNET = 0x020000;

/** What the machine gives a card. */
export interface NicWiring {
  readonly clock: Clock;
  readonly trace: Trace;
  /** The address that it was made with. */
  readonly mac: Uint8Array;
  readonly id: string;
  readonly multifunction: boolean;
  readonly hasRom: boolean;
  /** Makes the card's end of the wire. */
  readonly connect: (card: NetEnd) => NetClient;
}

export abstract class NicCard<S extends Plain = Plain> extends PciDevice<S> implements NetEnd {
  readonly client: NetClient;
  protected readonly clock: Clock;
  readonly trace: Trace;

  constructor(
    identity: Omit<PciIdentity, 'classCode' | 'interruptPin' | 'multifunction'>,
    wiring: NicWiring,
  ) {
    const { id, multifunction } = wiring;
    const whole = { ...identity, classCode: PCI_CLASS_NETWORK_ETHERNET, interruptPin: 1, multifunction };
    super(whole, id);
    this.clock = wiring.clock;
    this.trace = wiring.trace;
    this.client = wiring.connect(this);
    if (wiring.hasRom) this.addRom(expansionRom(whole), ROM_BYTES);
  }

  /** Its Ethernet address, as monitors show it. */
  abstract get address(): Uint8Array;
  abstract get canReceive(): boolean;
  abstract receive(packet: Packet): boolean;
  abstract linkChanged(): void;

  /** It has left: nothing of it goes on. */
  abstract abandon(): void;

  /** There may be room for packets that wait. */
  packetsMayFit(): void {
    this.client.flush();
  }

  /** QEMU: packets that wait are looked at when the card may reach memory. */
  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    if (offset <= PCI_COMMAND && PCI_COMMAND < offset + size && this.busMaster) this.packetsMayFit();
  }
}
