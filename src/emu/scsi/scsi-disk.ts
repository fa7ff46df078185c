/** A SCSI disk or CD-ROM drive: a logical unit with its state. What its commands do is in the files of their standards. */
import type { BlockBackend } from '../block/block-backend.ts';
import type { IoErrorListener } from '../block/block-errors.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import type { DriveTray } from '../block/drive-tray.ts';
import type { Device } from '../core/device.ts';
import { BOOLEAN, integer, nullable, record } from '../core/state-fields.ts';
import { check, GOOD, type ScsiAction } from './scsi-action.ts';
import * as blocks from './scsi-block-commands.ts';
import type { ScsiAddress, ScsiBus } from './scsi-bus.ts';
import type { ScsiCommand } from './scsi-cdb.ts';
import * as cdb from './scsi-cdb.ts';
import type { DiskFacts, ScsiDiskProperties } from './scsi-facts.ts';
import { inquiry } from './scsi-inquiry.ts';
import * as mmc from './scsi-mmc-commands.ts';
import { modeSelect, modeSense } from './scsi-mode-pages.ts';
import {
  CAPACITY_CHANGED,
  INVALID_FIELD,
  INVALID_OPCODE,
  MEDIUM_CHANGED,
  MEDIUM_GONE,
  NO_MEDIUM,
  NO_SENSE,
  NOT_READY_REMOVAL_PREVENTED,
  POWER_ON,
  REMOVAL_PREVENTED,
  REPORTED_LUNS_CHANGED,
  SENSE_STATE,
  type Sense,
  senseBytes,
  takesPrecedence,
} from './scsi-sense.ts';
import { targetCommand } from './scsi-target-commands.ts';

/** QEMU: no answer and no list of parameters is longer. */
const DATA_MAX = 65_536;
/** QEMU: no command may ask for more. */
const TRANSFER_MAX = 0x7fff_ffff;
const MAX_BLOCK_BYTES = 2 << 20;
/** QEMU: whatever logical_block_size says. */
const ROM_BLOCK_BYTES = 2048;
/** Spec: MMC-6 §6.6.2.5. */
const EVENT_EJECT_REQUEST = 1;
const EVENT_NEW_MEDIA = 2;
/** START STOP UNIT. */
const START = 0x01;
const LOEJ = 0x02;
const POWER_CONDITION = 0xf0;

/** Those that a drive without a medium answers. */
const NEED_NO_MEDIUM = new Set([
  ...[cdb.INQUIRY, cdb.REQUEST_SENSE, cdb.MODE_SENSE_6, cdb.MODE_SENSE_10],
  ...[cdb.RESERVE_6, cdb.RESERVE_10, cdb.RELEASE_6, cdb.RELEASE_10, cdb.START_STOP, cdb.ALLOW_MEDIUM_REMOVAL],
  ...[cdb.GET_CONFIGURATION, cdb.GET_EVENT_STATUS, cdb.MECHANISM_STATUS],
]);
/** Those that move blocks, which are not held to the greatest length of an answer. */
const MOVES = new Set([
  ...[cdb.READ_6, cdb.READ_10, cdb.READ_12, cdb.READ_16],
  ...[cdb.WRITE_6, cdb.WRITE_10, cdb.WRITE_12, cdb.WRITE_16],
  ...[cdb.WRITE_VERIFY_10, cdb.WRITE_VERIFY_12, cdb.WRITE_VERIFY_16],
]);
/** Spec: SPC-4 §5.14: those that are not told of a condition. */
const BESIDE_ATTENTION = new Set([cdb.INQUIRY, cdb.REPORT_LUNS, cdb.GET_CONFIGURATION, cdb.GET_EVENT_STATUS]);

export type ScsiDiskState = {
  /** A condition that the next command is told, or null. */
  readonly attention: Sense | null;
  /** What REQUEST SENSE tells of the last command, or null. */
  readonly sense: Sense | null;
  /** That was a condition, which REQUEST SENSE takes. */
  readonly senseIsAttention: boolean;
  readonly trayOpen: boolean;
  readonly trayLocked: boolean;
  /** Another medium came, which is told when its absence was. */
  readonly mediumChanged: boolean;
  readonly mediumEvent: boolean;
  readonly ejectRequested: boolean;
  readonly writeCache: boolean;
  readonly blockBytes: number;
};

const SCSI_DISK_STATE = record<ScsiDiskState>({
  attention: nullable(SENSE_STATE),
  sense: nullable(SENSE_STATE),
  senseIsAttention: BOOLEAN,
  trayOpen: BOOLEAN,
  trayLocked: BOOLEAN,
  mediumChanged: BOOLEAN,
  mediumEvent: BOOLEAN,
  ejectRequested: BOOLEAN,
  writeCache: BOOLEAN,
  blockBytes: {
    misfit: (value) => {
      const wrong = integer(512, MAX_BLOCK_BYTES).misfit(value);
      if (wrong !== undefined || Number(value) % 512 === 0) return wrong;
      return { field: '', text: 'is not a multiple of 512' };
    },
  },
});

/** The drive behind a unit, as the table of drives has it. */
export interface DiskDrive {
  readonly medium: { readonly backend: BlockBackend } | undefined;
  readonly gate: DriveGate;
}

/** Who is told what. */
export interface DiskListeners {
  readonly onIoError?: IoErrorListener;
  /** The guest or the user has opened or closed the tray. */
  readonly onTrayMoved?: (open: boolean) => void;
}

export class ScsiDisk implements Device<ScsiDiskState>, DriveTray {
  readonly vmstate = { name: 'scsi-disk', version: 1, fields: SCSI_DISK_STATE };
  readonly properties: ScsiDiskProperties;
  readonly drive: DiskDrive;
  readonly onIoError: IoErrorListener;
  readonly #onTrayMoved: (open: boolean) => void;
  #bus: ScsiBus | undefined;
  #address: ScsiAddress = { channel: 0, target: 0, lun: 0 };
  #id = '';
  #s: { -readonly [K in keyof ScsiDiskState]: ScsiDiskState[K] };

  constructor(properties: ScsiDiskProperties, drive: DiskDrive, listeners: DiskListeners = {}) {
    this.properties = properties;
    this.drive = drive;
    this.onIoError = listeners.onIoError ?? (() => 'report');
    this.#onTrayMoved = listeners.onTrayMoved ?? (() => {});
    this.#s = powerOn(properties);
    drive.gate.onResize = () => this.#resized();
    if (properties.removable) drive.gate.tray = this;
  }

  get address(): ScsiAddress {
    return this.#address;
  }

  /** The user's name of it. */
  get id(): string {
    return this.#id;
  }

  get isOpen(): boolean {
    return this.#s.trayOpen;
  }

  get isLocked(): boolean {
    return this.#s.trayLocked;
  }

  /** It is on a bus. */
  connect(bus: ScsiBus, address: ScsiAddress, id: string): void {
    this.#bus = bus;
    this.#address = address;
    this.#id = id;
  }

  reset(): void {
    this.#bus?.controller.unitReset(this);
    this.#s = powerOn(this.properties);
  }

  save(): ScsiDiskState {
    return { ...this.#s };
  }

  restore(state: ScsiDiskState): void {
    this.#s = { ...state };
  }

  /** The command, or undefined when there is none of that length. */
  parse(bytes: Uint8Array): ScsiCommand | undefined {
    return cdb.parseCdb(bytes, { blockBytes: this.#s.blockBytes, isRom: this.properties.isRom });
  }

  /**
   * What a command to unit `lun` of this target comes to.
   * @param command undefined: one whose length is not known
   */
  begin(lun: number, command: ScsiCommand | undefined): ScsiAction {
    if (command === undefined) return check(INVALID_OPCODE);
    if (command.transferBytes > TRANSFER_MAX) return check(INVALID_FIELD);
    const attention = this.#pendingAttention();
    const [op] = command.cdb;
    const isTaken = op === cdb.REQUEST_SENSE && this.#s.senseIsAttention;
    if (attention !== null && !BESIDE_ATTENTION.has(op) && !isTaken) return check(attention);
    return this.resume(lun, command);
  }

  /** The same for a command that was begun before a snapshot: it was told of all conditions then. */
  resume(lun: number, command: ScsiCommand): ScsiAction {
    const [op] = command.cdb;
    const isTargets = lun !== this.#address.lun || op === cdb.REPORT_LUNS;
    if (isTargets || (op === cdb.REQUEST_SENSE && this.#s.sense !== null)) {
      const target = { luns: this.#luns(), sense: this.#s.sense ?? NO_SENSE, hasTags: this.#hasTags };
      return targetCommand(target, lun, command);
    }
    return this.#whole(command, this.#own(command));
  }

  /**
   * A command has ended, well or with `sense`: what is kept of that.
   * @param told the controller tells the driver of the sense with the answer, or the driver has to ask for it
   */
  ended(
    command: ScsiCommand | undefined,
    sense: Sense | undefined,
    told: 'with the answer' | 'asked for' = 'with the answer',
  ): void {
    const isAttention = sense !== undefined && sense === this.#pendingAttention();
    const wasTaken = this.#s.senseIsAttention && command?.cdb[0] === cdb.REQUEST_SENSE;
    const isTold = isAttention && told === 'with the answer';
    // A condition is told once.
    this.#s.sense = sense === undefined || isTold ? null : sense;
    this.#s.senseIsAttention = isAttention && !isTold;
    this.#clearAttention(command?.cdb[0]);
    if ((isTold || wasTaken) && this.#s.mediumChanged) {
      this.#s.mediumChanged = false;
      this.setAttention(MEDIUM_CHANGED);
    }
  }

  /** The next command is to be told of this. */
  setAttention(sense: Sense): void {
    if (this.#s.attention === null || takesPrecedence(sense, this.#s.attention)) this.#s.attention = sense;
  }

  requestEject(force: boolean): void {
    this.#s.ejectRequested = true;
    if (force) this.#s.trayLocked = false;
  }

  move(open: boolean): void {
    const moved = this.#s.trayOpen !== open;
    this.#s.trayOpen = open;
    this.#s.mediumChanged = !open;
    this.#s.mediumEvent = true;
    this.#s.ejectRequested = false;
    this.setAttention(MEDIUM_GONE);
    if (moved) this.#onTrayMoved(open);
  }

  get #facts(): DiskFacts {
    const { trayOpen, trayLocked, writeCache, blockBytes } = this.#s;
    return {
      properties: this.properties,
      inserted: this.drive.medium?.backend,
      ...{ trayOpen, trayLocked, writeCache, blockBytes },
      hasTags: this.#hasTags,
    };
  }

  get #hasTags(): boolean {
    return this.#bus?.hasTags ?? true;
  }

  #pendingAttention(): Sense | null {
    return this.#s.attention ?? this.#bus?.attention ?? null;
  }

  #clearAttention(op: number | undefined): void {
    if (op === cdb.INQUIRY || op === cdb.GET_CONFIGURATION || op === cdb.GET_EVENT_STATUS) return;
    const pending = this.#pendingAttention();
    if (op === cdb.REPORT_LUNS && pending?.asc !== REPORTED_LUNS_CHANGED.asc) return;
    if (this.#s.attention !== null) this.#s.attention = null;
    else if (this.#bus !== undefined) this.#bus.attention = null;
  }

  #luns(): readonly number[] {
    const { channel, target, lun } = this.#address;
    return this.#bus?.ofTarget(channel, target).map(({ address }) => address.lun) ?? [lun];
  }

  #resized(): void {
    if (this.properties.isRom) return;
    this.setAttention(CAPACITY_CHANGED);
    this.#bus?.controller.unitChanged(this, CAPACITY_CHANGED);
  }

  /** QEMU: the driver gets as many bytes as it asked for, whatever the command has to say, and none to send when it has none. */
  #whole({ transferBytes, mode }: ScsiCommand, action: ScsiAction): ScsiAction {
    if (action.kind === 'list' && transferBytes === 0) return GOOD;
    if (mode !== 'in' || (action.kind !== 'answer' && action.kind !== 'good')) {
      return action.kind === 'answer' ? GOOD : action;
    }
    const bytes = new Uint8Array(transferBytes);
    if (action.kind === 'answer') bytes.set(action.bytes.subarray(0, transferBytes));
    return { kind: 'answer', bytes };
  }

  #own(command: ScsiCommand): ScsiAction {
    const [op] = command.cdb;
    const facts = this.#facts;
    const isThere = facts.inserted !== undefined && !facts.trayOpen;
    if (!isThere && !NEED_NO_MEDIUM.has(op)) return check(NO_MEDIUM);
    if (!MOVES.has(op) && command.transferBytes > DATA_MAX) return check(INVALID_FIELD);
    return (
      this.#primary(facts, command) ??
      block(facts, command) ??
      this.#multimedia(facts, command) ??
      check(INVALID_OPCODE)
    );
  }

  /** Spec: SPC-4 §6. */
  #primary(facts: DiskFacts, command: ScsiCommand): ScsiAction | undefined {
    const { cdb: bytes, transferBytes } = command;
    switch (bytes[0]) {
      case cdb.TEST_UNIT_READY:
      case cdb.FORMAT_UNIT:
        return GOOD;
      case cdb.INQUIRY: {
        const page = inquiry(facts, bytes, transferBytes);
        return page === undefined ? check(INVALID_FIELD) : { kind: 'answer', bytes: page };
      }
      case cdb.REQUEST_SENSE:
        return { kind: 'answer', bytes: senseBytes(NO_SENSE, (bytes[1] & 1) === 0) };
      case cdb.MODE_SENSE_6:
      case cdb.MODE_SENSE_10: {
        const pages = modeSense(facts, bytes, bytes[0] === cdb.MODE_SENSE_10);
        return pages instanceof Uint8Array ? { kind: 'answer', bytes: pages } : check(pages);
      }
      case cdb.MODE_SELECT_6:
      case cdb.MODE_SELECT_10:
        return this.#modeSelect(bytes);
      // QEMU: there is one initiator, so that nothing needs to be kept for it.
      case cdb.RESERVE_6:
      case cdb.RELEASE_6:
        return (bytes[1] & 1) !== 0 ? check(INVALID_FIELD) : GOOD;
      case cdb.RESERVE_10:
      case cdb.RELEASE_10:
        return (bytes[1] & 3) !== 0 ? check(INVALID_FIELD) : GOOD;
      case cdb.ALLOW_MEDIUM_REMOVAL:
        this.#s.trayLocked = (bytes[4] & 1) !== 0;
        return GOOD;
      case cdb.START_STOP:
        return this.#startStop(facts, bytes[4]);
      default:
        return undefined;
    }
  }

  #multimedia(facts: DiskFacts, command: ScsiCommand): ScsiAction | undefined {
    switch (command.cdb[0]) {
      case cdb.READ_TOC:
        return mmc.readToc(facts, command);
      case cdb.GET_CONFIGURATION:
        return mmc.getConfiguration(facts);
      case cdb.GET_EVENT_STATUS:
        return mmc.getEventStatus(facts, command, () => this.#takeEvent());
      case cdb.READ_DISC_INFORMATION:
        return mmc.readDiscInformation(facts, command);
      case cdb.READ_DVD_STRUCTURE:
        return mmc.readDvdStructure(facts, command);
      case cdb.MECHANISM_STATUS:
        return mmc.mechanismStatus(facts);
      default:
        return undefined;
    }
  }

  #takeEvent(): number {
    const { mediumEvent, ejectRequested } = this.#s;
    this.#s.mediumEvent = false;
    if (mediumEvent) return EVENT_NEW_MEDIA;
    this.#s.ejectRequested = false;
    return ejectRequested ? EVENT_EJECT_REQUEST : 0;
  }

  /** Spec: SBC-3 §5.20. */
  #startStop({ inserted }: DiskFacts, flags: number): ScsiAction {
    if ((flags & POWER_CONDITION) !== 0 || (flags & LOEJ) === 0 || !this.properties.removable) return GOOD;
    const open = (flags & START) === 0;
    if (open && !this.#s.trayOpen && this.#s.trayLocked) {
      return check(inserted === undefined ? NOT_READY_REMOVAL_PREVENTED : REMOVAL_PREVENTED);
    }
    if (this.#s.trayOpen !== open) {
      this.#s.trayOpen = open;
      this.#onTrayMoved(open);
    }
    return GOOD;
  }

  #modeSelect(bytes: Uint8Array): ScsiAction {
    const isLong = bytes[0] === cdb.MODE_SELECT_10;
    return {
      kind: 'list',
      take: (list) => {
        // Pages are in the standard's format, and cannot be saved.
        if ((bytes[1] & 0x11) !== 0x10) return check(INVALID_FIELD);
        const changes = modeSelect(this.#facts, list, isLong);
        if ('key' in changes) return check(changes);
        const { writeCache, blockBytes } = changes;
        if (blockBytes !== undefined) this.#s.blockBytes = blockBytes;
        if (writeCache === undefined) return GOOD;
        this.#s.writeCache = writeCache;
        // What is in a cache that is turned off is stored.
        return writeCache ? GOOD : { kind: 'flush' };
      },
    };
  }
}

/** Spec: SBC-3 §5. */
function block(facts: DiskFacts, command: ScsiCommand): ScsiAction | undefined {
  switch (command.cdb[0]) {
    case cdb.READ_6:
    case cdb.READ_10:
    case cdb.READ_12:
    case cdb.READ_16:
      return blocks.read(facts, command);
    case cdb.WRITE_6:
    case cdb.WRITE_10:
    case cdb.WRITE_12:
    case cdb.WRITE_16:
      return blocks.write(facts, command, false);
    case cdb.WRITE_VERIFY_10:
    case cdb.WRITE_VERIFY_12:
    case cdb.WRITE_VERIFY_16:
      return blocks.write(facts, command, true);
    case cdb.VERIFY_10:
    case cdb.VERIFY_12:
    case cdb.VERIFY_16:
      return blocks.verify(command);
    case cdb.READ_CAPACITY_10:
      return blocks.readCapacity10(facts, command);
    case cdb.SERVICE_ACTION_IN_16:
      return blocks.serviceActionIn(facts, command);
    case cdb.SEEK_10:
      return blocks.seek(facts, command);
    case cdb.SYNCHRONIZE_CACHE_10:
      return { kind: 'flush' };
    case cdb.UNMAP:
      return blocks.unmap(facts, command);
    case cdb.WRITE_SAME_10:
    case cdb.WRITE_SAME_16:
      return blocks.writeSame(facts, command);
    default:
      return undefined;
  }
}

/** QEMU: the size of a block and the cache's mode outlive a reset there. Spec: SPC-4 §5.10 has them return to what they were. */
function powerOn({ writeCache, isRom, logicalBlockSize }: ScsiDiskProperties): ScsiDiskState {
  return {
    attention: POWER_ON,
    ...{
      sense: null,
      senseIsAttention: false,
      trayOpen: false,
      trayLocked: false,
      mediumChanged: false,
      mediumEvent: false,
    },
    ...{ ejectRequested: false, writeCache, blockBytes: isRom ? ROM_BLOCK_BYTES : logicalBlockSize },
  };
}
