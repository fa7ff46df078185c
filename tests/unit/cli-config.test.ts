/** -readconfig: what a file of options makes. What is wrong with one: tests/node/cli-errors.test.ts. */
import { describe, expect, it } from 'vitest';
import { attachBackends } from '../../src/emu/command-line/attach-devices.ts';
import { machineOfCommandLine } from '../../src/emu/command-line/make-machine.ts';
import { type CommandLine, readCommandLine } from '../../src/emu/command-line/options.ts';
import { Monitor } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 1 << 20;

function read(files: Readonly<Record<string, string>>, ...args: readonly string[]): CommandLine {
  const wanted = readCommandLine(
    ['-nodefaults', '-display', 'none', ...args],
    () => {},
    (path) => {
      const text = files[path];
      return text === undefined ? 'No such file or directory' : { text };
    },
  );
  if ('text' in wanted) throw new Error(wanted.text);
  return wanted;
}

describe('-readconfig', () => {
  it('stands for the options that its groups name, where it stands among the others', () => {
    const text = [
      '# a comment',
      '[memory]\n  size = "200"',
      '[name]\n guest = "a,b=c"',
      '[device "x"]\n driver = "virtio-rng-pci"\n addr = "5"',
      '[smp-opts]\n cpus = "2"',
      '[drive "d"]\n if = "none"',
    ].join('\n\n');
    const line = read({ f: text }, '-device', 'pvpanic', '-readconfig', 'f', '-device', 'virtio-balloon-pci');
    expect([line.memoryBytes, line.name, line.smp.cpus]).toEqual([200 * MIB, 'a,b=c', 2]);
    expect(line.devices.map(({ options, at }) => [options.get('driver'), options.id, at])).toEqual([
      ['pvpanic', undefined, '-device pvpanic'],
      ['virtio-rng-pci', 'x', ':f:11'],
      ['virtio-balloon-pci', undefined, '-device virtio-balloon-pci'],
    ]);
    expect(line.drives.map(({ options }) => options.id)).toEqual(['d']);
    expect(read({ f: text }, '-readconfig', 'f', '-m', '32').memoryBytes).toBe(32 * MIB);
  });

  it('makes what QEMU’s own test of it asks for', async () => {
    const text = '[memory]\nsize = "200"[object]\nqom-type = "rng-builtin"\nid = "rng0"\n'.replace(
      '[o',
      '\n[o',
    );
    const commandLine = read({ f: text }, '-machine', 'none', '-readconfig', 'f');
    const { memoryBytes = 0 } = commandLine;
    const parts = { kernel: undefined, initrd: undefined, append: '', memoryBytes };
    const machine = machineOfCommandLine(commandLine, parts, {
      ...{ monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {} },
      images: memoryImages(),
    });
    attachBackends(machine, commandLine, () => {});
    const monitor = new Monitor({ machine });
    expect(await monitor.execute('info memdev')).toMatch(/^memory backend: ram\n {2}size: {2}209715200\n/);
    expect(await monitor.execute('qom-list /objects')).toContain('rng0 (child<rng-builtin>)\n');
    await machine.close();
  });

  it('says of a group of QEMU’s that is about what is not here that it is not', () => {
    const spice = '[spice]\ndisable-ticketing = "on"\n';
    expect(() => read({ f: spice }, '-readconfig', 'f')).toThrow(
      "hotslot-system-x86_64:f:2: option group 'spice' is not modelled by this machine",
    );
    expect(() => readCommandLine(['-readconfig', 'f'], () => {})).toThrow(
      "hotslot-system-x86_64: -readconfig f: Could not open 'f': Operation not supported",
    );
  });
});
