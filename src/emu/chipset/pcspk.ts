/** Port 0x61: GATE and OUT of the timer's counter 2, and the speaker. Spec: Intel 82371AB datasheet §4.2.5.1 (NMISC). */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import type { Device } from '../core/device.ts';
import { BOOLEAN, mask, record } from '../core/state-fields.ts';
import type { I8254 } from './i8254.ts';

const TIMER2_GATE = 0x01;
const SPEAKER_DATA = 0x02;
const REFRESH_CLOCK = 0x10;
const TIMER2_OUT = 0x20;
const SPEAKER_COUNTER = 2;

export type PcSpeakerState = { readonly dataOn: boolean; readonly refresh: number };

const PC_SPEAKER_STATE = record<PcSpeakerState>({ dataOn: BOOLEAN, refresh: mask(REFRESH_CLOCK) });

export class PcSpeaker implements Device<PcSpeakerState> {
  readonly vmstate = { name: 'pcspk', version: 1, fields: PC_SPEAKER_STATE };
  readonly #pit: I8254;
  #s = { dataOn: false, refresh: 0 };

  // Not modelled: sound.
  constructor(pit: I8254) {
    this.#pit = pit;
  }

  attach(io: AddressSpace): void {
    io.map(0x61, 1, byteWide(this), { name: 'pcspk' });
  }

  reset(): void {
    this.#s = { dataOn: false, refresh: 0 };
  }

  save(): PcSpeakerState {
    return { ...this.#s };
  }

  restore(state: PcSpeakerState): void {
    this.#s = { ...state };
  }

  /** QEMU: the refresh bit toggles at each read. Guest: Linux 6.1 tsc.c polls OUT to calibrate the TSC. */
  readByte(): number {
    const s = this.#s;
    s.refresh ^= REFRESH_CLOCK;
    const gate = this.#pit.gate(SPEAKER_COUNTER) ? TIMER2_GATE : 0;
    const out = this.#pit.out(SPEAKER_COUNTER) ? TIMER2_OUT : 0;
    return gate | (s.dataOn ? SPEAKER_DATA : 0) | s.refresh | out;
  }

  writeByte(_port: number, value: number): void {
    this.#s.dataOn = (value & SPEAKER_DATA) !== 0;
    this.#pit.setGate(SPEAKER_COUNTER, (value & TIMER2_GATE) !== 0);
  }
}
