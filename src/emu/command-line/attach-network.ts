/** The network that the command line asks for: back ends and hubs first, and cards when the board has its devices. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Machine } from '../machine/machine.ts';
import { addNetworkCard, modelOf, type NetworkCard } from '../monitor/network-card.ts';
import type { NetClient } from '../net/net-client.ts';
import { atOption } from './options.ts';
import type { NetworkOptions, NetworkStep } from './options-network.ts';
import { report, startError } from './start-error.ts';

/** A card that is to be made, and what is at its other end. */
export interface BoardCard {
  readonly card: NetworkCard;
  readonly netdev: string;
}

/** QEMU's own card of this board. */
const DEFAULT_MODEL = 'e1000';

/** Makes back ends and ports of hubs. Rejects with StartError. */
export async function attachNetwork(
  machine: Machine,
  { steps }: NetworkOptions,
): Promise<readonly BoardCard[]> {
  const cards: BoardCard[] = [];
  machine.network.takesNumbers = true;
  try {
    for (const step of steps) {
      try {
        const card = await attachStep(machine, step);
        if (card !== undefined) cards.push(card);
      } catch (error) {
        throw atOption(error, step.at);
      }
    }
  } finally {
    machine.network.takesNumbers = false;
  }
  return cards;
}

async function attachStep(machine: Machine, step: NetworkStep): Promise<BoardCard | undefined> {
  const { network } = machine;
  if (step.kind === 'netdev') {
    const { name } = await network.addNetdev(step.options);
    network.noteText(name);
    return undefined;
  }
  if (step.kind === 'net-nic') {
    const { netdev, card } = step;
    if (netdev === undefined) return { card, netdev: (await network.addHubPort()).name };
    if (network.findBackend(netdev) === undefined) throw new MonitorError(`netdev '${netdev}' not found`);
    return { card, netdev };
  }
  const backend = await addBackend(machine, step);
  if (step.kind === 'nic') return { card: step.card, netdev: backend.name };
  await network.addHubPort(backend);
  return undefined;
}

/** QEMU: what `-nic` made may be taken away as what `-netdev` made. */
async function addBackend(
  { network }: Machine,
  { kind, backend, isNamed }: Extract<NetworkStep, { isNamed: boolean }>,
): Promise<NetClient> {
  return isNamed ? await network.addNetdev(backend, kind === 'nic') : await network.addUnnamed(backend);
}

/** Makes the cards. QEMU: what is wrong with one is not said about its option. Rejects with StartError. */
export async function boardCards(
  machine: Machine,
  cards: readonly BoardCard[],
  warn: (text: string) => void,
): Promise<void> {
  for (const { card, netdev } of cards) {
    const model = cardModel(machine, card);
    await addNetworkCard(machine.devices, model, card, netdev, (text) => warn(report(text))).catch(
      (error: unknown) => {
        throw atOption(error);
      },
    );
  }
}

function cardModel({ devices }: Machine, { model = DEFAULT_MODEL }: NetworkCard): string {
  try {
    return modelOf(devices, model);
  } catch (error) {
    throw error instanceof MonitorError ? startError(error.message) : error;
  }
}
