/** What a driver does to an i6300esb in slot 2, played to QEMU 7.2 by the recorder and to ours by the test. */
import type { Step } from '../virtio/sessions.ts';

export interface WatchdogSession {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly steps: readonly Step[];
}

type Size = 1 | 2 | 4;

const BAR = 0xfe00_0000;
const CONFIG = 0x60;
const LOCK = 0x68;
const RELOAD = 0x0c;

const at = (offset: number): Step => ['out', 0xcf8, 4, 0x8000_1000 + (offset & 0xfc)];
const configRead = (offset: number, size: Size): Step[] => [at(offset), ['in', 0xcfc + (offset & 3), size]];
const configWrite = (offset: number, size: Size, value: number): Step[] => [
  at(offset),
  ['out', 0xcfc + (offset & 3), size, value],
];
const configSpace = (): Step[] => Array.from({ length: 64 }, (_, n): Step[] => configRead(4 * n, 4)).flat();
const read = (offset: number, size: Size): Step => ['read', BAR + offset, size];
const write = (offset: number, size: Size, value: number): Step => ['write', BAR + offset, size, value];
const unlock = (size: Size = 1): Step[] => [write(RELOAD, size, 0x80), write(RELOAD, size, 0x86)];
const registers = (): Step[] => [
  ...([1, 2, 4] as const).flatMap((size) =>
    Array.from({ length: 16 / size }, (_, n): Step => read(n * size, size)),
  ),
  ...[CONFIG, LOCK].flatMap((offset) => [
    ...configRead(offset, 1),
    ...configRead(offset, 2),
    ...configRead(offset, 4),
  ]),
];
const open: readonly Step[] = [...configWrite(0x10, 4, BAR), ...configWrite(0x04, 2, 2)];
const preload = (register: number, value: number): Step[] => [...unlock(), write(register, 4, value)];
const PASS: Step = ['pass'];
const flag = (): Step => read(RELOAD, 2);
const own = (): Step[] => [...configRead(CONFIG, 2), ...configRead(LOCK, 1)];

const NONE = ['-device', 'i6300esb,addr=2', '-watchdog-action', 'none'] as const;

export const WATCHDOG_SESSIONS: readonly WatchdogSession[] = [
  {
    name: 'registers',
    arguments: NONE,
    steps: [
      ...configSpace(),
      ...configWrite(0x10, 4, 0xffff_ffff),
      ...configRead(0x10, 4),
      ...open,
      ...registers(),
      // Every bit of both, in every size.
      ...[0xffff, 0x24, 0x20, 0x04, 0x03, 0x00].flatMap((value) => [
        ...configWrite(CONFIG, 2, value),
        ...own(),
      ]),
      ...configWrite(CONFIG, 1, 0x27),
      ...own(),
      ...configWrite(CONFIG, 4, 0xffff_ffff),
      ...own(),
      ...configWrite(LOCK, 2, 0xff),
      ...own(),
      ...configWrite(LOCK, 4, 0xff),
      ...own(),
      ...configSpace(),
      ...configWrite(LOCK, 1, 0xfc),
      ...own(),
      ...configWrite(LOCK, 1, 0x02),
      ...own(),
      ...configWrite(LOCK, 1, 0x05),
      ...own(),
      ...configWrite(LOCK, 1, 0x02),
      ...own(),
    ],
  },
  {
    name: 'two stages',
    arguments: NONE,
    steps: [
      ...open,
      ...configWrite(CONFIG, 2, 0x07),
      ...preload(0, 100),
      ...preload(4, 0xfff0_0064),
      ...configWrite(LOCK, 1, 0x02),
      PASS,
      flag(),
      ...own(),
      // Only after the two words does a write reach the flag.
      write(RELOAD, 2, 0x200),
      flag(),
      ...unlock(),
      write(RELOAD, 2, 0),
      write(RELOAD, 2, 0x200),
      flag(),
      ...unlock(2),
      write(RELOAD, 2, 0x200),
      flag(),
      ...configWrite(CONFIG, 2, 0x07),
      ...preload(0, 100),
      ...preload(4, 100),
      ...configWrite(LOCK, 1, 0x02),
      PASS,
      flag(),
      ...unlock(4),
      write(RELOAD, 2, 0x1000),
      flag(),
    ],
  },
  {
    name: 'who does not reboot',
    arguments: NONE,
    steps: [
      ...open,
      // The second stage only ends, and once more in free-running mode.
      ...configWrite(CONFIG, 2, 0x27),
      ...preload(0, 100),
      ...preload(4, 100),
      ...configWrite(LOCK, 1, 0x06),
      PASS,
      flag(),
      ...own(),
      ...configWrite(CONFIG, 2, 0x07),
      PASS,
      flag(),
      ...own(),
    ],
  },
  {
    name: 'feeding',
    arguments: NONE,
    steps: [
      ...open,
      ...configWrite(CONFIG, 2, 0x07),
      // 1 s each, which a driver does not wait for.
      ...preload(0, 0xf_ffff),
      ...preload(4, 0xf_ffff),
      ...configWrite(LOCK, 1, 0x02),
      PASS,
      ...unlock(),
      write(RELOAD, 2, 0x100),
      PASS,
      flag(),
      // A wrong word between the two, and others in place of what they unlock.
      write(RELOAD, 1, 0x80),
      write(RELOAD, 1, 0x81),
      write(RELOAD, 1, 0x86),
      write(0, 4, 1),
      ...unlock(),
      write(4, 2, 0x1234),
      write(4, 4, 1),
      ...unlock(),
      write(RELOAD, 4, 0x100),
      write(0, 4, 1),
      write(8, 4, 1),
      ...preload(0, 0),
      ...unlock(),
      ...configWrite(LOCK, 1, 0x00),
      PASS,
      flag(),
      ...own(),
      ...preload(4, 1),
      ...configWrite(LOCK, 1, 0x03),
      PASS,
      flag(),
      ...own(),
    ],
  },
];
