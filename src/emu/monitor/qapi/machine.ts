/** Processors, memory, and the machine as a whole. Spec: QEMU qapi/machine.json, qapi/machine-target.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { HotpluggableCpu, MachineApi, MemoryDevice } from '../../machine/machine-api.ts';
import {
  CURRENT_MACHINE,
  DEFAULT_CPU_TYPE,
  MACHINES,
  type MachineVersion,
} from '../../machine/machine-versions.ts';
import { CPU_INSTANCE_PROPERTIES } from '../../machine/numa-options.ts';
import {
  BOOL,
  enumeration,
  INT,
  type Infer,
  list,
  optional,
  SIZE,
  STR,
  struct,
  UINT16,
  union,
} from '../../qapi/schema.ts';
import { command } from './context.ts';

const SYS_EMU_TARGET = enumeration('SysEmuTarget', [
  ...([
    'aarch64',
    'alpha',
    'arm',
    'avr',
    'cris',
    'hppa',
    'i386',
    'loongarch64',
    'm68k',
    'microblaze',
  ] as const),
  ...(['microblazeel', 'mips', 'mips64', 'mips64el', 'mipsel', 'nios2', 'or1k', 'ppc', 'ppc64'] as const),
  ...([
    'riscv32',
    'riscv64',
    'rx',
    's390x',
    'sh4',
    'sh4eb',
    'sparc',
    'sparc64',
    'tricore',
    'x86_64',
  ] as const),
  ...(['xtensa', 'xtensaeb'] as const),
]);
const CPU_S390_STATE = enumeration('CpuS390State', [
  ...(['uninitialized', 'stopped', 'check-stop', 'operating', 'load'] as const),
]);
export const CPU_INFO_FAST_BASE = {
  ...{ 'cpu-index': INT, 'qom-path': STR, 'thread-id': INT },
  props: optional(CPU_INSTANCE_PROPERTIES),
  target: SYS_EMU_TARGET,
} as const;
export const CPU_INFO_FAST_BRANCHES = { s390x: struct({ 'cpu-state': CPU_S390_STATE }) } as const;
const CPU_INFO_FAST = union(CPU_INFO_FAST_BASE, 'target', CPU_INFO_FAST_BRANCHES);
const HOTPLUGGABLE_CPU = struct({
  ...{ type: STR, 'vcpus-count': INT },
  props: CPU_INSTANCE_PROPERTIES,
  'qom-path': optional(STR),
});
const MACHINE_INFO = struct({
  ...{ name: STR, alias: optional(STR), 'is-default': optional(BOOL), 'cpu-max': INT },
  ...{ 'hotpluggable-cpus': BOOL, 'numa-mem-supported': BOOL, deprecated: BOOL },
  ...{ 'default-cpu-type': optional(STR), 'default-ram-id': optional(STR) },
});
export const HOST_MEM_POLICY = enumeration('HostMemPolicy', ['default', 'preferred', 'bind', 'interleave']);
const MEMDEV = struct({
  ...{ id: optional(STR), size: SIZE },
  ...{ merge: BOOL, dump: BOOL, prealloc: BOOL, share: BOOL, reserve: optional(BOOL) },
  ...{ 'host-nodes': list(UINT16), policy: HOST_MEM_POLICY },
});
const PC_DIMM_DEVICE_INFO = struct({
  ...{ id: optional(STR), addr: INT, size: INT, slot: INT, node: INT, memdev: STR },
  ...{ hotplugged: BOOL, hotpluggable: BOOL },
});
const VIRTIO_PMEM_DEVICE_INFO = struct({ id: optional(STR), memaddr: SIZE, size: SIZE, memdev: STR });
const VIRTIO_MEM_DEVICE_INFO = struct({
  ...{ id: optional(STR), memaddr: SIZE, 'requested-size': SIZE, size: SIZE, 'max-size': SIZE },
  ...{ 'block-size': SIZE, node: INT, memdev: STR },
});
const SGX_EPC_DEVICE_INFO = struct({ id: optional(STR), memaddr: SIZE, size: SIZE, node: INT, memdev: STR });
const MEMORY_DEVICE_INFO = union(
  {
    type: enumeration('MemoryDeviceInfoKind', ['dimm', 'nvdimm', 'virtio-pmem', 'virtio-mem', 'sgx-epc']),
  },
  'type',
  {
    dimm: struct({ data: PC_DIMM_DEVICE_INFO }),
    nvdimm: struct({ data: PC_DIMM_DEVICE_INFO }),
    'virtio-pmem': struct({ data: VIRTIO_PMEM_DEVICE_INFO }),
    'virtio-mem': struct({ data: VIRTIO_MEM_DEVICE_INFO }),
    'sgx-epc': struct({ data: SGX_EPC_DEVICE_INFO }),
  },
);
const MEMORY_INFO = struct({ 'base-memory': SIZE, 'plugged-memory': optional(SIZE) });
const UUID_INFO = struct({ UUID: STR });
const KVM_INFO = struct({ enabled: BOOL, present: BOOL });
const BALLOON_INFO = struct({ actual: INT });

export type CpuInfoFast = Infer<typeof CPU_INFO_FAST>;
export type HotpluggableCpuInfo = Infer<typeof HOTPLUGGABLE_CPU>;
export type Memdev = Infer<typeof MEMDEV>;
export type MemorySizes = Infer<typeof MEMORY_INFO>;
export type MemoryDeviceInfo = Infer<typeof MEMORY_DEVICE_INFO>;

function propsOf({ place, hasDies, node }: HotpluggableCpu): Infer<typeof CPU_INSTANCE_PROPERTIES> {
  return {
    'node-id': node,
    'socket-id': place.socket,
    'die-id': hasDies ? place.die : undefined,
    'core-id': place.core,
    'thread-id': place.thread,
  };
}

/** The oldest first. */
export function queryCpusFast(machine: MachineApi): readonly CpuInfoFast[] {
  const places = machine.inspect.hotpluggableCpus();
  return machine.inspect.cpus().map(({ index, qomPath, threadId }): CpuInfoFast => {
    const place = places[index];
    return {
      'cpu-index': index,
      'qom-path': qomPath,
      'thread-id': threadId,
      props: place && propsOf(place),
      target: 'x86_64',
    };
  });
}

/** QEMU: the last place comes first. */
export function queryHotpluggableCpus({ inspect }: MachineApi): readonly HotpluggableCpuInfo[] {
  const places = inspect.hotpluggableCpus();
  if (places.length === 0) throw new MonitorError("The feature 'query-hotpluggable-cpus' is not enabled");
  return places
    .map((cpu) => ({ type: cpu.type, 'vcpus-count': 1, props: propsOf(cpu), 'qom-path': cpu.qomPath }))
    .reverse();
}

export function queryMemdev({ inspect }: MachineApi): readonly Memdev[] {
  return inspect.memory.backends().map(({ name, sizeBytes, settings: { hostNodes, ...settings } }) => ({
    ...{ id: name, size: sizeBytes },
    ...settings,
    'host-nodes': hostNodes,
  }));
}

function memoryDeviceInfo(device: MemoryDevice): MemoryDeviceInfo {
  const { addr, node, sizeBytes, memdev } = device;
  // QEMU: a device without an id has none here either.
  const id = device.id === '' ? undefined : device.id;
  if (device.kind === 'dimm') {
    const { slot, hotplugged, hotpluggable } = device;
    const data = { id, addr, size: sizeBytes, slot, node, memdev, hotplugged, hotpluggable };
    return { type: 'dimm', data };
  }
  const { requestedBytes, pluggedBytes, blockBytes } = device;
  const sizes = { 'requested-size': requestedBytes, size: pluggedBytes, 'max-size': sizeBytes };
  return {
    type: 'virtio-mem',
    data: { id, memaddr: addr, ...sizes, 'block-size': blockBytes, node, memdev },
  };
}

/** By address. */
export function queryMemoryDevices({ inspect }: MachineApi): readonly MemoryDeviceInfo[] {
  return inspect.memory.devices().map(memoryDeviceInfo);
}

export function queryMemorySizeSummary({ inspect }: MachineApi): MemorySizes {
  const { base, plugged } = inspect.memory.sizes;
  return { 'base-memory': base, 'plugged-memory': plugged };
}

/** Throws QEMU's error. */
export function queryBalloon({ balloon }: MachineApi): Infer<typeof BALLOON_INFO> {
  return { actual: BigInt.asIntN(64, balloon.actualBytes) };
}

/** QEMU: that of a machine for which nobody gave one. */
export function queryUuid({ inspect }: MachineApi): Infer<typeof UUID_INFO> {
  return { UUID: inspect.uuid };
}

export function queryKvm(): Infer<typeof KVM_INFO> {
  return { enabled: false, present: true };
}

const CPU_MAX = 255;

function machineInfo({ name, node, isEmpty }: MachineVersion): Infer<typeof MACHINE_INFO> {
  const common = { name, deprecated: false };
  if (isEmpty) {
    const none = { 'hotpluggable-cpus': false, 'numa-mem-supported': false, 'default-ram-id': 'ram' };
    return { ...common, 'cpu-max': 1, ...none };
  }
  const isDefault = name === CURRENT_MACHINE;
  return {
    ...common,
    alias: isDefault ? 'pc' : undefined,
    'is-default': isDefault ? true : undefined,
    'cpu-max': CPU_MAX,
    'hotpluggable-cpus': true,
    // QEMU: until 5.0 a node had memory without a back end.
    'numa-mem-supported': !node.withoutSlots,
    'default-cpu-type': DEFAULT_CPU_TYPE,
    'default-ram-id': 'pc.ram',
  };
}

export const MACHINE_COMMANDS = [
  command('query-cpus-fast', {
    returns: list(CPU_INFO_FAST),
    run: ({ machine }) => queryCpusFast(machine),
  }),
  command('query-machines', {
    returns: list(MACHINE_INFO),
    run: () => MACHINES.map(machineInfo),
  }),
  command('query-current-machine', {
    returns: struct({ 'wakeup-suspend-support': BOOL }),
    run: ({ machine }) => ({ 'wakeup-suspend-support': machine.inspect.hasPciBus }),
  }),
  command('query-target', {
    returns: struct({ arch: SYS_EMU_TARGET }),
    run: () => ({ arch: 'x86_64' as const }),
  }),
  command('query-uuid', {
    returns: UUID_INFO,
    allowPreconfig: true,
    run: ({ machine }) => queryUuid(machine),
  }),
  command('query-kvm', {
    returns: KVM_INFO,
    run: queryKvm,
  }),
  command('inject-nmi', { run: ({ machine }) => machine.signals.nmi() }),
  command('system_reset', { run: ({ machine }) => machine.reset() }),
  command('system_powerdown', { run: ({ machine }) => machine.powerButton() }),
  command('query-memdev', {
    returns: list(MEMDEV),
    allowPreconfig: true,
    run: ({ machine }) => queryMemdev(machine),
  }),
  command('query-hotpluggable-cpus', {
    returns: list(HOTPLUGGABLE_CPU),
    allowPreconfig: true,
    run: ({ machine }) => queryHotpluggableCpus(machine),
  }),
  command('balloon', {
    args: struct({ value: INT }),
    run: ({ machine }, { value }) => machine.balloon.setTarget(Number(value)),
  }),
  command('query-balloon', { returns: BALLOON_INFO, run: ({ machine }) => queryBalloon(machine) }),
  command('query-memory-size-summary', {
    returns: MEMORY_INFO,
    run: ({ machine }) => queryMemorySizeSummary(machine),
  }),
  command('query-memory-devices', {
    returns: list(MEMORY_DEVICE_INFO),
    run: ({ machine }) => queryMemoryDevices(machine),
  }),
];
