/** USB controllers, driven by Linux's own drivers while it runs: they come with devices, are saved, and leave. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../support/guest-waits.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const OPTIONS = { images: memoryImages(), config: { icountShift: 3 } };

let guest: HeadlessGuest;

beforeAll(async () => {
  guest = await HeadlessGuest.atPrompt(OPTIONS);
}, 4 * MINUTES);

afterAll(() => guest.end());

async function until(command: string, wanted: string | RegExp): Promise<void> {
  let said = '';
  for (let tries = 0; tries < 100; tries++) {
    said = await guest.ask(command);
    if (typeof wanted === 'string' ? said === wanted : wanted.test(said)) return;
    await guest.run(pause(0.1));
  }
  throw new Error(`${command}: ${said}; ${await guest.ask('dmesg | tail -n 8')}`);
}

/** The machine goes on as another one, from its snapshot. */
async function restored(): Promise<void> {
  guest.machine.stop();
  const bytes = await snapshotBytes(guest.machine);
  await guest.end();
  guest = await HeadlessGuest.restored(bytes, OPTIONS);
}

/** The ids of the devices that leave until `last` does. */
async function leave(last: string): Promise<readonly (string | undefined)[]> {
  const left: (string | undefined)[] = [];
  while (left.at(-1) !== last) {
    const event = await guest.event('DEVICE_DELETED');
    left.push(event.event === 'DEVICE_DELETED' ? event.data.device : undefined);
  }
  return left;
}

const read = (device: string, bytes: number): string =>
  `(head -c ${bytes} /dev/${device} | od -An -v -tx1 | tr -d "\\n" > /tmp/${device}) &`;

const CONTROLLERS = [
  {
    type: 'qemu-xhci',
    tree: /Driver=xhci_hcd\/4p, 5000M[\s\S]*Driver=xhci_hcd\/4p, 480M[\s\S]*Driver=usbhid, 480M[\s\S]*Driver=usbhid, 480M/,
    /** The address of the first device: Linux has it from the slot, or counts with the root hub. */
    first: 1,
    /** Buses are numbered as they are made. */
    bus: 0,
  },
  {
    type: 'usb-ehci',
    tree: /Driver=ehci-pci\/6p, 480M[\s\S]*Driver=usbhid, 480M[\s\S]*Driver=usbhid, 480M/,
    first: 2,
    bus: 1,
  },
] as const;

describe.each(CONTROLLERS)('$type', ({ type, tree, first, bus }) => {
  it('has a mouse, a tablet and a keyboard that Linux reads, before and after a snapshot', {
    timeout: 4 * MINUTES,
  }, async () => {
    expect(await guest.hmp(`device_add ${type},id=u`)).toBe('');
    await until('ls /sys/bus/usb/devices 2> /dev/null | grep -c usb1', '1');
    for (const [at, device] of ['usb-mouse,id=m', 'usb-tablet,id=t', 'usb-kbd,id=k'].entries()) {
      expect(await guest.hmp(`device_add ${device}`)).toBe('');
      await until(`ls /dev/hidraw${at} 2> /dev/null`, `/dev/hidraw${at}`);
    }
    expect(await guest.hmp('info usb')).toBe(
      `  Device ${bus}.${first}, Port 1, Speed 480 Mb/s, Product QEMU USB Mouse, ID: m\n` +
        `  Device ${bus}.${first + 1}, Port 2, Speed 480 Mb/s, Product QEMU USB Tablet, ID: t\n` +
        `  Device ${bus}.${first + 2}, Port 3, Speed 480 Mb/s, Product QEMU USB Keyboard, ID: k\n`,
    );
    expect(await guest.ask('lsusb -t')).toMatch(tree);
    await guest.run(`${read('hidraw0', 4)} ${read('hidraw2', 16)} sleep 1`);
    await restored();
    await guest.hmp('mouse_set 3');
    await guest.hmp('mouse_move 5 -3');
    await guest.hmp('sendkey shift-a');
    await until(
      'cat /tmp/hidraw0 /tmp/hidraw2',
      /^ 00 05 fd 00 02 00 00 00 00 00 00 00 02 00 04 00 00 00 00 00$/,
    );
  });

  it('loses a device that is read, then leaves with the others', { timeout: 4 * MINUTES }, async () => {
    await guest.run('(cat /dev/hidraw0 > /dev/null 2>&1; echo $? > /tmp/ended) & sleep 1');
    guest.takeEvents();
    expect(await guest.hmp('device_del m')).toBe('');
    await until('cat /tmp/ended; ls /dev/hidraw*', /^1\s+\/dev\/hidraw1\s+\/dev\/hidraw2$/);
    await leave('m');
    await guest.run('(cat /dev/hidraw2 > /dev/null 2>&1; echo $? > /tmp/ended) & sleep 1');
    expect(await guest.hmp('device_del u')).toBe('');
    expect(await leave('u')).toEqual(['k', 't', 'u']);
    await until('cat /tmp/ended; lsusb', '1');
    expect(await guest.hmp('info usb')).toBe('Error: USB support not enabled\n');
    expect(await guest.ask('dmesg | grep -c "BUG\\|Call Trace\\|not responding\\|died"')).toBe('0');
  });
});
