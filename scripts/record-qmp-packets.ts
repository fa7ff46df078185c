/** Packets for the flows that scripts/record-qmp.ts records. */

export interface QmpFlow {
  readonly name: string;
  /** Arguments of QEMU beside those that all flows have. */
  readonly args: readonly string[];
  readonly sent: readonly string[];
}

export const run = (command: string, args?: object): string =>
  JSON.stringify(args === undefined ? { execute: command } : { execute: command, arguments: args });
const ENABLE = run('qmp_capabilities');
export const negotiated = (...sent: readonly string[]): readonly string[] => [ENABLE, ...sent];

/** Each command without arguments, with one that it does not know, and with what is no object. */
export const anyhow = (...commands: readonly string[]): readonly string[] =>
  commands.flatMap((command) => [
    run(command),
    run(command, { zz: 1 }),
    `{"execute":"${command}","arguments":[]}`,
  ]);
