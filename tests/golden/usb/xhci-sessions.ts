/** Sessions of a driver with xHCI controllers. */
import {
  ADDRESS_DEVICE,
  BANDWIDTH,
  CONFIGURE,
  CONTEXTS,
  DISABLE_SLOT,
  ENABLE_SLOT,
  EVALUATE,
  EVENTS,
  INPUT,
  NOOP,
  RESET_DEVICE,
  RESET_ENDPOINT,
  SET_DEQUEUE,
  STOP_ENDPOINT,
  XhciDriver,
} from './xhci-driver.ts';
import {
  behindHub,
  controlTransfers,
  fullRing,
  interruptTransfers,
  standard,
  streams,
} from './xhci-transfer-sessions.ts';

export interface XhciSession {
  readonly name: string;
  readonly lines: readonly string[];
}

const SLOT = 2;
/** The first port of USB 2. */
const PORT = 5;
const HIGH = 3;
const INTERRUPT_IN = 7;

function session(name: string, play: (driver: XhciDriver) => void): XhciSession {
  const driver = new XhciDriver(SLOT << 3);
  play(driver);
  return { name: `xhci ${name}`, lines: driver.lines };
}

/** All of the function's configuration, and what there is to read in its BAR. */
function capabilities(driver: XhciDriver, controller: string): void {
  driver.hmp(`device_add ${controller},id=u`);
  for (let offset = 0; offset < 0x100; offset += 4) driver.config(offset, 'l');
  driver.open();
  for (let offset = 0; offset < 0x44; offset += 4) driver.read(offset);
  for (const offset of [0, 1, 2, 3, 4, 6, 0x28, 0x29]) driver.read(offset, 'b');
  for (const offset of [0, 2, 4, 6]) driver.read(offset, 'w');
  driver.readOperation();
  driver.readPorts(32);
  driver.read(0x3000);
  driver.read(0x300c);
  driver.read(0x3800);
  driver.write(0x3000, 0xffff_ffff);
  driver.write(0x300c, 0xffff_ffff);
  for (const offset of [0x3000, 0x300c, 0x30f0, 0x3100]) driver.read(offset);
  driver.config(0x90, 'l', 0xffff_ffff);
  driver.config(0x90, 'l');
  driver.config(0x70, 'l', 0xffff_ffff);
  driver.config(0x70, 'l');
  driver.hmp('device_add usb-mouse,id=m');
  driver.readPorts();
  driver.hmp('info usb');
}

/** Every register written with every kind of value, halted and with a driver that does not run it. */
function registers(driver: XhciDriver): void {
  driver.hmp('device_add qemu-xhci,id=u');
  driver.open();
  driver.readOperation();
  for (const offset of [0x48, 0x4c, 0x54, 0x58, 0x5c, 0x70, 0x74, 0x78]) {
    for (const value of [0xffff_ffff, 0x1234_5678, 0]) {
      driver.write(offset, value);
      driver.readOperation();
    }
  }
  for (const offset of [0x0, 0x4, 0x10, 0x18]) driver.write(offset, 0xffff_ffff);
  for (const value of [0x300, 0x100, 0x200, 0x10, 0xff0, 0x80, 4, 0xc0c, 0]) {
    driver.write(0x40, value);
    driver.readOperation();
  }
  driver.write(0x44, 0xffff_ffff);
  driver.readOperation();
  for (const interrupter of [0, 1, 15, 16]) {
    const at = 0x1020 + 0x20 * interrupter;
    for (const value of [0xffff_ffff, 0xffff_fff7, 0]) {
      for (const offset of [0, 4, 8, 0xc, 0x10, 0x18, 0x1c]) driver.write(at + offset, value);
      for (let offset = 0; offset < 0x20; offset += 4) driver.read(at + offset);
    }
  }
  driver.read(0x1004);
  for (const offset of [0x41, 0x440, 0x1020]) {
    driver.read(offset, 'b');
    driver.write(offset, 0xff, 'b');
    driver.read(offset & ~1, 'w');
    driver.write(offset & ~1, 0xffff, 'w');
    driver.read(offset & ~3);
  }
  driver.read(0x2000);
  driver.write(0x2000, 0);
  driver.write(0x2004, 1);
  driver.read(0x2104);
  driver.read(0x500);
  // Rings of events that cannot be.
  for (const [segments, trbs] of [
    [2, 64],
    [1, 8],
    [1, 5000],
    [1, 16],
  ] as const) {
    driver.write(0x40, 2);
    driver.interrupter(0, EVENTS, trbs);
    driver.write(0x1028, segments);
    driver.write(0x1034, 0);
    driver.read(0x44);
  }
  driver.start();
  driver.write(0x1038, 0x4000);
  driver.hmp('device_add usb-mouse,id=m');
  driver.read(0x44);
  driver.read(0x1020);
  driver.write(0x40, 0);
  driver.readOperation();
  driver.hmp('system_reset');
  driver.open();
  driver.readOperation();
}

/** A port with devices that come and go, reset and sleep. */
function ports(driver: XhciDriver): void {
  driver.hmp('device_add qemu-xhci,id=u');
  driver.open();
  driver.hmp('device_add usb-mouse,id=m');
  driver.readPorts();
  driver.start();
  driver.readPorts();
  driver.events(0);
  driver.hmp('device_add usb-hub,id=h');
  driver.readPorts();
  driver.events(1);
  for (const port of [1, PORT, PORT + 1]) {
    for (const value of [
      ...[0x2_0000, 0x10, 0x10, 0x20_0000, 0x8000_0000, 0x20_0000, 0x0, 0x200, 0x2, 0x202, 0x0e00_0200],
      ...[0x1_0260, 0x1_0200, 0x1_0000, 0x40_0200, 0x1_01e0, 0x1_0060, 0x1_0040, 0x1_0000, 0xfe_0000, 0x1],
    ]) {
      driver.port(port, value);
      driver.port(port);
    }
    driver.events(port === 1 ? 0 : 4);
  }
  driver.port(PORT, 0x2_0200);
  driver.hmp('device_del m');
  driver.port(PORT);
  driver.events(1);
  driver.hmp('device_add usb-kbd,id=m,usb_version=1');
  driver.port(PORT);
  driver.events(1);
  driver.port(1);
  for (const port of [PORT, 9, 16]) {
    for (const offset of [4, 8, 0xc]) {
      driver.write(0x440 + 0x10 * (port - 1) + offset, 0xffff_ffff);
      driver.read(0x440 + 0x10 * (port - 1) + offset);
    }
  }
  driver.hmp('info usb');
}

/** Every command, on slots that are there and on others. */
function commands(driver: XhciDriver, controller: string): void {
  driver.hmp(`device_add ${controller},id=u`);
  driver.open();
  driver.start();
  driver.hmp('device_add usb-mouse,id=m');
  driver.events(1);
  driver.port(PORT, 0x10);
  driver.events(1);
  driver.command({ type: NOOP });
  driver.command({ type: 0 }, 0);
  for (const type of [5, 8, 18, 19, 20, 22, 24, 47, 48, 51, 63]) driver.command({ type });
  driver.command({ type: 49, low: 0x1234_5678, high: 0x8765_4321 });
  for (const [low, high] of [
    [0x1234_5678, 0x8765_4321],
    [0, 0],
    [0xffff_ffff, 0x1f1f_1f1f],
  ] as const) {
    driver.command({ type: 50, low, high });
  }
  const ofSlot = [
    ...[DISABLE_SLOT, ADDRESS_DEVICE, CONFIGURE, EVALUATE, RESET_ENDPOINT, STOP_ENDPOINT, SET_DEQUEUE],
    ...[RESET_DEVICE, BANDWIDTH],
  ];
  for (const type of ofSlot) driver.slot(type, 1, {}, 1);
  for (const slot of [0, 65, 255]) driver.slot(CONFIGURE, slot);
  driver.command({ type: ENABLE_SLOT });
  for (const type of [RESET_ENDPOINT, STOP_ENDPOINT, SET_DEQUEUE]) {
    for (const endpoint of [0, 1, 2, 31]) driver.slot(type, 1, {}, endpoint);
  }
  // Addresses that cannot be given.
  driver.dword(CONTEXTS + 8, 0x10_4800);
  driver.dword(CONTEXTS + 12, 0);
  for (const [drop, add, port, route] of [
    [0, 1, PORT, 0],
    [1, 3, PORT, 0],
    [0, 3, 0, 0],
    [0, 3, 9, 0],
    [0, 3, 6, 0],
    [0, 3, PORT, 1],
  ] as const) {
    driver.inputFlags(drop, add);
    driver.inputSlot([((1 << 27) | (HIGH << 20) | route) >>> 0, port << 16, 0, 0]);
    driver.inputEndpoint(1, 1, 4, 64);
    driver.slot(ADDRESS_DEVICE, 1, { low: INPUT });
    driver.context(1);
  }
  // With the address 0 first, then for good, through the registers of the other protocol.
  driver.inputSlot([((1 << 27) | (HIGH << 20)) >>> 0, 1 << 16, 3 << 22, 0]);
  driver.slot(ADDRESS_DEVICE, 1, { low: INPUT, flags: 1 << 9 });
  driver.context(1);
  driver.context(1, 1);
  driver.hmp('info usb');
  driver.inputFlags(0, 1);
  driver.slot(CONFIGURE, 1, { low: INPUT });
  driver.inputFlags(0, 3);
  driver.slot(ADDRESS_DEVICE, 1, { low: INPUT });
  driver.context(1);
  driver.context(1, 1);
  driver.hmp('info usb');
  driver.command({ type: ENABLE_SLOT });
  driver.dword(CONTEXTS + 16, 0x10_5000);
  driver.dword(CONTEXTS + 20, 0);
  driver.slot(ADDRESS_DEVICE, 2, { low: INPUT });
  driver.slot(BANDWIDTH, 1, { low: driver.bufferAt(1) });
  driver.dump(driver.bufferAt(1), 16);
  driver.inputEndpoint(1, 1, 4, 512);
  driver.inputSlot([0xffff_ffff, 0x1234, 7 << 22, 0xffff_ffff]);
  for (const [drop, add] of [
    [0, 3],
    [0, 4],
    [1, 1],
  ] as const) {
    driver.inputFlags(drop, add);
    driver.slot(EVALUATE, 1, { low: INPUT });
    driver.context(1);
    driver.context(1, 1);
  }
  driver.configured(1, 3, INTERRUPT_IN, 8, 4 << 16);
  for (const [drop, add] of [
    [1, 1],
    [0, 2],
    [8, 1],
    [8, 9],
  ] as const) {
    driver.inputFlags(drop, add);
    driver.slot(CONFIGURE, 1, { low: INPUT });
    driver.context(1);
    driver.context(1, 3);
  }
  for (const type of [RESET_ENDPOINT, STOP_ENDPOINT, RESET_ENDPOINT]) {
    driver.slot(type, 1, {}, 3);
    driver.context(1, 3);
  }
  driver.slot(SET_DEQUEUE, 1, { low: 0x11_1235, high: 7 }, 3);
  driver.context(1, 3);
  driver.slot(SET_DEQUEUE, 1, { low: 0x11_1235 }, 1);
  driver.slot(CONFIGURE, 1, { low: INPUT, flags: 1 << 9 });
  driver.context(1);
  driver.context(1, 3);
  driver.slot(RESET_DEVICE, 1);
  driver.context(1);
  driver.context(1, 1);
  driver.slot(DISABLE_SLOT, 1);
  driver.context(1);
  driver.context(1, 1);
  driver.slot(DISABLE_SLOT, 1);
  // The ring of commands stops.
  driver.write(0x58, 0x10_1002);
  driver.read(0x58);
  driver.write(0x5c, 0);
  driver.read(0x58);
  driver.events(1);
  for (let slot = 0; slot < 3; slot++) driver.command({ type: ENABLE_SLOT });
}

export const XHCI_SESSIONS: readonly XhciSession[] = [
  ...[
    ...['qemu-xhci', 'nec-usb-xhci', 'nec-usb-xhci,msi=off,intrs=3,slots=5', 'qemu-xhci,p2=1,p3=2'],
    ...['qemu-xhci,p2=15,p3=0', 'qemu-xhci,p2=99,p3=1,streams=off', 'nec-usb-xhci,msix=off,intrs=0,slots=0'],
    'nec-usb-xhci,superspeed-ports-first=off,p2=2,p3=3,slots=255,intrs=99',
  ].map((controller) => session(controller, (driver) => capabilities(driver, controller))),
  session('registers', registers),
  session('ports', ports),
  ...['qemu-xhci', 'nec-usb-xhci'].map((controller) =>
    session(`commands of ${controller}`, (driver) => commands(driver, controller)),
  ),
  ...['usb-mouse', 'usb-tablet', 'usb-kbd'].map((device) =>
    session(`standard ${device}`, (driver) => standard(driver, device)),
  ),
  session('control transfers', controlTransfers),
  session('interrupt transfers', interruptTransfers),
  session('behind a hub', behindHub),
  session('full ring', fullRing),
  session('streams', streams),
];
