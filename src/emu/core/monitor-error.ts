/** QMP error classes. Spec: QEMU qapi/error.json. */
export type ErrorClass =
  | 'GenericError'
  | 'CommandNotFound'
  | 'DeviceNotActive'
  | 'DeviceNotFound'
  | 'KVMMissingCap';

/** An error that the user made, in QEMU's class and exact text. Returned, or thrown inside monitor code only. */
export class MonitorError extends Error {
  readonly errorClass: ErrorClass;
  /** Extra line(s) that QEMU prints after the error, or undefined. */
  readonly hint: string | undefined;

  constructor(message: string, errorClass: ErrorClass = 'GenericError', hint?: string) {
    super(message);
    this.name = 'MonitorError';
    this.errorClass = errorClass;
    this.hint = hint;
  }
}

/** What the user asked to be told, in the place of what else would have been done. */
export class MonitorHelp extends MonitorError {}
