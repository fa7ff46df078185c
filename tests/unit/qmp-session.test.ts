/** One QMP session and the clients that it has one after another. */
import { describe, expect, it } from 'vitest';
import { QmpCaller } from '../../src/emu/monitor/qmp/caller.ts';
import { type QmpMessage, QmpSession } from '../../src/emu/monitor/qmp/session.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('a client that leaves while its command runs', () => {
  it('is not answered through the next one, who waits for the end of the command', async () => {
    const { machine } = await monitorRig();
    let complete = (): void => {};
    machine.preconfig.begin(
      () =>
        new Promise((resolve) => {
          complete = resolve;
        }),
    );
    const told: QmpMessage[] = [];
    const session = new QmpSession((message) => told.push(message), { machine, nowMs: () => 0 });
    const send = (...requests: readonly object[]): void =>
      session.input(new TextEncoder().encode(requests.map((one) => JSON.stringify(one)).join('')));
    session.start();
    send(
      { execute: 'qmp_capabilities' },
      { execute: 'x-exit-preconfig', id: 1 },
      { execute: 'query-name', id: 2 },
    );
    await turn();
    session.stop();
    told.length = 0;
    session.start();
    send({ execute: 'qmp_capabilities', id: 3 }, { execute: 'query-status', id: 4 });
    await turn();
    expect(told.map((message) => Object.keys(message)[0])).toEqual(['QMP']);
    complete();
    await turn();
    expect(told.slice(1).map(({ id }) => id)).toEqual([3, 4]);
    expect(told.every((message) => !('error' in message))).toBe(true);
  });
});

describe('a client that does not read', () => {
  it('is not answered meanwhile, others have their turn between its requests, and what is left of them goes with it', async () => {
    const { machine } = await monitorRig();
    const told: QmpMessage[] = [];
    let [isFull, turns] = [false, 0];
    const output = {
      isFull: () => isFull,
      turn: () => {
        turns++;
        return turn();
      },
    };
    const session = new QmpSession((message) => told.push(message), { machine, nowMs: () => 0, output });
    const send = (...requests: readonly object[]): void =>
      session.input(new TextEncoder().encode(requests.map((one) => JSON.stringify(one)).join('')));
    session.start();
    send({ execute: 'qmp_capabilities' });
    await turn();
    told.length = 0;
    send(...Array.from({ length: 20 }, (_, id) => ({ execute: 'query-name', id })));
    while (told.length < 5) await new Promise((resolve) => setImmediate(resolve));
    isFull = true;
    await turn();
    await turn();
    const { length } = told;
    expect(length).toBeLessThan(8);
    expect(turns).toBeGreaterThanOrEqual(length - 1);
    expect(session.waitingRequests).toBe(20 - length);
    isFull = false;
    session.goOn();
    await turn();
    await turn();
    await turn();
    expect(told.length).toBeGreaterThan(length);
    expect(told.map(({ id }) => id)).toEqual(told.map((_, id) => id));
    session.stop();
    const answered = told.length;
    for (let n = 0; n < 5; n++) await turn();
    expect(told).toHaveLength(answered);
    expect(session.waitingRequests).toBe(0);
  });
});

describe('texts for ring buffers', () => {
  // Recorded on QEMU 7.2.
  it.each([
    ['QQ==QQ==', 'QUE='],
    ['AAAA=AAA', 'AAAAAAAA'],
    ['QUI=QQ==', 'QUJB'],
    ['QUJD====', 'QUJDAA=='],
    ['=QUJ', 'AQUJ'],
    ['Q===', 'QA=='],
    ['QQ=Q', 'QRA='],
    ['QQ==QUJD', 'QUFCQw=='],
    ['AP/+gA==', 'AP/+gA=='],
  ])('base64 %s is read as QEMU does', async (written, read) => {
    const { machine } = await monitorRig();
    const qmp = new QmpCaller(() => {}, { machine, nowMs: () => 0 });
    const ask = async (request: object): Promise<unknown> =>
      JSON.parse(await qmp.call(JSON.stringify(request)));
    await ask({
      execute: 'chardev-add',
      arguments: { id: 'r', backend: { type: 'ringbuf', data: { size: 64 } } },
    });
    const written64 = { device: 'r', data: written, format: 'base64' };
    expect(await ask({ execute: 'ringbuf-write', arguments: written64 })).toEqual({ return: {} });
    const asked = { device: 'r', size: 64, format: 'base64' };
    expect(await ask({ execute: 'ringbuf-read', arguments: asked })).toEqual({ return: read });
    await ask({ execute: 'ringbuf-write', arguments: { ...written64, data: 'QQBC' } });
    expect(await ask({ execute: 'ringbuf-read', arguments: { device: 'r', size: 64 } })).toEqual({
      return: 'A',
    });
  });
});
