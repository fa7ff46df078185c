/** Records from a real QEMU 7.2 what tests/golden/virtio, lsi and nvme compare with: `npx tsx scripts/record-virtio.ts`. */
import { writeFileSync } from 'node:fs';
import { LSI_SESSIONS } from '../tests/golden/lsi/sessions.ts';
import { NVME_SESSIONS } from '../tests/golden/nvme/sessions.ts';
import { SESSIONS, type VirtioRecord } from '../tests/golden/virtio/sessions.ts';
import { recordSession } from './qtest-session.ts';

for (const [folder, sessions] of [
  ['virtio', SESSIONS],
  ['lsi', LSI_SESSIONS],
  ['nvme', NVME_SESSIONS],
] as const) {
  const records: Record<string, VirtioRecord> = {};
  for (const session of sessions) records[session.name] = await recordSession(session);
  const output = new URL(`../tests/golden/${folder}/registers.json`, import.meta.url);
  writeFileSync(output, `${JSON.stringify(records)}\n`);
}
