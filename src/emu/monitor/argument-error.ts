/** A line that cannot be read. */
export class ArgumentError extends Error {
  /** True: QEMU prints the message on its standard error, and in the monitor only where to find help. */
  readonly onStderr: boolean;

  constructor(message: string, onStderr = false) {
    super(message);
    this.name = 'ArgumentError';
    this.onStderr = onStderr;
  }
}
