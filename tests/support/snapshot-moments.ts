/**
 * A guest with a processor, memory and disks that were hot-added, all of them under load, and more that comes and goes. At random moments
 * it is saved and restored elsewhere: both then do the same, and the restored guest itself finds that nothing is amiss.
 *
 * What is typed comes at counts of instructions that follow from the seed, so a failure repeats with its seed.
 */
import { expect } from 'vitest';
import { type MachineEvent, MemoryChunkDatabase } from '../../src/emu/index.ts';
import { seededRandom } from './chip-rig.ts';
import { trouble } from './cpu-rounds.ts';
import { heldMiB } from './dimm-rounds.ts';
import { copyOfImages, HeadlessGuest, memoryImages, promptSnapshot } from './headless-guest.ts';
import { advance, everything, snapshotBytes } from './snapshots.ts';
import { requestOf } from './virtio-memory-rounds.ts';

const MIB = 2 ** 20;
const CONFIG = { icountShift: 3, rtcBaseMs: 1_700_000_000_000 };
/** Where the first DIMM is. */
const DIMM = 0x1_0000_0000;
const SECONDS = 240;
/** Instructions between two looks at what the guest shows. */
const LOOK = 1_000_000;
/** Instructions until all loads are under way. */
const WARM = 60_000_000;
const FEW = 1_000_000;
/** Instructions after which Linux must have done what it was asked for. */
const PATIENCE = 6_000_000_000;
const AT_PROMPT = /guest# $/;

const online = (cpu: number): string => `/sys/devices/system/cpu/cpu${cpu}/online`;
const addCpu = (cpu: number): string =>
  `device_add qemu64-x86_64-cpu,id=cpu${cpu},socket-id=0,core-id=${cpu},thread-id=0`;
const addDimm = (dimm: number): readonly string[] => [
  `object_add memory-backend-ram,id=mem${dimm},size=128M`,
  `device_add pc-dimm,id=dimm${dimm},memdev=mem${dimm}`,
];
const image = (disk: number): string => `/tmp/disk${disk}.img`;
const addDisk = (disk: number): readonly string[] => [
  `drive_add 0 if=none,file=${image(disk)},format=raw,id=drive${disk}`,
  `device_add virtio-blk-pci,drive=drive${disk},id=disk${disk}`,
];
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
  { hmp: ['balloon 340'], isOver: balloon(340), step: 15_000_000 },
];
const SHRINKING: readonly Act[] = [
  { hmp: ['qom-set vmem0 requested-size 32M'], isOver: virtioMem(32), step: 15_000_000 },
  { hmp: ['balloon 384'], isOver: balloon(384), step: 15_000_000 },
];
/** What the monitor forgets only when it is told to, after the device is gone. */
const AFTER: Readonly<Record<string, string>> = { 'device_del dimm2': 'object_del mem2' };

/** Each works until /tmp/end is there, and then takes its file in /n away. */
const work = (name: string, body: string): string =>
  `( echo > /n/${name}; while [ ! -e /tmp/end ]; do ${body}; done; rm /n/${name} ) 2> /dev/null & disown -a`;
const wrong = (name: string): string => `|| echo ${name} >> /tmp/wrong`;
const LOADS = [
  work('cpu', 'taskset -p 2 $BASHPID > /dev/null; i=0; while [ $i -lt 100 ]; do i=$((i+1)); done'),
  work('dimm', `head -c 131072 /t/x > /t/y; cmp -n 131072 /t/x /t/y ${wrong('dimm')}`),
  work(
    'disk',
    `dd if=/tmp/data of=/dev/vda bs=4k conv=fsync; dd if=/dev/vda bs=16k count=4 iflag=direct | cmp - /tmp/data ${wrong('disk')}`,
  ),
];
/** What the disk holds beside the place that the load writes to. */
const KEPT = 'dd if=/dev/vda bs=64k skip=8 count=4 iflag=direct 2> /dev/null | md5sum';
const ENDED = 'touch /tmp/end; while [ "$(ls /n)" ]; do sleep 0.1; done';

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
  readonly #guest: HeadlessGuest;
  #events: MachineEvent[] = [];
  #moments = 0;
  /** In the middle of an act; while requests to a disk were under way. */
  #inActs = 0;
  #inRequests = 0;
  /** What the guest said of itself before. */
  #sums = '';
  #total = '';

  private constructor(options: MomentsOptions, database: MemoryChunkDatabase, guest: HeadlessGuest) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#database = database;
    this.#guest = guest;
  }

  static async make(options: MomentsOptions): Promise<Moments> {
    const database = new MemoryChunkDatabase();
    const images = memoryImages(database);
    for (const disk of [1, 2]) await images.createEmpty(image(disk), 4 * MIB);
    const { bytes, seed } = promptSnapshot();
    const guest = await HeadlessGuest.restored(bytes, { images, config: CONFIG });
    guest.type(seed);
    return new Moments(options, database, guest);
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
      await advance(this.#guest.machine, this.#random(20_000_000));
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
    await this.#until(AT_PROMPT);
    await this.#shell('stty -echo cols 200; echo 1 > /proc/sys/kernel/printk; mkdir /t /n');
    await this.#shell('echo online_movable > /sys/devices/system/memory/auto_online_blocks');
    this.#total = await this.#shell('grep MemTotal /proc/meminfo');
    await this.#hmp([addCpu(1), ...addDimm(1), ...addDisk(1)]);
    const { virtioMemory } = this.#options;
    if (virtioMemory) await this.#hmp(VIRTIO_MEMORY);
    await this.#shell(`until [ -e ${online(1)} -a -b /dev/vda ]; do sleep 0.1; done; echo 1 > ${online(1)}`);
    if (virtioMemory) await this.#advanceUntil(() => virtioMem(32)(this.#seen()));
    await this.#shell('mount -t tmpfs -o size=200m t /t; head -c 65536 /dev/urandom > /tmp/data');
    await this.#shell('for n in $(seq 24); do cat /tmp/data; echo $n; done > /t/x');
    await this.#shell('head -c 1048576 /t/x | dd of=/dev/vda bs=64k conv=fsync');
    this.#sums = await this.#shell(`md5sum < /t/x; ${KEPT}`);
    expect(this.#sums).toMatch(/^([0-9a-f]{32} {2}-\n){2}$/);
    for (const load of LOADS) await this.#shell(load);
    await advance(this.#guest.machine, WARM);
    expect(heldMiB(this.#guest, DIMM)).toBeGreaterThanOrEqual(2);
  }

  async #play(act: Act, moments: number): Promise<void> {
    const { hmp = [], shell, step, isOver } = act;
    const name = [...hmp, shell].join('; ');
    const from = this.#guest.log.length;
    this.#guest.takeEvents();
    this.#events = [];
    await this.#hmp(hmp);
    if (shell !== undefined) this.#guest.type(`${shell}\n`);
    const over = (): boolean => isOver(this.#seen(from));
    let ran = 0;
    for (let moment = 0; moment < moments; moment++) {
      const instructions = this.#random(step);
      await advance(this.#guest.machine, instructions);
      ran += instructions;
      this.where = `moment ${this.#moments}, ${ran} instructions after ${name}`;
      if (over()) break;
      this.#inActs++;
      await this.#moment(act);
    }
    await this.#advanceUntil(over);
    const after = AFTER[hmp[0] ?? ''];
    if (after !== undefined) await this.#hmp([after]);
  }

  async #moment(act: Act | undefined): Promise<void> {
    const { machine } = this.#guest;
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
    expect(await guest.ask(`${ENDED}; md5sum < /t/x; ${KEPT}; cat /tmp/wrong 2> /dev/null`)).toBe(
      this.#sums.trimEnd(),
    );
    const { processors, devices } = guest.machine;
    const on = `grep -c 1 ${online(2)} 2> /dev/null`;
    const cpus = processors.present.length === 3 && (await guest.ask(on)) === '1' ? 3 : 2;
    expect(await guest.ask('nproc')).toBe(String(cpus));
    await guest.ask('umount /t');
    for (const id of devices.removable().filter((one) => one !== 'vmem0')) {
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
    const guest = this.#guest;
    this.#events.push(...guest.takeEvents());
    return { guest, events: this.#events, shown: guest.log.slice(from) };
  }

  async #hmp(lines: readonly string[]): Promise<void> {
    for (const line of lines) expect(await this.#guest.hmp(line), line).toMatch(/^(OK\n)?$/);
  }

  /** One command of the guest's shell; gives what it printed. */
  async #shell(command: string): Promise<string> {
    const from = this.#guest.log.length;
    this.#guest.type(`${command}\n`);
    await this.#until(AT_PROMPT, from);

    return this.#guest.log.slice(from).replaceAll('\r', '').replace(AT_PROMPT, '');
  }

  #until(what: RegExp, from = 0): Promise<void> {
    return this.#advanceUntil(() => what.test(this.#guest.log.slice(from)));
  }

  async #advanceUntil(reached: () => boolean): Promise<void> {
    const { machine } = this.#guest;
    for (let ran = 0; !reached(); ran += LOOK) {
      if (ran > PATIENCE) throw new Error(`the guest shows ${JSON.stringify(this.#guest.log.slice(-2000))}`);
      await advance(machine, LOOK);
    }
  }

  /** The machine stands where a request to a disk is under way. */
  async #untilRequest(): Promise<void> {
    const { machine } = this.#guest;
    machine.cont();
    while (!machine.drives.busy) {
      machine.run(50);
      if (machine.internalError !== undefined) throw machine.internalError;
    }
  }
}
