/**
 * A guest with a processor, memory and disks that were hot-added, all of them under load, and more that comes and goes. At random moments
 * it is saved and restored elsewhere: both then do the same, and the restored guest itself finds that nothing is amiss.
 *
 * What is typed comes at counts of instructions that follow from the seed, so a failure repeats with its seed.
 */
import { expect } from 'vitest';
import { type Machine, type MachineEvent, MemoryChunkDatabase } from '../../src/emu/index.ts';
import { seededRandom } from './chip-rig.ts';
import { trouble } from './cpu-rounds.ts';
import { heldMiB } from './dimm-rounds.ts';
import { copyOfImages, HeadlessGuest, memoryImages } from './headless-guest.ts';
import {
  addCpu,
  addDimm,
  addDisk,
  ENDED,
  FILLED,
  FOUND,
  image,
  LOADS,
  MOVABLE,
  online,
  SUMS,
  WRONG,
} from './hot-added.ts';
import { advance, everything, snapshotBytes } from './snapshots.ts';
import { SteppedGuest } from './stepped-guest.ts';
import { requestOf } from './virtio-memory-rounds.ts';

const MIB = 2 ** 20;
const CONFIG = { icountShift: 3, rtcBaseMs: 1_700_000_000_000 };
/** Where the first DIMM is. */
const DIMM = 0x1_0000_0000;
const SECONDS = 240;
/** Instructions until all loads are under way. */
const WARM = 60_000_000;
const FEW = 1_000_000;

const VIRTIO_MEMORY = [
  'object_add memory-backend-ram,id=vm0,size=128M',
  'device_add virtio-balloon-pci,id=balloon0',
  'device_add virtio-mem-pci,id=vmem0,memdev=vm0,requested-size=32M',
];

/** What of a guest tells that an act is over. */
interface Seen {
  readonly guest: HeadlessGuest;
  readonly events: readonly MachineEvent[];
  readonly shown: string;
}

/** What happens to the guest while it is saved again and again. */
interface Act {
  readonly hmp?: readonly string[];
  readonly shell?: string;
  readonly isOver: (seen: Seen) => boolean;
  /** Instructions between two moments, at most: a part of what the act takes. */
  readonly step: number;
}

const told = (id: string) => (seen: Seen) =>
  seen.events.some(({ event, data }) => event === 'ACPI_DEVICE_OST' && data.info.device === id);
const gone = (id: string) => (seen: Seen) => !seen.guest.machine.devices.removable().includes(id);
const says = (word: string) => (seen: Seen) => seen.shown.includes(word);
const virtioMem = (mib: number) => (seen: Seen) =>
  seen.guest.machine.devices.tree.find('vmem0')?.read('size') === mib * MIB;
const balloon = (mib: number) => (seen: Seen) => seen.guest.machine.balloon.actualBytes === BigInt(mib * MIB);

const COMING: readonly Act[] = [
  { hmp: [addCpu(2)], isOver: told('cpu2'), step: 1_500_000 },
  {
    shell: `until [ -e ${online(2)} ]; do :; done; echo 1 > ${online(2)}; echo cpu2 is o""n`,
    isOver: says('cpu2 is on'),
    step: 20_000_000,
  },
  { hmp: addDimm(2), isOver: told('dimm2'), step: 8_000_000 },
  {
    hmp: addDisk(2),
    shell: 'until [ -b /dev/vdb ]; do :; done; echo vdb is he""re',
    isOver: says('vdb is here'),
    step: 15_000_000,
  },
];
const GOING: readonly Act[] = [
  { hmp: ['device_del cpu2'], isOver: gone('cpu2'), step: 6_000_000 },
  { hmp: ['device_del dimm2'], isOver: gone('dimm2'), step: 20_000_000 },
  { hmp: ['device_del disk2'], isOver: gone('disk2'), step: 6_000_000 },
];
const GROWING: readonly Act[] = [
  { hmp: ['qom-set vmem0 requested-size 64M'], isOver: virtioMem(64), step: 5_000_000 },
  { hmp: ['balloon 440'], isOver: balloon(440), step: 15_000_000 },
];
const SHRINKING: readonly Act[] = [
  { hmp: ['qom-set vmem0 requested-size 32M'], isOver: virtioMem(32), step: 15_000_000 },
  { hmp: ['balloon 384'], isOver: balloon(384), step: 15_000_000 },
];
/** What the monitor forgets only when it is told to, after the device is gone. */
const AFTER: Readonly<Record<string, string>> = { 'device_del dimm2': 'object_del mem2' };

export interface MomentsOptions {
  readonly seed: number;
  /** Moments under load alone. */
  readonly steady: number;
  /** Moments of an act, at most: its rest goes on unsaved. */
  readonly perAct: number;
  /** Of so many acts one is saved, the others just happen. */
  readonly savedOneIn: number;
  /** How often all acts are gone through. */
  readonly rounds: number;
  /** With a virtio-mem and a balloon, which take their time. */
  readonly virtioMemory: boolean;
  /** Instructions that both machines run after a moment, at most. */
  readonly compared: number;
  /** Of so many moments one is looked at by the restored guest. */
  readonly provenOneIn: number;
}

export async function saveAtRandomMoments(options: MomentsOptions): Promise<void> {
  const run = await Moments.make(options);
  try {
    await run.all();
  } catch (error) {
    throw new Error(`seed ${options.seed}, ${run.where}`, { cause: error });
  } finally {
    await run.end();
  }
}

class Moments {
  /** For whoever reads of a failure. */
  where = 'at the start';
  readonly #options: MomentsOptions;
  readonly #random: (below: number) => number;
  readonly #database: MemoryChunkDatabase;
  readonly #guest: SteppedGuest;
  #events: MachineEvent[] = [];
  #moments = 0;
  /** In the middle of an act; while requests to a disk were under way. */
  #inActs = 0;
  #inRequests = 0;
  /** What the guest said of itself before. */
  #sums = '';
  #total = '';

  private constructor(options: MomentsOptions, database: MemoryChunkDatabase, guest: SteppedGuest) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#database = database;
    this.#guest = guest;
  }

  static async make(options: MomentsOptions): Promise<Moments> {
    const database = new MemoryChunkDatabase();
    const images = memoryImages(database);
    for (const disk of [1, 2]) await images.createEmpty(image(disk), 4 * MIB);
    const guest = await SteppedGuest.atPrompt({ images, config: CONFIG });
    return new Moments(options, database, guest);
  }

  get #machine(): Machine {
    return this.#guest.machine;
  }

  end(): Promise<void> {
    return this.#guest.end();
  }

  async all(): Promise<void> {
    const { steady, rounds, virtioMemory, savedOneIn, perAct } = this.#options;
    // All that comes goes again, so that it can be repeated.
    const acts = virtioMemory ? [...COMING, ...GROWING, ...GOING, ...SHRINKING] : [...COMING, ...GOING];

    await this.#prepare();
    for (let moment = 0; moment < steady; moment++) {
      await advance(this.#machine, this.#random(20_000_000));
      if (moment > 0) {
        this.where = `moment ${this.#moments}, under load`;
        await this.#moment(undefined);
      }
      this.where = `moment ${this.#moments}, while a disk works`;
      await this.#untilRequest();
      await this.#moment(undefined);
    }
    const played = Array.from({ length: rounds }, () => acts).flat();
    for (const [at, act] of played.entries()) {
      await this.#play(act, at % savedOneIn === 0 ? perAct : 0);
    }
    // An act may be over before the first moment in it: most are not.
    expect(this.#inActs).toBeGreaterThan(played.length / savedOneIn / 2);
    expect(this.#inRequests).toBeGreaterThanOrEqual(steady);
  }

  /** What stays hot-added all the time, with data in it, and its load. */
  async #prepare(): Promise<void> {
    await this.#guest.shell(MOVABLE);
    this.#total = await this.#guest.shell('grep MemTotal /proc/meminfo');
    await this.#guest.hmp([addCpu(1), ...addDimm(1), ...addDisk(1)]);
    const { virtioMemory } = this.#options;
    if (virtioMemory) await this.#guest.hmp(VIRTIO_MEMORY);
    await this.#guest.shell(FOUND);
    if (virtioMemory) await this.#guest.advanceUntil(() => virtioMem(32)(this.#seen()));
    for (const command of FILLED) await this.#guest.shell(command);
    this.#sums = await this.#guest.shell(SUMS);
    expect(this.#sums).toMatch(/^([0-9a-f]{32} {2}-\n){2}$/);
    for (const load of LOADS) await this.#guest.shell(load);
    await advance(this.#machine, WARM);
    expect(heldMiB(this.#guest.driven, DIMM)).toBeGreaterThanOrEqual(2);
  }

  async #play(act: Act, moments: number): Promise<void> {
    const { hmp = [], shell, step, isOver } = act;
    const name = [...hmp, shell].join('; ');
    const from = this.#guest.driven.log.length;
    this.#guest.driven.takeEvents();
    this.#events = [];
    await this.#guest.hmp(hmp);
    if (shell !== undefined) this.#guest.driven.type(`${shell}\n`);
    const over = (): boolean => isOver(this.#seen(from));
    let ran = 0;
    for (let moment = 0; moment < moments; moment++) {
      const instructions = this.#random(step);
      await advance(this.#machine, instructions);
      ran += instructions;
      this.where = `moment ${this.#moments}, ${ran} instructions after ${name}`;
      if (over()) break;
      this.#inActs++;
      await this.#moment(act);
    }
    await this.#guest.advanceUntil(over);
    const after = AFTER[hmp[0] ?? ''];
    if (after !== undefined) await this.#guest.hmp([after]);
  }

  async #moment(act: Act | undefined): Promise<void> {
    const machine = this.#machine;
    const { compared, provenOneIn } = this.#options;
    if (machine.drives.busy) this.#inRequests++;
    const bytes = await snapshotBytes(machine);
    const disks = await copyOfImages(this.#database);
    const twin = await this.#restored(bytes, disks, CONFIG);
    // Most of the time so few that an act is still under way at its next moment.
    for (const most of [3000, this.#random(3) === 0 ? compared : FEW]) {
      const instructions = this.#random(most);
      await advance(machine, instructions);
      await advance(twin.machine, instructions);
      expect(await everything(twin.machine), `${instructions} later`).toEqual(await everything(machine));
    }
    await twin.end();
    if (++this.#moments % provenOneIn !== 0) return;
    // In the time of the host, as on the page, and in that of instructions.
    const config = (this.#moments / provenOneIn) % 2 === 0 ? CONFIG : {};
    await this.#prove(await this.#restored(bytes, disks, config), act);
  }

  async #restored(
    bytes: Uint8Array,
    disks: MemoryChunkDatabase,
    config: Partial<typeof CONFIG>,
  ): Promise<HeadlessGuest> {
    return HeadlessGuest.restored(bytes, { images: memoryImages(await copyOfImages(disks)), config });
  }

  /** What was under way comes to its end, all that was there is there and works, and all of it leaves when it is asked to. */
  async #prove(guest: HeadlessGuest, act: Act | undefined): Promise<void> {
    const events: MachineEvent[] = [];
    guest.machine.events.listen((event) => events.push(event));
    guest.type('echo al""ive\n');
    const alive = /alive\s+guest# $/;
    await guest.poll(
      () => alive.test(guest.log),
      SECONDS,
      () => `alive in ${guest.log.slice(-2000)}`,
    );
    if (act !== undefined) {
      const over = (): boolean => act.isOver({ guest, events, shown: guest.log });
      await guest.poll(over, SECONDS, () => 'end of the act');
    }
    expect(await guest.ask('ls -1 /n')).toBe('cpu\ndimm\ndisk');
    expect(await guest.ask(`${ENDED}; ${SUMS}; ${WRONG}`)).toBe(this.#sums.trimEnd());
    const { processors, devices } = guest.machine;
    const on = `grep -c 1 ${online(2)} 2> /dev/null`;
    const cpus = processors.present.length === 3 && (await guest.ask(on)) === '1' ? 3 : 2;
    expect(await guest.ask('nproc')).toBe(String(cpus));
    await guest.ask('umount /t');
    // The last first: the balloon gives its memory back before Linux has to do without the DIMM.
    for (const id of devices.removable().toReversed()) {
      if (id === 'vmem0') continue;
      expect(await guest.hmp(`device_del ${id}`)).toBe('');
      await guest.poll(
        () => !devices.removable().includes(id),
        SECONDS,
        () => `end of ${id}`,
      );
    }
    if (this.#options.virtioMemory) await requestOf(guest, 'vmem0', 0);
    expect(await guest.ask('nproc; ls /sys/block; grep MemTotal /proc/meminfo')).toBe(
      `1\n${this.#total.trimEnd()}`,
    );
    expect(await trouble(guest)).toBe('');
    expect(await guest.ask('dmesg | grep -E "I/O error|[Cc]orrupt"')).toBe('');
    await guest.end();
  }

  #seen(from = 0): Seen {
    const { driven } = this.#guest;
    this.#events.push(...driven.takeEvents());
    return { guest: driven, events: this.#events, shown: driven.log.slice(from) };
  }

  /** The machine stands where a request to a disk is under way. */
  async #untilRequest(): Promise<void> {
    const machine = this.#machine;
    machine.cont();
    while (!machine.drives.busy) {
      machine.run(50);
      if (machine.internalError !== undefined) throw machine.internalError;
    }
  }
}
