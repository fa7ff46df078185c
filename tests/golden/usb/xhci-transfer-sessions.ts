/** What a driver of an xHCI has devices do: transfers of all kinds. */
import {
  CHAIN,
  DATA,
  DIR_IN,
  DISABLE_SLOT,
  EVENT_DATA,
  EVENTS,
  IDT,
  IOC,
  ISP,
  NORMAL,
  RESET_ENDPOINT,
  SET_DEQUEUE,
  SETUP,
  STATUS,
  STOP_ENDPOINT,
  type XhciDriver,
} from './xhci-driver.ts';

/** The first port of USB 2. */
const PORT = 5;
const HIGH = 3;
const FULL = 1;
const GET_DESCRIPTOR = 6;
const SET_CONFIGURATION = 9;
const INTERRUPT_IN = 7;
const BULK_IN = 6;

/** A controller that runs, with a device in slot 1. */
function withDevice(driver: XhciDriver, device: string, speed = HIGH, maxPacket = 64): void {
  driver.hmp('device_add qemu-xhci,id=u');
  driver.open();
  driver.hmp(`device_add ${device}`);
  driver.start();
  driver.port(PORT, 0x10);
  driver.events(1);
  driver.addressed(1, PORT, speed, maxPacket);
}

export function standard(driver: XhciDriver, device: string): void {
  withDevice(driver, device);
  const get = (type: number, index: number, length: number, events = 2): void =>
    driver.control(1, [0x80, GET_DESCRIPTOR, (type << 8) | index, 0x409], length, events);
  get(1, 0, 18, 1);
  get(1, 0, 64);
  get(2, 0, 255);
  for (const type of [6, 7, 15]) get(type, 0, 64);
  get(3, 3, 64);
  driver.control(1, [0, SET_CONFIGURATION, 1, 0]);
  driver.control(1, [0x81, GET_DESCRIPTOR, 0x2200, 0], 128, 2);
}

/** Control transfers that go wrong, are short, or have odd TRBs. */
export function controlTransfers(driver: XhciDriver): void {
  withDevice(driver, 'usb-kbd,id=k');
  const buffer = driver.bufferAt(1);
  driver.control(1, [0, SET_CONFIGURATION, 1, 0]);
  driver.control(1, [0x21, 9, 0x0200, 0], [7]);
  const recover = (): void => {
    driver.doorbell(1, 1);
    driver.events(0);
    driver.slot(RESET_ENDPOINT, 1, {}, 1);
    driver.context(1, 1);
    driver.slot(SET_DEQUEUE, 1, { low: driver.place(1, 1) }, 1);
    driver.context(1, 1);
  };
  driver.control(1, [0x80, GET_DESCRIPTOR, 0x0900, 0], 8);
  recover();
  driver.control(1, [0x21, 99, 0, 0], [1, 2, 3]);
  recover();
  driver.control(1, [0, 99, 0, 0]);
  recover();
  driver.control(1, [0x80, GET_DESCRIPTOR, 0x0100, 0], 4097);
  recover();
  const setup = { type: SETUP, low: 0x0100_0680, high: 0x0012_0000, status: 8, flags: IDT };
  const status = { type: STATUS, flags: IOC };
  const data = { type: DATA, low: buffer, status: 18, flags: DIR_IN };
  const play = (events: number, ...trbs: readonly Parameters<XhciDriver['queue']>[2][number][]): void => {
    driver.say(`memset 0x${buffer.toString(16)} 64 0xee`);
    driver.queue(1, 1, trbs);
    driver.doorbell(1, 1);
    driver.events(events);
    driver.dump(buffer, 64);
    driver.context(1, 1);
  };
  // Several TRBs with data; what a TRB is told when it is short; who is interrupted.
  play(
    1,
    setup,
    { ...data, status: 8, flags: DIR_IN | CHAIN },
    { type: NORMAL, low: buffer + 32, status: 10 },
    status,
  );
  play(2, setup, { ...data, status: 64, flags: DIR_IN | IOC }, status);
  play(1, setup, { ...data, status: 64 }, status);
  play(2, { ...setup, flags: IDT | IOC }, data, status);
  play(
    3,
    setup,
    data,
    { type: EVENT_DATA, low: 0x89ab_cdef, high: 0xfedc_ba98, flags: IOC },
    {
      ...{ type: STATUS, flags: CHAIN | IOC },
    },
    { type: EVENT_DATA, low: 1, high: 2, flags: IOC },
  );
  play(1, { ...setup, high: 0x0008_0000 }, data, status);
  // Over a link in its middle, and back to the start of the ring.
  play(1, setup, driver.link(1, 1, 300), data, status, driver.link(1, 1, 0));
  play(1, setup, data, status);
  driver.interrupter(1, 0x10_2800, 16);
  play(0, setup, data, { ...status, status: 1 << 22 });
  driver.dump(0x10_2800, 32);
  play(0, setup, data, { ...status, status: 40 << 22 });
  // TRBs that are no control transfer.
  play(0, { ...setup, flags: 0 }, data, status);
  play(0, { ...setup, status: 7 }, data, status);
  play(0, data);
  play(0, setup, data, { type: NORMAL, flags: IOC });
  play(1, status);
  driver.control(1, [0x80, GET_DESCRIPTOR, 0x0100, 0], 18);
  driver.read(0x44);
}

/** What a mouse has to say, and endpoints that stop while it has nothing. */
export function interruptTransfers(driver: XhciDriver): void {
  withDevice(driver, 'usb-mouse,id=m');
  driver.control(1, [0, SET_CONFIGURATION, 1, 0]);
  driver.configured(1, 3, INTERRUPT_IN, 4, 4 << 16);
  const buffer = driver.bufferAt(1, 1);
  const normal = (flags = IOC | ISP, length = 4) => ({ type: NORMAL, low: buffer, status: length, flags });
  const queue = (...trbs: readonly Parameters<XhciDriver['queue']>[2][number][]): void => {
    driver.say(`memset 0x${buffer.toString(16)} 16 0xee`);
    driver.queue(1, 3, trbs);
    driver.doorbell(1, 3);
    driver.step(6);
  };
  const seen = (events: number): void => {
    driver.events(events);
    driver.dump(buffer, 16);
    driver.context(1, 3);
  };
  queue(normal());
  seen(0);
  driver.hmp('mouse_move 3 4');
  driver.step(6);
  seen(1);
  queue(normal(), normal());
  driver.hmp('mouse_button 1');
  driver.step(6);
  seen(1);
  driver.hmp('mouse_button 0');
  driver.step(6);
  seen(1);
  // Stopped while it waits.
  queue(normal());
  driver.dword(0x10_0f00, 0);
  driver.slot(STOP_ENDPOINT, 1, {}, 3);
  driver.events(1);
  driver.context(1, 3);
  driver.doorbell(1, 3);
  driver.step(6);
  seen(0);
  driver.hmp('mouse_move 1 1');
  queue(normal(IOC | ISP, 16));
  seen(1);
  // In parts, longer than what comes; too short for it.
  driver.hmp('mouse_move 2 2');
  queue(normal(CHAIN | ISP, 2), normal(IOC, 8));
  seen(1);
  driver.hmp('mouse_move 2 2');
  queue(normal(CHAIN, 3), normal(CHAIN, 0), normal(IOC | ISP, 1));
  seen(1);
  driver.hmp('mouse_move 5 5');
  queue(normal(IOC, 2));
  seen(1);
  driver.hmp('mouse_move 5 5');
  queue(normal(IOC | IDT, 2));
  driver.read(0x44);
  seen(0);
  driver.slot(STOP_ENDPOINT, 1, {}, 3);
  driver.slot(SET_DEQUEUE, 1, { low: driver.place(1, 3) }, 3);
  driver.context(1, 3);
  // An endpoint that the device does not have.
  driver.configured(1, 5, INTERRUPT_IN, 4, 4 << 16);
  driver.queue(1, 5, [normal()]);
  driver.doorbell(1, 5);
  driver.step(6);
  driver.events(1);
  driver.context(1, 5);
  driver.slot(RESET_ENDPOINT, 1, {}, 5);
  driver.context(1, 5);
  // The device leaves while it is asked.
  queue(normal());
  driver.hmp('device_del m');
  driver.events(1);
  driver.context(1);
  driver.context(1, 3);
  driver.doorbell(1, 3);
  driver.slot(STOP_ENDPOINT, 1, {}, 3);
  driver.context(1, 3);
  driver.hmp('device_add usb-mouse,id=m');
  driver.events(1);
  driver.doorbell(1, 1);
  driver.control(1, [0x80, 8, 0, 0], 1, 0);
  driver.slot(RESET_ENDPOINT, 1, {}, 1);
  driver.slot(DISABLE_SLOT, 1);
  driver.context(1, 3);
}

/** A hub with a mouse in its third port. */
export function behindHub(driver: XhciDriver): void {
  withDevice(driver, 'usb-hub,id=h', FULL, 8);
  driver.control(1, [0, SET_CONFIGURATION, 1, 0]);
  driver.configured(1, 3, INTERRUPT_IN, 2, 4 << 16);
  driver.hmp('device_add usb-mouse,id=m,port=1.3');
  const buffer = driver.bufferAt(1, 1);
  const poll = (events: number): void => {
    driver.queue(1, 3, [{ type: NORMAL, low: buffer, status: 2, flags: IOC }]);
    driver.doorbell(1, 3);
    driver.step(6);
    driver.events(events);
    driver.dump(buffer, 2);
  };
  poll(1);
  driver.control(1, [0xa3, 0, 0, 3], 4);
  driver.control(1, [0x23, 3, 4, 3]);
  driver.control(1, [0xa3, 0, 0, 3], 4);
  for (const feature of [16, 17, 20]) driver.control(1, [0x23, 1, feature, 3]);
  driver.addressed(2, PORT, FULL, 8, 3);
  driver.control(2, [0x80, GET_DESCRIPTOR, 0x0100, 0], 18);
  driver.control(2, [0, SET_CONFIGURATION, 1, 0]);
  driver.configured(2, 3, INTERRUPT_IN, 4, 4 << 16);
  driver.hmp('info usb');
  const mouse = driver.bufferAt(2, 1);
  driver.queue(2, 3, [{ type: NORMAL, low: mouse, status: 4, flags: IOC }]);
  driver.doorbell(2, 3);
  driver.step(6);
  driver.hmp('mouse_move 7 8');
  driver.step(6);
  driver.events(1);
  driver.dump(mouse, 4);
  driver.queue(2, 3, [{ type: NORMAL, low: mouse, status: 4, flags: IOC }]);
  driver.doorbell(2, 3);
  driver.queue(1, 3, [{ type: NORMAL, low: buffer, status: 2, flags: IOC }]);
  driver.doorbell(1, 3);
  driver.step(6);
  driver.hmp('device_del m');
  driver.step(6);
  driver.events(1);
  driver.dump(buffer, 2);
  driver.control(2, [0x80, 8, 0, 0], 1, 0);
  driver.control(1, [0xa3, 0, 0, 3], 4);
  driver.hmp('device_del h');
  driver.events(1);
  driver.hmp('info usb');
}

/** A ring of events that fills up, and one that the driver empties in time. */
export function fullRing(driver: XhciDriver): void {
  driver.hmp('device_add qemu-xhci,id=u');
  driver.open();
  driver.start();
  driver.interrupter(0, EVENTS, 16);
  for (let count = 0; count < 9; count++) {
    driver.hmp('device_add usb-mouse,id=m');
    driver.port(PORT, 0x2_0200);
    driver.hmp('device_del m');
    driver.port(PORT, 0x2_0200);
  }
  driver.dump(EVENTS, 0x110);
  driver.read(0x1038);
  driver.write(0x1038, EVENTS + 0x50 + 8);
  driver.read(0x1038);
  driver.read(0x1020);
  driver.hmp('device_add usb-mouse,id=m');
  driver.dump(EVENTS, 0x110);
}

/** Streams of a bulk endpoint: arrays, rings of their own, ids that are not there. */
export function streams(driver: XhciDriver): void {
  withDevice(driver, 'usb-mouse,id=m');
  driver.control(1, [0, SET_CONFIGURATION, 1, 0]);
  driver.control(1, [0xa1, 1, 0x0100, 0], 4);
  // Before there are streams: QEMU ends when a device wakes an endpoint with streams.
  for (const buttons of [1, 0, 1, 0, 1]) driver.hmp(`mouse_button ${buttons}`);
  const linear = 1 << 15;
  driver.configured(1, 3, BULK_IN, 4, (1 << 10) | linear);
  const array = driver.ringAt(1, 3);
  for (const stream of [1, 2, 3]) {
    const type = stream === 3 ? 0 : 1;
    driver.dword(array + 16 * stream, driver.ringAt(1, 3, stream) | (type << 1) | 1);
    driver.dword(array + 16 * stream + 4, 0);
  }
  const buffer = driver.bufferAt(1, 1);
  for (const stream of [1, 2, 3]) {
    driver.queue(1, 3, [{ type: NORMAL, low: buffer + 16 * stream, status: 4, flags: IOC }], stream);
    driver.doorbell(1, 3, stream);
    driver.step(6);
    driver.events(stream === 3 ? 0 : 1);
    driver.dump(array, 64);
    driver.context(1, 3);
  }
  driver.doorbell(1, 3, 4);
  driver.slot(SET_DEQUEUE, 1, { low: 0x12_3401, status: 1 << 16 }, 3);
  driver.slot(STOP_ENDPOINT, 1, {}, 3);
  driver.dump(array, 64);
  driver.context(1, 3);
  for (const stream of [1, 3, 4, 9]) {
    driver.slot(SET_DEQUEUE, 1, { low: driver.place(1, 3, 1), status: stream << 16 }, 3);
  }
  driver.dump(array, 64);
  driver.queue(1, 3, [{ type: NORMAL, low: buffer, status: 4, flags: IOC }], 1);
  driver.doorbell(1, 3, 1);
  driver.step(6);
  driver.events(1);
  driver.dump(array, 64);
}
