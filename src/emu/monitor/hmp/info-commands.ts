/** What `info` shows. */

import { registersText } from '../../machine/registers-text.ts';
import type { Command, CommandContext } from '../command.ts';
import { queryChardev } from '../qapi/char.ts';
import {
  queryBalloon,
  queryHotpluggableCpus,
  queryMemdev,
  queryMemoryDevices,
  queryMemorySizeSummary,
} from '../qapi/machine.ts';
import { queryNuma } from '../qapi/machine-numa.ts';
import { queryPci } from '../qapi/pci.ts';
import { queryStatus } from '../qapi/run-state.ts';
import { versionText } from '../version.ts';
import { ABSENT_TOPICS } from './absent-info.ts';
import { blockTopic } from './block-topic.ts';
import { DUMP_TOPIC } from './dump-commands.ts';
import { BLOCKSTATS_TOPIC } from './info-blockstats.ts';
import { cpuLines, hotpluggableCpusText, numaText } from './info-cpus.ts';
import { HOST_TOPICS } from './info-host.ts';
import { INTERRUPT_TOPICS } from './info-interrupts.ts';
import { memdevText, memoryDevicesText, memorySizeText } from './info-memory.ts';
import { MMU_TOPICS } from './info-mmu.ts';
import { qtreeText } from './info-qtree.ts';
import { TREE_TOPICS } from './info-tree.ts';
import { USB_TOPIC } from './info-usb.ts';
import { VIRTIO_TOPICS } from './info-virtio.ts';
import { MICE_TOPIC } from './input-commands.ts';
import { TRACE_EVENTS_TOPIC } from './log-commands.ts';
import { MIGRATION_TOPICS } from './migration-commands.ts';
import { NET_INFO } from './net-commands.ts';
import { SNAPSHOTS_TOPIC } from './snapshot-commands.ts';

function statusText({ machine }: CommandContext): string {
  const { running, singlestep, status } = queryStatus(machine);
  const what = `VM status: ${running ? 'running' : 'paused'}${singlestep ? ' (single step mode)' : ''}`;
  return `${what}${running || status === 'paused' ? '' : ` (${status})`}\n`;
}

function registers({ machine }: CommandContext, all: boolean, index: number): string {
  if (all) {
    return machine.inspect
      .cpus()
      .map((cpu) => registersOf(machine.inspect.cpuRegisters(cpu.index), cpu.index))
      .join('');
  }
  if (machine.inspect.cpus().length === 0) return NO_CPU;
  return registersOf(machine.inspect.cpuRegisters(index), index);
}

function registersOf(state: Parameters<typeof registersText>[0] | undefined, index: number): string {
  return state === undefined ? `CPU#${index} not available\n` : registersText(state);
}

/** Of the machine `none`. */
const NO_CPU = 'No CPU available\n';
const MIB_SHIFT = 20n;

export const INFO_COMMANDS: readonly Command[] = [
  ...NET_INFO,
  ...ABSENT_TOPICS,
  ...HOST_TOPICS,
  ...INTERRUPT_TOPICS,
  ...MMU_TOPICS,
  ...TREE_TOPICS,
  ...VIRTIO_TOPICS,
  MICE_TOPIC,
  USB_TOPIC,
  ...MIGRATION_TOPICS,
  SNAPSHOTS_TOPIC,
  DUMP_TOPIC,
  TRACE_EVENTS_TOPIC,
  {
    name: 'balloon',
    args: [],
    params: '',
    help: 'how much memory the guest has beside what is in its balloon',
    run: ({ machine }) => `balloon: actual=${BigInt(queryBalloon(machine).actual) >> MIB_SHIFT}\n`,
  },
  blockTopic('nodes'),
  BLOCKSTATS_TOPIC,
  {
    name: 'chardev',
    args: [],
    params: '',
    help: 'character devices and what each leads to',
    run: ({ machine }) =>
      queryChardev(machine)
        .map(({ label, filename }) => `${label}: filename=${filename}\n`)
        .join(''),
  },
  {
    name: 'cpus',
    args: [],
    params: '',
    help: 'processors',
    run: ({ machine, cpu, dialect }) => dialect.layouts.cpus(cpuLines(machine, cpu.index)),
  },
  {
    name: 'history',
    args: [],
    params: '',
    help: 'lines entered so far',
    run: (context) =>
      context
        .history()
        .map((line, index) => `${index}: '${line}'\n`)
        .join(''),
  },
  {
    name: 'hotpluggable-cpus',
    args: [],
    params: '',
    help: 'places for processors, and what is in them',
    run: ({ machine }) => hotpluggableCpusText(queryHotpluggableCpus(machine)),
  },
  {
    name: 'memdev',
    args: [],
    params: '',
    help: 'memory that is set aside for devices, and that of the machine itself',
    run: ({ machine }) => memdevText(queryMemdev(machine)),
  },
  {
    name: 'memory-devices',
    args: [],
    params: '',
    help: 'DIMMs: where each is, and whose memory it has',
    run: ({ machine }) => memoryDevicesText(queryMemoryDevices(machine)),
  },
  {
    name: 'memory_size_summary',
    args: [],
    params: '',
    help: 'bytes of memory that the machine has from the start, and of its DIMMs',
    run: ({ machine }) => memorySizeText(queryMemorySizeSummary(machine)),
  },
  {
    name: 'name',
    args: [],
    params: '',
    help: "the machine's name",
    run: ({ machine }) => (machine.name === undefined ? '' : `${machine.name}\n`),
  },
  {
    name: 'numa',
    args: [],
    params: '',
    help: 'nodes of processors and memory',
    run: ({ machine }) => numaText(queryNuma(machine)),
  },
  {
    name: 'pci',
    args: [],
    params: '',
    help: 'functions on the PCI buses',
    run: ({ machine, dialect }) => dialect.layouts.pci(queryPci(machine)),
  },
  {
    name: 'qtree',
    args: [],
    params: '',
    help: 'all devices as a tree of buses, with their properties',
    run: ({ machine }) => qtreeText(machine.devices.tree),
  },
  {
    name: 'registers',
    args: [
      { name: 'cpustate_all', kind: 'flag', letter: 'a' },
      { name: 'vcpu', kind: 'integer', optional: true },
    ],
    params: '[-a|vcpu]',
    help: "a processor's registers (-a: of all processors)",
    run: (context, args) =>
      registers(context, args.get('cpustate_all') === true, Number(args.get('vcpu') ?? context.cpu.index)),
  },
  {
    name: 'status',
    args: [],
    params: '',
    help: 'whether the guest runs',
    run: statusText,
  },
  {
    name: 'version',
    args: [],
    params: '',
    help: 'the version',
    run: ({ dialect }) => `${versionText(dialect.version)}\n`,
  },
];
