/** Plays the recorded sessions to our 53C895A: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lsiRig } from '../../support/lsi-rig.ts';
import type { Step, VirtioRecord } from '../virtio/sessions.ts';
import { LSI_SESSIONS } from './sessions.ts';

const RECORDS: Readonly<Record<string, VirtioRecord>> = JSON.parse(
  readFileSync(new URL('registers.json', import.meta.url), 'utf8'),
);
const RAM_END = 4 << 20;
const PASS_NS = 1_000_000;

async function play(name: string, steps: readonly Step[]): Promise<(number | string)[]> {
  const rig = await lsiRig();
  const { io, mmio, memory, bytes, pass } = rig;
  if (name.includes('on the bus')) {
    await rig.drive('if=none,id=d,driver=null-co,size=1M');
    await rig.add('scsi-hd,drive=d,scsi-id=0');
    await rig.add('scsi-cd,scsi-id=3');
  }
  rig.card.reset();
  const values: (number | string)[] = [];
  for (const step of steps) {
    if (step[0] === 'in') values.push(io.read(step[1], step[2]));
    else if (step[0] === 'out') io.write(step[1], step[2], step[3]);
    else if (step[0] === 'dump') values.push(Buffer.from(bytes(step[1], step[2])).toString('hex'));
    else if (step[0] === 'pass') pass(PASS_NS);
    else if (step[0] === 'read') {
      if (step[1] < RAM_END) values.push(Buffer.from(bytes(step[1], step[2])).readUIntLE(0, step[2]));
      else values.push(mmio.read(step[1], step[2]));
    } else if (step[0] === 'write') {
      const [, gpa, size, value] = step;
      const source = Uint8Array.from({ length: size }, (_, n) => value >>> (8 * n));
      if (gpa < RAM_END) memory.write(gpa, source);
      else mmio.write(gpa, size, value);
    }
  }
  return values;
}

/** An answer with the step that asked for it, so that a difference says where it is. */
function told(steps: readonly Step[], values: VirtioRecord): readonly string[] {
  const asked = steps.filter(([action]) => ['in', 'read', 'dump'].includes(action));
  return values.map(
    (value, n) => `${n} ${asked[n]?.map((part) => part.toString(16)).join(' ')}: ${value.toString(16)}`,
  );
}

describe('the 53C895A answers as QEMU 7.2', () => {
  it.each(LSI_SESSIONS)('$name', async ({ name, steps }) => {
    expect(told(steps, await play(name, steps))).toEqual(told(steps, RECORDS[name] ?? []));
  });
});
