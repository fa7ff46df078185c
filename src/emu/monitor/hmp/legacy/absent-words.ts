/** Words that are gone, and what they were about is not here. Sentences are QEMU's where it has one for such a machine. */
import { block, integer, maybe, size, string } from '../../argument-specs.ts';
import type { Command } from '../../command.ts';
import { type AbsentRow, absentCommands } from '../absent.ts';

const NO_MIGRATION = 'Hotslot does not migrate machines';
const NO_NETWORK = 'Hotslot has no network yet';
const NO_LIST = "acl: unknown list '{aclname}'";
const LIST = string('aclname');
const MATCH = string('match');
const POLICY = string('policy');

const LISTS: readonly AbsentRow[] = [
  ['acl_show', 'aclname', 'who may use a remote display', [LIST], NO_LIST],
  ['acl_policy', 'aclname allow|deny', 'what goes for all others', [LIST, POLICY], NO_LIST],
  [
    'acl_add',
    'aclname match allow|deny [index]',
    'let somebody in, or out',
    [LIST, MATCH, POLICY, maybe(integer('index'))],
    NO_LIST,
  ],
  ['acl_remove', 'aclname match', 'forget somebody', [LIST, MATCH], NO_LIST],
  ['acl_reset', 'aclname', 'forget everybody', [LIST], NO_LIST],
];

const MIGRATION: readonly AbsentRow[] = [
  ['migrate_set_speed', 'value', 'how fast a migration may be', [size('value')], NO_MIGRATION],
  ['migrate_set_downtime', 'value', 'how long the guest may stand still', [string('value')], NO_MIGRATION],
];

const CACHE: readonly AbsentRow[] = [
  ['migrate_set_cache_size', 'value', 'memory for what changes meanwhile', [size('value')], NO_MIGRATION],
];

const HOST_NETWORK: readonly AbsentRow[] = [
  [
    'host_net_add',
    'tap|user|socket|vde|dump [options]',
    'a far end for network cards',
    [string('device'), maybe(string('opts'))],
    NO_NETWORK,
  ],
  ['host_net_remove', 'vlan_id name', 'take it away', [integer('vlan_id'), string('device')], NO_NETWORK],
];

const PASSWORD_PARAMS = 'block_passwd device password';
const PASSWORD_HELP = 'the password of an image that is encrypted';
const PASSWORD_ARGS = [block('device'), string('password')];

const PASSWORD: AbsentRow = [
  'block_passwd',
  PASSWORD_PARAMS,
  PASSWORD_HELP,
  PASSWORD_ARGS,
  {
    drive: 'device',
    none: "Device '{device}' not found",
    there: "Device '{device}' is not encrypted",
  },
];

/** QEMU: encryption by passwords had gone before the command went. */
const PASSWORD_5_1: AbsentRow = [
  'block_passwd',
  PASSWORD_PARAMS,
  PASSWORD_HELP,
  PASSWORD_ARGS,
  'Error: Setting block passwords directly is no longer supported',
];

/** Up to qemu-kvm 0.15. */
export const ABSENT_0_15: readonly Command[] = absentCommands([
  ...LISTS,
  ...MIGRATION,
  ...HOST_NETWORK,
  PASSWORD,
]);
/** From QEMU 1.2 to 2.0. */
export const ABSENT_1_1: readonly Command[] = [...ABSENT_0_15, ...absentCommands(CACHE)];
export const ABSENT_5_1: readonly Command[] = absentCommands([
  ...LISTS,
  ...MIGRATION,
  ...CACHE,
  PASSWORD_5_1,
]);
