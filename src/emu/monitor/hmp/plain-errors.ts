import { MonitorError } from '../../core/monitor-error.ts';

/** QEMU prints some errors without `Error: `. */
export async function withPlainErrors(run: () => Promise<string>): Promise<string> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    return `${error.message}\n${error.hint === undefined ? '' : `${error.hint}\n`}`;
  }
}
