/** How answers looked. */
import { deviceListText, flatDeviceList } from '../hmp/device-help.ts';
import { type BlockStyle, blockText } from '../hmp/info-block.ts';
import { type CpuLine, cpusText } from '../hmp/info-cpus.ts';
import { pciText } from '../hmp/info-pci.ts';
import type { BlockInfo } from '../qapi/block-core-info.ts';
import type { Layouts } from './dialect.ts';

/** ` key=value`, or nothing where that does not apply. */
type BlockField = (info: BlockInfo) => string;

const ADDRESS_DIGITS = 16;
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r' };

const digit = (truth: boolean | undefined): number => (truth === true ? 1 : 0);
const escaped = (path: string): string => path.replaceAll(/["\\\n\r]/g, (c) => ESCAPES[c] ?? `\\${c}`);

const REMOVABLE: BlockField = ({ removable }) => ` removable=${digit(removable)}`;
const LOCKED: BlockField = ({ removable, locked }) => (removable ? ` locked=${digit(locked)}` : '');
const TRAY: BlockField = ({ removable, tray_open: open }) => (removable ? ` tray-open=${digit(open)}` : '');
const STATUS: BlockField = (info) =>
  info['io-status'] === undefined ? '' : ` io-status=${info['io-status']}`;
const MEDIUM: BlockField = ({ inserted }) =>
  inserted === undefined
    ? ' [not inserted]'
    : ` file=${escaped(inserted.file)} ro=${digit(inserted.ro)} drv=${inserted.drv} encrypted=${digit(inserted.encrypted)}`;
const LIMITS: BlockField = ({ inserted }) =>
  inserted === undefined
    ? ''
    : (['bps', 'bps_rd', 'bps_wr', 'iops', 'iops_rd', 'iops_wr'] as const)
        .map((name) => ` ${name}=${inserted[name]}`)
        .join('');

/** QEMU: up to 2.0 a drive that was deleted while a device had it was in no list any more. */
const named = (drives: readonly BlockInfo[]): readonly BlockInfo[] =>
  drives.filter(({ device }) => device !== '');

/** `info block` with a line for each drive. */
const blockLines =
  (...fields: readonly BlockField[]): Layouts['block'] =>
  (drives) =>
    named(drives)
      .map((drive) => `${drive.device}:${fields.map((field) => field(drive)).join('')}\n`)
      .join('');

function cpusWithPc(cpus: readonly CpuLine[]): string {
  return cpus
    .map(({ index, isCurrent, pc, halted, threadId }) => {
      const at = pc.toString(16).padStart(ADDRESS_DIGITS, '0');
      const state = halted ? ' (halted)' : '';
      return `${isCurrent ? '*' : ' '} CPU #${index}: pc=0x${at}${state} thread_id=${threadId}\n`;
    })
    .join('');
}

const WHOLE_BLOCK: BlockStyle = { tellsNode: true, tellsDevice: true, tellsCache: true, tellsGroup: true };
const BLOCK_2_0: BlockStyle = { tellsNode: false, tellsDevice: false, tellsCache: false, tellsGroup: false };

/** QEMU 7.2 */
export const CURRENT_LAYOUTS: Layouts = {
  block: (drives, nodes, options) => blockText(drives, nodes, options, WHOLE_BLOCK),
  pci: (buses) => pciText(buses, { tellsSubsystem: true, tellsPin: true }),
  cpus: cpusText,
  devices: (types) => deviceListText(types),
};

/** QEMU 5.1 */
export const LAYOUTS_5_1: Layouts = {
  ...CURRENT_LAYOUTS,
  devices: (types) => deviceListText(types, { hasWatchdogs: false }),
};

/** QEMU 2.0: several lines for a drive, devices by category. */
export const LAYOUTS_2_0: Layouts = {
  block: (drives, nodes, options) => blockText(named(drives), nodes, options, BLOCK_2_0),
  pci: (buses) => pciText(buses, { tellsSubsystem: false, tellsPin: false }),
  cpus: cpusWithPc,
  devices: (types) => deviceListText(types, { hasCpus: false, hasWatchdogs: false }),
};

/** QEMU 1.1 */
export const LAYOUTS_1_1: Layouts = {
  ...LAYOUTS_2_0,
  block: blockLines(REMOVABLE, LOCKED, TRAY, STATUS, MEDIUM, LIMITS),
  devices: (types) => flatDeviceList(types),
};

/** QEMU 1.5, as a transcript shows it which lessons quote: it calls the bus of disks another than the source does. */
export const LAYOUTS_1_5: Layouts = {
  ...LAYOUTS_1_1,
  devices: (types) => flatDeviceList(types, { 'virtio-blk-pci': 'virtio-bus' }),
};

/** qemu-kvm 0.15: no trays, no limits. */
export const LAYOUTS_0_15: Layouts = {
  ...LAYOUTS_1_1,
  block: blockLines(REMOVABLE, LOCKED, MEDIUM),
};
