/** Plays lines of the qtest protocol to a machine of ours whose card has its other end in the test's hand. */
import { Monitor } from '../../src/emu/index.ts';
import { NetClient } from '../../src/emu/net/net-client.ts';
import { qtestRig } from './qtest-rig.ts';

const HUB = 9;

export interface Played {
  /** The lines that have an answer. */
  readonly asked: readonly string[];
  readonly said: readonly string[];
}

/** As `scripts/qtest-lines.ts` plays them to QEMU: `hmp LINE`, `send HEX` and `heard` are no qtest lines. */
export async function nicLines(lines: readonly string[]): Promise<Played> {
  const { machine, ask } = qtestRig();
  const monitor = new Monitor({ machine });
  const far = new FarEnd();
  await monitor.execute(`netdev_add hubport,id=far,hubid=${HUB}`);
  const port = machine.network.hubs.find(({ id }) => id === HUB)?.addPort('near', false);
  if (port === undefined) throw new Error('no hub');
  far.client.connect(port);
  const asked: string[] = [];
  const said: string[] = [];
  for (const line of lines) {
    const [word = ''] = line.split(' ', 1);
    const rest = line.slice(word.length + 1);
    let answer = '';
    if (word === 'hmp') answer = await monitor.execute(rest);
    else if (word === 'send') far.client.send(Uint8Array.from(Buffer.from(rest, 'hex')));
    else if (word === 'heard') answer = `heard ${far.heard.splice(0).join(' ')}`;
    else answer = ask(line);
    if (answer === '' || word === 'clock_step') continue;
    asked.push(line);
    said.push(answer);
  }
  return { asked, said };
}

class FarEnd {
  readonly heard: string[] = [];
  readonly canReceive = true;
  readonly client = new NetClient({ name: 'test', type: 'user', info: () => '' }, this);

  receive(packet: Uint8Array): boolean {
    this.heard.push(Buffer.from(packet).toString('hex'));
    return true;
  }
}
