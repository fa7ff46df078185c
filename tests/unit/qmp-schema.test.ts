/** What `query-qmp-schema` says beside what QEMU 7.2 says: `scripts/record-qmp.ts` recorded that. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HMP_COMMANDS } from '../../src/emu/monitor/hmp/commands.ts';
import { INFO_COMMANDS } from '../../src/emu/monitor/hmp/info-commands.ts';
import { QMP_COMMANDS } from '../../src/emu/monitor/qmp/table.ts';
import { schemaRows } from '../support/qmp-client.ts';

interface Row {
  readonly name: string;
  readonly 'meta-type': string;
  readonly 'json-type'?: string;
  readonly 'arg-type'?: string;
  readonly 'ret-type'?: string;
  readonly 'element-type'?: string;
  readonly 'allow-oob'?: boolean;
  readonly features?: readonly string[];
  readonly values?: readonly string[];
  readonly members?: readonly MemberRow[];
  readonly tag?: string;
  readonly variants?: readonly VariantRow[];
}
interface MemberRow {
  readonly name: string;
  readonly type: string;
  readonly default?: null;
  readonly features?: readonly string[];
}
interface VariantRow {
  readonly case: string;
  readonly type: string;
}

class Schema {
  readonly #rows: ReadonlyMap<string, Row>;

  constructor(rows: readonly Row[]) {
    this.#rows = new Map(rows.map((row) => [row.name, row]));
  }

  commands(): string[] {
    const rows = [...this.#rows.values()].filter((row) => row['meta-type'] === 'command');
    return rows.map(({ name }) => name);
  }

  find(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  at(name: string): Row {
    const row = this.#rows.get(name);
    if (row === undefined) throw new Error(`the schema names ${name}, which is not in it`);
    return row;
  }
}

const QEMU = new Schema(
  JSON.parse(readFileSync(join(import.meta.dirname, '../golden/qmp/schema.json'), 'utf8')) as Row[],
);

/** Images that stand on others, or have a format of their own; bitmaps. */
const NODE = [
  ...['backing-filename', 'full-backing-filename', 'backing-filename-format', 'snapshots'].map(
    (name) => `image.${name}`,
  ),
  ...['image.format-specific', 'dirty-bitmaps'],
];
/** Histograms, which a command would have to ask for. */
const STATS = ['rd', 'wr', 'flush'].map((name) => `stats.${name}_latency_histogram`);
/** Drivers that this machine has not, and options of a host's files, and of delays: both null drivers have one type. */
const BLOCKDEV = [
  '.driver values',
  ...['pr-manager', 'aio-max-batch', 'drop-cache', 'x-check-cache-dropped'].map((name) => `(file).${name}`),
  '(null-aio).latency-ns',
];
/** Kinds that this machine has not, files that are read, sockets of other families and settings of TCP. */
const BACKEND = [
  ...['.type values', '(file).data.in', '(socket).data.addr.type values'],
  ...['numeric', 'keep-alive', 'mptcp'].map((name) => `(socket).data.addr(inet).data.${name}`),
];
/** What is told of a migration that has begun; maps of bitmaps, which no image here has. */
const MIGRATION = [
  ...['query-migrate-parameters →', 'migrate-set-parameters'].map((name) => `${name}.block-bitmap-mapping`),
  ...[
    ...['ram', 'disk', 'vfio', 'xbzrle-cache', 'total-time', 'expected-downtime', 'downtime', 'setup-time'],
    ...['cpu-throttle-percentage', 'error-desc', 'blocked-reasons', 'postcopy-blocktime'],
    ...['postcopy-vcpu-blocktime', 'compression', 'socket-address'],
  ].map((name) => `query-migrate →.${name}`),
];
/** What this machine leaves out, by where it is. */
/** Back ends of the network that there are not. */
const NETDEVS = Object.entries({
  nic: 'netdev macaddr model addr vectors',
  tap: 'ifname fd fds script downscript br helper sndbuf vnet_hdr vhost vhostfd vhostfds vhostforce queues poll-us',
  l2tpv3:
    'src dst srcport dstport ipv6 udp cookie64 counter pincounter txcookie rxcookie txsession rxsession offset',
  stream: 'addr server',
  dgram: 'local remote',
  vde: 'sock port group mode',
  bridge: 'br helper',
  netmap: 'ifname devname',
  'vhost-user': 'chardev vhostforce queues',
  'vhost-vdpa': 'vhostdev vhostfd queues x-svq',
}).flatMap(([type, members]) => members.split(' ').map((name) => `netdev_add(${type}).${name}`));

const LEFT_OUT = [
  ...NODE.map((name) => `query-block →[].inserted.${name}`),
  ...NODE.map((name) => `query-named-block-nodes →[].${name}`),
  ...STATS.map((name) => `query-blockstats →[].${name}`),
  'query-blockstats →[].driver-specific.driver values',
  ...BLOCKDEV.map((name) => `blockdev-add${name}`),
  ...BLOCKDEV.map((name) => `blockdev-reopen.options[]${name}`),
  ...BACKEND.map((name) => `chardev-add.backend${name}`),
  ...BACKEND.map((name) => `chardev-change.backend${name}`),
  ...NETDEVS,
  'transaction.actions[].type values',
  ...MIGRATION,
  'object-add.qom-type values',
  'object-add(memory-backend-ram).prealloc-context',
  'query-command-line-options →[].parameters[].help',
];

class Comparison {
  readonly #ours: Schema;
  readonly #compared = new Set<string>();
  readonly differences: string[] = [];
  readonly leftOut: string[] = [];

  constructor(ours: Schema) {
    this.#ours = ours;
  }

  compare(ourName: string, qemuName: string, where: string): void {
    // A type may have itself as a part.
    const pair = `${ourName} ${qemuName}`;
    if (this.#compared.has(pair)) return;
    this.#compared.add(pair);
    const ours = this.#ours.at(ourName);
    const qemu = QEMU.at(qemuName);
    if (ours['meta-type'] !== qemu['meta-type']) {
      this.differences.push(`${where}: ${ours['meta-type']}, not ${qemu['meta-type']}`);
      return;
    }
    switch (ours['meta-type']) {
      case 'builtin':
        if (ourName !== qemuName) this.differences.push(`${where}: ${ourName}, not ${qemuName}`);
        break;
      case 'array':
        this.compare(String(ours['element-type']), String(qemu['element-type']), `${where}[]`);
        break;
      case 'enum':
        this.#compareValues(ours.values ?? [], qemu.values ?? [], where);
        break;
      case 'object':
        this.#compareObjects(ours, qemu, where);
        break;
      case 'alternate':
        this.#compareChoices(ours.members ?? [], qemu.members ?? [], where);
        break;
      default:
        this.differences.push(`${where}: nothing compares ${ours['meta-type']}`);
    }
  }

  #compareValues(ours: readonly string[], qemu: readonly string[], where: string): void {
    const known = qemu.filter((value) => ours.includes(value));
    if (known.join() !== ours.join()) this.differences.push(`${where}: ${ours.join()}, not ${qemu.join()}`);
    if (ours.length < qemu.length) this.leftOut.push(`${where} values`);
  }

  /** The choices have no names, but kinds. */
  #compareChoices(own: readonly MemberRow[], theirs: readonly MemberRow[], where: string): void {
    const kind = (schema: Schema, { type }: MemberRow): string => {
      const row = schema.at(type);
      return `${row['meta-type']} ${row['json-type'] ?? ''}`;
    };
    for (const choice of own) {
      const other = theirs.find((one) => kind(QEMU, one) === kind(this.#ours, choice));
      if (other === undefined) this.differences.push(`${where}: QEMU has no such choice`);
      else this.compare(choice.type, other.type, where);
    }
    if (own.length < theirs.length) this.leftOut.push(`${where} choices`);
  }

  #compareObjects(ours: Row, qemu: Row, where: string): void {
    const { members: theirs = [], variants: cases = [] } = qemu;
    const { members: own = [], variants = [] } = ours;
    for (const member of own) this.#compareMember(member, theirs, where);
    for (const { name } of theirs) {
      if (!own.some((member) => member.name === name)) this.leftOut.push(`${where}.${name}`);
    }
    if (ours.tag !== qemu.tag) this.differences.push(`${where}: tag ${ours.tag}, not ${qemu.tag}`);
    for (const variant of variants) {
      const other = cases.find((one) => one.case === variant.case);
      if (other === undefined) this.differences.push(`${where}(${variant.case}): QEMU has none`);
      else this.compare(variant.type, other.type, `${where}(${variant.case})`);
    }
  }

  #compareMember(member: MemberRow, theirs: readonly MemberRow[], where: string): void {
    const isOptional = (one: MemberRow): boolean => 'default' in one;
    const other = theirs.find(({ name }) => name === member.name);
    const at = `${where}.${member.name}`;
    if (other === undefined) this.differences.push(`${at}: QEMU has none`);
    else if (isOptional(member) !== isOptional(other)) this.differences.push(`${at}: optional or not`);
    else if (String(member.features) !== String(other.features)) this.differences.push(`${at}: features`);
    else this.compare(member.type, other.type, at);
  }
}

const rows = (await schemaRows()) as readonly Row[];

describe('query-qmp-schema', () => {
  const ours = new Schema(rows);
  const told = rows.filter((row) => row['meta-type'] === 'command' || row['meta-type'] === 'event');
  const leftOut: string[] = [];

  it.each(told.map((row) => [row.name, row] as const))('%s is as in QEMU', (name, row) => {
    const qemu = QEMU.at(name);
    const comparison = new Comparison(ours);
    comparison.compare(String(row['arg-type']), String(qemu['arg-type']), name);
    if (row['meta-type'] === 'command') {
      comparison.compare(String(row['ret-type']), String(qemu['ret-type']), `${name} →`);
    }
    expect(comparison.differences).toEqual([]);
    expect([row.features, row['allow-oob']]).toEqual([qemu.features, qemu['allow-oob']]);
    leftOut.push(...comparison.leftOut);
  });

  it('leaves out what is known to be missing, and nothing else', () => {
    expect(leftOut).toEqual(LEFT_OUT);
  });

  it('names every type once, and tells of each that it names', () => {
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    const named = JSON.stringify(rows).matchAll(/"(?:type|arg-type|ret-type|element-type)":"([^"]+)"/g);
    for (const [, name = ''] of named) expect(ours.find(name), name).toBeDefined();
  });
});

it('each command of QEMU that is not there has its reason in docs/monitor.md', () => {
  const text = readFileSync('docs/monitor.md', 'utf8');
  const [, section = ''] = /### QMP commands that are left out\n([\s\S]*?)\n## /.exec(text) ?? [];
  const listed = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  const ours = new Set(QMP_COMMANDS.map(({ name }) => name));
  const missing = QEMU.commands().filter((name) => !ours.has(name));
  expect(missing.length).toBeGreaterThan(20);
  expect(listed.sort()).toEqual(missing.sort());
});

describe('the tables of commands', () => {
  it.each([
    ['human monitor', HMP_COMMANDS],
    ['info', INFO_COMMANDS],
    ['QMP', QMP_COMMANDS],
  ])('%s: each name is there once', (_, table) => {
    const names = table.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});
