/** What a vCPU's words may hold when a snapshot restores them. */
import { type StateKind, typedArray, where } from '../core/state-fields.ts';
import {
  APIC_BASE_HI,
  BLOCK_INDEX,
  BUDGET,
  BUDGET_HELD,
  CODE_GENERATION,
  CODE_GENERATION_GLOBAL,
  CPL,
  DEBUG_PENDING,
  EVENT_INIT,
  EVENT_MCE,
  EVENT_NMI,
  EVENT_NMI_BLOCKED,
  EVENT_SIPI,
  EVENT_SIPI_VECTOR_SHIFT,
  EVENTS,
  EXIT_RECORD,
  FAULT,
  FAULT_TRIPLE,
  HALTED,
  HALTED_WAIT_SIPI,
  JUMP_BASE,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  PRACTICE,
  REGION_STALE,
  STATE_WORDS,
  TLB_BASE,
  TLB_SYSTEM,
  ZERO,
} from './state.ts';

/** Words that are looked up in tables, or whose other values no instruction leaves behind: 0 to the second number. */
const LIMITS: readonly (readonly [word: number, max: number])[] = [
  [CPL, 3],
  [HALTED, HALTED_WAIT_SIPI],
  [
    EVENTS,
    (0xff << EVENT_SIPI_VECTOR_SHIFT) | EVENT_NMI | EVENT_INIT | EVENT_SIPI | EVENT_NMI_BLOCKED | EVENT_MCE,
  ],
  // WRMSR takes no more either: the page of the local APIC must lie at an address.
  [APIC_BASE_HI, 0xff],
];

/** The engine's own, which it sets when it runs: whatever was saved, they begin as after a reset. */
const OWN: readonly number[] = [
  ZERO,
  ZERO + 1,
  BUDGET,
  BUDGET_HELD,
  EXIT_RECORD,
  BLOCK_INDEX,
  REGION_STALE,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  DEBUG_PENDING,
  PRACTICE,
];

export const VCPU_WORDS: StateKind<Int32Array> = where(typedArray(Int32Array, STATE_WORDS), (words) => {
  if (words[FAULT] !== 0 && words[FAULT] !== FAULT_TRIPLE)
    return `has a fault 0x${words[FAULT].toString(16)} under way`;
  const wrong = LIMITS.find(([word, max]) => words[word] < 0 || words[word] > max);
  if (wrong === undefined) return undefined;
  const [word, max] = wrong;
  return `has ${words[word]} at ${word}, not an integer from 0 to ${max}`;
});

/** After words were restored. */
export function clearOwnWords(S: Int32Array): void {
  for (const word of OWN) S[word] = 0;
}

/** Words of which a snapshot knows nothing: where the vCPU is in the engine's arrays. */
export function clearPlace(words: Int32Array): void {
  for (const word of [TLB_BASE, TLB_SYSTEM, JUMP_BASE]) words[word] = 0;
}

/** Where a vCPU is in the engine's arrays, and the generations of what is cached there. */
const PLACE = [CODE_GENERATION, CODE_GENERATION_GLOBAL, TLB_SYSTEM, JUMP_BASE] as const;

/** `change` replaces a vCPU's words; those that say where it is stay. */
export function keepingPlace(S: Int32Array, change: () => void): void {
  const kept = PLACE.map((word) => S[word]);
  change();
  for (const [at, word] of PLACE.entries()) S[word] = kept[at];
}
