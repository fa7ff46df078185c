/** Monitors that speak as those of other years, and what lessons type into them. */
import type { DialectName } from '../../src/emu/monitor/dialects/dialect.ts';
import { type MonitorRig, type MonitorRigOptions, monitorRig } from './monitor-rig.ts';

export const DISK = 'drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=disk1';
/** Up to 2.0, when they differed from today's in much. */
export const OLD: readonly DialectName[] = ['2.0', '1.5', '1.1', 'qemu-kvm-0.15'];

export const rigOf = (dialect: DialectName, options: MonitorRigOptions = {}): Promise<MonitorRig> =>
  monitorRig({ ...options, dialect });

/** Runs lines and gives all that they print. */
export async function said(rig: MonitorRig, ...lines: readonly string[]): Promise<string> {
  let text = '';
  for (const line of lines) text += await rig.execute(line);
  return text;
}
