/** SCSI disks on a bus: what a table of answers cannot show. Which answer each command has is in tests/golden/scsi. */
import { describe, expect, it } from 'vitest';
import type { BlockBackend } from '../../src/emu/block/block-backend.ts';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import { FillTransfer, RangesTransfer } from '../../src/emu/block/list-transfers.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { ScsiDisk } from '../../src/emu/scsi/scsi-disk.ts';
import { SCSI_DISK_DEFAULTS } from '../../src/emu/scsi/scsi-facts.ts';
import { deviceContract } from '../support/device-contract.ts';
import { COMMANDS, imagesOf, scsiRig } from '../support/scsi-rig.ts';
import { TestDisk } from '../support/virtio-driver.ts';

const DISK = 1 << 20;
const drive = (backend: BlockBackend | undefined = new TestDisk(DISK)) => ({
  medium: backend && { backend },
  gate: new DriveGate(new EventQueue(() => 0)),
});
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** What a command to the unit comes to. */
function ask(unit: ScsiDisk, cdb: string, list?: string) {
  const command = unit.parse(bytes(cdb));
  let action = unit.begin(0, command);
  if (action.kind === 'list') action = action.take(bytes(list ?? ''));
  unit.ended(command, action.kind === 'check' ? action.sense : undefined);
  return action;
}

const senseOf = (unit: ScsiDisk, cdb: string): string => {
  const action = ask(unit, cdb);
  if (action.kind !== 'check') return action.kind;
  const { key, asc, ascq } = action.sense;
  return [key, asc, ascq].map((code) => code.toString(16)).join('/');
};

const TUR = '000000000000';

deviceContract(
  'scsi-disk',
  () => new ScsiDisk({ ...SCSI_DISK_DEFAULTS, isRom: true, removable: true }, drive()),
  (unit) => {
    ask(unit, TUR);
    ask(unit, '1e0000000100');
    ask(unit, '151000002000', `00000008${'0000080000000400'}${'0812'}${'00'.repeat(18)}`);
    ask(unit, '1b0000000200');
    unit.requestEject(false);
    unit.move(true);
    unit.move(false);
    ask(unit, TUR);
    unit.move(true);
    unit.requestEject(false);
    unit.restore({ ...unit.save(), trayLocked: true });
    ask(unit, TUR);
    unit.move(true);
    unit.requestEject(false);
    unit.restore({
      ...unit.save(),
      mediumChanged: true,
      sense: { key: 2, asc: 0x3a, ascq: 0 },
      senseIsAttention: true,
    });
  },
  (unit) => [senseOf(unit, TUR), ask(unit, '120000002400'), ask(unit, '5a002a00000000010000')],
);

describe('the conditions of a unit', () => {
  it('are told once, the power before others, and INQUIRY takes none', () => {
    const unit = new ScsiDisk(SCSI_DISK_DEFAULTS, drive());
    expect([senseOf(unit, '120000002400'), senseOf(unit, TUR), senseOf(unit, TUR)]).toEqual([
      'answer',
      '6/29/0',
      'good',
    ]);
    unit.drive.gate.onResize();
    unit.reset();
    expect([senseOf(unit, TUR), senseOf(unit, TUR)]).toEqual(['6/29/0', 'good']);
    unit.drive.gate.onResize();
    expect([senseOf(unit, TUR), senseOf(unit, TUR)]).toEqual(['6/2a/9', 'good']);
  });

  it('say that a disc went, and then that another came', () => {
    const unit = new ScsiDisk({ ...SCSI_DISK_DEFAULTS, isRom: true, removable: true }, drive());
    ask(unit, TUR);
    unit.move(true);
    expect(senseOf(unit, TUR)).toBe('6/3a/0');
    expect(senseOf(unit, TUR)).toBe('2/3a/0');
    unit.move(false);
    expect([1, 2, 3].map(() => senseOf(unit, TUR))).toEqual(['6/3a/0', '6/28/0', 'good']);
  });

  it('tell a polling driver of the medium and of the button', () => {
    const unit = new ScsiDisk({ ...SCSI_DISK_DEFAULTS, isRom: true, removable: true }, drive());
    const poll = () => {
      const action = ask(unit, '4a010000100000000800');
      return action.kind === 'answer' ? Buffer.from(action.bytes).toString('hex').slice(8) : action.kind;
    };
    ask(unit, TUR);
    expect(poll()).toBe('00020000');
    ask(unit, '1e0000000100');
    unit.requestEject(false);
    expect([poll(), poll(), unit.isLocked]).toEqual(['01020000', '00020000', true]);
    unit.requestEject(true);
    expect(unit.isLocked).toBe(false);
    unit.move(true);
    expect(poll()).toBe('00010000');
    unit.move(false);
    expect([poll(), poll()]).toEqual(['02020000', '00020000']);
  });
});

describe('transfers of many parts', () => {
  const whole = async (transfer: RangesTransfer | FillTransfer, portion: number) => {
    let steps = 0;
    while (transfer.done < transfer.total) {
      steps++;
      await transfer.async(transfer.step(portion).end, () => true);
    }
    return steps;
  };

  it('do each part once, and go on where a snapshot was', async () => {
    const ranges = [
      { offset: 512, bytes: 1024 },
      { offset: 8192, bytes: 512 },
      { offset: 0, bytes: 512 },
    ];
    const disk = new TestDisk(DISK);
    expect(await whole(new RangesTransfer(disk, 'discard', ranges), 1 << 20)).toBe(1);
    expect(disk.log).toEqual(['discard 512 1024', 'discard 8192 512', 'discard 0 512']);
    const again = new TestDisk(DISK);
    expect(await whole(new RangesTransfer(again, 'writeZeroes', ranges, 1536), 1 << 20)).toBe(1);
    expect(again.log).toEqual(['zero 0 512']);
  });

  it('take a portion for so many parts, however small they are', async () => {
    const ranges = Array.from({ length: 4095 }, (_, n) => ({ offset: 512 * n, bytes: 512 }));
    const transfer = new RangesTransfer(new TestDisk(4 << 20), 'discard', ranges);
    expect(transfer.step(100 * 1024).end).toBe(100 * 512);
    expect(await whole(transfer, 100 * 1024)).toBe(41);
  });

  it('fill a part of the disk with a pattern, in steps of whole patterns', async () => {
    const disk = new TestDisk(DISK);
    const pattern = new Uint8Array(512).map((_, n) => n & 0xff);
    expect(await whole(new FillTransfer(disk, pattern, 1024, 512 * 1000), 100_000)).toBe(6);
    expect(disk.bytes.subarray(1024, 1024 + 512_000).every((byte, n) => byte === (n & 0xff))).toBe(true);
    expect([disk.bytes[1023], disk.bytes[1024 + 512_000]]).toEqual([0, 0]);
  });
});

describe('addresses', () => {
  it('are given anew when a disk has left', async () => {
    const rig = scsiRig(imagesOf({}));
    const plug = async (id: string, more = '') => {
      await rig.drive(`if=none,driver=null-co,size=1M,id=d${id}`);
      await rig.add(`scsi-hd,id=${id},drive=d${id}${more}`);
      const { target, lun } = rig.host.bus.units.find((unit) => unit.id === id)?.address ?? {};
      return [target, lun];
    };
    expect(await plug('a')).toEqual([0, 0]);
    expect(await plug('b')).toEqual([1, 0]);
    expect(await plug('c', ',scsi-id=0')).toEqual([0, 1]);
    rig.remove('a');
    expect(await plug('e')).toEqual([0, 0]);
    expect(await plug('f', ',lun=1')).toEqual([1, 1]);
    await expect(plug('g', ',scsi-id=1,lun=1')).rejects.toThrow("lun already used by 'f'");
  });

  it('no target is free when all 256 have the unit', async () => {
    const rig = scsiRig(imagesOf({}));
    for (let n = 0; n < 256; n++) {
      await rig.drive(`if=none,driver=null-co,size=1M,id=d${n}`);
      await rig.add(`scsi-hd,drive=d${n}`);
    }
    await rig.drive('if=none,driver=null-co,size=1M,id=one');
    await expect(rig.add('scsi-hd,drive=one')).rejects.toThrow('no free target');
    await rig.add('scsi-hd,drive=one,lun=1');
    expect(rig.used(COMMANDS)).toEqual([]);
  });
});
