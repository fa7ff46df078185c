export {
  asBlockError,
  type BlockBackend,
  BlockError,
  type BlockErrorCode,
  checkRange,
  type ImageLockMode,
  lockError,
  notFoundError,
} from './block/block-backend.ts';
export {
  CHUNK_PAGES,
  type ChunkDatabase,
  type ImageChange,
  type ImageRecord,
  type IndexSet,
  MemoryChunkDatabase,
  type StorageEstimate,
  withPages,
} from './block/chunk-database.ts';
export { ChunkImageStore, type ImageStoreHost } from './block/chunk-image-store.ts';
export {
  type ImageKind,
  imageKind,
  isDiskFormat,
  KIND_END_BYTES,
  KIND_START_BYTES,
} from './block/image-kind.ts';
export { ImageLock, type ImageLocks, LocalLocks, type ReleaseLock } from './block/image-locks.ts';
export { imagePath, imagePathForFile } from './block/image-names.ts';
export type { ImageInfo, ImageOpener, ImageStore, OpenOptions, UploadOptions } from './block/image-store.ts';
export { WakingImages } from './block/waking-images.ts';
export { isZero } from './block/zeros.ts';
export { CharPipe } from './char/char-backend.ts';
export { parseChardevOptions } from './char/chardev-options.ts';
export { type TerminalSize, TerminalSizePort } from './char/terminal-size.ts';
export { ByteQueue } from './core/byte-queue.ts';
export type { MachineEvent, MachineEventListener } from './core/machine-events.ts';
export { MonitorError } from './core/monitor-error.ts';
export { SnapshotError } from './core/snapshot-error.ts';
export { KernelError } from './firmware/kernel-error.ts';
export { addressesEnd } from './machine/address-limit.ts';
export { BOARD_MEMORY } from './machine/boards/pc-device-memory.ts';
export { ONE_PROCESSOR, type SmpConfig } from './machine/cpu-topology.ts';
export { DEVICE_TYPES, OBJECT_TYPES } from './machine/device-types.ts';
export { MAX_DIMM_SLOTS, Machine } from './machine/machine.ts';
export type { BootFiles, MachineConfig, MachineHost, SliceResult } from './machine/machine-config.ts';
export type { RunState } from './machine/run-state.ts';
export { isOutOfMemory } from './machine/small-arena.ts';
export { readSmp, SMP_KEYS } from './machine/smp-options.ts';
export {
  type MachineSnapshot,
  machineForSnapshot,
  ramImage,
  restoreMachine,
  saveMachine,
} from './machine/snapshot-machine.ts';
export { HmpConsole } from './monitor/hmp/console.ts';
export { deviceListText, devicePropertiesText } from './monitor/hmp/device-help.ts';
export { objectHelpText } from './monitor/hmp/object-commands.ts';
export { Monitor } from './monitor/monitor.ts';
export { QEMU_VERSION } from './monitor/version.ts';
export { DeviceRegistry } from './qdev/device-type.ts';
export { Options, parseOptions } from './qdev/option-string.ts';
export { parseBool, parseSize } from './qdev/properties.ts';
export { checkObjectOptions, type ObjectType } from './qdev/user-objects.ts';
export { SnapshotReader } from './snapshot/snapshot-reader.ts';
export { writeSnapshot } from './snapshot/snapshot-writer.ts';
