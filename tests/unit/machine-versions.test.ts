/** Versions of the board: each makes every device, with the defaults that QEMU 7.2's `info qtree` shows for it. */
import { describe, expect, it } from 'vitest';
import { Machine, Monitor } from '../../src/emu/index.ts';
import { MACHINE_VERSIONS } from '../../src/emu/machine/machine-versions.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 2 ** 20;

function machineOf(machineType: string, cpu?: string) {
  const images = memoryImages();
  const host = { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images };
  const dimms = { slots: 2, maxBytes: 1024 * MIB };
  const smp = { cpus: 1, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 };
  return new Machine({ memoryBytes: 256 * MIB, machineType, cpu, dimms, smp }, host);
}

describe.each(MACHINE_VERSIONS.map(({ name }) => name))('%s', (name) => {
  it('makes every device, and each is where it belongs', async () => {
    const machine = machineOf(name);
    const monitor = new Monitor({ machine });
    for (const line of [
      'object_add memory-backend-ram,id=a,size=128M',
      'object_add memory-backend-ram,id=b,size=128M',
      'device_add pc-dimm,id=dimm,memdev=a',
      'device_add virtio-mem-pci,id=mem,memdev=b',
      'device_add virtio-balloon-pci,id=balloon',
      'device_add virtio-rng-pci,id=rng',
      'device_add virtio-serial-pci,id=serial',
      'device_add virtconsole,id=console,bus=serial.0,chardev=ring',
      'device_add qemu64-x86_64-cpu,id=cpu,socket-id=1,core-id=0,thread-id=0',
    ]) {
      if (line.includes('virtconsole')) await monitor.execute('chardev-add ringbuf,id=ring');
      expect(await monitor.execute(line), line).toBe('');
    }
    const devices = await monitor.execute('info memory-devices');
    expect(devices).toContain('"dimm"');
    expect(devices).toContain('"mem"');
    expect(await monitor.execute('qom-set mem requested-size 64M')).toBe('');
    expect(await monitor.execute('device_del mem')).toContain('cannot be unplugged');
    const old = ['2.7', '2.8', '2.9', '2.10'].some((version) => name.endsWith(`-${version}`));
    expect(await monitor.execute('info numa')).toBe(
      old ? '0 nodes\n' : '1 nodes\nnode 0 cpus: 0 1\nnode 0 size: 384 MB\nnode 0 plugged: 128 MB\n',
    );
    expect((await monitor.execute('info hotpluggable-cpus')).includes('node-id: "0"')).toBe(!old);
    await machine.close();
  });
});

it.each([
  ['pc-i440fx-7.2', 'qemu64', true],
  ['pc-i440fx-7.1', 'Opteron_G1', true],
  ['pc-i440fx-7.0', 'qemu64', false],
  ['pc-i440fx-7.2', 'IvyBridge', false],
  ['pc-i440fx-7.2', 'IvyBridge,vendor=AuthenticAMD', true],
])('%s with %s keeps the addresses of HyperTransport: %s', async (machineType, cpu, keeps) => {
  const machine = machineOf(machineType, cpu);
  expect(machine.board.hypertransport).toBe(keeps);
  await machine.close();
});

it.each([
  ['7.2', 'virtio-rng-pci', ['vectors = 2 (0x2)', 'queue_reset = true', 'x-ats-page-aligned = true']],
  ['7.1', 'virtio-rng-pci', ['vectors = 0 (0x0)', 'queue_reset = false', 'x-ats-page-aligned = true']],
  ['5.1', 'virtio-rng-pci', ['x-ats-page-aligned = false', 'x-disable-legacy-check = false']],
  ['4.2', 'virtio-rng-pci', ['use-disabled-flag = false', 'x-pcie-flr-init = true']],
  ['4.0', 'virtio-rng-pci', ['use-started = false', 'x-pcie-flr-init = false']],
  ['2.9', 'virtio-rng-pci', ['page-per-vq = false', 'x-pcie-extcap-init = true']],
  ['2.8', 'virtio-serial-pci', ['x-pcie-extcap-init = false', 'emergency-write = true']],
  ['2.7', 'virtio-serial-pci', ['page-per-vq = true', 'x-ignore-backend-features = true', 'migrate = false']],
  ['2.7', 'virtio-serial-pci', ['emergency-write = false']],
])('pc-i440fx-%s: %s has %o', async (version, type, lines) => {
  const machine = machineOf(`pc-i440fx-${version}`);
  const monitor = new Monitor({ machine });
  await monitor.execute(`device_add ${type}`);
  const tree = await monitor.execute('info qtree');
  for (const line of lines) expect(tree).toContain(line);
  await machine.close();
});
