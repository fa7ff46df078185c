/** The sockets on which a program that was just started listens. */
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const TRIES = 600;
const TRY_MS = 100;

/** Connected to the socket at `path`, when it is there; waits for a minute. */
export async function connected(path: string): Promise<Socket> {
  for (let tries = 1; ; tries++) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = createConnection(path, () => resolve(socket)).once('error', reject);
      });
    } catch (error) {
      if (tries === TRIES) throw error;
      await sleep(TRY_MS);
    }
  }
}
