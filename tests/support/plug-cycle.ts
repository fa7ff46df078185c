/**
 * A disk comes, is read by a driver, and goes: the monitors' side by HMP and QMP, the guest's side by registers, which a hand plays as Linux's drivers do.
 */
import { Machine, Monitor, QmpSession } from '../../src/emu/index.ts';
import type { QmpMessage } from '../../src/emu/monitor/qmp/session.ts';
import { memoryImages } from './headless-guest.ts';

const MIB = 2 ** 20;
const DISK = '/tmp/disk1.img';
const GPE0_STS = 0xafe0;
const GPE0_PCI_HOTPLUG = 2;
const PCIU = 0xae00;
const PCID = 0xae04;
const B0EJ = 0xae08;
const BSEL = 0xae10;
const CONFIG_ADDRESS = 0xcf8;
const CONFIG_DATA = 0xcfc;
/** Where the driver puts BAR 0, the legacy registers. */
const LEGACY = 0xc000;
const QUEUE_PFN = LEGACY + 0x08;
const QUEUE_NUM = LEGACY + 0x0c;
const QUEUE_NOTIFY = LEGACY + 0x10;
const STATUS = LEGACY + 0x12;
const ISR = LEGACY + 0x13;
/** Guest-physical addresses of the ring and of one request: header, sector, status. */
const RING = 0x10_0000;
const HEADER = 0x20_0000;
const SECTOR = HEADER + 0x1000;
const DONE = HEADER + 0x2000;
const SECTOR_BYTES = 512;

export class PlugCycle {
  readonly machine: Machine;
  readonly #monitor: Monitor;
  readonly #session: QmpSession;
  /** Messages that nobody has taken. */
  readonly #messages: QmpMessage[] = [];
  readonly #events: string[] = [];

  private constructor(machine: Machine) {
    this.machine = machine;
    this.#monitor = new Monitor({ machine });
    this.#session = new QmpSession((message) => this.#messages.push(message), { machine, nowMs: () => 0 });
    this.#session.start();
    machine.events.listen(({ event }) => this.#events.push(event));
  }

  static async start(): Promise<PlugCycle> {
    const images = memoryImages();
    await images.createEmpty(DISK, MIB);
    const host = { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images };
    const cycle = new PlugCycle(new Machine({ memoryBytes: 64 * MIB }, host));
    await cycle.ask('qmp_capabilities');
    cycle.#events.length = 0;
    return cycle;
  }

  /** The answer to a command of QMP. */
  async ask(execute: string, args?: object): Promise<unknown> {
    const request = args === undefined ? { execute } : { execute, arguments: args };
    this.#session.input(new TextEncoder().encode(JSON.stringify(request)));
    const answer = (): number =>
      this.#messages.findIndex((message) => 'return' in message || 'error' in message);
    await turns(() => answer() >= 0);
    const [found] = this.#messages.splice(answer(), 1);
    if (found === undefined || 'error' in found) throw new Error(`${execute}: ${JSON.stringify(found)}`);
    return found['return'];
  }

  /** One whole cycle. Rejects where something is not as Linux would find it. */
  async run(): Promise<void> {
    const added = await this.#monitor.execute(`drive_add 0 if=none,file=${DISK},format=raw,id=d`);
    if (added !== 'OK\n') throw new Error(added);
    await this.ask('device_add', { driver: 'virtio-blk-pci', id: 'v', drive: 'd' });
    const slot = this.#told(PCIU);
    await this.#drive(slot);
    await this.ask('device_del', { id: 'v' });
    this.machine.board.ports.write(B0EJ, 4, 2 ** this.#told(PCID));
    await turns(() => this.#events.filter((event) => event === 'DEVICE_DELETED').length === 2);
    this.#events.length = 0;
    await this.machine.drives.settled();
    const left = await this.ask('query-block');
    if (JSON.stringify(left) !== '[]') throw new Error(JSON.stringify(left));
    this.#messages.length = 0;
  }

  /** The one slot that a register of the hotplug block names, after the event that says so. */
  #told(register: number): number {
    const { ports } = this.machine.board;
    if ((ports.read(GPE0_STS, 1) & GPE0_PCI_HOTPLUG) === 0) throw new Error('no event');
    ports.write(GPE0_STS, 1, GPE0_PCI_HOTPLUG);
    ports.write(BSEL, 4, 0);
    const slots = ports.read(register, 4);
    if (slots === 0 || (slots & (slots - 1)) !== 0) throw new Error(`slots ${slots.toString(16)}`);
    return 31 - Math.clz32(slots);
  }

  #config(slot: number, register: number, value: number): void {
    const { ports } = this.machine.board;
    ports.write(CONFIG_ADDRESS, 4, 0x8000_0000 + slot * 0x800 + register);
    ports.write(CONFIG_DATA, 4, value);
  }

  /** Reads the first sector. Spec: virtio 1.2 §4.1.4.8, §5.2.6. */
  async #drive(slot: number): Promise<void> {
    const { memory } = this.machine;
    const { ports } = this.machine.board;
    this.#config(slot, 0x10, LEGACY);
    this.#config(slot, 0x04, 7);
    for (const status of [0, 1, 3]) ports.write(STATUS, 1, status);
    const size = ports.read(QUEUE_NUM, 2);
    const avail = RING + 16 * size;
    const used = Math.ceil((avail + 6 + 2 * size) / 4096) * 4096;
    memory.fill(RING, used + 4096 - RING, 0);
    ports.write(QUEUE_PFN, 4, RING / 4096);
    ports.write(STATUS, 1, 7);
    const pieces = [
      [HEADER, 16, 1],
      [SECTOR, SECTOR_BYTES, 3],
      [DONE, 1, 2],
    ] as const;
    for (const [at, [gpa, length, flags]] of pieces.entries()) {
      memory.writeU32(RING + 16 * at, gpa);
      memory.writeU32(RING + 16 * at + 8, length);
      memory.writeU16(RING + 16 * at + 12, flags);
      memory.writeU16(RING + 16 * at + 14, at + 1);
    }
    memory.fill(HEADER, 16, 0);
    memory.fill(DONE, 1, 0xff);
    memory.writeU16(avail + 2, 1);
    ports.write(QUEUE_NOTIFY, 2, 0);
    await turns(() => memory.readU16(used + 2) === 1);
    if (ports.read(ISR, 1) !== 1 || memory.readU8(DONE) !== 0) throw new Error('the sector was not read');
  }
}

/** Lets what has been begun go on until `reached`. */
async function turns(reached: () => boolean): Promise<void> {
  for (let turn = 0; !reached(); turn++) {
    if (turn > 1000) throw new Error('it does not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
