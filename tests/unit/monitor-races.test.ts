/** Two monitors of one machine that want the same id at once: one gets it, the other is told so, and nothing is left of its try. */
import { describe, expect, it } from 'vitest';
import { Monitor } from '../../src/emu/monitor/monitor.ts';
import { QmpCaller } from '../../src/emu/monitor/qmp/caller.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const DRIVE = (id: string, disk: string): string => `drive_add 0 if=none,file=${disk},format=raw,id=${id}`;
const NODE = { driver: 'raw', 'node-name': 'x', file: { driver: 'file', filename: '/tmp/disk1.img' } };

/** What has to be there before, what both say, and what the second is told. */
const RACES: readonly (readonly [what: string, before: readonly string[], line: string, refusal: RegExp])[] =
  [
    ['a drive', [], DRIVE('x', '/tmp/disk1.img'), /^Duplicate ID 'x' for drive\n$/],
    ['a device', [], 'device_add virtio-rng-pci,id=x', /^Error: Duplicate device ID 'x'\n$/],
    [
      'a device with a drive',
      [DRIVE('d', '/tmp/disk1.img')],
      'device_add virtio-blk-pci,drive=d,id=x',
      /^Error: Duplicate device ID 'x'\n$/,
    ],
    [
      'a drive for two devices',
      [DRIVE('d', '/tmp/disk1.img')],
      'device_add virtio-blk-pci,drive=d',
      /^Error: Drive 'd' is already in use by another device\n$/,
    ],
    [
      'an object',
      [],
      'object_add memory-backend-ram,id=x,size=1M',
      /^Error: attempt to add duplicate property 'x'/,
    ],
    [
      'a node',
      [],
      `drive_add -n 0 driver=raw,node-name=x,file.driver=null-co`,
      /^Duplicate nodes with node-name='x'\n$/,
    ],
  ];

async function twoMonitors(before: readonly string[]) {
  const rig = await monitorRig();
  const monitors = [new Monitor({ machine: rig.machine }), new Monitor({ machine: rig.machine })] as const;
  for (const line of before) await monitors[0].execute(line);
  const views = async (): Promise<readonly string[]> => {
    const told: string[] = [];
    for (const view of ['info qtree', 'info block', 'info block -n', 'qom-list /objects']) {
      told.push((await monitors[0].execute(view)).replaceAll(/#block\d+/g, '#block'));
    }
    return told;
  };
  return { rig, monitors, views };
}

describe('two monitors that want at once', () => {
  it.each(RACES)('%s', async (_what, before, line, refusal) => {
    const alone = await twoMonitors(before);
    const accepted = await alone.monitors[0].execute(line);
    const { monitors, views } = await twoMonitors(before);
    const answers = await Promise.all(monitors.map((monitor) => monitor.execute(line)));
    const [refused] = answers.filter((answer) => answer !== accepted);
    expect(answers).toContain(accepted);
    expect(refused).toMatch(refusal);
    expect(await views()).toEqual(await alone.views());
  });

  it('the same by QMP: blockdev-add, chardev-add, object-add, device_add', async () => {
    const { machine } = await monitorRig();
    const callers = [1, 2].map(() => new QmpCaller(() => {}, { machine, nowMs: () => 0 }));
    for (const [execute, args] of [
      ['blockdev-add', NODE],
      ['chardev-add', { id: 'x', backend: { type: 'null', data: {} } }],
      ['object-add', { 'qom-type': 'rng-builtin', id: 'x' }],
      ['device_add', { driver: 'virtio-blk-pci', drive: 'x', id: 'x' }],
    ] as const) {
      const answers = await Promise.all(
        callers.map(async (caller) =>
          JSON.parse(await caller.call(JSON.stringify({ execute, arguments: args }))),
        ),
      );
      expect(answers.map((answer) => 'return' in answer).sort(), execute).toEqual([false, true]);
    }
  });
});
