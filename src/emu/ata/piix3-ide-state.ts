/** What the PIIX3's IDE controller saves, now and when it had no drives. */
import { BOTTOM_HALF_STATE, type BottomHalfState, NO_BOTTOM_HALF } from '../core/bottom-half.ts';
import { BOOLEAN, BYTE, DWORD, list, mask, record, type StateKind } from '../core/state-fields.ts';
import type { PciState } from '../pci/pci-device.ts';
import type { AtaKeptState } from './ata-state.ts';
import { emptyUnit } from './ata-unit.ts';
import { BUS_MASTER_POWER_ON } from './bus-master.ts';
import { IDE_CHANNEL_STATE, IDE_KEPT_STATE, type IdeChannelState } from './ide-channel.ts';

export const CHANNELS = 2;

export type Piix3IdeState = {
  readonly pci: PciState;
  readonly channels: readonly IdeChannelState[];
  /** What a reset leaves as it is, of each channel's devices. */
  readonly kept: readonly (readonly AtaKeptState[])[];
  readonly bottomHalf: BottomHalfState;
};

/** A channel of snapshots from before there were drives. */
type BareChannelState = {
  readonly device: number;
  readonly control: number;
  readonly irq: boolean;
  readonly bmCommand: number;
  readonly bmStatus: number;
  readonly bmAddress: number;
};

type BareState = { readonly pci: PciState; readonly channels: readonly BareChannelState[] };

const BARE_CHANNEL = record<BareChannelState>({
  ...{ device: mask(0x10), control: BYTE, irq: BOOLEAN },
  ...{ bmCommand: mask(0x09), bmStatus: mask(0x67), bmAddress: DWORD },
});

export function piix3IdeFields(pci: StateKind<PciState>): StateKind<Piix3IdeState> {
  const fields = record<Piix3IdeState>({
    pci,
    channels: list(IDE_CHANNEL_STATE, CHANNELS),
    kept: list(IDE_KEPT_STATE, CHANNELS),
    bottomHalf: BOTTOM_HALF_STATE,
  });
  const bare = record<BareState>({ pci, channels: list(BARE_CHANNEL, CHANNELS) });
  return { misfit: (value) => (isBare(value) ? bare : fields).misfit(value) };
}

function isBare(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !('kept' in value) && !('bottomHalf' in value);
}

/** The state as it is saved today. */
export function currentState(state: Piix3IdeState): Piix3IdeState {
  if (!isBare(state)) return state;
  const { pci, channels } = state as unknown as BareState;
  const units = Array.from({ length: 2 }, emptyUnit);
  return {
    pci,
    channels: channels.map(({ device, control, irq, bmCommand, bmStatus, bmAddress }) => ({
      ...{ selected: device === 0 ? 0 : 1, control, irq },
      master: {
        ...BUS_MASTER_POWER_ON,
        command: bmCommand,
        status: bmStatus,
        address: bmAddress,
        list: bmAddress,
      },
      units: units.map(({ unit }) => unit),
    })),
    kept: channels.map(() => units.map(({ kept }) => kept)),
    bottomHalf: NO_BOTTOM_HALF,
  };
}
