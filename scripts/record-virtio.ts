/** Records from a real QEMU 7.2 what tests/golden/virtio, lsi, nvme and watchdog compare with: `npx tsx scripts/record-virtio.ts [folder…]`. */
import { writeFileSync } from 'node:fs';
import { LSI_SESSIONS } from '../tests/golden/lsi/sessions.ts';
import { NVME_SESSIONS } from '../tests/golden/nvme/sessions.ts';
import { SESSIONS, type VirtioRecord } from '../tests/golden/virtio/sessions.ts';
import { WATCHDOG_SESSIONS } from '../tests/golden/watchdog/sessions.ts';
import { recordSession } from './qtest-session.ts';

const wanted = process.argv.slice(2);
for (const [folder, sessions] of [
  ['virtio', SESSIONS],
  ['lsi', LSI_SESSIONS],
  ['nvme', NVME_SESSIONS],
  ['watchdog', WATCHDOG_SESSIONS],
] as const) {
  if (wanted.length > 0 && !wanted.includes(folder)) continue;
  const records: Record<string, VirtioRecord> = {};
  for (const session of sessions) records[session.name] = await recordSession(session);
  const output = new URL(`../tests/golden/${folder}/registers.json`, import.meta.url);
  writeFileSync(output, `${JSON.stringify(records)}\n`);
}
