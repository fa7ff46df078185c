/** Turns the text of the interpreter and of compiled regions into functions. */

/** Makes a function of parameter names and a body; may throw where the host's policy forbids it. */
export type FunctionMaker = (
  parameters: readonly string[],
  body: string,
) => (...values: unknown[]) => unknown;

type Values = Readonly<Record<string, unknown>>;

/** Those of the environment; functions begin with small letters. */
const ARRAY = /^[A-Z]/;
const PREFIX = '$hotslot';

const inUse = new FinalizationRegistry<readonly string[]>((names) => {
  for (const name of names) Reflect.deleteProperty(globalThis, name);
});
let owners = 0;

/** Gives the arrays names of their own in the realm, until they are taken back or `owner` is collected: name in the text to global name. */
function nameGlobally(owner: object, values: Values): ReadonlyMap<string, string> {
  const prefix = `${PREFIX}${owners++}`;
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) {
    if (!ARRAY.test(name)) continue;
    names.set(name, prefix + name);
    Object.defineProperty(globalThis, prefix + name, { value, configurable: true, writable: true });
  }
  inUse.register(owner, [...names.values()], names);
  return names;
}

/**
 * An engine reads an array that is a local of an outer function in four steps each time: the local, its class, its bounds, its
 * bytes. A global that was set once is a constant to it, and so are those four. It made Chromium's interpreter a third faster.
 */
export class CodeMaker {
  /** False: the page's policy forbids making code. */
  readonly allowed: boolean;
  readonly #makeFunction: FunctionMaker;
  readonly #names: ReadonlyMap<string, string>;
  readonly #pattern: RegExp;

  /**
   * @param owner whoever keeps `values`, arrays and functions, alive; absent: no array becomes a global
   */
  constructor(makeFunction: FunctionMaker | undefined, values: Values, owner: object | undefined) {
    this.#makeFunction =
      makeFunction ?? ((parameters, body) => new Function(...parameters, body) as ReturnType<FunctionMaker>);
    this.allowed = this.#mayMake();
    this.#names = this.allowed && owner !== undefined ? nameGlobally(owner, values) : new Map();
    this.#pattern = new RegExp(`(?<![.\\w$])(?:${[...this.#names.keys()].join('|')})(?![\\w$])`, 'g');
  }

  /** True: texts see the arrays as globals. */
  get isGlobal(): boolean {
    return this.#names.size > 0;
  }

  /** What `body` returns, in which these members of `values` have their names. */
  make(members: readonly string[], body: string, values: Values): unknown {
    if (!this.isGlobal) return this.#makeFunction(members, body)(...members.map((name) => values[name]));
    const parameters = members.filter((name) => !this.#names.has(name));
    const text = body.replace(this.#pattern, (name) => this.#names.get(name) ?? name);
    return this.#makeFunction(parameters, text)(...parameters.map((name) => values[name]));
  }

  /** Takes the globals back: what they hold can be collected. Functions that were made must not be called any more. */
  dispose(): void {
    for (const name of this.#names.values()) Reflect.deleteProperty(globalThis, name);
    inUse.unregister(this.#names);
  }

  #mayMake(): boolean {
    try {
      return this.#makeFunction([], 'return true')() === true;
    } catch {
      return false;
    }
  }
}
