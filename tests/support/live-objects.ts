/** What is alive in this process, counted by the engine itself: what something has left behind is found without knowing where it is kept. */
import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';

v8.setFlagsFromString('--expose-gc');
// The engine drops the bytecode of functions that it has not called for a while, and makes it anew: tens of kilobytes between two counts.
v8.setFlagsFromString('--no-flush-bytecode');
const collectGarbage = runInNewContext('gc') as () => void;

export interface LiveObjects {
  /** Objects of all kinds: arrays, maps, functions and promises too. */
  readonly count: number;
  /** Bytes of the heap, strings and numbers too, without compiled code: that grows and shrinks as the engine likes. */
  readonly bytes: number;
}

/** Counts after a garbage collection; what is only waiting for its turn of the event loop has had it. */
export async function liveObjects(): Promise<LiveObjects> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collectGarbage();
  }
  const spaces = v8.getHeapSpaceStatistics().filter(({ space_name: name }) => !name.includes('code'));
  return {
    count: v8.queryObjects(Object, { format: 'count' }),
    bytes: spaces.reduce((sum, { space_used_size: used }) => sum + used, 0),
  };
}
