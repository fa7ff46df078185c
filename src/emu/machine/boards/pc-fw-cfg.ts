/** What fw_cfg of the pc board tells firmware. Not modelled: what only SeaBIOS reads to build tables, as `etc/table-loader`. */
import * as fwCfg from '../../chipset/fw-cfg.ts';
import type { Clock } from '../../core/clock.ts';
import type { Trace } from '../../core/trace.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { BootConfig } from '../boot-config.ts';
import { uuidBytes } from '../uuid.ts';

export interface FwCfgFacts {
  readonly uuid: string;
  readonly ramBytes: number;
  readonly cpus: number;
  /** QEMU: the APIC ids that processors can have, not their number. */
  readonly apicIds: number;
  readonly boot: BootConfig;
}

const IRQ0_OVERRIDE = 1;

export function pcFwCfg(memory: GuestMemory, clock: Clock, trace: Trace, facts: FwCfgFacts): fwCfg.FwCfg {
  const { uuid, ramBytes, cpus, apicIds, boot } = facts;
  const device = new fwCfg.FwCfg(memory, clock, trace);
  device.addKey(fwCfg.FW_CFG_UUID, uuidBytes(uuid));
  device.addNumber(fwCfg.FW_CFG_RAM_SIZE, 8, ramBytes);
  device.addNumber(fwCfg.FW_CFG_NOGRAPHIC, 2, 0);
  device.addNumber(fwCfg.FW_CFG_NB_CPUS, 2, cpus);
  device.addNumber(fwCfg.FW_CFG_MAX_CPUS, 2, apicIds);
  device.addNumber(fwCfg.FW_CFG_BOOT_MENU, 2, boot.menu === true ? 1 : 0);
  device.addNumber(fwCfg.FW_CFG_IRQ0_OVERRIDE, 4, IRQ0_OVERRIDE);
  addTime(device, 'etc/boot-fail-wait', 4, boot.rebootTimeoutMs ?? -1);
  if (boot.splashTimeMs !== undefined) addTime(device, 'etc/boot-menu-wait', 2, boot.splashTimeMs);
  for (const { name, bytes } of boot.files ?? []) device.addFile(name, bytes);
  return device;
}

/** Little-endian; -1 in four bytes is the largest number. */
function addTime(device: fwCfg.FwCfg, name: string, size: 2 | 4, ms: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, ms, true);
  device.addFile(name, bytes.subarray(0, size));
}

/** What is told when all NUMA nodes are known. @param cpus the node of each place, by its APIC id */
export function addNumaKey(
  device: fwCfg.FwCfg,
  apicIds: number,
  cpus: readonly { readonly apicId: number; readonly node: number | undefined }[],
  nodes: readonly { readonly ramBytes: number }[],
): void {
  // The number of nodes, the node of each APIC id, the bytes of each node.
  const words = new BigUint64Array(1 + apicIds + nodes.length);
  words[0] = BigInt(nodes.length);
  for (const { apicId, node = 0 } of cpus) words[1 + apicId] = BigInt(node);
  for (const [node, { ramBytes }] of nodes.entries()) words[1 + apicIds + node] = BigInt(ramBytes);
  device.addKey(fwCfg.FW_CFG_NUMA, new Uint8Array(words.buffer));
}
