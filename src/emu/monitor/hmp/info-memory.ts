/** `info memdev`, `info memory-devices` and `info memory_size_summary`. */
import { numberRangesText } from '../../qdev/number-list.ts';
import type { Memdev, MemoryDeviceInfo, MemorySizes } from '../qapi/machine.ts';

export function memdevText(memdevs: readonly Memdev[]): string {
  const blocks = memdevs.map(({ id, size, merge, dump, prealloc, share, reserve, policy, ...more }) =>
    [
      `memory backend: ${id}`,
      `  size:  ${size}`,
      `  merge: ${merge}`,
      `  dump: ${dump}`,
      `  prealloc: ${prealloc}`,
      `  share: ${share}`,
      `  reserve: ${reserve}`,
      `  policy: ${policy}`,
      `  host nodes: ${numberRangesText(more['host-nodes'])}\n`,
    ].join('\n'),
  );
  return `${blocks.join('')}\n`;
}

export function memoryDevicesText(devices: readonly MemoryDeviceInfo[]): string {
  return devices.map(deviceText).join('');
}

const hex = (address: number | bigint): string => `0x${address.toString(16)}`;

/** What each kind shows of itself. QEMU: those that this machine has not are shown by QEMU alone. */
function linesOf(info: MemoryDeviceInfo): readonly (readonly [name: string, value: unknown])[] {
  switch (info.type) {
    case 'dimm': {
      const { addr, slot, node, size, memdev, hotplugged, hotpluggable } = info.data;
      return [['addr', hex(addr)], ...Object.entries({ slot, node, size, memdev, hotplugged, hotpluggable })];
    }
    case 'virtio-mem': {
      const { memaddr, node, memdev } = info.data;
      const { 'requested-size': requested, size, 'max-size': most, 'block-size': block } = info.data;
      return [
        ['memaddr', hex(memaddr)],
        ['node', node],
        ...Object.entries({
          'requested-size': requested,
          size,
          'max-size': most,
          'block-size': block,
          memdev,
        }),
      ];
    }
    default:
      return [];
  }
}

function deviceText(info: MemoryDeviceInfo): string {
  const lines = linesOf(info).map(([name, value]) => `  ${name}: ${value}\n`);
  return `Memory device [${info.type}]: "${info.data.id ?? ''}"\n${lines.join('')}`;
}

export function memorySizeText(sizes: MemorySizes): string {
  return `base memory: ${sizes['base-memory']}\nplugged memory: ${sizes['plugged-memory']}\n`;
}
