/** A command of QEMU's schema: what it takes, what it gives, and what it does. */
import type { Infer, ObjectNode, SchemaNode, SchemaType } from './schema.ts';
import { NOTHING } from './schema.ts';

export interface QapiCommand<C> {
  readonly name: string;
  readonly args: ObjectNode;
  readonly returns: SchemaNode;
  readonly features: readonly string[];
  /** It may be run while another one runs, with `exec-oob`. */
  readonly allowOob: boolean;
  /** It may be run before the machine is made. */
  readonly allowPreconfig: boolean;
  /** It looks at its arguments itself. QEMU: `device_add` takes what its schema does not name. */
  readonly takesAnything: boolean;
  /** @param args as the schema has them. Throws `MonitorError`, having changed nothing. */
  readonly run: (context: C, args: never) => unknown;
}

export interface QapiCommandSpec<C, A, R> {
  readonly args?: SchemaType<A, ObjectNode>;
  readonly returns?: SchemaType<R>;
  readonly features?: readonly string[];
  readonly allowOob?: boolean;
  readonly allowPreconfig?: boolean;
  readonly takesAnything?: boolean;
  readonly run: (context: C, args: A) => R | Promise<R>;
}

/** Makes one, checking that what it gives out is what it says. */
export function command<C, A = Infer<typeof NOTHING>, R = void>(
  name: string,
  spec: QapiCommandSpec<C, A, R>,
): QapiCommand<C> {
  const { args = NOTHING, returns = NOTHING, features = [], run } = spec;
  const { allowOob = false, allowPreconfig = false, takesAnything = false } = spec;
  return {
    name,
    args: args.node,
    returns: returns.node,
    features,
    allowOob,
    allowPreconfig,
    takesAnything,
    run,
  };
}

/** An event of QEMU's schema. */
export interface QapiEvent {
  readonly name: string;
  readonly data: ObjectNode;
}
