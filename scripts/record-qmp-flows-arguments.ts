/** Every command of QMP without arguments, with a wrong one and with one too many, made from our table: a new command is a new line. */
import { QMP_COMMANDS } from '../src/emu/monitor/qmp/table.ts';
import type { Member, SchemaNode } from '../src/emu/qapi/schema.ts';
import { negotiated, type QmpFlow, run } from './record-qmp-packets.ts';

/** A value that no member of the type has; undefined: there is none. */
function wrongValue(node: SchemaNode): unknown {
  if (node.meta === 'builtin' && node.name === 'any') return undefined;
  return node.meta === 'object' || node.meta === 'alternate' ? true : {};
}

/** Values that members have, as far as a command may need them to come to the one that is wrong. */
function rightValue(node: SchemaNode): unknown {
  switch (node.meta) {
    case 'builtin':
      return { str: 'w', bool: true, number: 1, null: null, any: 1 }[node.name];
    case 'integer':
      return 1;
    case 'enum':
      return node.values[0];
    case 'array':
      return [];
    default:
      return undefined;
  }
}

/** One set of arguments for each member: that one is wrong, those before it are right as far as they have to be there. */
function wrongArguments(members: readonly Member[]): readonly object[] {
  return members.flatMap((member, at) => {
    const wrong = wrongValue(member.type);
    if (wrong === undefined) return [];
    const before = members.slice(0, at).filter(({ optional }) => !optional);
    const right = before.map(({ name, type }) => [name, rightValue(type)] as const);
    return [Object.fromEntries([...right, [member.name, wrong]])];
  });
}

/** Packets that are all refused: none does anything. */
export const ARGUMENT_PACKETS: readonly string[] = QMP_COMMANDS.flatMap(({ name, args, takesAnything }) => {
  const needs = args.members.some(({ optional }) => !optional);
  const right = args.members.filter(({ optional }) => !optional);
  const whole = Object.fromEntries(right.map((member) => [member.name, rightValue(member.type)]));
  return [
    ...(needs ? [run(name)] : []),
    ...(takesAnything ? [] : [run(name, { ...whole, toomuch: 1 })]),
    `{"execute":"${name}","arguments":[]}`,
    ...(args.tag === undefined ? wrongArguments(args.members) : []).map((one) => run(name, one)),
  ];
});

export const ARGUMENT_FLOWS: readonly QmpFlow[] = [
  { name: 'arguments_all', args: [], sent: negotiated(...ARGUMENT_PACKETS) },
];
