/** What scripts/record-json.ts writes. */
interface ByteRecord {
  /** Base64; RESET follows. */
  readonly input: string;
  /** Lines. */
  readonly answers: readonly string[];
}

export interface JsonRecording {
  readonly bytes: readonly ByteRecord[];
  readonly pretty: readonly ByteRecord[];
  /** Members of a command's arguments, and which one QEMU calls unexpected. */
  readonly unexpected: readonly { readonly keys: readonly string[]; readonly first: string }[];
  /** Null: no error. */
  readonly texts: readonly { readonly text: string; readonly error: string | null }[];
}
