/** What sessions of USB are made of. */
import { UhciDriver } from './uhci-driver.ts';

const SLOT = 2;
const GET_STATUS = 0;
const CLEAR_FEATURE = 1;
const SET_FEATURE = 3;
const GET_DESCRIPTOR = 6;
const GET_CONFIGURATION = 8;
const SET_CONFIGURATION = 9;
const GET_INTERFACE = 10;
const SET_INTERFACE = 11;

/** What is answered, line by line; lines without an answer are left out. */
export type UsbRecord = readonly string[];

export interface UsbSession {
  readonly name: string;
  readonly lines: readonly string[];
}

export function session(name: string, play: (driver: UhciDriver) => void): UsbSession {
  const driver = new UhciDriver(SLOT << 3);
  play(driver);
  return { name, lines: driver.lines };
}

/** Every descriptor and every standard request. */
export function standard(driver: UhciDriver): void {
  const get = (type: number, index: number, length: number, language = 0): void =>
    driver.control(3, [0x80, GET_DESCRIPTOR, (type << 8) | index, language], length);
  get(1, 0, 8);
  get(1, 0, 64);
  get(2, 0, 9);
  get(2, 0, 255);
  get(2, 1, 9);
  for (let index = 0; index < 13; index++) get(3, index, 64, 0x409);
  get(3, 0xee, 18);
  for (const type of [6, 7, 10, 15]) get(type, 0, 64);
  driver.control(3, [0xc0, 0x51, 0, 4], 64);
  driver.control(3, [0xc0, 0x51, 0, 5], 255);
  driver.control(3, [0x81, GET_DESCRIPTOR, 0x2200, 0], 128);
  driver.control(3, [0x81, GET_DESCRIPTOR, 0x2100, 0], 9);
  driver.control(3, [0x80, GET_STATUS, 0, 0], 2);
  driver.control(3, [0x80, GET_CONFIGURATION, 0, 0], 1);
  driver.control(3, [0x81, GET_INTERFACE, 0, 0], 1);
  driver.control(3, [0, SET_CONFIGURATION, 2, 0]);
  driver.control(3, [0, SET_CONFIGURATION, 1, 0]);
  driver.control(3, [0x80, GET_CONFIGURATION, 0, 0], 1);
  driver.control(3, [0x80, GET_STATUS, 0, 0], 2);
  driver.control(3, [0x81, GET_STATUS, 0, 0], 2);
  driver.control(3, [0x82, GET_STATUS, 0, 0x81], 2);
  driver.control(3, [0, SET_FEATURE, 1, 0]);
  driver.control(3, [0x80, GET_STATUS, 0, 0], 2);
  driver.control(3, [0, CLEAR_FEATURE, 1, 0]);
  driver.control(3, [0, SET_FEATURE, 2, 0]);
  driver.control(3, [2, CLEAR_FEATURE, 0, 0x81]);
  driver.control(3, [0x81, GET_INTERFACE, 0, 0], 1);
  driver.control(3, [0x81, GET_INTERFACE, 0, 1], 1);
  driver.control(3, [1, SET_INTERFACE, 0, 0]);
  driver.control(3, [1, SET_INTERFACE, 1, 0]);
  driver.control(3, [0x80, 0x30, 0, 0], 6);
  driver.control(3, [0, SET_CONFIGURATION, 0, 0]);
  driver.control(3, [0x80, GET_CONFIGURATION, 0, 0], 1);
}
