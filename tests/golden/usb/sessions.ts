/** Sessions of a driver with USB controllers and devices; scripts/record-usb.ts plays them to QEMU. */

import { EHCI_SESSIONS } from './ehci-sessions.ts';
import { session, standard, type UsbSession } from './session.ts';
import { STORAGE_SESSIONS } from './storage-sessions.ts';
import {
  DEPTH_FIRST,
  IN,
  IS_QH,
  OUT,
  QUEUE,
  SETUP,
  TD_ACTIVE,
  TD_IOC,
  TD_SHORT,
  TDS,
  TERMINATE,
  type UhciDriver,
} from './uhci-driver.ts';
import { XHCI_SESSIONS } from './xhci-sessions.ts';

const GET_STATUS = 0;
const CLEAR_FEATURE = 1;
const SET_FEATURE = 3;
const SET_ADDRESS = 5;
const GET_DESCRIPTOR = 6;
const GET_CONFIGURATION = 8;
const SET_CONFIGURATION = 9;

/** A controller with a device on its first port, which gets address 3. */
function withDevice(driver: UhciDriver, device: string, more: readonly string[] = []): void {
  driver.hmp('device_add piix3-usb-uhci,id=u');
  driver.open();
  driver.hmp(`device_add ${device}`);
  for (const line of more) driver.hmp(line);
  driver.start();
  driver.step(1);
  driver.resetPort(0);
  driver.control(0, [0, SET_ADDRESS, 3, 0]);
}

const GET_REPORT = 0x01;
const SET_REPORT = 0x09;
const SET_IDLE = 0x0a;

/** What a mouse, tablet or keyboard reports of what the user does. */
function reports(device: string, bytes: number, actions: readonly string[], more = ''): UsbSession {
  return session(`reports ${device}${more}`, (driver) => {
    withDevice(driver, device);
    driver.control(3, [0, SET_CONFIGURATION, 1, 0]);
    driver.hmp('info mice');
    driver.poll(3, 1, bytes);
    driver.hmp('info mice');
    for (const action of actions) {
      driver.hmp(action);
      driver.step(10);
      for (let report = 0; report < 3; report++) driver.poll(3, 1, bytes);
    }
    for (const [type, request, value] of [
      [0xa1, 0x02, 0],
      [0xa1, 0x03, 0],
      [0xa1, GET_REPORT, 0x0100],
    ] as const) {
      driver.control(3, [type, request, value, 0], 8);
    }
    driver.control(3, [0x21, 0x0b, 0, 0]);
    driver.control(3, [0xa1, 0x03, 0, 0], 1);
    driver.control(3, [0x21, SET_REPORT, 0x0200, 0], [7]);
    driver.control(3, [0x21, SET_IDLE, 0x0100, 0]);
    driver.step(12);
    driver.poll(3, 1, bytes);
    driver.control(3, [0xa1, 0x02, 0, 0], 1);
    driver.poll(3, 2, bytes);
    driver.run([{ address: 3, endpoint: 1, pid: OUT, toggle: 0, length: 4, data: [1, 2, 3, 4] }]);
    for (const action of actions) driver.hmp(action);
    driver.step(30);
    driver.resetPort(0);
    driver.control(0, [0, SET_ADDRESS, 5, 0]);
    driver.control(5, [0x80, GET_CONFIGURATION, 0, 0], 1);
    driver.poll(5, 1, bytes);
  });
}

const MOUSE_ACTIONS = [
  ...['mouse_move 3 -4', 'mouse_move 300 -400 1', 'mouse_button 1', 'mouse_move 5 5 -1'],
  ...['mouse_button 6', 'mouse_button 0'],
];
const KEY_ACTIONS = [
  'sendkey a 1',
  'sendkey shift-b 1',
  'sendkey right 1',
  'sendkey pause 1',
  'sendkey print 1',
];

/** Requests and reports of a hub with a mouse in its third port. */
function hub(driver: UhciDriver, device: string): void {
  withDevice(driver, device, ['device_add usb-mouse,id=m,port=1.3']);
  const port = (type: number, request: number, feature: number, number: number): void =>
    driver.control(3, [type, request, feature, number], type === 0xa3 ? 4 : 0);
  driver.control(3, [0, SET_CONFIGURATION, 1, 0]);
  driver.control(3, [0xa0, GET_DESCRIPTOR, 0x2900, 0], 32);
  driver.control(3, [0xa0, GET_STATUS, 0, 0], 4);
  for (const number of [1, 3, 0, 9]) port(0xa3, GET_STATUS, 0, number);
  driver.poll(3, 1, 2);
  driver.poll(3, 1, 1);
  port(0x23, SET_FEATURE, 8, 3);
  port(0xa3, GET_STATUS, 0, 3);
  port(0x23, CLEAR_FEATURE, 16, 3);
  driver.poll(3, 1, 2);
  driver.control(0, [0x80, GET_DESCRIPTOR, 0x0100, 0], 18);
  port(0x23, SET_FEATURE, 4, 3);
  port(0xa3, GET_STATUS, 0, 3);
  driver.poll(3, 1, 2);
  port(0x23, CLEAR_FEATURE, 20, 3);
  driver.control(0, [0x80, GET_DESCRIPTOR, 0x0100, 0], 18);
  driver.control(0, [0, SET_ADDRESS, 4, 0]);
  driver.control(4, [0, SET_CONFIGURATION, 1, 0]);
  driver.hmp('info usb');
  port(0x23, SET_FEATURE, 2, 3);
  port(0xa3, GET_STATUS, 0, 3);
  port(0x23, CLEAR_FEATURE, 2, 3);
  port(0xa3, GET_STATUS, 0, 3);
  for (const feature of [0, 1, 2, 3, 5]) driver.control(3, [0x20, SET_FEATURE, feature, 0]);
  for (const feature of [0, 1, 2]) driver.control(3, [0x20, CLEAR_FEATURE, feature, 0]);
  for (const feature of [0, 1, 3, 9, 16, 17, 18, 19, 21]) port(0x23, SET_FEATURE, feature, 3);
  for (const feature of [0, 3, 4, 8, 17, 18, 19, 21]) port(0x23, CLEAR_FEATURE, feature, 3);
  port(0xa3, GET_STATUS, 0, 3);
  port(0x23, CLEAR_FEATURE, 1, 3);
  port(0xa3, GET_STATUS, 0, 3);
  driver.control(4, [0x80, GET_CONFIGURATION, 0, 0], 1);
  port(0x23, SET_FEATURE, 4, 3);
  driver.hmp('device_del m');
  driver.poll(3, 1, 2);
  port(0xa3, GET_STATUS, 0, 3);
  driver.hmp('device_add usb-kbd,id=k,port=1.8');
  driver.poll(3, 1, 2);
  driver.poll(3, 1, 1);
  port(0xa3, GET_STATUS, 0, 8);
  driver.control(3, [0x02, CLEAR_FEATURE, 0, 0x82]);
  driver.resetPort(0);
  driver.control(0, [0, SET_ADDRESS, 9, 0]);
  driver.control(9, [0xa3, GET_STATUS, 0, 8], 4);
  driver.control(9, [0xa3, GET_STATUS, 0, 3], 4);
  driver.hmp('device_del k');
  driver.hmp('info usb');
}

/** Registers without and with a device. */
function registers(driver: UhciDriver): void {
  driver.hmp('device_add piix3-usb-uhci,id=u');
  driver.open();
  driver.readAll();
  for (let offset = 0; offset < 0x20; offset++) driver.read(offset, 'b');
  for (let offset = 0; offset < 0x20; offset += 2) driver.read(offset, 'w');
  for (let offset = 0; offset < 0x20; offset += 4) driver.read(offset, 'l');
  for (let offset = 0; offset < 0x20; offset++) {
    if (offset < 2) continue;
    driver.write(offset, 0xff, 'b');
    driver.readAll();
  }
  for (const offset of [2, 4, 6, 8, 0xa, 0xc, 0x10, 0x12, 0x14, 0x1e]) {
    driver.write(offset, 0xffff);
    driver.readAll();
    driver.write(offset, 0);
    driver.readAll();
  }
  driver.hmp('device_add usb-mouse,id=m');
  driver.readAll();
  for (const value of [0xffff, 0, 0x2, 0x4, 0x200, 0x204, 0x0, 0x1000, 0x1040, 0x40, 0xa, 0xe]) {
    driver.write(0x10, value);
    driver.readAll();
  }
  for (const command of [0x80, 0xc0, 0x10, 0x18, 0x8, 0x4, 0x2, 0x0]) {
    driver.write(0, command);
    driver.readAll();
  }
  driver.write(0x10, 0x4);
  driver.write(4, 0xf);
  driver.write(6, 0x123);
  driver.hmp('device_del m');
  driver.readAll();
  driver.write(0, 8);
  driver.hmp('device_add usb-mouse,id=m');
  driver.readAll();
  driver.config(4, 'l');
  driver.write(2, 4);
  driver.config(4, 'l');
  driver.write(0, 0);
  driver.hmp('system_reset');
  driver.open();
  driver.readAll();
}

/** Transfers that go wrong, and what the schedule makes of odd lists. */
function oddTransfers(driver: UhciDriver): void {
  withDevice(driver, 'usb-mouse');
  const one = { address: 3, endpoint: 0, toggle: 0 };
  driver.run([{ ...one, address: 77, pid: IN, length: 8 }]);
  driver.run([{ ...one, pid: SETUP, length: 7, data: [0x80, 6, 0, 1, 0, 0, 8] }]);
  driver.run([{ ...one, pid: IN, length: 8 }]);
  driver.run([{ ...one, pid: OUT, length: 8, data: [1, 2, 3, 4, 5, 6, 7, 8] }]);
  driver.control(3, [0x80, GET_DESCRIPTOR, 0x0100, 0], 18);
  // A short packet stops the queue, or not.
  const setup = { ...one, pid: SETUP, length: 8, data: [0x80, 6, 0, 1, 0, 0, 64, 0] };
  const status = { ...one, pid: OUT, toggle: 1, length: 0 };
  driver.run([setup, { ...one, pid: IN, length: 64, control: TD_ACTIVE | TD_SHORT }, status]);
  driver.run([status]);
  driver.run([setup, { ...one, pid: IN, length: 64, control: TD_ACTIVE }, status]);
  driver.run([setup, { ...one, pid: IN, length: 3, control: TD_ACTIVE | TD_SHORT }, status]);
  // Inactive, isochronous, in the wrong order.
  driver.run([{ ...setup, control: 0 }]);
  driver.run([{ ...setup, control: TD_IOC }]);
  driver.run([{ ...setup, control: TD_ACTIVE | (1 << 25) }]);
  driver.run([{ ...one, endpoint: 1, pid: IN, length: 8, control: TD_ACTIVE | TD_IOC | (1 << 25) }], 3);
  driver.control(3, [0, SET_ADDRESS, 200, 0]);
  driver.hmp('info usb');
  driver.control(72, [0x80, GET_CONFIGURATION, 0, 0], 1);
  driver.resetPort(0);
  driver.control(0, [0, SET_ADDRESS, 72, 0]);
  driver.control(72, [0x80, GET_CONFIGURATION, 0, 0], 1);
  driver.control(72, [0, 7, 0, 0], new Array<number>(64).fill(1));
  driver.run([{ ...one, address: 72, pid: SETUP, length: 8, data: [0, 9, 1, 0, 0, 0, 1, 0x10] }]);
  driver.run([{ ...one, address: 72, pid: SETUP, length: 8, data: [0x80, 6, 0, 1, 0, 0, 1, 0x10] }]);
  driver.control(72, [0, SET_CONFIGURATION, 2, 0]);
  driver.control(72, [0x80, GET_CONFIGURATION, 0, 0], 1);
  // The queue leads to itself; a TD leads to itself.
  driver.dword(QUEUE, QUEUE | IS_QH);
  driver.step(3);
  driver.read(2);
  driver.run([{ ...setup, address: 72, link: TDS | DEPTH_FIRST, control: TD_IOC }], 3);
  driver.control(72, [0x80, GET_DESCRIPTOR, 0x0100, 0], 18);
  driver.dword(QUEUE, TERMINATE);
  driver.write(0, 0);
  driver.step(3);
  driver.read(2);
  driver.read(0);
  driver.write(0, 1);
  driver.step(1);
  // No packet has such an id: the controller stops.
  driver.run([{ ...one, pid: 0x5a, length: 8 }], 3);
  driver.config(4, 'l');
  driver.read(0);
}

export const SESSIONS: readonly UsbSession[] = [
  session('registers', registers),
  session('odd transfers', oddTransfers),
  session('hub', (driver) => hub(driver, 'usb-hub')),
  session('hub port-power', (driver) => hub(driver, 'usb-hub,ports=8,port-power=on')),
  reports('usb-mouse', 4, MOUSE_ACTIONS),
  reports('usb-tablet', 6, MOUSE_ACTIONS),
  reports('usb-kbd', 8, KEY_ACTIONS),
  reports('usb-mouse', 2, MOUSE_ACTIONS, ' short'),
  ...[
    'usb-mouse',
    'usb-tablet',
    'usb-kbd',
    'usb-hub',
    'usb-mouse,usb_version=1',
    'usb-tablet,usb_version=1',
    'usb-kbd,usb_version=1,serial=abc',
    'usb-mouse,msos-desc=off',
  ].map((device) =>
    session(`standard ${device}`, (driver) => {
      withDevice(driver, device);
      standard(driver);
    }),
  ),
  ...XHCI_SESSIONS,
  ...EHCI_SESSIONS,
  ...STORAGE_SESSIONS,
];
