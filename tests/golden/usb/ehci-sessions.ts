/** Sessions of a driver with EHCI controllers. */
import { ACTIVE, EhciDriver, IN, INTERRUPT, OUT, QUEUE, SETUP } from './ehci-driver.ts';
import type { UsbSession } from './session.ts';

const SLOT = 2;
const SET_ADDRESS = 5;
const GET_DESCRIPTOR = 6;
const SET_CONFIGURATION = 9;

function session(name: string, play: (driver: EhciDriver) => void): UsbSession {
  const driver = new EhciDriver(SLOT << 3);
  play(driver);
  return { name: `ehci ${name}`, lines: driver.lines };
}

function readAll(driver: EhciDriver): void {
  for (const offset of [0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x60]) driver.read(offset);
  for (let port = 0; port < 7; port++) driver.port(port);
}

function registers(driver: EhciDriver, controller: string): void {
  driver.hmp(`device_add ${controller},id=u`);
  for (let offset = 0; offset < 0x100; offset += 4) driver.config(offset, 'l');
  driver.open();
  for (const offset of [0, 4, 8, 0xc]) driver.read(offset);
  for (let offset = 0; offset < 12; offset++) driver.read(offset, 'b');
  for (let offset = 0; offset < 12; offset += 2) driver.read(offset, 'w');
  driver.read(0x20, 'b');
  driver.read(0x64, 'w');
  readAll(driver);
  for (const offset of [0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c, 0x60, 0x64, 0x78, 0x7c]) {
    for (const value of [0xffff_ffff, 0x1234_5678, 0]) {
      driver.write(offset, value);
      readAll(driver);
    }
  }
  for (const value of [0xffff_ffb0, 0x10, 0x20, 0x40, 0xc, 0]) {
    driver.write(0x20, value & ~1);
    driver.step(3);
    readAll(driver);
  }
  driver.write(0x20, 2);
  readAll(driver);
  driver.config(0x68, 'l', 0x0100_0001);
  driver.config(0x68, 'l');
}

function ports(driver: EhciDriver): void {
  driver.hmp('device_add usb-ehci,id=u');
  driver.open();
  driver.hmp('device_add usb-mouse,id=m');
  readAll(driver);
  driver.hmp('device_add usb-hub,id=h');
  driver.hmp('device_add usb-mouse,id=o,usb_version=1');
  for (const value of [
    ...[0x2, 0x1000, 0x1100, 0x1100, 0x1000, 0x1004, 0x1000, 0x1100, 0x1004, 0x1084, 0x10c4, 0x1004, 0x1006],
    ...[0x3004, 0x2a, 0x70_0000, 0x0],
  ]) {
    driver.port(0, value);
    driver.port(0);
  }
  driver.write(0x60, 1);
  driver.port(0);
  driver.write(0x24, 0x3f);
  driver.hmp('device_del m');
  driver.port(0);
  driver.read(0x24);
  driver.hmp('device_add usb-kbd,id=m');
  driver.port(0);
  driver.write(0x20, 2);
  readAll(driver);
  driver.hmp('system_reset');
  driver.open();
  readAll(driver);
  driver.hmp('info usb');
}

/** A controller with a device in its first port, which gets address 3. */
function withDevice(driver: EhciDriver, device: string): void {
  driver.hmp('device_add usb-ehci,id=u');
  driver.open();
  driver.hmp(`device_add ${device}`);
  driver.start();
  driver.read(0x24);
  driver.resetPort(0);
  driver.control(0, [0, SET_ADDRESS, 3, 0]);
}

function standard(driver: EhciDriver, device: string): void {
  withDevice(driver, device);
  driver.hmp('info usb');
  const get = (type: number, index: number, length: number): void =>
    driver.control(3, [0x80, GET_DESCRIPTOR, (type << 8) | index, 0x409], length);
  get(1, 0, 18);
  get(1, 0, 64);
  get(2, 0, 255);
  for (const type of [6, 7, 15]) get(type, 0, 64);
  get(3, 2, 64);
  driver.control(3, [0, SET_CONFIGURATION, 1, 0]);
}

function transfers(driver: EhciDriver): void {
  withDevice(driver, 'usb-mouse,id=m');
  driver.control(3, [0, SET_CONFIGURATION, 1, 0]);
  driver.control(3, [0x80, 99, 0, 0], 8);
  driver.control(3, [0, 99, 0, 0]);
  driver.control(3, [0x21, 99, 0, 0], [1, 2, 3]);
  const at = (64 << 16) | (1 << 14) | (2 << 12) | 3;
  const setup = { pid: SETUP, length: 8, data: [0x80, 6, 0, 1, 0, 0, 18, 0] };
  // Across pages; a short packet without and with another way to go on.
  driver.run(QUEUE, at, [setup, { pid: IN, length: 18, offset: 0xffa }, { pid: OUT, length: 0, toggle: 1 }]);
  driver.run(QUEUE, at, [setup, { pid: IN, length: 64 }, { pid: OUT, length: 0, toggle: 1 }]);
  driver.run(QUEUE, at, [
    setup,
    { pid: IN, length: 64, alternate: driver.transferAt(3) },
    { pid: IN, length: 8 },
    { pid: OUT, length: 0, toggle: 1 },
  ]);
  // Inactive, without an interrupt, halted before.
  driver.run(QUEUE, at, [{ ...setup, token: 0 }]);
  driver.run(QUEUE, at, [{ ...setup, token: ACTIVE }]);
  driver.run(QUEUE, at, [{ pid: IN, length: 18, token: ACTIVE | INTERRUPT | (1 << 6) }]);
  driver.run(QUEUE, (at & ~0x7f) | 77, [setup]);
  driver.control(3, [0x80, 8, 0, 0], 1);
  driver.poll(3, 1, 4);
  driver.hmp('mouse_move 3 -4');
  driver.step(6);
  driver.dump(driver.transferAt(0), 32);
  driver.dump(driver.bufferAt(0), 4);
  driver.read(0x24);
  driver.write(0x24, 0x3f);
  driver.hmp('mouse_move 3 -4');
  driver.poll(3, 1, 8, 1);
  driver.hmp('mouse_move 1 1');
  driver.poll(3, 1, 2);
  driver.poll(3, 2, 4);
  // The driver rings the doorbell, then stops the lists.
  driver.write(0x20, 0x8_0071);
  driver.step(6);
  driver.read(0x20);
  driver.read(0x24);
  driver.write(0x24, 0x20);
  driver.write(0x20, 0x8_0001);
  driver.step(6);
  driver.read(0x24);
  driver.write(0x20, 0x8_0000);
  driver.step(6);
  driver.read(0x24);
  driver.hmp('device_del m');
  driver.port(0);
  driver.read(0x24);
}

export const EHCI_SESSIONS: readonly UsbSession[] = [
  session('registers', (driver) => registers(driver, 'usb-ehci')),
  session('ports', ports),
  session('standard usb-tablet', (driver) => standard(driver, 'usb-tablet')),
  session('standard usb-kbd', (driver) => standard(driver, 'usb-kbd')),
  session('transfers', transfers),
];
