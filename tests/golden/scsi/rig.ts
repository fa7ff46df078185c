/** A virtio-scsi card with disks as a case describes them, and what its driver asks them. */

import { COMMANDS, imagesOf, scsiRig } from '../../support/scsi-rig.ts';
import { settle, TestDisk } from '../../support/virtio-driver.ts';
import { answerOf, fromHex, imageBytes, type ScsiAnswer, type ScsiCase, type ScsiCommand } from './driver.ts';

const IMAGE_BYTES = 1 << 20;
/** Time for another portion of the device's. */
const PERIOD_NS = 1_000_000;
/** Beyond this an image is of zeros, and nothing is read of it. */
const FILLED_BYTES = 16 << 20;

/** A disk of which only the size matters. */
class BigDisk extends TestDisk {
  readonly #size: number;

  constructor(size: number) {
    super(512);
    this.#size = size;
  }

  override get sizeBytes(): number {
    return this.#size;
  }
}

function diskOf(bytes: number, n: number): TestDisk {
  if (bytes > FILLED_BYTES) return new BigDisk(bytes);
  const disk = new TestDisk(bytes, { sync: true });
  disk.bytes.set(imageBytes(bytes, n));
  return disk;
}

export async function caseRig({ devices }: ScsiCase) {
  const disks = devices.map(({ bytes = IMAGE_BYTES }, n) => [`/disk${n}`, diskOf(bytes, n)] as const);
  const rig = scsiRig(imagesOf(Object.fromEntries(disks)));
  for (const [n, { drive, device, bytes }] of devices.entries()) {
    const image = bytes === 0 ? '' : `,format=raw,file=/disk${n}`;
    if (drive !== undefined) await rig.drive(`if=none,id=d${n}${image}${drive === '' ? '' : `,${drive}`}`);
    await rig.add(`${device},bus=s0.0${drive === undefined ? '' : `,drive=d${n}`}`);
  }
  rig.card.reset();
  rig.map();
  rig.begin(0x1_0000_0000n);
  return {
    async command(command: ScsiCommand): Promise<ScsiAnswer> {
      const out = fromHex(command.out ?? '');
      const room = command.in ?? 0;
      const { response, data } = rig.send({
        ...{ cdb: fromHex(command.cdb), room, to: command.to ?? [0, 0] },
        ...(out.length > 0 ? { out } : {}),
      });
      rig.pass(PERIOD_NS);
      let [used] = rig.used(COMMANDS);
      if (used === undefined) {
        await settle();
        [used] = rig.used(COMMANDS);
      }
      return answerOf(
        rig.response(response),
        room === 0 ? new Uint8Array() : rig.bytes(data, room),
        used?.written ?? -1,
      );
    },
  };
}
