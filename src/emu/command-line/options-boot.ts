/** -boot and -uuid. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import type { BootConfig } from '../machine/boot-config.ts';
import { checkBootOrder } from '../machine/boot-config.ts';
import { parseBool } from '../qdev/properties.ts';
import { parsePairs } from './options-machine.ts';
import type { GivenOption } from './options-split.ts';
import { startError } from './start-error.ts';

const KNOWN = new Set(['order', 'once', 'menu', 'splash', 'splash-time', 'reboot-timeout', 'strict']);
const MAX_MS = 0xffff;

/** What all -boot say together, of which the later counts. Throws StartError. */
export function readBoot(given: readonly GivenOption[]): BootConfig {
  const values = new Map(given.flatMap(({ value }) => [...parsePairs(value, 'order')]));
  const unknown = [...values.keys()].find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw startError(`Parameter 'boot.${unknown}' is unexpected`);
  const menu = flag(values, 'menu');
  // What it orders is the firmware's to do, which there is not.
  flag(values, 'strict');
  const splashTimeMs = integer(values, 'splash-time');
  if (splashTimeMs !== undefined && (splashTimeMs < 0 || splashTimeMs > MAX_MS)) {
    throw startError('splash-time is invalid,it should be a value between 0 and 65535');
  }
  const rebootTimeoutMs = integer(values, 'reboot-timeout');
  if (rebootTimeoutMs !== undefined && (rebootTimeoutMs < -1 || rebootTimeoutMs > MAX_MS)) {
    throw startError('reboot timeout is invalid,it should be a value between -1 and 65535');
  }
  const [order, once] = [letters(values, 'order'), letters(values, 'once')];
  return { order, once, menu, splashTimeMs, rebootTimeoutMs };
}

function letters(values: ReadonlyMap<string, string>, name: string): string | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  try {
    checkBootOrder(text);
  } catch (error) {
    throw error instanceof MonitorError ? startError(error.message) : error;
  }
  return text;
}

function flag(values: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const text = values.get(name);
  const value = text === undefined ? undefined : parseBool(text);
  if (text !== undefined && value === undefined)
    throw startError(`Parameter 'boot.${name}' expects 'on' or 'off'`);
  return value;
}

function integer(values: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw startError(`Parameter 'boot.${name}' expects integer`);
  return Number(text);
}

/** Lower case. Throws StartError. */
export function readUuid({ value, at }: GivenOption): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value.toLowerCase();
  throw startError('failed to parse UUID string: wrong format', at);
}
