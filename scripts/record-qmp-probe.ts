/**
 * What a manager of virtual machines asks QEMU over QMP: once, to learn what this QEMU can do, and then of each machine that it starts. The order is
 * that of libvirt, as its documentation and its recorded dialogues show it.
 */
import type { QmpFlow } from './record-qmp-packets.ts';

const run = (command: string, args?: object): string =>
  JSON.stringify(args === undefined ? { execute: command } : { execute: command, arguments: args });

/** Types whose properties a manager looks up, be they there or not. */
const DEVICES = [
  ...['virtio-blk-pci', 'virtio-balloon-pci', 'virtio-rng-pci', 'virtio-serial-pci', 'virtio-mem-pci'],
  ...['virtserialport', 'virtconsole', 'pc-dimm', 'PIIX4_PM', 'i440FX-pcihost', 'isa-serial', 'hpet'],
  ...['virtio-net-pci', 'scsi-hd', 'usb-host', 'nvdimm', 'virtio-pci', 'nope'],
];
/** Types of objects that are no devices. */
const OBJECTS = [
  ...['memory-backend-ram', 'memory-backend-file', 'rng-builtin', 'rng-random', 'sev-guest', 'iothread'],
  ...['qemu64-x86_64-cpu', 'pc-i440fx-7.2-machine', 'virtio-pci', 'virtio-rng-pci', 'nope'],
];

const PROBE: readonly string[] = [
  run('qmp_capabilities'),
  run('query-version'),
  run('query-target'),
  run('query-commands'),
  run('query-kvm'),
  run('qom-list-types'),
  run('qom-list-types', { implements: 'virtio-pci', abstract: false }),
  run('qom-list-types', { implements: 'device', abstract: true }),
  run('qom-list-types', { implements: 'nope' }),
  run('qom-list-types', { abstract: 1 }),
  ...DEVICES.map((typename) => run('device-list-properties', { typename })),
  ...OBJECTS.map((typename) => run('qom-list-properties', { typename })),
  run('query-machines'),
  run('query-cpu-definitions'),
  run('query-tpm-models'),
  run('query-tpm-types'),
  run('query-command-line-options'),
  run('query-command-line-options', { option: 'chardev' }),
  run('query-command-line-options', { option: 'nope' }),
  run('query-migrate-capabilities'),
  run('query-sgx-capabilities'),
  run('query-sev-capabilities'),
  run('query-gic-capabilities'),
  run('query-accelerators'),
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'nope' } }),
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'qemu64' } }),
  run('query-cpu-model-expansion', { type: 'full', model: { name: 'qemu64' } }),
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'base', props: 5 } }),
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'host' } }),
  run('query-cpu-model-expansion', { type: 'some', model: { name: 'base' } }),
  run('query-cpu-model-expansion', { type: 'full' }),
  run('query-cpu-model-comparison', { modela: { name: 'base' }, modelb: { name: 'base' } }),
  run('query-cpu-model-baseline', { modela: { name: 'base' }, modelb: { name: 'base' } }),
  run('query-stats-schemas'),
  run('query-events'),
];

/** What may be put over a model, right and wrong. */
const OVERRIDES: readonly (readonly [model: string, props: object])[] = [
  ['qemu64', { svm: false, 'sse4.1': true, sse4_2: true, xd: false }],
  ['base', { avx2: true }],
  ['base', { npt: true }],
  ['base', { svm: true, npt: true }],
  ['base', { rdtscp: true, family: 6, model: 200, stepping: 3, vendor: 'GenuineIntel', 'model-id': 'own' }],
  ['base', { level: 4, xlevel: 2147483648 }],
  ['base', { 'min-level': 20 }],
  ['base', { 'l3-cache': false, check: false, 'apic-id': 7, 'hv-spinlocks': 8, kvm: false }],
  ['base', { sse4a: 'x' }],
  ['base', { sse4a: 'on' }],
  ['base', { sse4a: 1 }],
  ['base', { nope: true }],
  ['base', { 'l3-cache': 5 }],
  ['base', { family: 'x' }],
  ['base', { family: 300 }],
  ['base', { family: -1 }],
  ['base', { model: 300 }],
  ['base', { stepping: 1.5 }],
  ['base', { level: 'x' }],
  ['base', { level: -1 }],
  ['base', { level: 4294967296 }],
  ['base', { 'model-id': 5 }],
  ['base', { vendor: 5 }],
  ['base', { vendor: 'ab' }],
  ['base', { 'apic-id': 'x' }],
  ['base', { 'hv-vendor-id': 5 }],
  ['base', { migratable: false }],
  ['max', { migratable: false }],
  ['max', { avx: false }],
];

const CPU_MODELS: readonly string[] = [
  run('qmp_capabilities'),
  ...OVERRIDES.map(([name, props]) =>
    run('query-cpu-model-expansion', { type: 'static', model: { name, props } }),
  ),
  run('query-cpu-model-expansion', {
    type: 'full',
    model: { name: 'base', props: { level: 4, 'l3-cache': false } },
  }),
  run('query-cpu-model-expansion', { type: 'full', model: { name: 'Haswell' } }),
];

const DOMAIN: readonly string[] = [
  run('qmp_capabilities'),
  run('query-status'),
  run('query-chardev'),
  run('qom-list', { path: '/machine/peripheral' }),
  run('qom-get', { path: '/machine/unattached/device[0]', property: 'realized' }),
  run('qom-get', { path: '/machine', property: 'type' }),
  run('query-hotpluggable-cpus'),
  run('query-cpus-fast'),
  run('query-iothreads'),
  run('query-acpi-ospm-status'),
  run('query-memory-devices'),
  run('query-current-machine'),
  run('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] }),
  run('migrate-set-capabilities', { capabilities: [{ capability: 'nope', state: true }] }),
  run('query-migrate'),
  run('query-migrate-parameters'),
  run('query-block'),
  run('query-named-block-nodes', { flat: true }),
  run('query-block-jobs'),
  run('query-jobs'),
  run('query-balloon'),
  run('query-vm-generation-id'),
  run('query-rx-filter'),
  run('query-rx-filter', { name: 'x' }),
  run('query-tpm'),
  run('query-sev'),
  run('query-sgx'),
  run('query-stats', { target: 'vm' }),
  run('query-stats', { target: 'vcpu' }),
  run('query-fdsets'),
  run('getfd', { fdname: 'x' }),
  run('getfd', { fdname: '1x' }),
  run('closefd', { fdname: 'x' }),
  run('add-fd'),
  run('add-fd', { 'fdset-id': 1, opaque: 'rdonly' }),
  run('add-fd', { 'fdset-id': -1 }),
  run('remove-fd', { 'fdset-id': 1 }),
  run('remove-fd', { 'fdset-id': 1, fd: 3 }),
  run('set-numa-node', { type: 'node' }),
  run('x-exit-preconfig'),
  run('object-add', { 'qom-type': 'memory-backend-ram', id: 'm', size: 1048576 }),
  run('qom-list', { path: '/objects/m' }),
  run('object-add', { 'qom-type': 'rng-random', id: 'r' }),
  run('qom-list', { path: '/objects/r' }),
  run('query-memory-size-summary'),
  run('rtc-reset-reinjection'),
  run('system_reset'),
];

/** Every command without arguments while the machine is not made yet, so that who is let through is seen; then it is made. */
const preconfig = (commands: readonly string[]): readonly string[] => [
  run('qmp_capabilities'),
  run('query-status'),
  ...commands.map((command) => run(command)),
  run('human-monitor-command', { 'command-line': 'info status' }),
  run('set-numa-node', { type: 'nope' }),
  run('object-add', { 'qom-type': 'memory-backend-ram', id: 'm', size: 1048576 }),
  run('qom-list', { path: '/objects' }),
  run('x-exit-preconfig'),
  run('x-exit-preconfig'),
  run('query-status'),
  run('query-cpus-fast'),
  run('query-memdev'),
  run('quit'),
];
/** Those that would end the flow, or that are asked beside. */
const NOT_IN_PRECONFIG =
  /^(?:qmp_capabilities|quit|x-exit-preconfig|query-qmp-schema|query-command-line-options)$/;

const node = (options: object): string => run('set-numa-node', { type: 'node', ...options });
const cpu = (options: object): string => run('set-numa-node', { type: 'cpu', ...options });
const dist = (src: number, dst: number, val: number): string =>
  run('set-numa-node', { type: 'dist', src, dst, val });
const ACCESS = { initiator: 0, target: 0, hierarchy: 'memory', 'data-type': 'access-latency' };
const speed = (options: object): string =>
  run('set-numa-node', { type: 'hmat-lb', ...ACCESS, latency: 5, ...options });
const CACHE = { 'node-id': 0, size: 10240, associativity: 'direct', policy: 'write-back', line: 8 };
const cache = (level: number): string => run('set-numa-node', { type: 'hmat-cache', ...CACHE, level });
const BANDWIDTH = { 'data-type': 'access-bandwidth', latency: undefined, bandwidth: 5 << 20 };
const plugCpu = (options: object): string =>
  run('device_add', { driver: 'qemu64-x86_64-cpu', 'core-id': 0, 'thread-id': 0, ...options });
const plugDimm = (options: object): string =>
  run('device_add', { driver: 'pc-dimm', id: 'd', memdev: 'm', ...options });

/** Nodes that are said before the machine is made, rightly and wrongly, and what they are then. */
const NUMA: readonly string[] = [
  ...[node({ nodeid: 128 }), node({ nodeid: 70000 }), node({ memdev: 'zz' }), node({ cpus: [4] })],
  ...[node({ cpus: [70000] }), node({ cpus: 5 }), node({ foo: 1 })],
  ...[node({ nodeid: 0, memdev: 'a' }), node({ nodeid: 0 }), node({ mem: 64 << 20 }), node({ nodeid: 1 })],
  ...[cpu({ 'node-id': 7 }), cpu({ 'socket-id': 1 }), cpu({ 'node-id': 1, 'socket-id': 2 })],
  ...[cpu({ 'node-id': 1, 'cluster-id': 0 }), cpu({ 'node-id': 1, 'die-id': 0 })],
  ...[cpu({ 'node-id': 1, 'socket-id': 1 }), cpu({ 'node-id': 1, 'socket-id': 1, 'core-id': 1 })],
  ...[cpu({ 'node-id': 0, 'socket-id': 1 }), speed({}), speed({ initiator: 1, target: 1 })],
  cpu({ 'node-id': 0, 'socket-id': 0 }),
  ...[dist(0, 1, 300), dist(0, 1, 9), dist(0, 0, 11), dist(0, 2, 20), dist(0, 200, 20), dist(0, 1, 21)],
  ...[speed({}), speed({}), speed({ target: 9 }), speed({ hierarchy: 'x' }), speed({ bandwidth: 5 })],
  ...[cache(1), speed(BANDWIDTH), cache(0), cache(2), cache(1), cache(1), cache(300)],
  run('query-hotpluggable-cpus'),
  run('x-exit-preconfig'),
  node({}),
  run('query-hotpluggable-cpus'),
  run('query-cpus-fast'),
  run('query-memdev'),
  run('human-monitor-command', { 'command-line': 'info numa' }),
  ...[plugCpu({ 'socket-id': 1, 'node-id': 0 }), plugCpu({ 'socket-id': 1, 'node-id': 5 })],
  ...[plugCpu({ 'socket-id': 1, id: 'c1' }), run('qom-get', { path: 'c1', property: 'node-id' })],
  run('qom-get', { path: '/machine/unattached/device[0]', property: 'node-id' }),
  run('object-add', { 'qom-type': 'memory-backend-ram', id: 'm', size: 1 << 26 }),
  ...[plugDimm({ node: 2 }), plugDimm({ memdev: 'a' }), plugDimm({ node: 1 })],
  run('query-memory-devices'),
  run('human-monitor-command', { 'command-line': 'info numa' }),
  run('object-del', { id: 'a' }),
];

/** @param commands the names of all that QEMU has */
export function probeFlows(commands: readonly string[]): readonly QmpFlow[] {
  return [
    { name: 'probe', args: [], sent: PROBE },
    { name: 'cpu_models', args: [], sent: CPU_MODELS },
    { name: 'domain', args: ['-smp', '1,maxcpus=2,sockets=2', '-m', '64,slots=2,maxmem=256M'], sent: DOMAIN },
    {
      name: 'preconfig',
      args: ['-preconfig'],
      sent: preconfig(commands.filter((command) => !NOT_IN_PRECONFIG.test(command))),
    },
    {
      name: 'preconfig_numa',
      args: [
        ...['-preconfig', '-machine', 'hmat=on', '-object', 'memory-backend-ram,id=a,size=64M'],
        ...['-m', '64,slots=2,maxmem=256M', '-smp', '1,maxcpus=4,sockets=2,cores=2,threads=1'],
      ],
      sent: [run('qmp_capabilities'), ...NUMA],
    },
  ];
}
