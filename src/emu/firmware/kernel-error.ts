/** The kernel or initial RAM disk cannot be started: a sentence in QEMU's words where it has them. */
export class KernelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KernelError';
  }
}
