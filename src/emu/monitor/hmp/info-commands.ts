/** What `info` shows. */
import type { Command, CommandContext } from '../command.ts';
import { VERSION_TEXT } from '../version.ts';
import { blockText } from './info-block.ts';
import { hotpluggableCpusText, numaText } from './info-cpus.ts';
import { memdevText, memoryDevicesText, memorySizeText } from './info-memory.ts';
import { pciText } from './info-pci.ts';
import { qtreeText } from './info-qtree.ts';
import { registersText } from './info-registers.ts';

function statusText({ machine }: CommandContext): string {
  const { runState } = machine;
  if (runState === 'running') return 'VM status: running\n';
  return `VM status: paused${runState === 'paused' ? '' : ` (${runState})`}\n`;
}

function registers({ machine }: CommandContext, all: boolean, index: number): string {
  if (all) {
    return machine
      .cpus()
      .map((cpu) => registersOf(machine.cpuRegisters(cpu.index), cpu.index))
      .join('');
  }
  return registersOf(machine.cpuRegisters(index), index);
}

function registersOf(state: Parameters<typeof registersText>[0] | undefined, index: number): string {
  return state === undefined ? `CPU#${index} not available\n` : registersText(state);
}

const MIB_SHIFT = 20n;

export const INFO_COMMANDS: readonly Command[] = [
  {
    name: 'balloon',
    args: [],
    params: '',
    help: 'how much memory the guest has beside what is in its balloon',
    run: ({ machine }) => `balloon: actual=${machine.balloon.actualBytes >> MIB_SHIFT}\n`,
  },
  {
    name: 'block',
    args: [
      { name: 'nodes', kind: 'flag', letter: 'n' },
      { name: 'verbose', kind: 'flag', letter: 'v' },
      { name: 'device', kind: 'block', optional: true },
    ],
    params: '[-n] [-v] [device]',
    help: 'drives, their images, and who uses them (-n: nodes of the block layer; -v: more of each image)',
    complete: ({ machine }) => machine.drives.list().flatMap(({ name }) => (name === '' ? [] : [name])),
    run: ({ machine }, args) =>
      blockText(machine.drives.list(), {
        nodes: args.get('nodes') === true,
        verbose: args.get('verbose') === true,
        name: args.get('device')?.toString(),
      }),
  },
  {
    name: 'chardev',
    args: [],
    params: '',
    help: 'character devices and what each leads to',
    run: ({ machine }) =>
      machine.chardevs
        .query()
        .map(({ label, filename }) => `${label}: filename=${filename}\n`)
        .join(''),
  },
  {
    name: 'cpus',
    args: [],
    params: '',
    help: 'processors',
    run: ({ machine, cpu }) =>
      machine
        .cpus()
        .map(({ index, threadId }) => {
          const mark = index === cpu.index ? '*' : ' ';
          return `${mark} CPU #${index}: thread_id=${threadId}\n`;
        })
        .join(''),
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
    run: ({ machine }) => hotpluggableCpusText(machine.hotpluggableCpus()),
  },
  {
    name: 'memdev',
    args: [],
    params: '',
    help: 'memory that is set aside for devices, and that of the machine itself',
    run: ({ machine }) => memdevText(machine.guestMemory.backends()),
  },
  {
    name: 'memory-devices',
    args: [],
    params: '',
    help: 'DIMMs: where each is, and whose memory it has',
    run: ({ machine }) => memoryDevicesText(machine.guestMemory.devices()),
  },
  {
    name: 'memory_size_summary',
    args: [],
    params: '',
    help: 'bytes of memory that the machine has from the start, and of its DIMMs',
    run: ({ machine }) => memorySizeText(machine.guestMemory.sizes),
  },
  {
    name: 'numa',
    args: [],
    params: '',
    help: 'nodes of processors and memory',
    run: ({ machine }) =>
      machine.hotpluggableCpus().some(({ hasNode }) => hasNode)
        ? numaText(machine.cpus(), machine.guestMemory.sizes)
        : '0 nodes\n',
  },
  {
    name: 'pci',
    args: [],
    params: '',
    help: 'functions on the PCI buses',
    run: ({ machine }) => pciText(machine.pciFunctions()),
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
    run: () => `${VERSION_TEXT}\n`,
  },
];
