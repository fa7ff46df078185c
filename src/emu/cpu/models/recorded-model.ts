/** Shapes of the recorded table of processor models. */

export interface FeatureWordNames {
  /** As QEMU's warnings call the word: `CPUID.01H:EDX`. */
  readonly label: string;
  /** 32 names of its bits, from bit 0, with blanks between them; `-`: no name. */
  readonly names: string;
}

export interface RecordedModel {
  readonly name: string;
  /** Twelve characters. */
  readonly vendor: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  /** Highest basic and extended leaf of CPUID, unless a feature needs a higher one. */
  readonly level: number;
  readonly xlevel: number;
  readonly modelId: string;
  /** As -cpu help shows it. */
  readonly description: string;
  /** Names of features, with blanks between them. */
  readonly features: string;
}
