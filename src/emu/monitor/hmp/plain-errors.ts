import { MonitorError } from '../../core/monitor-error.ts';

/** An error that QEMU prints without `Error: `. */
export class PlainError extends MonitorError {}

/** Rejects with PlainError for a MonitorError. */
export async function withPlainErrors(run: () => Promise<string>): Promise<string> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    throw new PlainError(error.message, error.errorClass, error.hint);
  }
}
