/** Switches of the kind rocker, which this machine has none of. Spec: QEMU qapi/rocker.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { BOOL, enumeration, INT, list, optional, STR, struct, UINT8, UINT32 } from '../../qapi/schema.ts';
import { command } from './context.ts';

const NUMBER = optional(INT);
const MATCHED = {
  ...{ 'in-pport': NUMBER, 'tunnel-id': NUMBER, 'vlan-id': NUMBER },
  ...{ 'eth-src': optional(STR), 'eth-dst': optional(STR), 'ip-proto': NUMBER, 'ip-tos': NUMBER },
};
const FLOW = struct({
  cookie: INT,
  hits: INT,
  key: struct({ priority: INT, 'tbl-id': INT, ...MATCHED, 'eth-type': NUMBER, 'ip-dst': optional(STR) }),
  mask: struct(MATCHED),
  action: struct({
    ...{ 'goto-tbl': NUMBER, 'group-id': NUMBER, 'tunnel-lport': NUMBER },
    ...{ 'vlan-id': NUMBER, 'new-vlan-id': NUMBER, 'out-pport': NUMBER },
  }),
});
const GROUP = struct({
  ...{ id: INT, type: INT, 'vlan-id': NUMBER, pport: NUMBER, index: NUMBER, 'out-pport': NUMBER },
  ...{ 'group-id': NUMBER, 'set-vlan-id': NUMBER, 'pop-vlan': NUMBER, 'group-ids': optional(list(INT)) },
  ...{ 'set-eth-src': optional(STR), 'set-eth-dst': optional(STR), 'ttl-check': NUMBER },
});
const PORT = struct({
  ...{ name: STR, enabled: BOOL, 'link-up': BOOL, speed: INT },
  duplex: enumeration('RockerPortDuplex', ['half', 'full']),
  autoneg: enumeration('RockerPortAutoneg', ['off', 'on']),
});

function noSwitch(_context: unknown, { name }: { readonly name: string }): never {
  throw new MonitorError(`rocker ${name} not found`);
}

export const ROCKER_COMMANDS = [
  command('query-rocker', {
    args: struct({ name: STR }),
    returns: struct({ name: STR, id: INT, ports: INT }),
    run: noSwitch,
  }),
  command('query-rocker-ports', { args: struct({ name: STR }), returns: list(PORT), run: noSwitch }),
  command('query-rocker-of-dpa-flows', {
    args: struct({ name: STR, 'tbl-id': optional(UINT32) }),
    returns: list(FLOW),
    run: noSwitch,
  }),
  command('query-rocker-of-dpa-groups', {
    args: struct({ name: STR, type: optional(UINT8) }),
    returns: list(GROUP),
    run: noSwitch,
  }),
];
