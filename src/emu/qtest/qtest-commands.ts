/** The commands of the qtest protocol. Spec: QEMU's description of it at the head of softmmu/qtest.c, version 7.2. */
import { MAX_TIME_NS } from '../core/clock.ts';
import type { AccessSize } from '../core/device.ts';
import type { IrqIntercept } from './irq-intercept.ts';
import type { QtestBus, QtestMachine, QtestTime } from './qtest-machine.ts';
import {
  base64OfBytes,
  bytesOfBase64,
  bytesOfHex,
  hexOfBytes,
  MAX_TRANSFER,
  numberWord,
  portWord,
  QtestError,
  sizeWord,
  timeWord,
} from './qtest-words.ts';

export interface QtestContext {
  readonly machine: QtestMachine;
  readonly irqs: IrqIntercept;
}

/** Carries out a line; what follows OK in the answer, or nothing. Throws QtestError. @param words those after the command's name */
export type QtestCommand = (
  context: QtestContext,
  words: readonly (string | undefined)[],
) => string | undefined | void;

const PORT_SIZES: Readonly<Record<string, AccessSize>> = { b: 1, w: 2, l: 4 };
const MEMORY_SIZES: Readonly<Record<string, number>> = { b: 1, w: 2, l: 4, q: 8 };
/** Bytes of guest memory that are set at once. */
const SET_BYTES = 1 << 16;

function hex(value: bigint | number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** QEMU: whatever the width, a port's answer has four digits or more. */
function portCommands([letter, size]: [string, AccessSize]): [string, QtestCommand][] {
  return [
    [`in${letter}`, ({ machine }, [port]) => hex(machine.access.readPort(portWord(port), size), 4)],
    [
      `out${letter}`,
      ({ machine }, [port, value]) => {
        const bits = BigInt.asUintN(8 * size, numberWord(value, 'value'));
        machine.access.writePort(portWord(port), size, Number(bits));
      },
    ],
  ];
}

function memoryCommands([letter, size]: [string, number]): [string, QtestCommand][] {
  return [
    [
      `read${letter}`,
      ({ machine }, [address]) => {
        const bytes = readBytes(machine.access, address, size);
        return hex(new DataView(padded(bytes).buffer).getBigUint64(0, true), 16);
      },
    ],
    [
      `write${letter}`,
      ({ machine }, [address, value]) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setBigUint64(0, numberWord(value, 'value'), true);
        machine.access.writeBus(numberWord(address, 'address'), bytes.subarray(0, size));
      },
    ],
  ];
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(8);
  whole.set(bytes);
  return whole;
}

function readBytes(bus: QtestBus, address: string | undefined, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bus.readPhysical(numberWord(address, 'address'), bytes);
  return bytes;
}

/** The size of a transfer that is read. QEMU has no answer for nothing. */
function readSize(word: string | undefined): number {
  const size = sizeWord(word);
  if (size === 0) throw new QtestError('Nothing to read');
  return size;
}

const write: QtestCommand = ({ machine }, [address, size, data]) => {
  const length = sizeWord(size);
  const at = numberWord(address, 'address');
  if (data === undefined || data.length < 3) throw new QtestError('invalid argument size', 'ERR');
  machine.access.writeBus(at, bytesOfHex(data, length));
};

/** QEMU: what there is too little or too much of is not written. */
const writeBase64: QtestCommand = ({ machine }, [address, size, data = '']) => {
  const length = sizeWord(size);
  machine.access.writeBus(numberWord(address, 'address'), bytesOfBase64(data).subarray(0, length));
};

const setMemory: QtestCommand = ({ machine }, [address, size, pattern]) => {
  const at = numberWord(address, 'address');
  const bytes = new Uint8Array(SET_BYTES).fill(Number(BigInt.asUintN(8, numberWord(pattern, 'value'))));
  const length = sizeWord(size);
  for (let done = 0; done < length; done += SET_BYTES) {
    machine.access.writeBus(at + BigInt(done), bytes.subarray(0, Math.min(SET_BYTES, length - done)));
  }
};

/** Moves virtual time to where `target` says; the answer is where it is then. */
function moveTime(target: (time: QtestTime, word: string | undefined) => number): QtestCommand {
  return ({ machine }, [word]) => {
    const time = machine.steppedTime;
    if (time === undefined) return undefined;
    const toNs = target(time, word);
    if (toNs > MAX_TIME_NS) throw new QtestError(`Virtual time ends at ${MAX_TIME_NS}`);
    time.stepTo(toNs);
    return String(time.nowNs);
  };
}

const step = moveTime((time, word) => {
  if (word !== undefined) return time.nowNs + Number(timeWord(word));
  return time.nextDeadlineNs === Number.POSITIVE_INFINITY ? time.nowNs : time.nextDeadlineNs;
});

const setTime = moveTime((_time, word) => Number(timeWord(word ?? '')));

export const QTEST_COMMANDS: ReadonlyMap<string, QtestCommand> = new Map<string, QtestCommand>([
  ...Object.entries(PORT_SIZES).flatMap(portCommands),
  ...Object.entries(MEMORY_SIZES).flatMap(memoryCommands),
  ['endianness', () => 'little'],
  ['read', ({ machine }, [address, size]) => hexOfBytes(readBytes(machine.access, address, readSize(size)))],
  [
    'b64read',
    ({ machine }, [address, size]) => base64OfBytes(readBytes(machine.access, address, sizeWord(size))),
  ],
  ['write', write],
  ['b64write', writeBase64],
  ['memset', setMemory],
  [
    'irq_intercept_in',
    ({ irqs }, [path]) => {
      irqs.begin(path, 'in');
    },
  ],
  [
    'irq_intercept_out',
    ({ irqs }, [path]) => {
      irqs.begin(path, 'out');
    },
  ],
  [
    'set_irq_in',
    ({ irqs }, [path, name, index, level]) => {
      irqs.set(path, name, Number(numberWord(index, 'number')), numberWord(level, 'level') !== 0n);
    },
  ],
  [
    'module_load',
    () => {
      // Not modelled: modules; QEMU says no more either.
      throw new QtestError('');
    },
  ],
]);

/** Those of a machine whose time no vCPU moves. */
export const TIME_COMMANDS: ReadonlyMap<string, QtestCommand> = new Map([
  ['clock_step', step],
  ['clock_set', setTime],
]);

/** Characters of a line: a transfer of the largest size, in hexadecimal, and the words before it. */
export const MAX_LINE = 2 * MAX_TRANSFER + 256;
