/**
 * Standard hotplug controller of a bridge: registers in its BAR 0 by which a driver switches the slots behind it, blinks their lights, and
 * learns that somebody wants to plug or unplug. Spec: PCI Standard Hot-Plug Controller and Subsystem 1.0 §4.9.
 *
 * QEMU: registers are bytes that any access may take together; a command is carried out at once, when its code or its target is written.
 * Nobody presses a button: the user's `device_add` and `device_del` do it, and a slot whose power is switched off with its light off loses
 * its devices.
 */
import { type Register, RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { BOOLEAN, bytes, record, type StateKind } from '../core/state-fields.ts';
import { QUIET, type Trace } from '../core/trace.ts';
import { ShpcSlot } from './shpc-slot.ts';

/** Slots behind a bridge: device numbers 1 to 31. */
export const SHPC_SLOTS = 31;
const SLOT_REGISTERS = 0x24;
const SLOT_SIZE = 4;
export const SHPC_SIZE = SLOT_REGISTERS + SLOT_SIZE * SHPC_SLOTS;
/** QEMU: a power of two. */
export const SHPC_BAR_SIZE = 0x100;

const SLOTS_33 = 0x04;
const NSLOTS = 0x0c;
const FIRST_DEV = 0x0d;
const PHYS_SLOT = 0x0e;
const PROG_IFC = 0x13;
const CMD_CODE = 0x14;
const CMD_TRGT = 0x15;
const CMD_STATUS = 0x16;
const INT_LOCATOR = 0x18;
const SERR_LOCATOR = 0x1c;
const SERR_INT = 0x20;
const EVENTS = 0x22;

/** Physical slot numbers rise with device numbers; there is a latch and a button. */
const PHYS_SLOT_UP = 0x2000;
const PHYS_SLOT_MRL = 0x4000;
const PHYS_SLOT_BUTTON = 0x8000;
const STATUS_INVALID_COMMAND = 0x04;
const STATUS_INVALID_MODE = 0x08;
const INT_DISABLED = 0x01;
const COMMAND_INT_DISABLED = 0x04;
const INTERRUPTS_OFF = 0x0f;
const COMMAND_DONE = 0x01;
const EVENTS_W1C = 0x03;
const TARGET_MASK = 0x1f;

/** Command codes: below it those of one slot, at it those of the bus's speed, of which there is one. */
const SET_BUS_SPEED = 0x40;
const LAST_BUS_SPEED = 0x47;
const POWER_ALL = 0x48;
const ENABLE_ALL = 0x49;

export type ShpcState = {
  readonly registers: Uint8Array;
  /** The interrupt that was asked for last. */
  readonly level: boolean;
};

/** What the controller needs of its bridge. Slots are device numbers. */
export interface ShpcBridge {
  occupied(slot: number): boolean;
  /** The devices in the slot leave. */
  eject(slot: number): void;
  /** The controller's interrupt; `isChanged`: it was another one before. */
  interrupt(level: boolean, isChanged: boolean): void;
}

function byteOf(offset: number, name: string, help: string): Register<Shpc> {
  return register(offset, 1, name, help, { read: (shpc) => shpc.byte(offset) });
}

function wordOf(offset: number, name: string, help: string): readonly Register<Shpc>[] {
  return [0, 1].map((at) => byteOf(offset + at, `${name}_${at}`, help));
}

export class Shpc implements IoHandler {
  static readonly registers = new RegisterTable<Shpc>(
    {
      name: 'shpc',
      title: 'Standard hotplug controller',
      place: 'memory at BAR 0 of a `pci-bridge` with shpc=on',
      spec: 'PCI Standard Hot-Plug Controller 1.0 §4.9; bytes that are not listed read as 0; four registers for each slot follow from 24',
    },
    [
      byteOf(SLOTS_33, 'SLOTS_33', 'slots that run at 33 MHz'),
      byteOf(NSLOTS, 'NSLOTS', 'slots'),
      byteOf(FIRST_DEV, 'FIRST_DEV', 'device number of slot 1'),
      ...wordOf(
        PHYS_SLOT,
        'PHYS_SLOT',
        'number of slot 1 on the case; 13 they rise, 14 there is a latch, 15 a button',
      ),
      byteOf(PROG_IFC, 'PROG_IFC', 'version of these registers'),
      register(
        CMD_CODE,
        1,
        'CMD_CODE',
        '0 to 1 state, 2 to 3 power light, 4 to 5 attention light of a slot; 40 to 49 of all',
        {
          read: (shpc) => shpc.byte(CMD_CODE),
          write: (shpc, value) => shpc.#command(value, shpc.byte(CMD_TRGT)),
        },
      ),
      register(CMD_TRGT, 1, 'CMD_TRGT', 'the slot of the command', {
        read: (shpc) => shpc.byte(CMD_TRGT),
        write: (shpc, value) => shpc.#command(shpc.byte(CMD_CODE), value & TARGET_MASK),
      }),
      ...wordOf(CMD_STATUS, 'CMD_STATUS', '0 busy, 1 latch open, 2 invalid command, 3 invalid speed'),
      ...[0, 1, 2, 3].map((at) =>
        byteOf(INT_LOCATOR + at, `INT_LOCATOR_${at}`, '0 command, n slot n, of all four'),
      ),
      ...[0, 1, 2, 3].map((at) => byteOf(SERR_LOCATOR + at, `SERR_LOCATOR_${at}`, 'who has an error')),
      register(
        SERR_INT,
        1,
        'SERR_INT',
        '0 no interrupts, 1 no errors, 2 no interrupt of a command, 3 none of an arbiter',
        {
          read: (shpc) => shpc.byte(SERR_INT),
          write: (shpc, value) => shpc.#set(SERR_INT, value & INTERRUPTS_OFF),
        },
      ),
      register(EVENTS, 1, 'EVENTS', '0 a command is done; writing 1 clears', {
        read: (shpc) => shpc.byte(EVENTS),
        write: (shpc, value) => shpc.#set(EVENTS, shpc.byte(EVENTS) & ~(value & EVENTS_W1C)),
      }),
    ],
  );

  readonly fields: StateKind<ShpcState> = record<ShpcState>({ registers: bytes(SHPC_SIZE), level: BOOLEAN });
  trace: Trace = QUIET;
  readonly #bridge: ShpcBridge;
  readonly #registers = new Uint8Array(SHPC_SIZE);
  readonly #slots: readonly ShpcSlot[];
  #level = false;

  constructor(bridge: ShpcBridge) {
    this.#bridge = bridge;
    this.#slots = Array.from({ length: SHPC_SLOTS }, (_, at) => {
      const from = SLOT_REGISTERS + SLOT_SIZE * at;
      return new ShpcSlot(this.#registers.subarray(from, from + SLOT_SIZE));
    });
    this.reset();
  }

  /** A dword of the registers, as configuration space shows them; zeros behind their end. */
  dword(index: number): number {
    return new DataView(this.#padded(4 * index).buffer).getUint32(0, true);
  }

  byte(offset: number): number {
    return this.#registers[offset] ?? 0;
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let at = 0; at < size; at++) value |= this.#readByte(offset + at) << (8 * at);
    return value >>> 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    // QEMU: code and target that come together are one command.
    const isBoth = offset <= CMD_CODE && offset + size > CMD_TRGT;
    if (isBoth) this.#registers[CMD_TRGT] = (value >>> (8 * (CMD_TRGT - offset))) & TARGET_MASK;
    for (let at = 0; at < size; at++) {
      if (isBoth && offset + at === CMD_TRGT) continue;
      this.#writeByte(offset + at, (value >>> (8 * at)) & 0xff);
    }
    this.#follow();
  }

  /** What is in a slot works; empty slots are off. */
  reset(): void {
    this.#registers.fill(0);
    this.#set(SLOTS_33, SHPC_SLOTS);
    this.#set(NSLOTS, SHPC_SLOTS);
    this.#set(FIRST_DEV, 1);
    this.#setWord(PHYS_SLOT, 1 | PHYS_SLOT_UP | PHYS_SLOT_MRL | PHYS_SLOT_BUTTON);
    this.#set(PROG_IFC, 1);
    this.#set(SERR_INT, INTERRUPTS_OFF);
    for (const [at, slot] of this.#slots.entries()) slot.reset(this.#bridge.occupied(at + 1));
    this.#level = false;
  }

  /** A device is there from the start, and works. */
  present(slot: number): void {
    this.#slots[slot - 1]?.reset(true);
  }

  /** A device came while the machine runs: somebody put it in and pressed the button. */
  inserted(slot: number): void {
    this.#slots[slot - 1]?.inserted();
    this.#follow();
  }

  /** Somebody presses the button to take the slot's devices out. QEMU: a slot that is off loses them at once, without a button. */
  ejectRequested(slot: number): void {
    const one = this.#slots[slot - 1];
    if (one?.isOff) this.#empty(slot);
    else one?.pressed();
    this.#follow();
  }

  save(): ShpcState {
    return { registers: this.#registers.slice(), level: this.#level };
  }

  restore({ registers, level }: ShpcState): void {
    this.#registers.set(registers);
    this.#level = level;
  }

  #padded(offset: number): Uint8Array {
    const four = new Uint8Array(4);
    four.set(this.#registers.subarray(offset, offset + 4));
    return four;
  }

  #readByte(offset: number): number {
    if (offset < SLOT_REGISTERS) return Shpc.registers.read(this, this.trace, offset, 1) ?? 0;
    const slot = this.#slots[(offset - SLOT_REGISTERS) >> 2];
    return slot === undefined ? 0 : (ShpcSlot.registers.read(slot, this.trace, offset & 3, 1) ?? 0);
  }

  #writeByte(offset: number, value: number): void {
    if (offset < SLOT_REGISTERS) {
      Shpc.registers.write(this, this.trace, offset, 1, value);
      return;
    }
    const slot = this.#slots[(offset - SLOT_REGISTERS) >> 2];
    if (slot !== undefined) ShpcSlot.registers.write(slot, this.trace, offset & 3, 1, value);
  }

  #set(offset: number, value: number): void {
    this.#registers[offset] = value;
  }

  #setWord(offset: number, value: number): void {
    this.#registers[offset] = value & 0xff;
    this.#registers[offset + 1] = value >>> 8;
  }

  #command(code: number, target: number): void {
    this.#set(CMD_CODE, code);
    this.#set(CMD_TRGT, target);
    this.#set(CMD_STATUS, this.#statusOf(code, target));
    this.#set(EVENTS, this.byte(EVENTS) | COMMAND_DONE);
  }

  /** Carries a command out; gives its CMD_STATUS. */
  #statusOf(code: number, target: number): number {
    if (code < SET_BUS_SPEED) {
      const done = this.#slots[target - 1]?.command(code) ?? 'invalid';
      if (done === 'invalid') return STATUS_INVALID_COMMAND;
      if (done === 'switched off') this.#empty(target);
      return 0;
    }
    if (code <= LAST_BUS_SPEED) return code === SET_BUS_SPEED ? 0 : STATUS_INVALID_MODE;
    return (code === POWER_ALL || code === ENABLE_ALL) && this.#commandAll(code) ? 0 : STATUS_INVALID_COMMAND;
  }

  /** QEMU: not once a slot works. False: invalid. */
  #commandAll(code: number): boolean {
    if (this.#slots.some(({ works }) => works)) return false;
    for (const slot of this.#slots) slot.powerOn(code === ENABLE_ALL);
    return true;
  }

  #empty(slot: number): void {
    this.#bridge.eject(slot);
    this.#slots[slot - 1]?.emptied();
  }

  /** Brings locators and interrupt in line with the events. */
  #follow(): void {
    let locator = 0;
    for (const [at, slot] of this.#slots.entries()) if (slot.interrupts) locator |= 2 ** (at + 1);
    const isDone = (this.byte(EVENTS) & COMMAND_DONE) !== 0;
    if (isDone && (this.byte(SERR_INT) & COMMAND_INT_DISABLED) === 0) locator |= 1;
    new DataView(this.#registers.buffer).setUint32(INT_LOCATOR, locator >>> 0, true);
    const level = locator !== 0 && (this.byte(SERR_INT) & INT_DISABLED) === 0;
    const isChanged = level !== this.#level;
    this.#level = level;
    this.#bridge.interrupt(level, isChanged);
  }
}
