/** Sessions of a driver with sticks and serial ports on a UHCI controller. */
import { session, standard, type UsbSession } from './session.ts';
import { IN, OUT, TD_ACTIVE, TD_IOC, TD_SHORT, type UhciDriver } from './uhci-driver.ts';

/** Zeros at first. */
export const IMAGE = { path: 'disk.img', bytes: 1 << 20 } as const;

const SET_ADDRESS = 5;
const SET_CONFIGURATION = 9;
const ADDRESS = 3;
const PIPE_IN = 1;
const PIPE_OUT = 2;
/** QEMU moves and stores data beside the frames. */
const FRAMES = 4;

const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const REQUEST_SENSE = [3, 0, 0, 0, 18, 0];
const INQUIRY = [0x12, 0, 0, 0, 36, 0];
const READ_CAPACITY = [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const SYNCHRONIZE_CACHE = [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const read10 = (lba: number, blocks: number): number[] => [
  0x28,
  0,
  0,
  0,
  lba >> 8,
  lba & 0xff,
  0,
  0,
  blocks,
  0,
];
const write10 = (lba: number, blocks: number): number[] => [0x2a, ...read10(lba, blocks).slice(1)];
const inquiryPage = (page: number): number[] => [0x12, 1, page, 0, 255, 0];
const modeSense = (page: number): number[] => [0x1a, 0, page, 0, 192, 0];

interface Command {
  readonly cdb: readonly number[];
  readonly way?: 'in' | 'out';
  readonly length?: number;
  readonly lun?: number;
  readonly tag?: number;
}

const little = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

function wrapper({ cdb, way = 'in', length = 0, lun = 0, tag = 0x1122_3344 }: Command): number[] {
  const flags = way === 'in' ? 0x80 : 0;
  const padded = [...cdb, ...new Array<number>(16).fill(0)].slice(0, 16);
  return [0x55, 0x53, 0x42, 0x43, ...little(tag), ...little(length), flags, lun, cdb.length, ...padded];
}

/** Packets to the device, and from it; a short one ends what was asked for. */
function send(driver: UhciDriver, data: readonly number[], endpoint = PIPE_OUT): void {
  driver.run([{ address: ADDRESS, endpoint, pid: OUT, toggle: 0, length: data.length, data }], FRAMES);
}
function receive(driver: UhciDriver, length: number, endpoint = PIPE_IN): void {
  const control = TD_ACTIVE | TD_IOC | TD_SHORT;
  driver.run([{ address: ADDRESS, endpoint, pid: IN, toggle: 0, length, control }], FRAMES);
}
function status(driver: UhciDriver): void {
  receive(driver, 13);
}

/** A command with all its data in packets of at most 1 KiB, and its status. */
function command(driver: UhciDriver, what: Command, data: readonly number[] = []): void {
  const length = what.length ?? data.length;
  send(driver, wrapper({ ...what, length }));
  for (let at = 0; at < length; at += 1024) {
    const size = Math.min(1024, length - at);
    if (what.way === 'out') send(driver, data.slice(at, at + size));
    else receive(driver, size);
  }
  status(driver);
}

const pattern = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, at) => (at * 7 + seed) & 0xff);

function plugStick(driver: UhciDriver, drive = '', stick = ''): void {
  driver.hmp('device_add piix3-usb-uhci,id=u');
  driver.open();
  driver.hmp(`drive_add 0 if=none,id=d,file=${IMAGE.path},format=raw,node-name=n${drive}`);
  driver.hmp(`device_add usb-storage,id=s,drive=d${stick}`);
  driver.start();
  driver.step(1);
  address(driver);
}

/** The port is reset; the device gets its address and its configuration. */
function address(driver: UhciDriver): void {
  driver.resetPort(0);
  driver.control(0, [0, SET_ADDRESS, ADDRESS, 0]);
  driver.control(ADDRESS, [0, SET_CONFIGURATION, 1, 0]);
}

/** What a driver does after an error. Spec: Bulk-Only Transport §5.3.4. */
function recover(driver: UhciDriver): void {
  driver.control(ADDRESS, [0x21, 0xff, 0, 0]);
  driver.control(ADDRESS, [2, 1, 0, 0x81]);
  driver.control(ADDRESS, [2, 1, 0, 2]);
}

function sense(driver: UhciDriver): void {
  command(driver, { cdb: REQUEST_SENSE, length: 18 });
}

function disk(driver: UhciDriver): void {
  plugStick(driver);
  driver.hmp('info usb');
  driver.hmp('info block');
  driver.control(ADDRESS, [0xa1, 0xfe, 0, 0], 1);
  command(driver, { cdb: INQUIRY, length: 36 });
  command(driver, { cdb: TEST_UNIT_READY });
  sense(driver);
  command(driver, { cdb: TEST_UNIT_READY, tag: 0xffff_ffff });
  command(driver, { cdb: READ_CAPACITY, length: 8 });
  for (const page of [0, 0x80, 0x83, 0xb0]) command(driver, { cdb: inquiryPage(page), length: 255 });
  command(driver, { cdb: modeSense(0x3f), length: 192 });
  command(driver, { cdb: read10(0, 1), length: 512 });
  command(driver, { cdb: write10(2, 1), way: 'out' }, pattern(512, 3));
  command(driver, { cdb: write10(3, 5), way: 'out' }, pattern(2560, 5));
  command(driver, { cdb: SYNCHRONIZE_CACHE });
  command(driver, { cdb: read10(1, 8), length: 4096 });
  // MODE SELECT: a list of parameters.
  command(driver, { cdb: [0x15, 0x10, 0, 0, 4, 0], way: 'out' }, [0, 0, 0, 0]);
  command(driver, { cdb: read10(0xffff, 1), length: 512 });
  sense(driver);
  command(driver, { cdb: [0x77, 0, 0, 0, 0, 0], length: 0 });
  sense(driver);
  driver.hmp('device_del s');
  driver.hmp('info usb');
  // QEMU: the drive goes a moment later.
  driver.step(50);
  driver.hmp('info block');
  driver.read(0x10);
}

/** Packets that are no command, or come when none is awaited. */
function wrongPackets(driver: UhciDriver): void {
  plugStick(driver);
  const good = wrapper({ cdb: INQUIRY, length: 36 });
  send(driver, good.slice(0, 30));
  send(driver, [...good, 0]);
  send(driver, [0x56, ...good.slice(1)]);
  send(driver, wrapper({ cdb: INQUIRY, length: 36, lun: 1 }));
  receive(driver, 36);
  command(driver, { cdb: INQUIRY, length: 36, lun: 1 });
  status(driver);
  send(driver, good, 1);
  send(driver, good, 3);
  receive(driver, 13, 2);
  send(driver, good);
  send(driver, good);
  receive(driver, 36);
  send(driver, good);
  receive(driver, 12);
  status(driver);
  status(driver);
  recover(driver);
  command(driver, { cdb: INQUIRY, length: 36 });
  driver.control(ADDRESS, [0x21, 0xff, 7, 9], [1]);
  for (const [type, request] of [
    [0x21, 0xfe],
    [0xa1, 0xff],
    [0x21, 0xfd],
    [0xa1, 0xfd],
    [0x81, 0xfe],
    [0xc1, 0xfe],
  ] as const) {
    driver.control(ADDRESS, [type, request, 0, 0], (type & 0x80) === 0 ? [] : 1);
  }
  driver.control(ADDRESS, [0xa1, 0xfe, 3, 5], 4);
  driver.control(ADDRESS, [2, 3, 0, 0x81]);
  driver.control(ADDRESS, [0x82, 0, 0, 0x81], 2);
}

/** Cases in which driver and disk mean different amounts of data. Spec: Bulk-Only Transport §6.7. */
function disagreements(driver: UhciDriver): void {
  plugStick(driver);
  command(driver, { cdb: TEST_UNIT_READY });
  // The driver means more than there is to read.
  command(driver, { cdb: TEST_UNIT_READY, length: 36 });
  command(driver, { cdb: INQUIRY, length: 64 });
  command(driver, { cdb: [...INQUIRY.slice(0, 4), 96, 0], length: 300 });
  command(driver, { cdb: read10(0, 1), length: 1024 });
  command(driver, { cdb: read10(0, 1), length: 2048 });
  command(driver, { cdb: read10(0xfff0, 1), length: 512 });
  sense(driver);
  // The driver writes more than the disk takes.
  command(driver, { cdb: TEST_UNIT_READY, way: 'out' }, pattern(64, 1));
  command(driver, { cdb: write10(8, 1), way: 'out' }, pattern(1024, 1));
  command(driver, { cdb: write10(8, 1), way: 'out' }, pattern(2048, 2));
  command(driver, { cdb: write10(0xfff0, 1), way: 'out' }, pattern(512, 1));
  sense(driver);
  command(driver, { cdb: read10(8, 1), length: 512 });
  // A packet that is longer than what is left.
  send(driver, wrapper({ cdb: write10(9, 1), way: 'out', length: 512 }));
  send(driver, pattern(600, 1));
  recover(driver);
  driver.resetPort(0);
  address(driver);
  command(driver, { cdb: TEST_UNIT_READY });
  // The other way than the driver means: nothing is answered before a reset.
  send(driver, wrapper({ cdb: write10(8, 1), way: 'in', length: 512 }));
  receive(driver, 512);
  status(driver);
  recover(driver);
  status(driver);
  send(driver, wrapper({ cdb: TEST_UNIT_READY }));
  address(driver);
  command(driver, { cdb: TEST_UNIT_READY });
  sense(driver);
  send(driver, wrapper({ cdb: read10(8, 1), way: 'out', length: 512 }));
  send(driver, pattern(512, 9));
  status(driver);
  address(driver);
  command(driver, { cdb: TEST_UNIT_READY });
  send(driver, wrapper({ cdb: write10(8, 1), way: 'out', length: 0 }));
  status(driver);
  address(driver);
  command(driver, { cdb: TEST_UNIT_READY });
}

/** The user takes the stick out while the driver waits for its answer. */
function unplugged(driver: UhciDriver): void {
  plugStick(driver);
  command(driver, { cdb: TEST_UNIT_READY });
  // No data are meant, and there are some: the packet for the status waits for ever.
  send(driver, wrapper({ cdb: INQUIRY, length: 0 }));
  status(driver);
  // The driver has given the packet up: it is taken back, and the command with it.
  driver.step(50);
  status(driver);
  status(driver);
  command(driver, { cdb: TEST_UNIT_READY });
  send(driver, wrapper({ cdb: INQUIRY, length: 0 }));
  driver.run([{ address: ADDRESS, endpoint: PIPE_IN, pid: IN, toggle: 0, length: 13 }], 1);
  driver.hmp('device_del s');
  driver.read(0x10);
  driver.step(50);
  status(driver);
  driver.hmp('info block');
  driver.hmp(`drive_add 0 if=none,id=d,file=${IMAGE.path},format=raw,node-name=n`);
  driver.hmp('device_add usb-storage,id=s,drive=d');
  driver.read(0x10);
  address(driver);
  send(driver, wrapper({ cdb: INQUIRY, length: 0 }));
  status(driver);
  address(driver);
  command(driver, { cdb: INQUIRY, length: 36 });
  send(driver, wrapper({ cdb: INQUIRY, length: 36 }));
  driver.hmp('system_reset');
  driver.open();
  driver.start();
  driver.step(1);
  address(driver);
  command(driver, { cdb: INQUIRY, length: 36 });
}

/** Who the disk says that it is, by the properties of stick and drive. */
function identities(driver: UhciDriver): void {
  command(driver, { cdb: INQUIRY, length: 36 });
  command(driver, { cdb: inquiryPage(0x80), length: 255 });
  command(driver, { cdb: inquiryPage(0x83), length: 255 });
  sense(driver);
  command(driver, { cdb: modeSense(0x3f), length: 192 });
  command(driver, { cdb: write10(1, 1), way: 'out' }, pattern(512, 3));
  sense(driver);
  command(driver, { cdb: READ_CAPACITY, length: 8 });
  driver.control(ADDRESS, [0x80, 6, 0x303, 0x409], 64);
}

/** Disks that the user plugs into an adapter, which the driver sees when it is attached. */
function adapter(driver: UhciDriver): void {
  driver.hmp('device_add piix3-usb-uhci,id=u');
  driver.open();
  driver.hmp('device_add usb-bot,id=b');
  driver.hmp('info usb');
  driver.read(0x10);
  driver.hmp('qom-get /machine/peripheral/b attached');
  driver.hmp(`drive_add 0 if=none,id=d,file=${IMAGE.path},format=raw,node-name=n`);
  driver.hmp('device_add scsi-hd,id=d0,bus=b.0,drive=d');
  driver.hmp('device_add scsi-cd,id=d1,bus=b.0,scsi-id=0,lun=1');
  driver.hmp('device_add scsi-cd,id=d3,bus=b.0,scsi-id=0,lun=3');
  driver.hmp('device_add scsi-cd,id=d9,bus=b.0,scsi-id=1');
  driver.hmp('device_add scsi-cd,id=d9,bus=b.0,scsi-id=0,lun=16');
  driver.hmp('qom-set /machine/peripheral/b attached true');
  driver.hmp('info usb');
  driver.read(0x10);
  driver.start();
  driver.step(1);
  address(driver);
  driver.control(ADDRESS, [0xa1, 0xfe, 0, 0], 1);
  for (const lun of [0, 1, 2, 3, 200]) {
    command(driver, { cdb: INQUIRY, length: 36, lun });
    command(driver, { cdb: TEST_UNIT_READY, lun });
    command(driver, { cdb: REQUEST_SENSE, length: 18, lun });
  }
  command(driver, { cdb: [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], length: 64 });
  driver.hmp('device_del d0');
  command(driver, { cdb: TEST_UNIT_READY, lun: 0 });
  command(driver, { cdb: INQUIRY, length: 36, lun: 0 });
  driver.control(ADDRESS, [0xa1, 0xfe, 0, 0], 1);
  driver.hmp('qom-set /machine/peripheral/b attached false');
  driver.read(0x10);
  driver.hmp('info usb');
  driver.hmp('device_del b');
  driver.hmp('info usb');
}

/** A serial port whose other end keeps what comes. */
function serial(driver: UhciDriver): void {
  driver.hmp('device_add piix3-usb-uhci,id=u');
  driver.open();
  driver.hmp('chardev-add ringbuf,id=r,size=4096');
  driver.hmp('device_add usb-serial,id=s,chardev=r');
  driver.hmp('info usb');
  driver.start();
  driver.step(1);
  driver.resetPort(0);
  driver.control(0, [0, SET_ADDRESS, ADDRESS, 0]);
  standard(driver);
  driver.control(ADDRESS, [0, SET_CONFIGURATION, 1, 0]);
  for (const value of [0, 1, 2, 3]) driver.control(ADDRESS, [0x40, 0, value, 0]);
  driver.control(ADDRESS, [0xc0, 10, 0, 0], 1);
  driver.control(ADDRESS, [0x40, 9, 0x1234, 0]);
  driver.control(ADDRESS, [0xc0, 10, 0, 0], 1);
  driver.control(ADDRESS, [0xc0, 5, 0, 0], 2);
  for (const value of [8, 7, 5, 0x108, 0x208, 0x308, 0x408, 0x808, 0x1008, 0x1808, 0x4008]) {
    driver.control(ADDRESS, [0x40, 4, value, 0]);
  }
  for (const value of [0, 1, 0x4138, 0xffff]) driver.control(ADDRESS, [0x40, 3, value, 1]);
  driver.control(ADDRESS, [0x40, 2, 0x1311, 0x400]);
  driver.control(ADDRESS, [0x40, 1, 0x303, 0]);
  driver.control(ADDRESS, [0x40, 6, 0x10a, 0]);
  driver.control(ADDRESS, [0x40, 7, 0x10a, 0]);
  for (const request of [8, 11, 0x90, 0xfe]) driver.control(ADDRESS, [0x40, request, 0, 0]);
  for (const request of [6, 0x90]) driver.control(ADDRESS, [0xc0, request, 0, 0], 2);
  send(
    driver,
    [...'serial over USB'].map((letter) => letter.charCodeAt(0)),
  );
  driver.hmp('ringbuf_read r 100');
  send(driver, pattern(600, 65));
  send(driver, [1, 2], 1);
  receive(driver, 64);
  receive(driver, 2);
  receive(driver, 64, 2);
  driver.hmp('device_del s');
  driver.hmp('info usb');
  driver.step(50);
  driver.hmp('chardev-remove r');
  driver.hmp('chardev-add null,id=n');
  driver.hmp('device_add usb-serial,id=s,chardev=n');
  driver.hmp('info usb');
  driver.read(0x10);
  driver.hmp('qom-get /machine/peripheral/s attached');
  driver.hmp('qom-set /machine/peripheral/s attached true');
  driver.hmp('device_del s');
  driver.step(50);
  driver.hmp('device_add usb-serial,id=s,chardev=n,always-plugged=on');
  driver.hmp('info usb');
  driver.read(0x10);
}

export const STORAGE_SESSIONS: readonly UsbSession[] = [
  session('usb-storage', disk),
  session('usb-storage wrong packets', wrongPackets),
  session('usb-storage disagreements', disagreements),
  session('usb-storage unplugged', unplugged),
  ...[
    ['', ',serial=abc,removable=on'],
    [',readonly=on', ''],
    [',media=cdrom', ',serial=abc'],
    ['', ',logical_block_size=4096,physical_block_size=4096'],
  ].map(([drive, stick]) =>
    session(`usb-storage${stick}${drive === '' ? '' : ` of ${drive?.slice(1)}`}`, (driver) => {
      plugStick(driver, drive, stick);
      identities(driver);
    }),
  ),
  session('standard usb-storage', (driver) => {
    plugStick(driver);
    standard(driver);
  }),
  session('usb-bot', adapter),
  session('usb-serial', serial),
];
