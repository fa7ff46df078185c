/** A whole machine with full buses, without a running processor: a hand plays the guest's ACPI code. */
import { describe, expect, it } from 'vitest';
import { Machine, type MachineConfig, Monitor } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { machineOf, snapshotBytes } from '../support/snapshots.ts';

const MIB = 2 ** 20;
const BNUM = 0xae10;
const PCID = 0xae04;
const B0EJ = 0xae08;

function hostOf(images = memoryImages()) {
  return { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images };
}

/** @param devices there from the start, each as after -device */
async function started(devices: readonly string[], config: Partial<MachineConfig> = {}) {
  const images = memoryImages();
  const machine = new Machine({ memoryBytes: 64 * MIB, coldPlug: true, ...config }, hostOf(images));
  const monitor = new Monitor({ machine });
  const deleted: string[] = [];
  machine.events.listen((told) => {
    if (told.event === 'DEVICE_DELETED' && told.data.device !== undefined) deleted.push(told.data.device);
  });
  machine.completeNuma();
  for (const device of devices) expect(await monitor.execute(`device_add ${device}`)).toBe('');
  machine.devices.machineReady();
  return { machine, monitor, images, deleted };
}

/** The guest lets go of every slot that it is asked for. */
function eject({ board: { ports } }: Machine, bsel: number): void {
  ports.write(BNUM, 4, bsel);
  for (let slots = ports.read(PCID, 4); slots !== 0; slots = ports.read(PCID, 4))
    ports.write(B0EJ, 4, slots & -slots);
}

describe('disks on all slots', () => {
  it('of the root and of a bridge come and go; one more is refused, and its drive stays free', async () => {
    const { machine, monitor, images, deleted } = await started(['pci-bridge,id=b1,chassis_nr=1,addr=2']);
    const names = [
      ...Array.from({ length: 29 }, (_, at) => ['pci.0', `r${at}`] as const),
      ...Array.from({ length: 32 }, (_, at) => ['b1', `b${at}`] as const),
    ];
    const plug = async (bus: string, name: string): Promise<string> => {
      await images.createEmpty(`/tmp/${name}.img`, MIB);
      await monitor.execute(`drive_add 0 if=none,file=/tmp/${name}.img,format=raw,id=${name}`);
      return await monitor.execute(`device_add virtio-blk-pci,drive=${name},id=disk-${name},bus=${bus}`);
    };
    for (const [bus, name] of names) expect(await plug(bus, name)).toBe('');
    const full = 'Error: PCI: no slot/function available for virtio-blk-pci, all in use or reserved\n';
    expect([await plug('pci.0', 'more'), await plug('b1', 'even')]).toEqual([full, full]);
    expect((await monitor.execute('info block')).match(/Attached to:/g)).toHaveLength(names.length);
    for (const name of ['more', 'even']) expect(await monitor.execute(`drive_del ${name}`)).toBe('');
    for (const [, name] of names) expect(await monitor.execute(`device_del disk-${name}`)).toBe('');
    for (const bsel of [0, 1]) eject(machine, bsel);
    expect(deleted).toEqual(names.map(([, name]) => `disk-${name}`));
    await machine.drives.settled();
    expect(await monitor.execute('info block')).toBe('');
    await machine.close();
  });
});

describe('slot 0 behind a bridge with a controller', () => {
  it('is refused once the card is made, which lets go of what it took: as QEMU 7.2 does', async () => {
    const config = { dimms: { slots: 1, maxBytes: 512 * MIB } };
    const { machine, monitor, images } = await started([], config);
    const events: string[] = [];
    machine.events.listen((told) => {
      if (told.event === 'DEVICE_DELETED') events.push(told.data.path);
    });
    await images.createEmpty('/tmp/d.img', MIB);
    for (const [line, answer] of [
      ['device_add pci-bridge,id=h,chassis_nr=2', ''],
      ['drive_add 0 if=none,file=/tmp/d.img,format=raw,id=d', 'OK\n'],
      ['object_add memory-backend-ram,id=mem,size=128M', ''],
    ] as const)
      expect(await monitor.execute(line)).toBe(answer);
    const refused =
      'Error: Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31.\n';
    expect(await monitor.execute('device_add virtio-blk-pci,id=x,drive=d,bus=h')).toBe(refused);
    expect(await monitor.execute('device_add virtio-mem-pci,id=y,memdev=mem,bus=h,addr=0')).toBe(refused);
    expect(events).toEqual(['x', 'y'].map((id) => `/machine/peripheral/${id}/virtio-backend`));
    // QEMU: a drive of drive_add goes with the device that had it.
    expect(await monitor.execute('info block')).toBe('');
    expect(await monitor.execute('info memory-devices')).toBe('');
    expect(await monitor.execute('object_del mem')).toBe('');
    expect(machine.memory.regions.some(({ gpa }) => gpa >= 2 ** 32)).toBe(false);
    await machine.close();
  });
});

describe('a snapshot', () => {
  it('has bridges there from the start, others that came, what is behind both, and chosen defaults', async () => {
    const globals = [
      { driver: 'PIIX4_PM', property: 'acpi-pci-hotplug-with-bridge-support', value: false },
      { driver: 'virtio-rng-pci', property: 'vectors', value: 5 },
    ];
    const { machine, monitor } = await started(
      ['pci-bridge,id=b1,chassis_nr=1', 'i82801b11-bridge,id=b2,bus=b1,addr=1', 'virtio-rng-pci,bus=b2'],
      { globals },
    );
    expect(await monitor.execute('device_add pci-bridge,id=h1,chassis_nr=3,bus=b1,addr=4')).toBe('');
    expect(await monitor.execute('device_add virtio-rng-pci,id=r1,bus=h1,addr=3')).toBe('');
    const restored = await machineOf(await snapshotBytes(machine), hostOf());
    const again = new Monitor({ machine: restored });
    const tree = await monitor.execute('info qtree');
    expect(tree).toContain('acpi-pci-hotplug-with-bridge-support = false');
    expect(tree.match(/vectors = 5/g)).toHaveLength(2);
    for (const line of ['info pci', 'info qtree', 'info mtree'])
      expect(await again.execute(line)).toBe(await monitor.execute(line));
    // The controller of the bridge knows the slot as it was: nobody has switched it on.
    expect(await again.execute('device_del r1')).toBe('');
    expect(restored.devices.tree.find('r1')).toBeUndefined();
    await restored.close();
    await machine.close();
  });
});
