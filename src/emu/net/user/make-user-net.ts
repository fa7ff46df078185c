/** From what the user says to a user network that works. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { Services } from '../../qdev/services.ts';
import type { UserOptions } from '../netdev-options.ts';
import { readUserConfig } from './user-config.ts';
import { UserNet } from './user-net.ts';

/** Rejects with `MonitorError`, having taken nothing. */
export async function makeUserNet(
  options: UserOptions & { readonly id: string },
  services: Services,
  isNetdev: boolean,
): Promise<UserNet> {
  const config = readUserConfig(options);
  const net = new UserNet(config, services, { name: options.id, isNetdev });
  for (const { str } of options.guestfwd ?? []) {
    await net.guestForwards.add(str).catch((error: unknown) => {
      net.close();
      throw error;
    });
  }
  for (const [index, rule] of config.forwards.entries()) {
    if (await net.forwards.add(rule)) continue;
    net.close();
    throw new MonitorError(forwardFailed(options.hostfwd?.[index]?.str ?? ''));
  }
  return net;
}

/** QEMU's words for a port of the host that is not to be had. */
export function forwardFailed(rule: string): string {
  return `Could not set up host forwarding rule '${rule}'`;
}
