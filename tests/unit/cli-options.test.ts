import { describe, expect, it } from 'vitest';
import { attachDevices } from '../../src/emu/command-line/attach-devices.ts';
import { type CommandLine, readCommandLine } from '../../src/emu/command-line/options.ts';
import { StartError } from '../../src/emu/command-line/start-error.ts';
import type { Machine } from '../../src/emu/machine/machine.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const MIB = 1024 * 1024;

function read(...args: string[]): CommandLine {
  const wanted = readCommandLine(args, () => {});
  if ('text' in wanted) throw new Error(wanted.text);
  return wanted;
}

function answer(...args: string[]): string {
  const wanted = readCommandLine(args, () => {});
  return 'text' in wanted ? wanted.text : 'a machine';
}

/** What goes to standard error, and whether there is a machine. */
function printed(...args: string[]): string {
  const lines: string[] = [];
  try {
    readCommandLine(args, (text) => lines.push(text));
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    lines.push(error.message);
  }
  return lines.join('\n');
}

const NO_KVM = 'Could not access KVM kernel module: No such file or directory\n';
const OURS = 'hotslot-system-x86_64: ';

describe('the command line of another year', () => {
  it.each([['-enable-kvm'], ['-accel', 'kvm'], ['-machine', 'pc,accel=kvm']])('%s %s', (...args) => {
    expect(printed(...args)).not.toContain('falling back');
    const lines: string[] = [];
    const wanted = readCommandLine([...args, '-compat-monitor', '2.0'], (text) => lines.push(text));
    expect(wanted).toMatchObject({ dialect: { name: '2.0' } });
    expect(lines.join('\n')).toMatch(
      /^Could not access KVM kernel module: .*\n.*failed to initialize kvm: .*\n.*: falling back to tcg$/,
    );
  });

  it('groups processors by sockets', () => {
    expect(read('-smp', '1,maxcpus=4').smp).toMatchObject({ sockets: 1, cores: 4 });
    expect(read('-smp', '1,maxcpus=4', '-compat-monitor', '5.1').smp).toMatchObject({ sockets: 4, cores: 1 });
    expect(read('-smp', '1,maxcpus=4,cores=4', '-compat-monitor', '1.5').smp).toMatchObject({ cores: 4 });
  });

  it('takes the last of several, and the default without one', () => {
    expect(read().dialect.name).toBe('7.2');
    expect(read('-compat-monitor', '1.5', '-compat-monitor', '1.1').dialect.name).toBe('1.1');
    expect(printed('-compat-monitor', '7')).toBe(
      `${OURS}-compat-monitor 7: unsupported monitor version\nUse -compat-monitor help to list supported versions`,
    );
  });
});

describe('memory', () => {
  it.each([
    ['256', 256 * MIB],
    ['1.5G', 1536 * MIB],
    ['64M', 64 * MIB],
    ['size=96', 96 * MIB],
    ['524288k', 512 * MIB],
    ['134217728b', 128 * MIB],
    ['100K', 106496],
    ['0', undefined],
    ['', undefined],
    ['128,maxmem=128M', 128 * MIB],
  ])('-m %s', (text, bytes) => {
    expect(read('-m', text).memoryBytes).toBe(bytes);
  });

  it.each([
    ['128,maxmem=128M', { slots: 0, maxBytes: 128 * MIB }],
    ['256,slots=4,maxmem=2G', { slots: 4, maxBytes: 2048 * MIB }],
    ['256,slots=0x4,maxmem=2G', { slots: 4, maxBytes: 2048 * MIB }],
    ['256,maxmem=1G', { slots: 0, maxBytes: 1024 * MIB }],
    ['256', undefined],
  ])('-m %s has room for DIMMs', (text, dimms) => {
    expect(read('-m', text).dimms).toEqual(dimms);
  });

  it('the last -m counts, and without one the default is left to others', () => {
    expect(read('-m', '128', '-m', '64').memoryBytes).toBe(64 * MIB);
    expect(read().memoryBytes).toBeUndefined();
  });
});

describe('the real-time clock', () => {
  it.each([
    ['base=utc', undefined],
    ['base=2026-01-02', Date.UTC(2026, 0, 2)],
    ['base=2006-06-17T16:01:21,clock=host', Date.UTC(2006, 5, 17, 16, 1, 21)],
  ])('-rtc %s', (text, ms) => {
    expect(read('-rtc', text).rtcBaseMs).toBe(ms);
  });
});

describe('serial ports and monitor', () => {
  const ends = (...args: string[]) => {
    const { serials, monitors, chardevs } = read(...args);
    const made = new Map(chardevs.map(({ options }) => [options.id, options.effective()]));
    const shown = monitors.map(({ chardev, mode, pretty }) => {
      const to = chardev.startsWith('compat') ? [...(made.get(chardev)?.values() ?? [])].join() : chardev;
      return `${to}${mode === 'control' ? ' QMP' : ''}${pretty ? ' pretty' : ''}`;
    });
    return [serials.map(({ spec }) => spec), shown];
  };
  it.each<[string, readonly string[], readonly string[]]>([
    ['', ['mon:stdio'], []],
    ['-nographic', ['mon:stdio'], []],
    ['-display none', ['vc'], []],
    ['-display none -nographic', ['mon:stdio'], []],
    ['-nodefaults', [], []],
    ['-machine none', [], ['stdio']],
    ['-M pc -M type=none -display none', [], []],
    ['-machine none -machine pc', ['mon:stdio'], []],
    ['-nodefaults -nographic', [], []],
    ['-nographic -serial none', ['none'], ['stdio']],
    ['-nographic -serial null', ['null'], ['stdio']],
    ['-nographic -monitor none', ['stdio'], []],
    ['-nographic -serial mon:stdio', ['mon:stdio'], []],
    ['-nodefaults -serial mon:stdio', ['mon:stdio'], []],
    ['-display none -monitor stdio', ['vc'], ['stdio']],
    ['-display none -serial stdio -serial null', ['stdio', 'null'], []],
    [
      '-display none -serial unix:a,server=on,wait=off -monitor unix:b,server=on,wait=off',
      ['unix:a,server=on,wait=off'],
      ['socket,b,on,off'],
    ],
    ['-nographic -qmp unix:a', ['stdio'], ['socket,a QMP']],
    [
      '-nodefaults -qmp-pretty pipe:a -chardev null,id=n -mon n -monitor mon:stdio -mon chardev=n,mode=control,pretty=on -qmp chardev:n',
      [],
      ['pipe,a QMP pretty', 'n', 'on,off,stdio', 'n QMP pretty', 'n QMP'],
    ],
  ])('%s', (line, serials, monitors) => {
    expect(ends(...line.split(' ').filter((word) => word !== ''))).toEqual([serials, monitors]);
  });
});

describe('accelerators', () => {
  it.each([
    [['-accel', 'tcg'], ''],
    [['-accel', 'tcg,thread=multi'], ''],
    [['-machine', 'pc,accel=tcg'], ''],
    [['-enable-kvm'], `${NO_KVM}${OURS}failed to initialize kvm: No such file or directory`],
    [['-accel', 'kvm'], `${NO_KVM}${OURS}-accel kvm: failed to initialize kvm: No such file or directory`],
    [['-machine', 'accel=kvm'], `${NO_KVM}${OURS}failed to initialize kvm: No such file or directory`],
    [
      ['-accel', 'kvm', '-accel', 'tcg'],
      `${NO_KVM}${OURS}-accel kvm: failed to initialize kvm: No such file or directory\n${OURS}falling back to tcg`,
    ],
    [
      ['-machine', 'accel=kvm:tcg'],
      `${NO_KVM}${OURS}failed to initialize kvm: No such file or directory\n${OURS}falling back to tcg`,
    ],
    [['-enable-kvm', '-accel', 'tcg'], `${OURS}The -accel and "-machine accel=" options are incompatible`],
  ])('%s', (args, text) => {
    expect(printed(...args)).toBe(text);
  });
});

describe('what cannot be chosen', () => {
  it.each([
    ['-smp 17', "Invalid SMP CPUs 17. The max CPUs supported by machine 'pc-i440fx-7.2' is 16"],
    ['-smp 1,maxcpus=255', "Invalid SMP CPUs 255. The max CPUs supported by machine 'pc-i440fx-7.2' is 16"],
    ['-machine q35', 'unsupported machine type\nUse -machine help to list supported machines'],
    ['-cpu EPYC', "unable to find CPU model 'EPYC'"],
    ['-cpu host', "CPU model 'host' requires KVM or HVF"],
    ['-icount shift=auto', "-icount shift=auto: 'shift=auto' is not modelled by this machine"],
    ['-icount 3,sleep=on', "-icount 3,sleep=on: 'sleep=on' is not modelled by this machine"],
    ['-display gtk', "Display 'gtk' is not available, please check your compilation options"],
    ['-vga std', '-vga std: only none is modelled by this machine'],
  ])('%s', (line, text) => {
    expect(printed(...line.split(' '))).toBe(OURS + text);
  });
});

describe('what changes nothing', () => {
  it.each([
    '-smp 1 -cpu qemu64 -machine pc,usb=off,acpi=on -name x',
    '-machine type=pc-i440fx-7.2 -vga none -net none -nic none -parallel none -no-user-config',
    '-smp sockets=1,cores=1,threads=1 -M pc,smp.cpus=1',
  ])('%s', (line) => {
    expect(printed(...line.split(' '))).toBe('');
  });
});

describe('the board’s own network card', () => {
  it.each([
    ['', true],
    ['-device virtio-net-pci', true],
    ['-nodefaults', false],
    ['-net none', false],
    ['-nic none', false],
    ['-net nic,model=virtio', false],
    ['-netdev user,id=n1', false],
  ])('%j: %s', (line, wants) => {
    expect(read(...line.split(' ').filter((word) => word !== '')).network.wantsDefaultCard).toBe(wants);
  });
});

describe('questions', () => {
  it('the help and the version come before what is wrong with the machine', () => {
    expect(answer('-m', 'x', '-version')).toMatch(/^QEMU emulator version 7\.2\.\d+ \(Hotslot\)\n/);
    expect(answer('-machine', 'x', '-help')).toContain('usage: hotslot-system-x86_64 [options] [disk_image]');
    expect(answer('--help')).toBe(answer('-h'));
  });
  it.each([
    [['-machine', 'help'], /^Supported machines are:\npc {19}Standard PC .*\(alias of pc-i440fx-7\.2\)\n/],
    [['-cpu', 'help'], /^Available CPUs:\nx86 486 /],
    [['-accel', 'help'], /^Accelerators supported in QEMU binary:\ntcg\n$/],
    [['-smp', 'help'], /^smp-opts options:\n {2}clusters=<num>\n/],
    [['-device', 'help'], /name "virtio-blk-pci", bus PCI, alias "virtio-blk"\n/],
    [['-chardev', 'help'], /^Available chardev backend types: \n {2}stdio\n {2}ringbuf\n/],
    [['-device', '?'], /^Controller\/Bridge\/Hub devices:\n|^Storage devices:\n/],
    [['-device', 'virtio-blk,help'], /^virtio-blk-pci options:\n {2}account-failed=<OnOffAuto>/],
  ])('%s', (args, text) => {
    expect(answer(...args)).toMatch(text);
  });
  it('about a device that there is not: an error, but no failure', () => {
    expect(answer('-device', 'foo,help')).toBe('');
    expect(printed('-device', 'foo,help')).toBe(`${OURS}-device foo,help: Device 'foo' not found`);
  });
});

describe('drives and devices', () => {
  it('disks by their old names are drives with an index', () => {
    const entries = (...args: string[]) => read(...args).drives.map(({ options }) => [...options.entries]);
    expect(entries('-hdb', 'a,b')).toEqual([
      [
        ['file', 'a,b'],
        ['index', '1'],
        ['media', 'disk'],
      ],
    ]);
    expect(entries('image')).toEqual([
      [
        ['file', 'image'],
        ['index', '0'],
        ['media', 'disk'],
      ],
    ]);
    expect(entries('-cdrom', 'c')).toEqual([
      [
        ['file', 'c'],
        ['index', '2'],
        ['media', 'cdrom'],
      ],
    ]);
  });

  it('a node is the same as options and as JSON', () => {
    const node = (text: string) => read('-blockdev', text).blockdevs.map(({ options }) => options);
    const asJson = {
      ...{ driver: 'raw', 'node-name': 'n', 'read-only': true, cache: { 'no-flush': false } },
      file: { driver: 'file', filename: 'a,b' },
    };
    const asOptions = 'raw,node-name=n,read-only=on,cache.no-flush=off,file.driver=file,file.filename=a,,b';
    expect(node(asOptions)).toEqual([asJson]);
    expect(node(JSON.stringify(asJson))).toEqual([asJson]);
    expect(node('driver=null-co,node-name=z,size=0x200')).toEqual([
      { driver: 'null-co', 'node-name': 'z', size: 512 },
    ]);
  });

  it('devices find nodes and drives, which are made before them', async () => {
    const rig = await monitorRig();
    const line = [
      ...[
        '-blockdev',
        'driver=file,filename=/tmp/disk1.img,node-name=f',
        '-blockdev',
        'raw,node-name=r,file=f',
      ],
      ...['-drive', 'if=none,id=d,file=/tmp/disk2.img,format=raw,throttling.iops-total=7'],
      ...['-device', 'virtio-blk-pci,drive=r,id=a', '-device', 'virtio-blk-pci,drive=d,id=b'],
    ];
    const machine = Object.assign(rig.machine, { config: {}, completeNuma() {} }) as unknown as Machine;
    await attachDevices(machine, read(...line), () => {});
    const text = await rig.execute('info block');
    expect(text).toContain(
      'r: /tmp/disk1.img (raw)\n    Attached to:      /machine/peripheral/a/virtio-backend\n',
    );
    expect(text).toMatch(
      /^d \(#block\d+\): \/tmp\/disk2.img \(raw\)\n {4}Attached to: .*\/b\/virtio-backend$/m,
    );
    expect(text).toContain(' iops=7 ');
  });

  it('a device may be written as JSON', () => {
    const [device] = read('-device', '{"driver":"virtio-blk-pci","id":"a","drive":"d","scsi":false}').devices;
    expect(device?.options.id).toBe('a');
    expect([...(device?.options.entries ?? [])]).toEqual([
      ['driver', 'virtio-blk-pci'],
      ['scsi', false],
      ['drive', 'd'],
    ]);
    expect(device?.options.json).toBe(true);
  });

  it('an object may be written as JSON', () => {
    const [object] = read('-object', '{"qom-type":"memory-backend-ram","id":"m","size":4096}').objects;
    expect(object?.options.id).toBe('m');
    expect(object?.options.effective().get('size')).toBe(4096);
  });

  it('-machine may name the kernel; the option of its own counts more', () => {
    expect(read('-machine', 'kernel=k,initrd=i,append=a b')).toMatchObject({
      kernel: 'k',
      initrd: 'i',
      append: 'a b',
    });
    expect(read('-kernel', 'x', '-machine', 'kernel=k').kernel).toBe('x');
  });
});

describe('host-nodes of -object', () => {
  it('takes ranges, more than once', async () => {
    const { objects } = read(
      '-object',
      'memory-backend-ram,id=m,size=2M,policy=bind,host-nodes=5-6,host-nodes=0x0,host-nodes=0-1',
    );
    const rig = await monitorRig();
    for (const { options } of objects) rig.machine.objects.add(options);
    expect(await rig.execute('info memdev')).toContain('policy: bind\n  host nodes: 0-1,5-6\n');
  });
});
