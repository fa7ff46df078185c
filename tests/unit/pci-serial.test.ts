/** Serial ports on PCI, without a CPU. */
import { describe, expect, it } from 'vitest';
import { CharPipe } from '../../src/emu/char/char-backend.ts';
import { PciSerial } from '../../src/emu/chipset/pci-serial.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { pciRig } from '../support/pci-rig.ts';

const DEVFN = pciDevfn(2, 0);
const PORTS = 0xc000;

function cardOf(count: number) {
  const pci = pciRig();
  const sent: string[] = Array.from({ length: count }, () => '');
  const pipes = sent.map(
    (_, at) =>
      new CharPipe((bytes) => {
        sent[at] += Buffer.from(bytes).toString('latin1');
      }),
  );
  const card = new PciSerial({
    ...{ type: 'pci-serial', programmingInterface: 2, backends: pipes, clock: pci.clock, trace: QUIET },
  });
  pci.bus.add(card, DEVFN);
  const map = (): void => {
    pci.configWrite(DEVFN, 0x10, 4, PORTS);
    pci.configWrite(DEVFN, 4, 2, 1);
  };
  return { ...pci, card, pipes, sent, map, pin: () => pci.pirqs.some(({ level }) => level) };
}

function rigOf(count: number) {
  const rig = cardOf(count);
  rig.map();
  return rig;
}

describe('serial ports on PCI', () => {
  // Configuration space as QEMU 7.2's, read over qtest.
  it.each([
    [1, 0x0002, 0xfff9],
    [2, 0x0003, 0xfff1],
    [4, 0x0004, 0xffe1],
  ])('%i of them say what they are', (count, device, size) => {
    const rig = rigOf(count);
    expect(rig.configRead(DEVFN, 0, 4)).toBe(device * 0x1_0000 + 0x1b36);
    expect(rig.configRead(DEVFN, 8, 4)).toBe(0x0700_0201);
    expect(rig.configRead(DEVFN, 0x3d, 1)).toBe(1);
    rig.configWrite(DEVFN, 0x10, 4, 0xffff_ffff);
    expect(rig.configRead(DEVFN, 0x10, 4) & 0xffff).toBe(size);
  });

  it('send, receive, and share the pin', () => {
    const { io, sent, pipes, pin } = rigOf(2);
    io.write(PORTS, 1, 0x61);
    io.write(PORTS + 8, 1, 0x62);
    expect(sent).toEqual(['a', 'b']);
    io.write(PORTS + 1, 1, 1);
    io.write(PORTS + 9, 1, 1);
    pipes[0]?.send(Buffer.from('x'));
    pipes[1]?.send(Buffer.from('y'));
    expect([pin(), io.read(PORTS + 8, 1)]).toEqual([true, 0x79]);
    expect([pin(), io.read(PORTS, 1), pin()]).toEqual([true, 0x78, false]);
    // A wider access is one of bytes.
    io.write(PORTS + 7, 1, 0x55);
    io.write(PORTS + 0x0f, 1, 0x66);
    expect([io.read(PORTS + 6, 2), io.read(PORTS + 0x0e, 2)]).toEqual([0x55b0, 0x66b0]);
  });

  it('find no access of a hostile driver that throws', () => {
    const { card } = rigOf(4);
    const [bar] = card.bars;
    if (bar !== undefined) fuzz(bar.handler, 40, card);
  });
});

const rigs = new WeakMap<object, ReturnType<typeof rigOf>>();

deviceContract(
  'pci-serial',
  () => {
    const rig = cardOf(2);
    rigs.set(rig.card, rig);
    return rig.card;
  },
  (card) => {
    const rig = rigs.get(card);
    rig?.map();
    rig?.io.write(PORTS + 9, 1, 1);
    rig?.io.write(PORTS + 7, 1, 0x77);
    rig?.pipes[1]?.send(Buffer.from('z'));
  },
  (card) => card.save(),
);
