/** The options of the command line, in the order of the help. Names are QEMU's; `guest` is ours. */
import { QEMU_VERSION } from '../monitor/version.ts';
import { PROGRAM } from './start-error.ts';

export interface OptionSpec {
  readonly name: string;
  readonly alias?: string;
  /** What the help shows for the value; absent: the option takes none. */
  readonly value?: string;
  readonly help: string;
  /** It is about something that only a program has. */
  readonly host?: HostPart;
}

/** What a host has and a page has not: files, a choice of kernels, a terminal. */
export type HostPart = 'file' | 'kernel' | 'terminal';

interface OptionGroup {
  readonly title: string;
  readonly options: readonly OptionSpec[];
}

const GROUPS: readonly OptionGroup[] = [
  {
    title: 'Standard options',
    options: [
      { name: 'help', alias: 'h', help: 'this text' },
      { name: 'version', help: 'the version' },
      {
        name: 'machine',
        alias: 'M',
        value: '[type=]name[,prop=value]…',
        help: 'the board; -machine help lists them',
      },
      {
        name: 'accel',
        value: '[accel=]name',
        help: 'what executes the guest: tcg, or for tests of devices qtest',
      },
      { name: 'cpu', value: 'model', help: 'the processor; -cpu help lists them' },
      {
        name: 'smp',
        value: '[cpus=]n[,maxcpus=m][,sockets=s][,dies=d][,cores=c][,threads=t]',
        help: 'number of processors, at most 16 at once',
      },
      {
        name: 'm',
        value: '[size=]megs',
        help: 'memory, in MiB or with a suffix; 128, or what the guest image asks for',
      },
      {
        name: 'numa',
        value:
          'node[,memdev=id][,cpus=first[-last]][,nodeid=n]|cpu,node-id=n[,socket-id=s]…|dist,src=n,dst=n,val=d',
        help: 'a NUMA node, whose memory is an object; its processors by their place; how far it is from another. hmat-lb and hmat-cache with -machine hmat=on',
      },
      {
        name: 'boot',
        value: '[order=]drives[,once=drives][,menu=on|off][,reboot-timeout=ms][,splash-time=ms]',
        help: 'what firmware is told in CMOS and fw_cfg; a kernel that is named starts anyway',
      },
      {
        name: 'fw_cfg',
        value: '[name=]name,string=text|file=file',
        help: 'an item for firmware and guest, at most 20; names begin with opt/',
      },
      { name: 'no-fd-bootchk', help: 'tells firmware not to look for a boot signature on floppies' },
      { name: 'uuid', value: 'uuid', help: 'the UUID of the machine' },
      { name: 'name', value: 'string', help: 'a name for the machine; nothing depends on it' },
      {
        name: 'device',
        value: 'driver[,prop=value]…',
        help: 'a device; -device help lists them, -device driver,help their properties',
      },
      {
        name: 'global',
        value: 'driver.property=value',
        help: 'another default for a property of all devices of a type',
      },
      {
        name: 'object',
        value: 'type,id=id[,prop=value]…',
        help: 'an object such as a source of randomness; -object help lists the types',
      },
    ],
  },
  {
    title: 'Disks',
    options: [
      { name: 'fda', value: 'file', help: 'diskette in drive A', host: 'file' },
      { name: 'fdb', value: 'file', help: 'diskette in drive B', host: 'file' },
      { name: 'hda', value: 'file', help: 'first disk of the first IDE channel', host: 'file' },
      { name: 'hdb', value: 'file', help: 'its second disk', host: 'file' },
      { name: 'hdc', value: 'file', help: 'first disk of the second IDE channel', host: 'file' },
      { name: 'hdd', value: 'file', help: 'its second disk', host: 'file' },
      {
        name: 'cdrom',
        value: 'file',
        help: 'CD-ROM, as the first disk of the second IDE channel',
        host: 'file',
      },
      { name: 'pflash', value: 'file', help: 'flash with a firmware, as -drive if=pflash', host: 'file' },
      {
        name: 'blockdev',
        value: '[driver=]driver,node-name=name[,prop=value]…',
        help: 'a node of the block layer, which a device may name as its drive',
        host: 'file',
      },
      {
        name: 'loadvm',
        value: 'tag',
        help: 'go on from a state that savevm kept, with what the disks held then',
      },
      {
        name: 'drive',
        value: '[file=file][,if=type][,id=name][,format=f]…',
        help: 'an image for a device; if=virtio makes the device too',
        host: 'file',
      },
    ],
  },
  {
    title: 'Linux',
    options: [
      {
        name: 'kernel',
        value: 'bzImage',
        help: 'a bzImage, or an ELF kernel with a PVH entry',
        host: 'kernel',
      },
      { name: 'append', value: 'cmdline', help: 'the command line of the kernel', host: 'kernel' },
      { name: 'initrd', value: 'file', help: 'the initial RAM disk', host: 'kernel' },
      {
        name: 'bios',
        value: 'file',
        help: 'a firmware, which the processor starts in the place of a kernel',
        host: 'kernel',
      },
      {
        name: 'guest',
        value: 'name',
        help: 'kernel, RAM disk, command line and memory size of public/images/name; the default without kernel and disk',
        host: 'kernel',
      },
    ],
  },
  {
    title: 'Terminal and monitor',
    options: [
      { name: 'display', value: 'none', help: 'no display: what is not sent elsewhere is not shown' },
      {
        name: 'nographic',
        help: 'first serial port and monitor on the terminal; the default without -display',
      },
      {
        name: 'serial',
        value: 'dev',
        help: 'other end of the next serial port: stdio, mon:stdio, none, null, file:, pipe:, unix:, tcp:, chardev:id',
        host: 'terminal',
      },
      {
        name: 'chardev',
        value: 'type,id=id[,option=value]…',
        help: 'a character device: null, ringbuf, vc, stdio, file, pipe, socket',
      },
      { name: 'monitor', value: 'dev', help: 'where a monitor is', host: 'terminal' },
      {
        name: 'qmp',
        value: 'dev',
        help: 'where a monitor for programs is, which speaks QMP',
        host: 'terminal',
      },
      {
        name: 'qmp-pretty',
        value: 'dev',
        help: 'the same with answers that people can read',
        host: 'terminal',
      },
      {
        name: 'mon',
        value: '[chardev=]id[,mode=readline|control][,pretty=on]',
        help: 'a monitor on a character device',
        host: 'terminal',
      },
      {
        name: 'compat-monitor',
        value: 'version',
        help: 'the QEMU whose words monitors speak; -compat-monitor help lists them',
      },
      { name: 'parallel', value: 'none', help: 'the board has no parallel port' },
      { name: 'vga', value: 'none', help: 'the board has no VGA card' },
    ],
  },
  {
    title: 'Network',
    options: [
      {
        name: 'netdev',
        value: '[type=]type,id=id[,prop=value]…',
        help: 'the far end of a network card: user, socket or hubport; -netdev help lists them',
      },
      {
        name: 'nic',
        value: '[type=]type[,model=m][,mac=addr][,prop=value]…',
        help: 'a network card with its far end; none: no card',
      },
      {
        name: 'net',
        value: 'nic|user|none[,prop=value]…',
        help: 'a card, or a far end, at a port of hub 0',
      },
    ],
  },
  {
    title: 'Running',
    options: [
      { name: 'S', help: 'wait for the cont command of the monitor' },
      {
        name: 'preconfig',
        help: 'wait for x-exit-preconfig of a monitor before drives and devices are made',
        host: 'terminal',
      },
      {
        name: 'gdb',
        value: 'dev',
        help: 'wait for gdb there: tcp:[host]:port, unix:, stdio',
        host: 'terminal',
      },
      { name: 's', help: 'the same as -gdb tcp::1234', host: 'terminal' },
      {
        name: 'd',
        value: 'item1[,...]',
        help: 'log what the guest does wrong and more; -d help lists the items',
      },
      {
        name: 'dfilter',
        value: 'range,..',
        help: 'of code, log only what is at these addresses: first..last, first+size, last-size',
      },
      { name: 'singlestep', help: 'decode and run code instruction by instruction' },
      { name: 'D', value: 'file', help: 'the log goes to a file, not to standard error', host: 'file' },
      {
        name: 'trace',
        value: '[[enable=]pattern][,events=file][,file=file]',
        help: 'log events of this name; -trace help lists them',
      },
      {
        name: 'msg',
        value: 'timestamp=on|off',
        help: 'the time before each message and event',
      },
      {
        name: 'qtest',
        value: 'dev',
        help: 'where a test is that drives the devices itself, as those of QEMU do',
        host: 'terminal',
      },
      {
        name: 'qtest-log',
        value: 'file',
        help: 'all that such a test says and is answered; none: nowhere',
        host: 'terminal',
      },
      {
        name: 'overcommit',
        value: '[mem-lock=off][,cpu-pm=on|off]',
        help: 'what the host keeps for the machine; without effect',
      },
      { name: 'no-reboot', help: 'end when the guest resets the machine' },
      { name: 'no-shutdown', help: 'stay when the guest powers the machine off' },
      {
        name: 'action',
        value: 'event=action',
        help: 'what follows reboot (reset, shutdown), shutdown (poweroff, pause), panic (pause, shutdown, exit-failure, none) and watchdog',
      },
      {
        name: 'watchdog-action',
        value: 'action',
        help: 'the same as -action watchdog=: reset, shutdown, poweroff, inject-nmi, pause, debug or none',
      },
      {
        name: 'icount',
        value: '[shift=]n',
        help: 'virtual time from executed instructions, 2^n ns each: every run is the same',
      },
      {
        name: 'rtc',
        value: '[base=utc|datetime][,clock=host|vm]',
        help: 'what the real-time clock shows at the start',
      },
      { name: 'enable-kvm', help: 'the same as -accel kvm' },
      { name: 'usb', help: 'the same as -machine usb=on: the board has its USB controller' },
      { name: 'usbdevice', value: 'name', help: 'a USB device, and -usb: mouse, tablet or keyboard' },
      { name: 'nodefaults', help: 'no devices but those that are named', host: 'terminal' },
      {
        name: 'readconfig',
        value: 'file',
        help: 'options in a file: [group "id"] and lines of key = "value"',
        host: 'file',
      },
      { name: 'no-user-config', help: 'read no configuration files; there are none' },
    ],
  },
];

const OPTIONS: readonly OptionSpec[] = GROUPS.flatMap(({ options }) => options);

/** By name or alias. */
export function findOption(name: string): OptionSpec | undefined {
  return OPTIONS.find((option) => option.name === name || option.alias === name);
}

/** What of the host an option is about; a disk image without option has the name `''`. */
export function needsHost(name: string): HostPart | undefined {
  return name === '' ? 'file' : findOption(name)?.host;
}

/** First line as QEMU has it, because scripts read it. */
export const VERSION_LINES = `QEMU emulator version ${QEMU_VERSION} (Hotslot)\nA PC in TypeScript that answers to QEMU's command line and monitor\n`;

const HELP_COLUMN = 16;

function optionLine({ name, alias, value, help }: OptionSpec): string {
  const names = alias === undefined ? `-${name}` : `-${alias} or -${name}`;
  const start = value === undefined ? names : `${names} ${value}`;
  const indent = ' '.repeat(HELP_COLUMN);
  return start.length < HELP_COLUMN
    ? `${start.padEnd(HELP_COLUMN)}${help}\n`
    : `${start}\n${indent}${help}\n`;
}

/**
 * What `-help` prints.
 * @param hasHost false leaves out what only a program has: files and a terminal
 */
export function helpText(hasHost = true): string {
  const groups = GROUPS.map(({ title, options }) => {
    const listed = options.filter(({ host }) => hasHost || host === undefined);
    return listed.length === 0 ? '' : `${title}:\n${listed.map(optionLine).join('')}\n`;
  }).join('');
  if (!hasHost) return groups.trimEnd();
  const usage = `usage: ${PROGRAM} [options] [disk_image]\n\n`;
  const keys =
    'While the terminal shows a serial port, Ctrl-A H lists the keys that are not sent to the guest.\n';
  return `${VERSION_LINES}${usage}${groups}${keys}`;
}
