/** `info memdev`, `info memory-devices` and `info memory_size_summary`. */
import type { MemoryApi, MemoryDevice } from '../../machine/machine-api.ts';

type Backends = ReturnType<MemoryApi['backends']>;

/** QEMU: the order is that of a hash table. */
export function memdevText(backends: Backends): string {
  const blocks = backends.map(({ name, sizeBytes, settings }) =>
    [
      `memory backend: ${name}`,
      `  size:  ${sizeBytes}`,
      `  merge: ${settings.merge}`,
      `  dump: ${settings.dump}`,
      `  prealloc: ${settings.prealloc}`,
      `  share: ${settings.share}`,
      `  reserve: ${settings.reserve}`,
      '  policy: default',
      '  host nodes: \n',
    ].join('\n'),
  );
  return `${blocks.join('')}\n`;
}

export function memoryDevicesText(devices: readonly MemoryDevice[]): string {
  return devices.map(deviceText).join('');
}

function deviceText(device: MemoryDevice): string {
  const { id, addr, node, sizeBytes, memdev } = device;
  const at = `0x${addr.toString(16)}`;
  const lines =
    device.kind === 'dimm'
      ? [
          `addr: ${at}`,
          `slot: ${device.slot}`,
          `node: ${node}`,
          `size: ${sizeBytes}`,
          `memdev: ${memdev}`,
          `hotplugged: ${device.hotplugged}`,
          `hotpluggable: ${device.hotpluggable}`,
        ]
      : [
          `memaddr: ${at}`,
          `node: ${node}`,
          `requested-size: ${device.requestedBytes}`,
          `size: ${device.pluggedBytes}`,
          `max-size: ${sizeBytes}`,
          `block-size: ${device.blockBytes}`,
          `memdev: ${memdev}`,
        ];
  return `Memory device [${device.kind}]: "${id}"\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

export function memorySizeText({ base, plugged }: MemoryApi['sizes']): string {
  return `base memory: ${base}\nplugged memory: ${plugged}\n`;
}
