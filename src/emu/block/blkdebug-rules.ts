/** When requests of a `blkdebug` node fail: events put rules into force, and rules change the state that others ask for. */
import {
  BLKDEBUG_IO_TYPES,
  type BlkdebugEvent,
  type BlkdebugIoType,
  type BlkdebugRuleList,
} from './blkdebug-options.ts';
import { BLOCK_ERROR_NUMBERS, BlockError } from './block-backend.ts';
import { SECTOR_BYTES } from './raw.ts';

const FIRST_STATE = 1;
const INJECTED_BY_DEFAULT: readonly BlkdebugIoType[] = BLKDEBUG_IO_TYPES.filter(
  (type) => type !== 'block-status',
);

interface ErrorRule {
  readonly event: BlkdebugEvent;
  readonly state: number;
  readonly ioTypes: readonly BlkdebugIoType[];
  readonly errno: number;
  /** In bytes; undefined: everywhere. */
  readonly offset: number | undefined;
  readonly once: boolean;
}

interface StateRule {
  readonly event: BlkdebugEvent;
  readonly state: number;
  readonly newState: number;
}

/** QEMU: states and errors are numbers of 32 bits. */
function int32(value: number | bigint): number {
  return Number(BigInt.asIntN(32, BigInt(value)));
}

export class BlkdebugRules {
  #errors: readonly ErrorRule[];
  readonly #states: readonly StateRule[];
  #state = FIRST_STATE;
  /** Those in force. */
  #active: readonly ErrorRule[] = [];

  /** @param lists oldest first */
  constructor(lists: readonly BlkdebugRuleList[]) {
    this.#errors = lists
      .flatMap((list) => list['inject-error'] ?? [])
      .map((rule) => {
        const { event, state = 0, iotype, errno = BLOCK_ERROR_NUMBERS.EIO, sector = -1, once = false } = rule;
        return {
          ...{ event, state: int32(state), errno: int32(errno), once },
          ioTypes: iotype === undefined ? INJECTED_BY_DEFAULT : [iotype],
          offset: BigInt.asIntN(64, BigInt(sector)) === -1n ? undefined : Number(sector) * SECTOR_BYTES,
        };
      });
    this.#states = lists
      .flatMap((list) => list['set-state'] ?? [])
      .map(({ event, state = 0, new_state: newState }) => ({
        ...{ event, state: int32(state), newState: int32(newState) },
      }));
  }

  /** Something happens. QEMU: the first rule of the event that injects ends those in force; another state begins when all rules were looked at. */
  happened(event: BlkdebugEvent): void {
    const isMeant = (rule: ErrorRule | StateRule): boolean =>
      rule.event === event && (rule.state === 0 || rule.state === this.#state);
    const begun = this.#errors.filter(isMeant);
    if (begun.length > 0) this.#active = begun;
    this.#state = this.#states.find(isMeant)?.newState ?? this.#state;
  }

  /** Throws the `BlockError` that a request is to fail with. The first rule decides that is about it; one for `once` is gone then. */
  check(type: BlkdebugIoType, offset: number, length: number): void {
    const rule = this.#active.find(
      (one) =>
        one.ioTypes.includes(type) &&
        (one.offset === undefined || (length > 0 && offset <= one.offset && one.offset < offset + length)),
    );
    // QEMU: 0 is no error; nor is less, and then nothing is done, either, which is not modelled.
    if (rule === undefined || rule.errno <= 0) return;
    if (rule.once) {
      this.#active = this.#active.filter((one) => one !== rule);
      this.#errors = this.#errors.filter((one) => one !== rule);
    }
    throw BlockError.ofLinux(rule.errno);
  }
}
