/** One QMP session and the clients that it has one after another. */
import { describe, expect, it } from 'vitest';
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
