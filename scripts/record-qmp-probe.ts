/**
 * What a manager of virtual machines asks QEMU over QMP: once, to learn what this QEMU can do, and then of each machine that it starts. The order is
 * that of libvirt, as its documentation and its recorded dialogues show it.
 */
import type { QmpFlow } from './record-qmp-flows.ts';

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
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'base', props: { sse4a: 'x' } } }),
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'base', props: { nope: true } } }),
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'base', props: 5 } }),
  run('query-cpu-model-expansion', { type: 'static', model: { name: 'host' } }),
  run('query-cpu-model-expansion', { type: 'some', model: { name: 'base' } }),
  run('query-cpu-model-expansion', { type: 'full' }),
  run('query-cpu-model-comparison', { modela: { name: 'base' }, modelb: { name: 'base' } }),
  run('query-cpu-model-baseline', { modela: { name: 'base' }, modelb: { name: 'base' } }),
  run('query-stats-schemas'),
  run('query-events'),
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
  run('query-blockstats', { 'query-nodes': true }),
  run('query-block-jobs'),
  run('query-jobs'),
  run('query-balloon'),
  run('query-vm-generation-id'),
  run('query-rx-filter'),
  run('query-dump-guest-memory-capability'),
  run('query-display-options'),
  run('query-vnc'),
  run('query-spice'),
  run('query-tpm'),
  run('query-sev'),
  run('query-sgx'),
  run('query-stats', { target: 'vm' }),
  run('query-stats', { target: 'vcpu' }),
  run('query-pr-managers'),
  run('query-block-exports'),
  run('query-yank'),
  run('query-colo-status'),
  run('query-fdsets'),
  run('getfd', { fdname: 'x' }),
  run('getfd', { fdname: '1x' }),
  run('closefd', { fdname: 'x' }),
  run('add-fd'),
  run('add-fd', { 'fdset-id': 1, opaque: 'rdonly' }),
  run('add-fd', { 'fdset-id': -1 }),
  run('remove-fd', { 'fdset-id': 1 }),
  run('remove-fd', { 'fdset-id': 1, fd: 3 }),
  run('add_client', { protocol: 'vnc', fdname: 'x' }),
  run('set_password', { protocol: 'vnc', password: '' }),
  run('expire_password', { protocol: 'vnc', time: 'now' }),
  run('set-numa-node', { type: 'node' }),
  run('x-exit-preconfig'),
  run('query-memory-size-summary'),
  run('rtc-reset-reinjection'),
  run('query-dirty-rate'),
  run('query-vcpu-dirty-limit'),
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

/** @param commands the names of all that QEMU has */
export function probeFlows(commands: readonly string[]): readonly QmpFlow[] {
  return [
    { name: 'probe', args: [], sent: PROBE },
    { name: 'domain', args: ['-smp', '1,maxcpus=2,sockets=2', '-m', '64,slots=2,maxmem=256M'], sent: DOMAIN },
    {
      name: 'preconfig',
      args: ['-preconfig'],
      sent: preconfig(commands.filter((command) => !NOT_IN_PRECONFIG.test(command))),
    },
    {
      name: 'preconfig_numa',
      args: ['-preconfig'],
      sent: [
        run('qmp_capabilities'),
        run('set-numa-node', { type: 'node', nodeid: 0 }),
        run('set-numa-node', { type: 'node', nodeid: 0 }),
        run('set-numa-node', { type: 'cpu', 'node-id': 7 }),
        run('query-hotpluggable-cpus'),
      ],
    },
  ];
}
