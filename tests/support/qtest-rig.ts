/** A machine that a client of qtest drives, in this process. */
import { type ChunkImageStore, Machine, type MachineConfig, QtestSession } from '../../src/emu/index.ts';
import { memoryImages } from './headless-guest.ts';

/** The host's clock goes on whenever somebody looks at it. */
const NS_PER_LOOK = 100_000;

export interface QtestRig {
  readonly machine: Machine;
  readonly session: QtestSession;
  /** Gives a line; all that is said until its answer, in lines. */
  say(line: string): readonly string[];
  /** Gives a line; its answer without OK. Throws when it is another. */
  ask(line: string): string;
  /** What the log has. */
  readonly log: string[];
}

export function qtestRig(
  config: Partial<MachineConfig> = {},
  images: ChunkImageStore = memoryImages(),
): QtestRig {
  const said: string[] = [];
  const log: string[] = [];
  let hostNs = 0;
  const machine = new Machine(
    { memoryBytes: 2 ** 20 * 16, accel: 'qtest', ...config },
    {
      ...{ monotonicNs: () => hostNs++ * NS_PER_LOOK, wallClockMs: () => 0, after() {}, random() {} },
      images,
    },
  );
  machine.cont();
  const output = {
    send: (text: string) => void said.push(...text.split('\n').slice(0, -1)),
    log: (text: string) => void log.push(text),
    nowMs: () => 1500,
  };
  const session = new QtestSession(output, machine);
  session.opened();
  const say = (line: string): readonly string[] => {
    session.input(new TextEncoder().encode(`${line}\n`));
    machine.run(1);
    return said.splice(0);
  };
  return {
    ...{ machine, session, say, log },
    ask(line) {
      const lines = say(line);
      const answer = lines.at(-1) ?? '';
      if (lines.length !== 1 || !/^OK\b/.test(answer)) throw new Error(`${line}: ${lines.join(' | ')}`);
      return answer.slice('OK '.length);
    },
  };
}
