/** A machine that is not complete yet, beside what QEMU 7.2 let its monitors do then. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type QmpMessage, QmpSession } from '../../src/emu/monitor/qmp/session.ts';
import { QMP_COMMANDS } from '../../src/emu/monitor/qmp/table.ts';
import { monitorRig } from '../support/monitor-rig.ts';
import { readRecording } from '../support/replay.ts';

const RECORDED = readFileSync(join(import.meta.dirname, '../golden/qmp/preconfig.txt'), 'utf8');
const REFUSED =
  /"desc": "The command '([\w-]+)' is permitted only after machine initialization has completed"/g;
const refused = new Set([...RECORDED.matchAll(REFUSED)].map(([, name]) => name));
/** What the recording does not ask: it would end it, or its answer is long. */
const ALLOWED = [
  ...['qmp_capabilities', 'quit', 'x-exit-preconfig'],
  ...['query-qmp-schema', 'query-command-line-options'],
];

async function early() {
  const rig = await monitorRig();
  const { machine } = rig;
  let completed = 0;
  machine.preconfig.begin(async () => {
    completed++;
  });
  const messages: QmpMessage[] = [];
  const session = new QmpSession((message) => messages.push(message), { machine, nowMs: () => 0 });
  session.start();
  const ask = async (execute: string, args?: object): Promise<QmpMessage | undefined> => {
    messages.length = 0;
    session.input(new TextEncoder().encode(JSON.stringify({ execute, arguments: args })));
    for (let turn = 0; turn < 100 && messages.length === 0; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return messages[0];
  };
  await ask('qmp_capabilities');
  return { rig, ask, completed: () => completed };
}

describe('QMP', () => {
  it('lets through what QEMU lets through, and nothing else', () => {
    const asked = QMP_COMMANDS.filter(({ name }) => !ALLOWED.includes(name));
    expect(asked.filter(({ allowPreconfig }) => !allowPreconfig).map(({ name }) => name)).toEqual(
      asked.filter(({ name }) => refused.has(name)).map(({ name }) => name),
    );
    for (const { name, allowPreconfig } of QMP_COMMANDS) {
      if (ALLOWED.includes(name)) expect(allowPreconfig, name).toBe(true);
    }
  });

  it('refuses before it looks at arguments, and completes the machine once', async () => {
    const { ask, completed } = await early();
    expect(await ask('device_add', { zz: 1 })).toEqual({
      error: {
        class: 'GenericError',
        desc: "The command 'device_add' is permitted only after machine initialization has completed",
      },
    });
    expect(await ask('query-status')).toEqual({
      return: { running: false, singlestep: false, status: 'prelaunch' },
    });
    expect(await ask('x-exit-preconfig')).toEqual({ return: {} });
    expect(await ask('x-exit-preconfig')).toEqual({
      error: {
        class: 'GenericError',
        desc: 'The command is permitted only before machine initialization',
      },
    });
    expect(completed()).toBe(1);
    expect(await ask('device_add', { driver: 'virtio-rng-pci' })).toEqual({ return: {} });
  });
});

/** What is answered with another state of the machine than QEMU's: the board is there from the beginning. */
const OTHER_STATE = [
  'info qom-tree',
  'info chardev',
  'info memdev',
  'info hotpluggable-cpus',
  'info version',
];
/** What has its own words, or its own list. */
const OTHER_WORDS = ['help', 'info history', 'info virtio'];

describe('the human monitor', () => {
  it('answers as QEMU', async () => {
    const { rig, completed } = await early();
    const steps = readRecording('preconfig').steps.flatMap((step) => ('line' in step ? [step] : []));
    expect(steps.length).toBeGreaterThan(150);
    for (const { line, output } of steps) {
      const answer = await rig.execute(line);
      if (OTHER_STATE.includes(line) || OTHER_WORDS.includes(line)) {
        expect.soft(answer, line).not.toContain('not available until');
      } else expect.soft(answer, line).toBe(output);
    }
    expect(completed()).toBe(1);
  });

  it('offers what there is', async () => {
    const { rig } = await early();
    expect(await rig.keys('info st\t')).toContain('info status');
    await rig.keys('\x15');
    const help = await rig.execute('help');
    expect(help.split('\n').filter((line) => line.startsWith('device_add'))).toEqual([]);
    expect(help).toContain('exit_preconfig ');
    expect((await rig.execute('info')).split('\n').map((line) => line.split(' ')[1])).not.toContain('pci');
  });
});
