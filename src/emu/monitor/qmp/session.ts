/**
 * QMP with one client: greeting, capabilities, requests, answers and events. Bytes in, messages out.
 * Spec: QEMU docs/interop/qmp-spec.
 */
import type { MachineEvent } from '../../core/machine-events.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { checkArguments } from '../../qapi/check.ts';
import { schemaOf } from '../../qapi/introspect.ts';
import { JsonReader } from '../../qapi/json-reader.ts';
import {
  isJsonObject,
  type JsonObject,
  type JsonOutput,
  type JsonValue,
  keysOf,
} from '../../qapi/json-value.ts';
import { writeJson } from '../../qapi/json-writer.ts';
import { inQdictOrder } from '../../qapi/qdict-order.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { DEFAULT_DIALECT } from '../dialects/dialects.ts';
import { inWordsOf } from '../dialects/error-style.ts';
import { queryVersion } from '../qapi/control.ts';
import { QAPI_EVENTS } from '../qapi/events.ts';
import { CAPABILITIES_ARGS, type QmpContext } from './own-commands.ts';
import { qmpCommands } from './table.ts';

const US_PER_MS = 1000;
const US_PER_S = 1_000_000;

/** What a client is told: greeting, answer or event. */
export type QmpMessage = { readonly [member: string]: JsonOutput };

/** As it goes over a line. @param pretty over several lines, for people */
export function qmpText(message: QmpMessage, pretty = false): string {
  return `${writeJson(message, pretty).replaceAll('\n', '\r\n')}\r\n`;
}

export interface QmpOptions {
  readonly machine: MachineApi;
  /** Milliseconds since 1970, for what happens. */
  readonly nowMs: () => number;
  /** What QEMU's process prints on its standard error. */
  readonly stderr?: (text: string) => void;
  readonly dialect?: Dialect | undefined;
  /** The client, where it may be behind. QEMU: it answers no more then either. */
  readonly output?: QmpOutput | undefined;
}

export interface QmpOutput {
  /** Requests wait until `goOn` is called. */
  isFull(): boolean;
  /** Resolves when others have had their turn, between two requests. */
  turn(): Promise<void>;
}

interface Request {
  readonly id: JsonValue | undefined;
  readonly answer: () => Promise<JsonObject> | JsonObject;
}

/** What a client asked for, when it is in order. */
interface Call {
  readonly name: string;
  readonly args: JsonObject;
  readonly isOob: boolean;
}

export class QmpSession {
  readonly #tellClient: (message: QmpMessage) => void;
  readonly #options: QmpOptions;
  readonly #context: QmpContext;
  #reader = this.#newReader();
  /** Between greeting and goodbye. */
  #isOpen = false;
  #isNegotiated = false;
  #hasOob = false;
  /** Requests whose turn has not come. */
  readonly #waiting: Request[] = [];
  #isBusy = false;
  /** What commands have left for the time after their answer. */
  readonly #afterwards: (() => void)[] = [];
  /** How many clients have come and gone: what one asked for is not answered to another. */
  #client = 0;

  constructor(tell: (message: QmpMessage) => void, options: QmpOptions) {
    const { machine, stderr = () => {}, dialect = DEFAULT_DIALECT } = options;
    const commands = qmpCommands(dialect);
    let schema: ReturnType<typeof schemaOf> | undefined;
    this.#tellClient = tell;
    this.#options = options;
    this.#context = {
      ...{ machine, stderr, warn: stderr, dialect },
      afterAnswer: (callback) => this.#afterwards.push(callback),
      commandNames: () => [...commands.keys()].reverse(),
      schema: () => {
        schema ??= schemaOf([...commands.values()], QAPI_EVENTS);
        return schema;
      },
    };
    machine.events.listen((event) => this.#tell(event));
  }

  /** A client is there: it is greeted, and has to say what it can. */
  start(): void {
    this.#client++;
    this.#isOpen = true;
    this.#isNegotiated = false;
    this.#hasOob = false;
    this.#reader = this.#newReader();
    const version = queryVersion(this.#context.dialect.version);
    this.#send({ QMP: { version, capabilities: ['oob'] } });
  }

  /** The client is gone: what it had asked for and nobody has begun is forgotten. */
  stop(): void {
    this.#isOpen = false;
    this.#waiting.length = 0;
    this.#reader = this.#newReader();
  }

  /** Requests that wait for others to end. */
  get waitingRequests(): number {
    return this.#waiting.length;
  }

  input(bytes: Uint8Array): void {
    this.#reader.feed(bytes);
  }

  /** A request that is no text any more. */
  request(message: JsonValue): void {
    this.#receive(message);
  }

  #newReader(): JsonReader {
    return new JsonReader((message) => {
      if ('error' in message) {
        const { error } = message;
        this.#queue({ id: undefined, answer: () => Promise.reject(error) });
      } else this.#receive(message.value);
    });
  }

  #receive(value: JsonValue): void {
    if (!isJsonObject(value)) {
      this.#queue({ id: undefined, answer: () => fail('QMP input must be a JSON object') });
      return;
    }
    const { id } = value;
    // QEMU: what comes out of band does not wait for its turn.
    if (this.#hasOob && value['exec-oob'] !== undefined && value['execute'] === undefined) {
      void this.#answer({ id, answer: () => this.#call(value) });
    } else this.#queue({ id, answer: () => this.#call(value) });
  }

  #queue(request: Request): void {
    this.#waiting.push(request);
    if (!this.#isBusy) void this.#drain();
  }

  /** The client has room again for answers. */
  goOn(): void {
    if (!this.#isBusy) void this.#drain();
  }

  /** One after another, in their order, as long as the client reads. */
  async #drain(): Promise<void> {
    const { output } = this.#options;
    this.#isBusy = true;
    while (output?.isFull() !== true) {
      const request = this.#waiting.shift();
      if (request === undefined) break;
      await this.#answer(request);
      if (this.#waiting.length > 0) await output?.turn();
    }
    this.#isBusy = false;
  }

  async #answer({ id, answer }: Request): Promise<void> {
    const client = this.#client;
    let said: JsonObject;
    try {
      said = await answer();
    } catch (error) {
      // A fault of ours is told as the human monitor tells it, and holds up nobody who asks next.
      const told = error instanceof MonitorError ? error : new MonitorError(String(error));
      const { message } = inWordsOf(this.#context.dialect.errors, told);
      said = { error: { class: told.errorClass, desc: message } };
    }
    if (client === this.#client) this.#send(id === undefined ? said : { ...said, id });
    for (const callback of this.#afterwards.splice(0)) callback();
  }

  async #call(request: JsonObject): Promise<JsonObject> {
    const call = readCall(request, this.#hasOob);
    if (!this.#isNegotiated) return this.#negotiate(call);
    const { name, args, isOob } = call;
    const command = qmpCommands(this.#context.dialect).get(name);
    if (command === undefined) fail(`The command ${name} has not been found`, 'CommandNotFound');
    if (isOob && !command.allowOob) fail(`The command ${name} does not support OOB`);
    if (this.#options.machine.preconfig.isOn && !command.allowPreconfig) {
      fail(`The command '${name}' is permitted only after machine initialization has completed`);
    }
    const checked = command.takesAnything ? args : checkArguments(command.args, args);
    const { snapshots } = this.#options.machine;
    while (snapshots.busy !== undefined) await snapshots.busy;
    // Each command has types of its own; those of this one were checked against its schema.
    const result = await command.run(this.#context, checked as never);
    return { return: (result ?? {}) as JsonValue };
  }

  #negotiate({ name, args }: Call): JsonObject {
    if (name !== 'qmp_capabilities') {
      fail("Expecting capabilities negotiation with 'qmp_capabilities'", 'CommandNotFound');
    }
    const { enable = [] } = checkArguments(CAPABILITIES_ARGS.node, args);
    this.#hasOob = Array.isArray(enable) && enable.includes('oob');
    this.#isNegotiated = true;
    return { return: {} };
  }

  #tell({ event, data }: MachineEvent): void {
    if (!this.#isNegotiated) return;
    const now = Math.floor(this.#options.nowMs() * US_PER_MS);
    const seconds = Math.floor(now / US_PER_S);
    const microseconds = now % US_PER_S;
    this.#send({ timestamp: { seconds, microseconds }, event, data });
  }

  #send(message: object): void {
    if (this.#isOpen) this.#tellClient(message as QmpMessage);
  }
}

function fail(message: string, errorClass?: MonitorError['errorClass']): never {
  throw new MonitorError(message, errorClass);
}

/** QEMU: `exec-oob` is known once the client has asked for it. Throws QEMU's errors. */
function readCall(request: JsonObject, hasOob: boolean): Call {
  let name: string | undefined;
  let args: JsonObject = {};
  let isOob = false;
  for (const key of inQdictOrder(keysOf(request))) {
    const value = request[key];
    if (key === 'id') continue;
    if (key === 'arguments') {
      if (!isJsonObject(value)) fail("QMP input member 'arguments' must be an object");
      args = value;
    } else if (key === 'execute' || (key === 'exec-oob' && hasOob)) {
      if (typeof value !== 'string') fail(`QMP input member '${key}' must be a string`);
      if (name !== undefined) fail("QMP input member 'execute' clashes with 'exec-oob'");
      name = value;
      isOob = key === 'exec-oob';
    } else fail(`QMP input member '${key}' is unexpected`);
  }
  if (name === undefined) fail("QMP input lacks member 'execute'");
  return { name, args, isOob };
}
