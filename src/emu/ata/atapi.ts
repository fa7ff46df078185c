/** A packet has come: what a drive has to tell first, or the command. Spec: ATA/ATAPI-6 §9.8. The order is QEMU's. */
import * as r from './ata-registers.ts';
import type { AtaUnit } from './ata-unit.ts';
import { canAnswer, isInserted, refuse } from './atapi-answer.ts';
import { ATAPI_COMMANDS } from './atapi-commands.ts';
import { INVALID_OPCODE, MEDIUM_CHANGED, NO_MEDIUM, UNIT_ATTENTION } from './atapi-sense.ts';

/** The packet has come. */
export function execute(unit: AtaUnit): void {
  const { s } = unit;
  const bytes = new Uint8Array(16);
  bytes.set(s.buffer.subarray(0, bytes.length));
  const { trace } = unit.host;
  if (trace.on) trace.event('ide_atapi_cmd', unit, bytes[0]);
  const command = ATAPI_COMMANDS.get(bytes[0]);
  const answersAlways = command?.need === 'always';
  if (s.senseKey === UNIT_ATTENTION && !answersAlways) {
    s.error = r.MC | (UNIT_ATTENTION << 4);
    s.status = r.ERR;
    s.count = 0;
    unit.host.interrupt();
    return;
  }
  // QEMU: another disc is told of in two steps, to drivers that do not ask for events.
  if (s.discChanged !== 0 && !answersAlways && !s.trayOpen && isInserted(unit)) {
    const isFirst = s.discChanged === 1;
    s.discChanged = isFirst ? 2 : 0;
    refuse(unit, isFirst ? NO_MEDIUM : MEDIUM_CHANGED);
    return;
  }
  const isReady = isInserted(unit) && !s.trayOpen && unit.kept.sectors > 0;
  if (command?.need === 'disc' && !isReady) refuse(unit, NO_MEDIUM);
  else if (command === undefined) refuse(unit, INVALID_OPCODE);
  else if (command.hasData !== true || canAnswer(unit)) command.run(unit, bytes);
}
