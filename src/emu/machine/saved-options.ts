/** How the user asked for something, in a snapshot. */
import { BOOLEAN, list, nullable, record, text, tuple } from '../core/state-fields.ts';
import { parseJson } from '../qapi/json-reader.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import { writeJson } from '../qapi/json-writer.ts';
import { Options } from '../qdev/option-string.ts';

export type SavedOptions = {
  readonly id: string | null;
  /** The values are JSON: each is written as a text of it. */
  readonly json: boolean;
  readonly entries: readonly (readonly [key: string, value: string])[];
};

const TEXT = text(65_536);
/** As long as the user wrote it. */
const GIVEN = text(Number.POSITIVE_INFINITY);

export const OPTIONS = record<SavedOptions>({
  id: nullable(TEXT),
  json: BOOLEAN,
  entries: list(tuple(TEXT, GIVEN), { max: 1024 }),
});

export function saveOptions(
  { id, json, entries }: Options<JsonValue>,
  ...without: readonly string[]
): SavedOptions {
  const saved = (value: JsonValue): string => (json ? writeJson(value) : String(value));
  return {
    id: id ?? null,
    json,
    entries: entries
      .filter(([key]) => !without.includes(key))
      .map(([key, value]) => [key, saved(value)] as const),
  };
}

/** Throws `MonitorError` where a text is no JSON. */
export function toOptions({ id, json, entries }: SavedOptions): Options<JsonValue> {
  return new Options(
    entries.map(([key, value]) => [key, json ? parseJson(value) : value] as const),
    id ?? undefined,
    json,
  );
}

/** Drives and character devices are asked for in text only. */
export function toTextOptions({ id, entries }: SavedOptions): Options {
  return new Options(entries, id ?? undefined);
}
