/** Networks. Spec: QEMU qapi/net.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { absentTypeError, NETDEV, NETDEV_TYPES } from '../../net/netdev-options.ts';
import type { Nic } from '../../net/network.ts';
import { RX_STATES } from '../../net/rx-filter.ts';
import { checkedAs } from '../../qapi/check.ts';
import {
  asJson,
  BOOL,
  enumeration,
  INT,
  type Infer,
  list,
  optional,
  STR,
  struct,
} from '../../qapi/schema.ts';
import { command, type QapiContext } from './context.ts';

const RX_STATE = enumeration('RxState', RX_STATES);
const RX_FILTER_INFO = struct({
  ...{ name: STR, promiscuous: BOOL, multicast: RX_STATE, unicast: RX_STATE, vlan: RX_STATE },
  ...{ 'broadcast-allowed': BOOL, 'multicast-overflow': BOOL, 'unicast-overflow': BOOL },
  ...{ 'main-mac': STR, 'vlan-table': list(INT), 'unicast-table': list(STR), 'multicast-table': list(STR) },
});
type RxFilterInfo = Infer<typeof RX_FILTER_INFO>;

function rxFilterInfo({ client, rxFilter }: Nic): readonly RxFilterInfo[] {
  const filter = rxFilter?.();
  if (filter === undefined) return [];
  return [
    {
      name: client.name,
      promiscuous: filter.promiscuous,
      multicast: filter.multicast,
      unicast: filter.unicast,
      vlan: filter.vlan,
      'broadcast-allowed': filter.broadcastAllowed,
      'multicast-overflow': filter.multicastOverflow,
      'unicast-overflow': filter.unicastOverflow,
      'main-mac': filter.mainMac,
      'vlan-table': filter.vlans,
      'unicast-table': filter.unicastMacs,
      'multicast-table': filter.multicastMacs,
    },
  ];
}

function queryRxFilter({ machine }: QapiContext, name: string | undefined): readonly RxFilterInfo[] {
  const { network } = machine;
  if (name === undefined) return network.nics.flatMap(rxFilterInfo);
  const client = network.find(name);
  if (client === undefined) throw new MonitorError(`invalid net client name: ${name}`);
  const nic = network.nics.find((one) => one.client === client);
  if (nic === undefined) throw new MonitorError(`net client(${name}) isn't a NIC`);
  if (nic.rxFilter === undefined) {
    throw new MonitorError(`net client(${name}) doesn't support rx-filter querying`);
  }
  return rxFilterInfo(nic);
}

export const NET_COMMANDS = [
  command('set_link', {
    args: struct({ name: STR, up: BOOL }),
    run: ({ machine }, { name, up }) => machine.network.setLink(name, up),
  }),
  command('netdev_add', {
    args: asJson(NETDEV),
    allowPreconfig: true,
    // What comes with the types that there are not here is not looked at.
    takesAnything: true,
    async run({ machine }, given) {
      const { id, type } = given;
      const isQemus = typeof type === 'string' && NETDEV_TYPES.some((name) => name === type);
      const isOurs = typeof type === 'string' && NETDEV.node.variants?.has(type) === true;
      if (typeof id === 'string' && isQemus && !isOurs) throw absentTypeError(type);
      await machine.network.addNetdev(checkedAs(NETDEV, given));
    },
  }),
  command('netdev_del', {
    args: struct({ id: STR }),
    allowPreconfig: true,
    run: ({ machine }, { id }) => machine.network.removeNetdev(id),
  }),
  command('announce-self', {
    args: struct({
      ...{ initial: INT, max: INT, rounds: INT, step: INT },
      ...{ interfaces: optional(list(STR)), id: optional(STR) },
    }),
    run({ machine }, { initial, max, rounds, step, ...others }) {
      const numbers = { initial: Number(initial), max: Number(max), step: Number(step) };
      machine.network.announcements.start({ ...numbers, ...others, rounds: Number(rounds) });
    },
  }),
  command('query-rx-filter', {
    args: struct({ name: optional(STR) }),
    returns: list(RX_FILTER_INFO),
    run: (context, { name }) => queryRxFilter(context, name),
  }),
];
