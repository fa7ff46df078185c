/** The machine's monitors on their way to the page. */
import { expect, it } from 'vitest';
import { QmpCaller } from '../../src/emu/index.ts';
import { Endpoints } from '../../src/workers/endpoints.ts';
import type { EndpointName, WorkerMessage } from '../../src/workers/protocol.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const MIB = 2 ** 20;

function rig() {
  const posted: WorkerMessage[] = [];
  const endpoints = new Endpoints(
    (message) => posted.push(message),
    () => {},
  );
  return {
    endpoints,
    posted,
    text: (name: EndpointName) =>
      posted.map((one) => (one.type === 'text' && one.from === name ? one.text : '')).join(''),
  };
}

function machine() {
  const typed: Record<EndpointName, string> = { monitor: '', qmp: '' };
  const endpoint = (name: EndpointName) => ({
    input: (text: string) => {
      typed[name] += text;
      return true;
    },
    goOn() {},
  });
  return {
    typed,
    monitors: {
      endpoints: { monitor: endpoint('monitor'), qmp: endpoint('qmp') },
      hmp: async (line: string) => `${line}!`,
      qmp: async () => '{}',
    },
  };
}

it('keeps for each what was typed before there was a machine, and no more than a little of it', () => {
  const { endpoints } = rig();
  const { typed, monitors } = machine();
  expect(endpoints.input('qmp', 'query-')).toBe(true);
  expect(endpoints.input('monitor', 'info ')).toBe(true);
  expect(endpoints.input('qmp', 'x'.repeat(1 << 17))).toBe(false);
  endpoints.outlet();
  endpoints.connect(monitors);
  expect([typed.monitor, typed.qmp.length, typed.qmp.slice(0, 7)]).toEqual(['info ', 1 << 16, 'query-x']);
  endpoints.connect(monitors);
  expect(typed.monitor).toBe('info ');
});

it('one that is not shown holds up no other, and keeps the newest of what comes by itself', async () => {
  const { endpoints, posted, text } = rig();
  const outlet = endpoints.outlet();
  const line = `${'e'.repeat(1023)}\n`;
  for (let kib = 0; kib < 8192; kib++) {
    outlet.onOutput('qmp', `${kib} ${line}`);
    if (kib % 16 === 0) await Promise.resolve();
  }
  expect([outlet.isFull('qmp'), outlet.isFull('monitor')]).toEqual([true, false]);
  const sent = text('qmp').length;
  expect(sent).toBeLessThan(3 * MIB);
  outlet.onOutput('monitor', 'here');
  await Promise.resolve();
  expect(text('monitor')).toBe('here');
  posted.length = 0;
  endpoints.acknowledge({ type: 'text-shown', from: 'qmp', length: sent });
  await Promise.resolve();
  expect(text('qmp')).toMatch(
    /^\r\n\[\d{7} characters of output skipped: this page was not shown\]\r\n\d{4} e/,
  );
  expect(text('qmp').endsWith(`8191 ${line}`)).toBe(true);
  expect(text('qmp').length).toBeLessThan(2 * MIB);
});

it('tells a page that takes no events no more than a thousand', () => {
  const { endpoints, posted } = rig();
  const { onQmpEvent } = endpoints.outlet();
  for (let n = 0; n < 5000; n++) onQmpEvent('{}');
  expect(posted.length).toBe(1024);
  endpoints.acknowledge({ type: 'event-taken' });
  onQmpEvent('{"event": "STOP"}');
  expect(posted.at(-1)).toEqual({ type: 'event', event: '{"event": "STOP"}' });
});

it('a machine that another has replaced says nothing any more', async () => {
  const { endpoints, text } = rig();
  const before = endpoints.outlet();
  endpoints.connect(machine().monitors);
  before.onOutput('qmp', 'a');
  const after = endpoints.outlet();
  // Being made: the one before still has the page.
  before.onOutput('qmp', 'b');
  after.onOutput('qmp', 'c');
  endpoints.connect(machine().monitors);
  before.onOutput('qmp', 'd');
  after.onOutput('qmp', 'e');
  await Promise.resolve();
  expect(text('qmp')).toBe('abce');
});

it('scripts are answered by the machine that there is', async () => {
  const { endpoints } = rig();
  await expect(endpoints.ask('hmp', 'x')).rejects.toThrow('There is no machine.');
  endpoints.connect(machine().monitors);
  expect(await endpoints.ask('hmp', 'x')).toBe('x!');
});

it('gives each request of QMP its own answer, and tells events apart from them', async () => {
  const { machine: board } = await monitorRig({ memoryBytes: 64 * MIB });
  const events: string[] = [];
  const caller = new QmpCaller((event) => events.push(event), { machine: board, nowMs: () => 1500 });
  const asked = [
    '{"execute": "cont"}',
    '{"execute":',
    '{"execute": "query-status", "id": [1]}',
    '7',
    '{"x": 1}',
  ];
  const answers = (await Promise.all(asked.map((one) => caller.call(one)))).map((text) => JSON.parse(text));
  expect(answers).toEqual([
    { return: {} },
    { error: { class: 'GenericError', desc: 'JSON parse error, premature EOI' } },
    { return: { status: 'running', singlestep: false, running: true }, id: [1] },
    { error: { class: 'GenericError', desc: 'QMP input must be a JSON object' } },
    { error: { class: 'GenericError', desc: "QMP input member 'x' is unexpected" } },
  ]);
  expect(events.map((text) => JSON.parse(text))).toEqual([
    { event: 'RESUME', timestamp: { seconds: 1, microseconds: 500000 } },
  ]);
});
