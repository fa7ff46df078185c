/** `netdev_add` and the like, and what `info` tells of networks. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { NetClient } from '../../net/net-client.ts';
import { NETDEV_HELP, readNetdev } from '../../net/netdev-options.ts';
import type { Network } from '../../net/network.ts';
import { parseForward, parseForwardHost } from '../../net/user/host-forward.ts';
import { forwardFailed } from '../../net/user/make-user-net.ts';
import type { UserNet } from '../../net/user/user-net.ts';
import { userNetText } from '../../net/user/user-net-text.ts';
import { Options, parseOptions } from '../../qdev/option-string.ts';
import { ArgumentError } from '../argument-error.ts';
import { maybe, onOff, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';

const isHelp = (text: string | undefined): boolean => text === 'help' || text === '?';

function readOptions({ machine, stderr }: CommandContext, text: string): Options {
  try {
    const options = parseOptions(text, 'type', stderr);
    machine.network.checkText(options.id);
    return options;
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    const { message, hint } = error;
    throw new ArgumentError(hint === undefined ? message : `${message}\n${hint}`, true);
  }
}

async function netdevAdd(context: CommandContext, text: string): Promise<string> {
  const options = readOptions(context, text);
  if (isHelp(options.get('type'))) return NETDEV_HELP;
  const { network } = context.machine;
  // QEMU: of what is said twice the last is taken, here also where -netdev makes a list of it.
  const last = new Options([...options.effective()], options.id);
  const { name } = await network.addNetdev(readNetdev(last));
  network.noteText(name);
  return '';
}

function clientLine({ name, spec, filters }: NetClient): string {
  const line = `${name}: index=0,type=${spec.type},${spec.info()}\n`;
  if (filters.length === 0) return line;
  return `${line}filters:\n${filters.map(({ info }) => `${info}\n`).join('')}`;
}

/** QEMU: hubs first, then cards with what is at their other end, and what has no other end. */
function infoNetwork(network: Network): string {
  const hubs = network.hubs.map(({ id, ports }) => {
    const lines = ports.map(
      ({ name, peer }) => ` \\ ${name}${peer === undefined ? '\n' : `: ${clientLine(peer)}`}`,
    );
    return `hub ${id}\n${lines.join('')}`;
  });
  const others = network.clients
    .filter(({ peer, spec }) => spec.type !== 'hubport' && peer?.spec.type !== 'hubport')
    .filter(({ peer, spec }) => peer === undefined || spec.type === 'nic')
    .map((client) => {
      const { peer } = client;
      return clientLine(client) + (peer === undefined ? '' : ` \\ ${clientLine(peer)}`);
    });
  return [...hubs, ...others].join('');
}

/** The user network that a command is about; else QEMU's answer, which is no error. */
function userNetFor(network: Network, id: string | undefined): UserNet | string {
  if (id === undefined) return network.userNets[0]?.[1] ?? 'user mode network stack not in use\n';
  const client = network.find(id);
  if (client === undefined) return `unrecognized netdev id '${id}'\n`;
  const found = network.userNets.find(([one]) => one === client);
  return found?.[1] ?? 'invalid device specified\n';
}

async function hostForwardAdd({ machine }: CommandContext, first: string, second?: string): Promise<string> {
  const net = userNetFor(machine.network, second === undefined ? undefined : first);
  if (typeof net === 'string') return net;
  const rule = second ?? first;
  try {
    const done = await net.forwards.add(parseForward(rule, net.config.firstGuest));
    return done ? '' : `${forwardFailed(rule)}\n`;
  } catch (error) {
    if (error instanceof MonitorError) return `${error.message}\n`;
    throw error;
  }
}

function hostForwardRemove({ machine }: CommandContext, first: string, second?: string): string {
  const net = userNetFor(machine.network, second === undefined ? undefined : first);
  if (typeof net === 'string') return net;
  const rule = second ?? first;
  const wanted = parseForwardHost(rule);
  if (wanted === undefined) return 'invalid format\n';
  const done = net.forwards.remove(wanted.protocol, wanted.host);
  return `host forwarding rule for ${rule} ${done ? 'removed' : 'not found'}\n`;
}

const clientNames = ({ machine }: CommandContext): readonly string[] =>
  machine.network.clients.map(({ name }) => name);
const netdevNames = ({ machine }: CommandContext): readonly string[] =>
  machine.network.clients.flatMap(({ name, spec }) => (spec.isNetdev === true ? [name] : []));
const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));

export const NET_COMMANDS: readonly Command[] = [
  {
    name: 'netdev_add',
    args: [{ name: 'netdev', kind: 'options' }],
    params: '[user|tap|socket|stream|dgram|vde|bridge|hubport|netmap|vhost-user],id=str[,prop=value][,...]',
    help: 'make the far end of a network card',
    run: (context, args) => netdevAdd(context, String(args.get('netdev'))),
  },
  {
    name: 'netdev_del',
    args: [string('id')],
    params: 'id',
    help: 'take the far end of a network card away',
    complete: netdevNames,
    run({ machine }, args) {
      machine.network.removeNetdev(String(args.get('id')));
      return '';
    },
  },
  {
    name: 'set_link',
    args: [string('name'), onOff('up')],
    params: 'name on|off',
    help: 'plug or pull the cable of a network card',
    complete: clientNames,
    run({ machine }, args) {
      machine.network.setLink(String(args.get('name')), args.get('up') === true);
      return '';
    },
  },
  {
    name: 'announce_self',
    args: [maybe(string('interfaces')), maybe(string('id'))],
    params: '[interfaces] [id]',
    help: 'tell switches where the guest is',
    run({ machine }, args) {
      const { parameters } = machine.migration;
      const number = (name: 'initial' | 'max' | 'rounds' | 'step'): number =>
        Number(parameters[`announce-${name}`]);
      const names = textOf(args.get('interfaces'))?.split(',');
      machine.network.announcements.start({
        ...{ initial: number('initial'), max: number('max') },
        ...{ rounds: number('rounds'), step: number('step') },
        ...{ interfaces: names, id: textOf(args.get('id')) },
      });
      return '';
    },
  },
  {
    name: 'hostfwd_add',
    args: [string('arg1'), maybe(string('arg2'))],
    params: '[netdev_id] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport',
    help: 'lead a port of the host to the guest',
    run: (context, args) => hostForwardAdd(context, String(args.get('arg1')), textOf(args.get('arg2'))),
  },
  {
    name: 'hostfwd_remove',
    args: [string('arg1'), maybe(string('arg2'))],
    params: '[netdev_id] [tcp|udp]:[hostaddr]:hostport',
    help: 'lead a port of the host to the guest no more',
    run: (context, args) => hostForwardRemove(context, String(args.get('arg1')), textOf(args.get('arg2'))),
  },
];

/** Topics of `info`. */
export const NET_INFO: readonly Command[] = [
  {
    name: 'network',
    args: [],
    params: '',
    help: 'network cards and their far ends',
    run: ({ machine }) => infoNetwork(machine.network),
  },
  {
    name: 'usernet',
    args: [],
    params: '',
    help: 'connections of the network in user mode',
    run: ({ machine: { network } }) =>
      network.userNets
        .map(([client, net]) => userNetText(net, client.name, network.hubOf(client)?.id ?? -1))
        .join(''),
  },
];
