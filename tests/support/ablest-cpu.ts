/** A processor that announces all that the core executes. */
import { EXECUTED_FEATURES } from '../../src/emu/cpu/cpu-features.ts';
import { type CpuIdentity, QEMU64 } from '../../src/emu/cpu/models/cpu-identity.ts';

export const ABLEST: CpuIdentity = { ...QEMU64, features: EXECUTED_FEATURES };
