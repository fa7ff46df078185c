/** Sessions of drivers with ATA devices; scripts/record-disks.ts plays them to QEMU. */
import { AHCI_SESSIONS } from './ahci-sessions.ts';
import { DATA, IdeDriver, lba, SECTOR } from './ide-driver.ts';

/** What is answered, line by line; lines without an answer are left out. */
export type IdeRecord = readonly string[];

export interface DiskSession {
  readonly name: string;
  /** QEMU's arguments; `@0` is the path of the first image. */
  readonly arguments: readonly string[];
  /** Sectors of each image, which holds other bytes in each of them. */
  readonly images: readonly number[];
  readonly lines: readonly string[];
}

const MIB = 2048;
/** QEMU does not wait for the host's disk. */
const HD = ['-drive', 'if=ide,index=0,format=raw,file=@0,cache=unsafe'];
const CD = ['-drive', 'if=ide,index=2,media=cdrom,format=raw,file=@0'];
const EMPTY_CD = ['-drive', 'if=ide,index=2,media=cdrom,id=c'];

const FILLED_MAX = 65_536;

/** Bytes of an image: each sector begins with its number. A large one is left empty. */
export function imageBytes(sectors: number): Uint8Array {
  if (sectors > FILLED_MAX) return new Uint8Array();
  const bytes = new Uint8Array(sectors * SECTOR);
  for (let sector = 0; sector < sectors; sector++) {
    bytes.fill((sector * 7 + 1) & 0xff, sector * SECTOR, (sector + 1) * SECTOR);
    bytes.set([sector & 0xff, sector >> 8], sector * SECTOR);
  }
  return bytes;
}

function session(
  name: string,
  args: readonly string[],
  images: readonly number[],
  play: (driver: IdeDriver) => void,
): DiskSession {
  const driver = new IdeDriver();
  driver.open();
  play(driver);
  return { name, arguments: args, images, lines: driver.lines };
}

const pattern = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, n) => (n * seed + (n >> 8)) & 0xff);

const eachCommand = (driver: IdeDriver, channel: 0 | 1): void => {
  driver.channel(channel);
  for (let code = 0; code < 256; code++) {
    driver.try(code, { count: 1, low: 5, mid: 2, high: 1, device: 0xe0 });
    driver.softReset();
    driver.registers();
  }
};

const SESSIONS_IDE: readonly DiskSession[] = [
  session('no drive', [], [], (driver) => {
    for (const channel of [0, 1] as const) {
      driver.channel(channel);
      driver.registers();
      driver.try(0xec);
      driver.try(0x20, lba(0));
      driver.try(0xec, { device: 0xb0 });
      driver.try(0xe7);
      driver.softReset();
      driver.registers();
    }
  }),
  session('disk: every command', HD, [MIB], (driver) => eachCommand(driver, 0)),
  session('disk: identity and features', HD, [MIB], (driver) => {
    driver.registers();
    const identify = (): void => {
      driver.try(0xec);
      driver.readData(SECTOR);
      driver.registers();
    };
    identify();
    for (const feature of [
      0x02, 0x82, 0x02, 0x03, 0x55, 0xaa, 0x05, 0x85, 0x42, 0x66, 0xcc, 0x01, 0x81, 0x10, 0xff,
    ]) {
      driver.try(0xef, { feature });
      if (feature === 0x82 || feature === 0x02) identify();
    }
    for (const count of [0x00, 0x08, 0x0c, 0x11, 0x22, 0x45, 0x46, 0x47, 0x20, 0x30]) {
      driver.try(0xef, { feature: 3, count });
      identify();
    }
    for (const count of [0, 1, 2, 3, 8, 16, 32, 128]) driver.try(0xc6, { count });
    identify();
    driver.try(0x91, { count: 17, device: 0xa3 });
    identify();
    driver.try(0x20, { count: 1, low: 3, mid: 1, device: 0xa1 });
    driver.readData(SECTOR);
    driver.registers();
    driver.softReset();
    identify();
    driver.try(0xef, { feature: 0xcc });
    driver.softReset();
    driver.try(0x20, { count: 1, low: 3, mid: 1, device: 0xa1 });
    driver.readData(SECTOR);
    driver.registers();
    for (const code of [0xf8, 0x27]) {
      driver.try(code, lba(0));
      driver.earlier();
      driver.try(code, { device: 0xa0 });
    }
  }),
  session(
    'disk: an identity of its own',
    [
      ...['-drive', 'if=none,id=d,format=raw,file=@0,cache=writethrough'],
      ...[
        '-device',
        'ide-hd,drive=d,serial=ABC-1,ver=9.8,model=Some disk,wwn=0x5000c50012345678,rotation_rate=7200,physical_block_size=4096,discard_granularity=0,cyls=100,heads=4,secs=17',
      ],
    ],
    [MIB],
    (driver) => {
      driver.channel(1);
      driver.try(0xec);
      driver.readData(SECTOR);
      driver.try(0x06, { feature: 1, count: 1 });
    },
  ),
  session('disk: SMART', HD, [MIB], (driver) => {
    const smart = (feature: number, low = 0, mid = 0x4f, high = 0xc2): void =>
      driver.try(0xb0, { feature, low, mid, high });
    const data = (feature: number, low = 0): void => {
      smart(feature, low);
      driver.readData(SECTOR);
    };
    smart(0xda, 0, 0, 0);
    smart(0xda);
    data(0xd0);
    data(0xd1);
    data(0xd5, 1);
    data(0xd5, 6);
    smart(0xd5, 2);
    for (const test of [0, 1, 2, 3]) smart(0xd4, test);
    data(0xd5, 6);
    data(0xd0);
    for (const low of [0, 0xf1, 5]) smart(0xd2, low);
    smart(0xd2, 0);
    data(0xd0);
    smart(0xd9);
    smart(0xd0);
    smart(0xd8);
    smart(0xdb);
    for (let n = 0; n < 22; n++) smart(0xd4, 1 + (n % 2));
    data(0xd5, 6);
  }),
  session('disk: PIO', HD, [MIB], (driver) => {
    driver.try(0x20, lba(3));
    driver.readData(SECTOR);
    driver.registers();
    driver.try(0x20, lba(2, 3));
    for (let n = 0; n < 3; n++) {
      driver.readData(SECTOR);
      driver.registers();
      driver.earlier();
    }
    driver.try(0x24, lba(MIB - 1, 1));
    driver.say('inl 0x1f0 *128');
    driver.registers();
    for (const [code, file] of [
      [0x20, lba(MIB)],
      [0x20, lba(MIB - 1, 2)],
      [0x24, lba(2 ** 32)],
      [0x24, lba(MIB - 1, 0)],
      [0x20, { count: 1, low: 0, device: 0xa0 }],
      [0x30, lba(MIB)],
    ] as const) {
      driver.try(code, file);
      driver.readData(SECTOR);
      driver.registers();
    }
    driver.softReset();
    driver.try(0x30, lba(7, 2));
    driver.in(2);
    driver.writeData(pattern(SECTOR, 3));
    driver.registers();
    driver.writeData(pattern(SECTOR, 5));
    driver.registers();
    driver.try(0xe7);
    driver.try(0x20, lba(7));
    driver.readData(SECTOR);
    driver.try(0xc6, { count: 4 });
    driver.try(0xc5, lba(20, 6));
    driver.writeData(pattern(4 * SECTOR, 7));
    driver.registers();
    driver.writeData(pattern(2 * SECTOR, 9));
    driver.registers();
    driver.try(0xc4, lba(20, 6));
    driver.readData(4 * SECTOR);
    driver.registers();
    driver.readData(2 * SECTOR);
    driver.registers();
    driver.try(0x29, lba(MIB - 2, 4));
    driver.try(0xc6, { count: 0 });
    driver.try(0xc4, lba(0));
    driver.try(0xc5, lba(0));
    // Bytes and words where there is no register of that size.
    driver.say('inb 0x1f0');
    driver.say('inw 0x1f1');
    driver.say('inw 0x1f6');
    driver.say('inl 0x1f4');
    driver.say('inw 0x3f6');
    driver.try(0x20, lba(1));
    driver.out(2, 0x55);
    driver.say('outw 0x1f0 0x1234');
    driver.say('inb 0x1f0');
    driver.say('inw 0x1f0');
    driver.try(0x20, lba(1));
    driver.registers();
    driver.softReset();
    driver.registers();
    driver.say('inw 0x1f0');
    // Without interrupts.
    driver.control(2);
    driver.try(0x20, lba(1));
    driver.control(0);
    driver.registers();
  }),
  session('disk: DMA', HD, [4 * MIB], (driver) => {
    const buffers = [
      [DATA, 512],
      [DATA + 0x1000, 1024],
      [DATA + 0x3002, 510],
      [DATA + 0x4000, 2],
    ] as const;
    driver.fill(DATA, 0x8000, 0xee);
    driver.list(buffers);
    driver.try(0xc8, lba(5, 4));
    driver.startMaster(true);
    driver.registers();
    driver.stopMaster();
    driver.read(DATA, 0x600);
    driver.read(DATA + 0x1000, 0x400);
    driver.read(DATA + 0x3000, 0x210);
    driver.read(DATA + 0x4000, 8);
    // The master first.
    driver.list([[DATA, 1024]]);
    driver.startMaster(true);
    driver.registers();
    driver.try(0x25, lba(9, 2));
    driver.stopMaster();
    driver.read(DATA, 1024);
    // Too long, too short, and without an end.
    for (const entries of [
      [[DATA, 4096]],
      [[DATA, 512]],
      [
        [DATA, 512],
        [DATA, 512],
        [DATA, 4096],
      ],
      [[DATA, 0]],
    ] as const) {
      driver.list(entries);
      driver.try(0xc8, lba(1, 2));
      driver.startMaster(true);
      driver.registers();
      driver.stopMaster();
      driver.registers();
      driver.softReset();
    }
    driver.write(DATA, pattern(2048, 11));
    driver.list([
      [DATA, 1024],
      [DATA + 1024, 1024],
    ]);
    driver.try(0xca, lba(100, 4));
    driver.startMaster(false);
    driver.registers();
    driver.stopMaster();
    driver.try(0x35, lba(4 * MIB - 4, 4));
    driver.list([[DATA, 2048]]);
    driver.startMaster(false);
    driver.registers();
    driver.stopMaster();
    for (const sector of [100, 4 * MIB - 4]) {
      driver.fill(DATA, 2048, 0);
      driver.list([[DATA, 2048]]);
      driver.try(0xc8, lba(sector, 4));
      driver.startMaster(true);
      driver.registers();
      driver.stopMaster();
      driver.read(DATA, 2048);
    }
    // Beyond the end.
    for (const code of [0xc8, 0xca]) {
      driver.list([[DATA, 2048]]);
      driver.try(code, lba(4 * MIB - 2, 4));
      driver.startMaster(code === 0xc8);
      driver.registers();
      driver.stopMaster();
      driver.registers();
    }
    // A command that waits is forgotten by a reset.
    driver.try(0xc8, lba(0, 2));
    driver.in(2);
    driver.softReset();
    driver.registers();
    const range = (sector: number, count: number): readonly number[] => [
      ...[0, 8, 16, 24].map((shift) => (sector >>> shift) & 0xff),
      ...[0, 0, count & 0xff, count >> 8],
    ];
    const trim = (ranges: readonly (readonly number[])[], file = {}): void => {
      driver.fill(DATA, SECTOR, 0);
      driver.write(DATA, ranges.flat());
      driver.list([[DATA, SECTOR]]);
      driver.try(0x06, { feature: 1, count: 1, device: 0xe0, ...file });
      driver.startMaster(false);
      driver.registers();
      driver.stopMaster();
    };
    trim([range(100, 2), range(103, 1)]);
    trim([]);
    trim([range(4 * MIB, 1)]);
    trim([range(100, 1)], { feature: 2 });
    driver.softReset();
    driver.fill(DATA, 2048, 0x77);
    driver.list([[DATA, 2048]]);
    driver.try(0xc8, lba(100, 4));
    driver.startMaster(true);
    driver.stopMaster();
    driver.read(DATA, 2048);
  }),
  session(
    'two disks',
    [...HD, '-drive', 'if=ide,index=1,format=raw,cache=unsafe,file=@1'],
    [MIB, 2 * MIB],
    (driver) => {
      for (const device of [0xa0, 0xb0]) {
        driver.try(0xec, { device });
        driver.readData(SECTOR);
        driver.registers();
        driver.try(0x20, lba(4, 1, device | 0x40));
        driver.readData(SECTOR);
        driver.registers();
      }
      driver.try(0x90, { device: 0xb0 });
      driver.softReset();
      driver.registers();
      driver.out(6, 0xb0);
      driver.registers();
      // Both hear of the registers.
      driver.taskFile({ count: 3, low: 4, mid: 5, high: 6, device: 0xf1 });
      driver.registers();
      driver.out(6, 0xe0);
      driver.registers();
    },
  ),
  session(
    'a disk alone as the second',
    ['-drive', 'if=ide,index=1,format=raw,cache=unsafe,file=@0'],
    [MIB],
    (driver) => {
      driver.registers();
      driver.try(0xec);
      driver.try(0x20, lba(0));
      driver.try(0xec, { device: 0xb0 });
      driver.readData(SECTOR);
      driver.softReset();
      driver.registers();
      driver.out(6, 0xb0);
      driver.registers();
    },
  ),
  session('cd: every command', CD, [MIB], (driver) => eachCommand(driver, 1)),
  session('cd: every packet', CD, [MIB], (driver) => everyPacket(driver)),
  session('cd: every packet without a disc', EMPTY_CD, [MIB], (driver) => everyPacket(driver)),
  session('cd: packets', CD, [MIB], (driver) => packets(driver)),
  session('cd: a DVD', CD, [1_440_004], (driver) => {
    driver.channel(1);
    for (const packet of [
      ...[0x00, 0x01, 0x03, 0x04, 0x05, 0x80, 0xff].map((format) => [
        0xad,
        0,
        0,
        0,
        0,
        0,
        0,
        format,
        0x10,
        0,
      ]),
      [0xad, 1, 0, 0, 0, 0, 0, 0, 0x10, 0],
      [0x46, 0, 0, 0, 0, 0, 0, 0, 64],
      [0x43, 2, 0, 0, 0, 0, 0, 0, 64],
      [0x43, 0, 0, 0, 0, 0, 0, 0, 64, 0x80],
    ]) {
      answered(driver, packet, 2052);
    }
  }),
  session('cd: DMA', CD, [4 * MIB], (driver) => discByDma(driver)),
  session('cd: tray', [...EMPTY_CD, '-drive', 'if=none,id=x,format=raw,file=@0'], [MIB, 2 * MIB], (driver) =>
    tray(driver),
  ),
];

/** A packet whose answer is read as far as it is there, and what is said of it. */
function answered(driver: IdeDriver, packet: readonly number[], most = 64): void {
  driver.packet(packet, 0xfffe);
  driver.registers();
  driver.readData(most);
  driver.registers();
  driver.packet([3, 0, 0, 0, 18], 18);
  driver.readData(18);
}

function everyPacket(driver: IdeDriver): void {
  driver.channel(1);
  driver.try(0xa1);
  driver.readData(SECTOR);
  for (let code = 0; code < 256; code++) {
    // The tray stays closed, and each has a length of its own.
    if (code === 0x1b) continue;
    answered(driver, [code, 0, 0, 0, 0x40, 0, 0, 0, 0x01, 0x10]);
    driver.softReset();
  }
}

function packets(driver: IdeDriver): void {
  driver.channel(1);
  for (const packet of [
    [0x12, 0, 0, 0, 36],
    [0x12, 0, 0, 0, 5],
    [0x12, 0, 0, 0, 0],
    ...[0x00, 0x83, 0x80].flatMap((page) => [20, 40, 100, 255].map((room) => [0x12, 1, page, 0, room])),
    ...[0, 1, 2, 0x0e, 0x2a, 0x3f, 0x41, 0x81, 0xaa, 0xea].map((page) => [0x5a, 0, page, 0, 0, 0, 0, 0, 64]),
    [0x1e, 0, 0, 0, 1],
    [0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64],
    [0x1e, 0, 0, 0, 0],
    ...[0, 1, 2, 0xaa].flatMap((track) =>
      [0, 2].flatMap((msf) =>
        [0, 0x40, 0x80, 0xc0].map((format) => [0x43, msf, 0, 0, 0, 0, track, 0, 64, format]),
      ),
    ),
    [0x46, 0, 0, 0, 0, 0, 0, 0, 64],
    [0x46, 0, 0, 1, 0, 0, 0, 0, 64],
    [0x46, 0, 0, 0, 0, 0, 0, 0, 8],
    [0x46, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
    [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8],
    [0x4a, 1, 0, 0, 0xff, 0, 0, 0, 8],
    [0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8],
    [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 4],
    [0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8],
    [0x51, 0, 0, 0, 0, 0, 0, 0, 64],
    [0x51, 1, 0, 0, 0, 0, 0, 0, 64],
    [0xad, 0, 0, 0, 0, 0, 0, 0, 0, 64],
    [0xad, 0, 0, 0, 0, 0, 0, 0xff, 0, 64],
    [0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8],
    [0x25],
    [0x2b, 0, 0, 0, 1],
    [0x2b, 0, 0, 0, 2, 0],
    [0xbb, 0, 0xff, 0xff],
    [0x1b, 0, 0, 0, 0],
    [0x1b, 0, 0, 0, 1],
    [0x1b, 0, 0, 0, 0x12],
  ]) {
    answered(driver, packet);
  }
  const blocks = (packet: readonly number[], limit: number, parts: readonly number[]): void => {
    driver.packet(packet, limit);
    driver.registers();
    for (const part of parts) {
      driver.readData(part);
      driver.registers();
    }
    driver.packet([3, 0, 0, 0, 18], 18);
    driver.readData(18);
  };
  blocks([0x28, 0, 0, 0, 0, 3, 0, 0, 2], 0xfffe, [4096]);
  blocks([0x28, 0, 0, 0, 0, 3, 0, 0, 2], 2048, [2048, 2048]);
  blocks([0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 2], 1000, [1000, 1000, 1000, 1000, 96]);
  blocks([0x28, 0, 0, 0, 0, 3, 0, 0, 1], 777, [776, 776, 496]);
  blocks([0x28, 0, 0, 0, 0, 3, 0, 0, 1], 0, []);
  driver.softReset();
  blocks([0x28, 0, 0, 0, 1, 0xff, 0, 0, 1], 2048, [2048]);
  blocks([0x28, 0, 0, 0, 1, 0xff, 0, 0, 2], 2048, []);
  blocks([0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1], 2048, []);
  blocks([0x28, 0, 0, 0, 0, 0, 0, 0, 0], 2048, []);
  blocks([0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0x10], 0xfffe, [4096]);
  blocks([0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0xf8], 0xfffe, [4704]);
  blocks([0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0xf8], 2352, [2352, 2352]);
  blocks([0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0x00], 2048, []);
  blocks([0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0x20], 2048, []);
  blocks([0xbe, 0, 0, 0, 0, 5, 0, 0, 0, 0xf8], 0, []);
  blocks([0xbe, 0, 0, 0, 0, 5, 0, 0, 1, 0xf8], 0, []);
  driver.softReset();
  blocks([0x12, 0, 0, 0, 36], 10, [10, 10, 10, 6]);
  blocks([0x12, 0, 0, 0, 36], 0, []);
  driver.softReset();
  // Overlapped, and too much at once.
  driver.command(0xa0, { feature: 2 });
  driver.registers();
  driver.command(0x08);
  driver.registers();
}

function discByDma(driver: IdeDriver): void {
  driver.channel(1);
  const ask = (packet: readonly number[], bytes: number, shown = bytes): void => {
    driver.fill(DATA, bytes + 64, 0xee);
    driver.list([
      [DATA, Math.min(bytes, 0x8000)],
      ...(bytes > 0x8000 ? [[DATA + 0x8000, bytes - 0x8000] as const] : []),
    ]);
    driver.packet(packet, 0, 1);
    driver.startMaster(true);
    driver.registers();
    driver.stopMaster();
    driver.read(DATA, Math.min(shown + 16, 0x2000));
    driver.softReset();
  };
  ask([0x12, 0, 0, 0, 36], 36);
  ask([0x12, 0, 0, 0, 36], 64);
  ask([0x12, 0, 0, 0, 36], 20);
  ask([0x28, 0, 0, 0, 0, 9, 0, 0, 2], 4096);
  ask([0x28, 0, 0, 0, 0, 9, 0, 0, 2], 2048);
  ask([0x28, 0, 0, 0, 0, 9, 0, 0, 32], 65_536);
  ask([0xbe, 0, 0, 0, 0, 9, 0, 0, 2, 0xf8], 4704);
  ask([0x28, 0, 0, 0, 0x40, 0, 0, 0, 2], 4096, 0);
  ask([0x00], 16, 0);
  // The master runs already.
  driver.fill(DATA, 64, 0xee);
  driver.list([[DATA, 36]]);
  driver.startMaster(true);
  driver.packet([0x12, 0, 0, 0, 36], 0, 1);
  driver.registers();
  driver.stopMaster();
  driver.read(DATA, 40);
}

function tray(driver: IdeDriver): void {
  driver.channel(1);
  const look = (): void => {
    driver.registers();
    driver.packet([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8], 8);
    driver.readData(8);
    for (let n = 0; n < 3; n++) {
      driver.packet([0], 0);
      driver.registers();
      driver.packet([3, 0, 0, 0, 18], 18);
      driver.readData(18);
    }
    driver.packet([0x25], 8);
    driver.readData(8);
    driver.hmp('info block c');
  };
  look();
  driver.hmp('change c @0 raw');
  look();
  look();
  driver.packet([0x1e, 0, 0, 0, 1], 0);
  driver.registers();
  driver.hmp('eject c');
  look();
  driver.hmp('eject -f c');
  look();
  driver.packet([0x1b, 0, 0, 0, 3], 0);
  driver.registers();
  look();
  driver.hmp('change c @1 raw');
  driver.packet([0], 0);
  driver.registers();
  look();
  driver.packet([0x1b, 0, 0, 0, 2], 0);
  driver.registers();
  look();
  driver.packet([0x1b, 0, 0, 0, 3], 0);
  look();
  driver.packet([0x1e, 0, 0, 0, 1], 0);
  driver.packet([0x1b, 0, 0, 0, 2], 0);
  driver.registers();
  driver.packet([3, 0, 0, 0, 18], 18);
  driver.readData(18);
  driver.softReset();
  look();
}

export const SESSIONS: readonly DiskSession[] = [...SESSIONS_IDE, ...AHCI_SESSIONS];
