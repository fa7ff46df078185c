/** Processors that announce other features than qemu64. */
import { type CpuFeatures, EXECUTED_FEATURES } from '../../src/emu/cpu/cpu-features.ts';
import { type CpuIdentity, QEMU64 } from '../../src/emu/cpu/models/cpu-identity.ts';

/** qemu64 but for its features. */
export function cpuWith(features: CpuFeatures): CpuIdentity {
  return { ...QEMU64, features };
}

/** Announces all that the core executes. */
export const ABLEST = cpuWith(EXECUTED_FEATURES);
