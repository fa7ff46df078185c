/** Sessions of a driver with an AHCI controller. */
import { AHCI_DEVFN, AhciDriver, BUFFERS } from './ahci-driver.ts';
import type { DiskSession } from './sessions.ts';

const SECTOR = 512;
const MIB = 2048;
const CARD = ['-device', 'ich9-ahci,id=s,addr=4'];
const HD = [
  ...CARD,
  '-drive',
  'if=none,id=d,format=raw,file=@0,cache=unsafe',
  '-device',
  'ide-hd,drive=d,bus=s.0',
];
const CD = [
  ...CARD,
  '-drive',
  'if=none,id=d,format=raw,file=@0,cache=unsafe',
  '-device',
  'ide-cd,drive=d,bus=s.1',
];

function session(
  name: string,
  args: readonly string[],
  images: readonly number[],
  play: (driver: AhciDriver) => void,
): DiskSession {
  const driver = new AhciDriver();
  driver.open();
  play(driver);
  return { name, arguments: args, images, lines: driver.lines };
}

const buffer = (length: number) => [[BUFFERS, length]] as const;

function ready(driver: AhciDriver, port = 0): void {
  driver.port(port);
  driver.hba(4, 0x8000_0002);
  driver.start();
  driver.look();
  driver.clear();
}

export const AHCI_SESSIONS: readonly DiskSession[] = [
  session('ahci: registers', HD, [MIB], (driver) => {
    driver.readConfig(AHCI_DEVFN);
    for (const port of [0, 1, 5]) {
      driver.port(port);
      driver.registers();
    }
    driver.port(0);
    for (const offset of [0, 4, 8, 0xc, 0x10, 0x14]) driver.hba(offset, 0xffff_fffe);
    for (let offset = 0; offset < 0x80; offset += 4) {
      if (offset !== 0x18 && offset !== 0x38) driver.reg(offset, 0x1357_9bdf);
      driver.reg(offset);
    }
    driver.reg(0x18, 0xffff_ffff);
    driver.reg(0x18);
    driver.registers();
    for (const size of ['b', 'w']) {
      for (const at of [0, 1, 2, 3]) driver.say(`read${size} ${0xe000_0100 + at}`);
      driver.say(`write${size} ${0xe000_0100} 0x1234`);
      driver.reg(0);
      driver.say(`write${size} ${0xe000_0102} 0x1234`);
      driver.reg(0);
    }
    driver.say(`readl ${0xe000_0102}`);
    driver.say(`readq ${0xe000_0000}`);
    driver.pair(4);
    driver.pair(0x104);
    driver.pair(0x104, 0x4321);
    driver.pair(0xffff_ffff);
    driver.reg(4);
    driver.say('inb 0xc100');
    driver.say('inw 0xc114');
    driver.reset();
    driver.registers();
    driver.start();
    driver.registers();
    driver.reg(0x2c, 1);
    driver.reg(0x2c);
    driver.reg(0x2c, 0);
    driver.registers();
    driver.look();
    driver.reg(0x18, 6);
    driver.reg(0x18);
    // A list that is no memory.
    driver.reg(0x00, 0x4000_0000);
    driver.reg(0x18, 7);
    driver.reg(0x18);
    driver.reg(0x08, 0x4000_0000);
    driver.reg(0x18, 0x16);
    driver.reg(0x18);
    driver.port(3);
    driver.start();
    driver.look();
  }),
  session('ahci: a disk', HD, [4 * MIB], (driver) => {
    ready(driver);
    driver.command(0xec, { buffers: buffer(SECTOR) });
    driver.read(BUFFERS, SECTOR);
    for (const [code, write] of [
      [0x25, false],
      [0xc8, false],
      [0x24, false],
      [0x20, false],
      [0x29, false],
      [0xc4, false],
    ] as const) {
      driver.fill(BUFFERS, 0x1000, 0xee);
      driver.command(code, {
        sector: 3,
        count: 4,
        write,
        buffers: [
          [BUFFERS, 512],
          [BUFFERS + 0x800, 1536],
        ],
      });
      driver.read(BUFFERS, 0x210);
      driver.read(BUFFERS + 0x800, 0x610);
    }
    for (const [n, code] of [0x35, 0xca, 0x34, 0x30, 0x39, 0xc5].entries()) {
      driver.fill(BUFFERS, 0x1000, 0x11 * (n + 1));
      driver.command(code, { sector: 100 + 8 * n, count: 4, write: true, buffers: buffer(2048) });
    }
    driver.command(0xea);
    driver.fill(BUFFERS, 0x6000, 0);
    driver.command(0x25, { sector: 100, count: 48, buffers: buffer(0x6000) });
    for (let n = 0; n < 48; n++) driver.read(BUFFERS + SECTOR * n, 4);
    // Refused, out of range, too short and too long a list, none at all.
    driver.command(0x2f, { buffers: buffer(SECTOR) });
    driver.command(0x25, { sector: 4 * MIB - 1, count: 2, buffers: buffer(1024) });
    driver.command(0x24, { sector: 4 * MIB - 1, count: 2, buffers: buffer(1024) });
    driver.command(0x25, { sector: 1, count: 4, buffers: buffer(1024) });
    driver.command(0x25, { sector: 1, count: 1, buffers: buffer(1024) });
    driver.command(0x20, { sector: 1, count: 4, buffers: buffer(1024) });
    driver.command(0x34, { sector: 1, count: 1, write: true });
    driver.command(0xef, { feature: 0x03, count: 0x45 });
    driver.command(0xef, { feature: 0x99 });
    driver.command(0xb0, { feature: 0xda, sector: 0xc24f00 });
    driver.command(0xf5);
    driver.command(0x27);
    driver.command(0x06, { feature: 1, count: 1, write: true, buffers: buffer(SECTOR) });
    // Other FIS: none of a host, one for a port multiplier, one that is no command.
    driver.command(0, { fis: [0x34, 0x80, 0xec] });
    driver.command(0, { fis: [0x27, 0x81, 0xec] });
    driver.command(0, { fis: [0x27, 0x90, 0xec] });
    driver.command(0, { fis: [0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4] });
    driver.command(0, { fis: [0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
    driver.command(0xec, { slot: 31, buffers: buffer(SECTOR) });
    // Several at once.
    driver.fill(BUFFERS, 0x2000, 0);
    for (let slot = 0; slot < 4; slot++) {
      driver.prepare(0x25, { slot, sector: 10 * slot, count: 2, buffers: [[BUFFERS + 0x400 * slot, 1024]] });
    }
    driver.issue(0, 1, 2, 3);
    driver.look();
    for (let slot = 0; slot < 4; slot++) driver.read(BUFFERS + 0x400 * slot, 4);
    driver.clear();
    // Issued before the start.
    driver.reg(0x18, 0x16);
    driver.reg(0x38, 1);
    driver.look();
    driver.reg(0x18, 0x17);
    driver.wait();
    driver.look();
  }),
  session('ahci: queued commands', HD, [4 * MIB], (driver) => {
    ready(driver);
    driver.command(0xec, { buffers: buffer(SECTOR) });
    driver.read(BUFFERS + 150, 4);
    const look = (...slots: readonly number[]): void => {
      driver.reg(
        0x34,
        slots.reduce((all, slot) => (all | (1 << slot)) >>> 0, 0),
      );
      driver.issue(...slots);
      driver.look();
      driver.read(0x10_0000, 8);
      driver.clear();
    };
    driver.queued(0x60, {
      sector: 7,
      count: 3,
      buffers: [
        [BUFFERS, 512],
        [BUFFERS + 0x1000, 1024],
      ],
    });
    look(0);
    driver.read(BUFFERS, 4);
    driver.read(BUFFERS + 0x1000, 4);
    driver.fill(BUFFERS, 0x1000, 0x5a);
    driver.queued(0x61, { slot: 5, sector: 50, count: 8, write: true, buffers: buffer(4096) });
    look(5);
    driver.fill(BUFFERS, 0x1000, 0);
    for (const slot of [0, 9, 31]) {
      driver.queued(0x60, {
        slot,
        sector: 48 + slot,
        count: 2,
        buffers: [[BUFFERS + 0x400 * (slot % 4), 1024]],
      });
    }
    driver.reg(0x34, 0x8000_0201);
    driver.issue(0, 9, 31);
    for (const offset of [0x20, 0x30, 0x34, 0x38]) driver.reg(offset);
    driver.read(BUFFERS, 0x410);
    driver.read(BUFFERS + 0xc00, 0x210);
    driver.clear();
    // Which of them has ended last is not said: this one has.
    driver.queued(0x60, { sector: 9, buffers: buffer(512) });
    look(0);
    driver.queued(0x60, { sector: 7, count: 3, buffers: buffer(512) });
    look(0);
    driver.reg(0x34);
    driver.queued(0x63, { slot: 2 });
    look(2);
    driver.queued(0x64, { slot: 3, buffers: buffer(512) });
    look(3);
    driver.queued(0x60, { slot: 4, sector: 4 * MIB, count: 1, buffers: buffer(512) });
    look(4);
    driver.reg(0x2c, 1);
    driver.reg(0x2c, 0);
    driver.look();
    driver.queued(0x60, { sector: 1, count: 1, buffers: buffer(512) });
    look(0);
  }),
  session('ahci: a disc', CD, [MIB], (driver) => {
    ready(driver, 1);
    driver.command(0xec, { buffers: buffer(SECTOR) });
    driver.command(0xa1, { buffers: buffer(SECTOR) });
    driver.read(BUFFERS, SECTOR);
    const packet = (bytes: readonly number[], size: number, feature = 0, limit = 0xfffe): void => {
      driver.fill(BUFFERS, size + 64, 0xee);
      const sector = limit << 8;
      driver.command(0xa0, {
        feature,
        sector,
        packet: [...bytes, ...new Array(16 - bytes.length).fill(0)],
        buffers: size === 0 ? [] : buffer(size),
      });
      driver.read(BUFFERS, Math.min(size + 16, 0x1000));
    };
    for (const feature of [0, 1]) {
      packet([0x12, 0, 0, 0, 36], 36, feature);
      packet([0x12, 0, 0, 0, 36], 20, feature);
      packet([0x00], 0, feature);
      packet([0x01], 0, feature);
      packet([0x03, 0, 0, 0, 18], 18, feature);
      packet([0x25], 8, feature);
      packet([0x28, 0, 0, 0, 0, 4, 0, 0, 2], 4096, feature);
      packet([0x28, 0, 0, 0, 0, 4, 0, 0, 2], 4096, feature, 2048);
      packet([0x28, 0, 0, 0, 0xff, 4, 0, 0, 2], 4096, feature);
      packet([0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0xf8], 2352, feature);
      packet([0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64], 64, feature);
    }
    driver.command(0x08);
    driver.command(0xe7);
    driver.command(0xec, { buffers: buffer(SECTOR) });
    driver.reg(0x2c, 1);
    driver.reg(0x2c, 0);
    driver.look();
    driver.hmp('eject d');
    driver.look();
    packet([0x00], 0);
    packet([0x03, 0, 0, 0, 18], 18);
    packet([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8], 8);
    driver.hmp('info block d');
  }),
];
