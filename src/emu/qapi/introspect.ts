/**
 * The schema as `query-qmp-schema` tells it. Types have numbers for names, as in QEMU, in the order in which they are met: names are nothing that a
 * client may rely on. Spec: QEMU qapi/introspect.json.
 */
import type { QapiCommand, QapiEvent } from './command.ts';
import type { Member, ObjectNode, SchemaNode } from './schema.ts';

type Info = { readonly name: string; readonly 'meta-type': string; readonly [key: string]: unknown };

const JSON_TYPES = {
  str: 'string',
  bool: 'boolean',
  number: 'number',
  null: 'null',
  any: 'value',
  int: 'int',
} as const;

class Introspection {
  /** Types without a number yet, or with one, in the order of their numbers. */
  readonly #met: SchemaNode[] = [];
  /** Numbers by what a type is: two that are equal are one to the client. */
  readonly #numbers = new Map<SchemaNode, number>();
  readonly #builtins = new Set<keyof typeof JSON_TYPES>();
  readonly #arrays = new Map<string, SchemaNode>();

  name(node: SchemaNode): string {
    switch (node.meta) {
      case 'builtin':
        this.#builtins.add(node.name);
        return node.name;
      case 'integer':
        this.#builtins.add('int');
        return 'int';
      case 'array': {
        const name = `[${this.name(node.element)}]`;
        if (!this.#arrays.has(name)) this.#arrays.set(name, node);
        return name;
      }
      default:
        return String(this.#number(node));
    }
  }

  #number(node: SchemaNode): number {
    let number = this.#numbers.get(node);
    if (number === undefined) {
      number = this.#met.length;
      this.#numbers.set(node, number);
      this.#met.push(node);
    }
    return number;
  }

  /** All types that were met, and those that these are made of. */
  types(): Info[] {
    const numbered: Info[] = [];
    // Telling of one meets others.
    for (let n = 0; n < this.#met.length; n++) {
      const node = this.#met[n];
      if (node !== undefined) numbered.push(this.#info(String(n), node));
    }
    const arrays: Info[] = [];
    for (const [name, node] of this.#arrays) {
      if (node.meta !== 'array') continue;
      arrays.push({ name, 'meta-type': 'array', 'element-type': this.name(node.element) });
    }
    const builtins = [...this.#builtins].map(
      (name): Info => ({ name, 'meta-type': 'builtin', 'json-type': JSON_TYPES[name] }),
    );
    return [...numbered, ...arrays, ...builtins];
  }

  #info(name: string, node: SchemaNode): Info {
    switch (node.meta) {
      case 'enum':
        return {
          name,
          'meta-type': 'enum',
          members: node.values.map((value) => ({ name: value })),
          values: node.values,
        };
      case 'alternate':
        return {
          name,
          'meta-type': 'alternate',
          members: node.choices.map((choice) => ({ type: this.name(choice) })),
        };
      case 'object':
        return { name, 'meta-type': 'object', ...this.#object(node) };
      default:
        throw new Error(`${node.meta} has its own name`);
    }
  }

  #object({ members, tag, variants }: ObjectNode): object {
    const own = members.map((member) => this.#member(member));
    if (tag === undefined || variants === undefined) return { members: own };
    const tagType = members.find(({ name }) => name === tag)?.type;
    const values = tagType?.meta === 'enum' ? tagType.values : [];
    return {
      members: own,
      tag,
      variants: values.map((value) => ({
        case: value,
        type: this.name(variants.get(value) ?? NO_MEMBERS),
      })),
    };
  }

  #member({ name, type, optional, features }: Member): object {
    const extra = { ...(optional ? { default: null } : {}), ...(features === undefined ? {} : { features }) };
    return { name, type: this.name(type), ...extra };
  }
}

const NO_MEMBERS: ObjectNode = { meta: 'object', members: [] };

/** SchemaInfo of all commands and events, then of their types. */
export function schemaOf<C>(commands: readonly QapiCommand<C>[], events: readonly QapiEvent[]): Info[] {
  const types = new Introspection();
  const told = commands.map(
    ({ name, args, returns, features, allowOob }): Info => ({
      name,
      'meta-type': 'command',
      'arg-type': types.name(args),
      'ret-type': types.name(returns),
      ...(features.length > 0 ? { features } : {}),
      ...(allowOob ? { 'allow-oob': true } : {}),
    }),
  );
  const toldEvents = events.map(
    ({ name, data }): Info => ({ name, 'meta-type': 'event', 'arg-type': types.name(data) }),
  );
  return [...told, ...toldEvents, ...types.types()];
}
