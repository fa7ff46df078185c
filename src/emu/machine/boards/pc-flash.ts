/** The pc board's flash, in which a firmware lies below 4 GiB. QEMU: hw/i386/pc_sysfw. */
import { asBlockError } from '../../block/block-backend.ts';
import type { Drive, Medium } from '../../block/drive.ts';
import type { Drives } from '../../block/drives.ts';
import { SysbusHardware } from '../../bus/sysbus.ts';
import { ISA_BIOS_MAX } from '../../chipset/pam.ts';
import { assert } from '../../core/assert.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { FlashImage } from '../../flash/flash-image.ts';
import { FLASH_BLOCK, type FlashArray, PflashCfi01 } from '../../flash/pflash-cfi01.ts';
import { PFLASH_CFI01 } from '../../flash/pflash-type.ts';
import { FIRMWARE_MAX, FLASH_REGIONS, FOUR_GIB } from '../../memory/pc-ram.ts';
import { Region } from '../../memory/region.ts';
import { BoardBuilder } from './board.ts';
import type { PcBoard } from './pc.ts';

const MIB = 1 << 20;
const FW_CFG = '/machine/fw_cfg';

export interface FlashPlace {
  readonly board: PcBoard;
  readonly drives: Drives;
  /** Told of what cannot be stored. */
  readonly warn: (text: string) => void;
}

/** @param names of drives or nodes: that which ends at 4 GiB, and the one below it */
export async function attachFlash(place: FlashPlace, names: readonly (string | undefined)[]): Promise<void> {
  for (const [unit, name] of names.entries()) {
    if (name !== undefined) throwIf(place.drives.checkFree(name, PFLASH_CFI01.name));
    if (unit > 0 && name !== undefined && names[unit - 1] === undefined)
      throw new MonitorError(`pflash${unit} requires pflash${unit - 1}`);
  }
  let total = 0;
  for (const [unit, name] of names.entries()) {
    if (name === undefined) continue;
    const size = await attachUnit(place, unit, name, total);
    total += size;
  }
}

function throwIf(error: MonitorError | undefined): void {
  if (error !== undefined) throw error;
}

/** Gives its size. */
async function attachUnit(
  { board, drives, warn }: FlashPlace,
  unit: number,
  name: string,
  above: number,
): Promise<number> {
  const size = sizeOf(drives, name);
  if (above + size > FIRMWARE_MAX)
    throw new MonitorError(`combined size of system firmware exceeds ${FIRMWARE_MAX} bytes`);
  const region = FLASH_REGIONS[unit] ?? '';
  const drive = await drives.attach(name, `/machine/${region}`);
  const { medium } = drive;
  assert(medium !== undefined, 'its size was asked for');
  const contents = new Uint8Array(size);
  await medium.backend.read(0, contents).catch((error: unknown) => {
    throw new MonitorError(`failed to read the initial flash content: ${asBlockError(error).message}`);
  });
  plugIn(board, { unit, name, gpa: FOUR_GIB - above - size, contents, drive, medium, warn });
  return size;
}

/** Throws QEMU's MonitorError where it is none for flash. */
function sizeOf(drives: Drives, name: string): number {
  const medium = drives.find(name)?.medium;
  const size = medium?.backend.sizeBytes ?? drives.nodes.find(name)?.disk.sizeBytes;
  if (size === undefined) throw new MonitorError(`can't get size of block device ${name}: No medium found`);
  if (size === 0 || size % FLASH_BLOCK !== 0) {
    throw new MonitorError(
      `system firmware block device ${name} has invalid size ${size}`,
      'GenericError',
      `its size must be a non-zero multiple of 0x${FLASH_BLOCK.toString(16)}`,
    );
  }
  return size;
}

interface FlashUnit {
  readonly unit: number;
  readonly name: string;
  readonly gpa: number;
  readonly contents: Uint8Array;
  readonly drive: Drive;
  readonly medium: Medium;
  readonly warn: (text: string) => void;
}

function plugIn(board: PcBoard, flash: FlashUnit): void {
  const { memory, physical, wiring } = board;
  const { unit, name, gpa, contents, drive, medium, warn } = flash;
  const sizeBytes = contents.length;
  const regionName = FLASH_REGIONS[unit] ?? '';
  const region = memory.add(regionName, gpa, sizeBytes, { isRomDevice: true });
  assert(memory.load(region, 0, contents), 'the arena was made for flash too');
  const read = (offset: number, target: Uint8Array): void => memory.peek(region, offset, target);
  const image = new FlashImage({
    ...{ backend: medium.backend, sizeBytes, read },
    onError: (error) => warn(`Could not update PFLASH: ${error.message}`),
  });
  drive.gate.onDrain = () => image.drained();
  const array: FlashArray = {
    ...{ sizeBytes, read, readOnly: medium.backend.readOnly },
    write: (offset, source) => void memory.load(region, offset, source),
    store: (offset, length) => image.store(offset, length),
    show: (isShown) => memory.show(region, isShown),
  };
  const chip = new PflashCfi01(array, wiring.trace);
  physical.map(gpa, sizeBytes, chip, { name: regionName });
  const builder = new BoardBuilder(wiring.devices);
  const fwCfg = wiring.devices.tree.find(FW_CFG);
  builder.add(new SysbusHardware([chip], { mmio: [{ base: gpa, size: sizeBytes }] }), PFLASH_CFI01, {
    ...{ on: builder.systemBus, in: [builder.machine, regionName], olderThan: fwCfg },
    values: {
      drive: name,
      'num-blocks': sizeBytes / FLASH_BLOCK,
      'sector-length': FLASH_BLOCK,
      width: 1,
      name: regionName,
    },
  });
  if (unit === 0) showBelowOneMib(board, contents);
}

/** QEMU: a copy of its end, which no command of the chip's changes. */
function showBelowOneMib({ memory, i440fx }: PcBoard, contents: Uint8Array): void {
  const end = contents.subarray(-ISA_BIOS_MAX);
  const copy = new Region('isa-bios', MIB - end.length, end.length, { readOnly: true });
  assert(memory.load(copy, 0, end), 'the arena was made for flash too');
  i440fx.setFirmware(copy);
}
