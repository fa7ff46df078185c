/** An error that the user reads: a sentence, and what to do about it. */
export class UserError extends Error {
  readonly detail: string | undefined;

  constructor(message: string, detail?: string) {
    super(message);
    this.name = 'UserError';
    this.detail = detail;
  }
}

/** What went wrong, in words, whatever was thrown. */
export function errorText(error: unknown): string {
  const named = error instanceof Error || error instanceof DOMException;
  return named && error.message !== '' ? error.message : String(error);
}
