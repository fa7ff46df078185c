/** What the schema says of itself. Spec: QEMU qapi/introspect.json. */
import { ANY, BOOL, deprecated, enumeration, list, optional, STR, struct, union } from '../../qapi/schema.ts';

const FEATURES = { features: optional(list(STR)) };
const META_TYPES = ['builtin', 'enum', 'array', 'object', 'alternate', 'command', 'event'] as const;
const JSON_TYPES = ['string', 'number', 'int', 'boolean', 'null', 'object', 'array', 'value'] as const;
const ENUM_MEMBER = struct({ name: STR, ...FEATURES });
const OBJECT_MEMBER = struct({ name: STR, type: STR, default: optional(ANY), ...FEATURES });
const OBJECT_VARIANT = struct({ case: STR, type: STR });

export const SCHEMA_INFO = union(
  { name: STR, 'meta-type': enumeration('SchemaMetaType', META_TYPES), ...FEATURES },
  'meta-type',
  {
    builtin: struct({ 'json-type': enumeration('JSONType', JSON_TYPES) }),
    enum: struct({ members: list(ENUM_MEMBER), values: deprecated(list(STR)) }),
    array: struct({ 'element-type': STR }),
    object: struct({
      members: list(OBJECT_MEMBER),
      tag: optional(STR),
      variants: optional(list(OBJECT_VARIANT)),
    }),
    alternate: struct({ members: list(struct({ type: STR })) }),
    command: struct({ 'arg-type': STR, 'ret-type': STR, 'allow-oob': optional(BOOL) }),
    event: struct({ 'arg-type': STR }),
  },
);
