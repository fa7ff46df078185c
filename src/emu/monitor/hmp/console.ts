/** The human monitor on a terminal: banner, prompt, line editing. */
import { type ConsoleOutput, LineConsole } from '../line-console.ts';
import { Monitor, type MonitorOptions } from '../monitor.ts';
import { QEMU_VERSION } from '../version.ts';
import { completeLine } from './completion.ts';

export const HMP_PROMPT = '(qemu) ';
export const HMP_BANNER = `QEMU ${QEMU_VERSION} monitor - type 'help' for more information`;

export class HmpConsole extends LineConsole {
  readonly monitor: Monitor;

  /**
   * @param write shows text on the terminal; lines end in CR LF
   * @param options of the monitor that runs the lines
   * @param output where the terminal may be behind
   */
  constructor(
    write: (text: string) => void,
    options: Omit<MonitorOptions, 'history'>,
    output?: ConsoleOutput,
  ) {
    const monitor = new Monitor({ ...options, history: () => this.history });
    super(
      write,
      {
        prompt: HMP_PROMPT,
        banner: `${HMP_BANNER}\n`,
        run: (line) => monitor.execute(line),
        complete: (line) => completeLine(monitor.context, monitor.commands, line),
      },
      output,
    );
    this.monitor = monitor;
  }
}
