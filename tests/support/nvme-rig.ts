/** An NVMe controller on a PCI bus, and its driver's tools. */
import type { BlockBackend } from '../../src/emu/block/block-backend.ts';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { Nvme, type NvmeSettings } from '../../src/emu/nvme/nvme.ts';
import { NvmeNamespace, type NvmeNamespaceProperties } from '../../src/emu/nvme/nvme-namespace.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { pciRig } from './pci-rig.ts';

export const NVME_DEFAULTS: NvmeSettings = {
  ...{ deviceId: 0x10, pairs: 64, vectors: 65, maxQueuedEvents: 64 },
  identity: {
    ...{ vendorId: 0x1b36, serial: 'SN-1', oui: [0x00, 0x54, 0x52], mdts: 7, vsl: 7, aerl: 3 },
    firmware: '7.2.22',
  },
};

export const NAMESPACE_DEFAULTS: NvmeNamespaceProperties = {
  nsid: 1,
  limits: {
    ...{
      logicalBlockSize: 512,
      physicalBlockSize: 512,
      minIoSize: 0,
      optIoSize: 0,
      discardGranularity: 4096,
    },
  },
  ...{ writeCache: true, isShared: false, uuid: undefined, eui64: 0n },
  ...{ maxSourceBlocks: 0, maxCopyBlocks: 0, maxSources: 0 },
};

export const RAM_BYTES = 4 << 20;
export const BAR = 0xfe00_0000;
export const DEVFN = pciDevfn(2, 0);

/** @param disks of the namespaces, with what is particular of each */
export function nvmeRig(
  disks: readonly (readonly [disk: BlockBackend, properties?: Partial<NvmeNamespaceProperties>])[],
  settings: NvmeSettings = NVME_DEFAULTS,
) {
  const memory = pcMemory(RAM_BYTES);
  const pci = pciRig(memory);
  const { clock } = pci;
  const card = new Nvme(settings, { clock, trace: QUIET });
  const errors: string[] = [];
  const namespaces = disks.map(([backend, own = {}], at) => {
    const properties = { ...NAMESPACE_DEFAULTS, nsid: at + 1, ...own };
    const gate = new DriveGate(clock);
    return new NvmeNamespace(properties, {
      ...{ backend, gate },
      onError: (operation, { code }) => {
        errors.push(`${operation} ${code}`);
        return 'report';
      },
    });
  });
  for (const namespace of namespaces) card.attachNamespace(namespace);
  pci.bus.add(card, DEVFN);
  return {
    ...pci,
    ...{ memory, card, namespaces, errors, mmio: pci.memory },
    bytes: (gpa: number, length: number) => {
      const target = new Uint8Array(length);
      memory.read(gpa, target);
      return target;
    },
    /** Lets the clock move. */
    pass: (ns: number) => {
      pci.time.ns += ns;
      clock.runDue();
    },
    /** Gives the function its place. */
    map: () => {
      pci.configWrite(DEVFN, 0x10, 4, BAR);
      pci.configWrite(DEVFN, 0x14, 4, 0);
      pci.configWrite(DEVFN, 4, 2, 6);
    },
  };
}
