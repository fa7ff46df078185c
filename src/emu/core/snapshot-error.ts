/** A snapshot that cannot be taken or restored; the message is a sentence for the user. */
export class SnapshotError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SnapshotError';
  }
}
