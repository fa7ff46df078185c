/** The human monitor on a terminal: banner, prompt, line editing. */

import { DEFAULT_DIALECT } from '../dialects/dialects.ts';
import { type ConsoleOutput, LineConsole } from '../line-console.ts';
import { Monitor, type MonitorOptions } from '../monitor.ts';
import { completeLine } from './completion.ts';

export const HMP_PROMPT = '(qemu) ';

export const hmpBanner = (version: string): string =>
  `QEMU ${version} monitor - type 'help' for more information`;

export class HmpConsole extends LineConsole {
  readonly monitor: Monitor;

  /**
   * @param write shows text on the terminal; lines end in CR LF
   * @param options of the monitor that runs the lines
   * @param output where the terminal may be behind
   */
  constructor(
    write: (text: string) => void,
    options: Omit<MonitorOptions, 'history' | 'dropsComments'>,
    output?: ConsoleOutput,
  ) {
    const { dialect = DEFAULT_DIALECT } = options;
    const monitor = new Monitor({ ...options, history: () => this.history, dropsComments: true });
    super(
      write,
      {
        prompt: HMP_PROMPT,
        banner: `${hmpBanner(dialect.version)}\n`,
        run: (line) => monitor.execute(line),
        complete: (line) => completeLine(monitor.context, monitor.context.commands, line),
      },
      output,
    );
    this.monitor = monitor;
  }
}
