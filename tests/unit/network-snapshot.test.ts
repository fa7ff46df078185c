/** A machine with a network through a snapshot and back. */
import { expect, it } from 'vitest';
import { Machine, type MachineHost, Monitor, SnapshotError } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { everything, machineOf, snapshotBytes } from '../support/snapshots.ts';
import { TestNetHost } from '../support/test-net-host.ts';

const MIB = 1 << 20;

function hostWith(network: TestNetHost): MachineHost {
  return {
    monotonicNs: () => 0,
    wallClockMs: () => 0,
    after() {},
    random: (bytes) => void bytes.fill(0),
    images: memoryImages(),
    network,
  };
}

async function hmp(machine: Machine, ...lines: readonly string[]): Promise<string> {
  const said: string[] = [];
  const monitor = new Monitor({ machine, stderr: (text) => void said.push(text) });
  for (const line of lines) said.push(await monitor.execute(line));
  return said.join('');
}

it('back ends, hubs, cards and links are there again, and ports of the host are listened at', async () => {
  const machine = new Machine({ memoryBytes: 16 * MIB }, hostWith(new TestNetHost()));
  const made = await hmp(
    machine,
    'netdev_add user,id=n1,net=192.168.7.0/24,hostfwd=tcp::5555-:22',
    'netdev_add hubport,id=h1,hubid=3,netdev=n1',
    'netdev_add hubport,id=h2,hubid=3',
    'device_add virtio-net-pci,netdev=h2,id=nic0,mac=52:54:00:00:00:07',
    'device_add virtio-net-pci,id=nic1',
    'set_link nic1 off',
  );
  expect(made).toBe('');
  const host = new TestNetHost();
  const restored = await machineOf(await snapshotBytes(machine), hostWith(host));
  expect(await everything(restored)).toEqual(await everything(machine));
  const told = await hmp(restored, 'info network');
  expect(told).toBe(await hmp(machine, 'info network'));
  expect(told).toContain('nic0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:00:00:07');
  expect([...host.listening.keys()]).toEqual([5555]);
  expect(restored.network.find('nic1')?.linkDown).toBe(true);
  // Closing the machine lets go of the host.
  await restored.close();
  expect(host.listening.size).toBe(0);
});

it('sockets listen again, and connections begin anew', async () => {
  const machine = new Machine({ memoryBytes: 16 * MIB }, hostWith(new TestNetHost()));
  const made = await hmp(
    machine,
    'netdev_add socket,id=s1,listen=:1234',
    'netdev_add socket,id=s2,connect=127.0.0.1:99',
    'netdev_add socket,id=s3,mcast=230.0.0.1:1234',
    'device_add virtio-net-pci,netdev=s2,id=nic0',
  );
  expect(made).toBe('');
  const host = new TestNetHost();
  const restored = await machineOf(await snapshotBytes(machine), hostWith(host));
  expect(await hmp(restored, 'info network')).toBe(await hmp(machine, 'info network'));
  expect([[...host.listening.keys()], host.tcp.length, host.udp.length]).toEqual([[1234], 1, 1]);
  await restored.close();
  expect([host.listening.size, host.tcp[0]?.log, host.udp[0]?.isClosed]).toEqual([0, ['destroy'], true]);
});

it('a port of the host that somebody else has by then is told in a sentence', async () => {
  const machine = new Machine({ memoryBytes: 16 * MIB }, hostWith(new TestNetHost()));
  await hmp(machine, 'netdev_add user,id=n1,hostfwd=tcp::5555-:22');
  const host = new TestNetHost();
  host.taken.add(5555);
  const restoring = machineOf(await snapshotBytes(machine), hostWith(host));
  await expect(restoring).rejects.toThrow(SnapshotError);
  await expect(restoring).rejects.toThrow("Could not set up host forwarding rule 'tcp::5555-:22'");
});

it('a card whose back end is gone is there again, and keeps what it has at its other end', async () => {
  const machine = new Machine({ memoryBytes: 16 * MIB }, hostWith(new TestNetHost()));
  const made = await hmp(
    machine,
    'netdev_add user,id=n1,net=192.168.7.0/24,hostfwd=tcp::5555-:22',
    'device_add e1000,netdev=n1,id=nic0',
    'device_add virtio-net-pci,id=nic1',
    'netdev_del n1',
    // Another of that name, which is not the card's.
    'netdev_add user,id=n1',
  );
  expect(made).toBe('');
  const host = new TestNetHost();
  const restored = await machineOf(await snapshotBytes(machine), hostWith(host));
  expect(await everything(restored)).toEqual(await everything(machine));
  const told = await hmp(restored, 'info network');
  // Back ends are made again before cards.
  const lines = (text: string): readonly string[] => text.split('\n').sort();
  expect(lines(told)).toEqual(lines(await hmp(machine, 'info network')));
  expect(told).toContain(' \\ n1: index=0,type=user,net=192.168.7.0');
  expect([...host.listening.keys()]).toEqual([]);
  // The other one is free for another card, and the card's own peer does no harm.
  expect(await hmp(restored, 'set_link nic0 on', 'device_add rtl8139,netdev=n1,id=nic2')).toBe('');
  await restored.close();
});
