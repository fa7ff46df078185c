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
export { ImageSnapshots } from './block/image-snapshots.ts';
export {
  type ImageInfo,
  type ImageOpener,
  type ImageStore,
  type OpenOptions,
  TEXT_MAX_BYTES,
  type UploadOptions,
} from './block/image-store.ts';
export { WakingImages } from './block/waking-images.ts';
export { isZero } from './block/zeros.ts';
export { type CharBackend, CharPipe, NULL_CHAR } from './char/char-backend.ts';
export {
  CHARDEV_KINDS,
  type ChardevBackend,
  type ChardevRequest,
  readChardev,
} from './char/chardev-kinds.ts';
export { parseShortForm, sharesWithMonitor } from './char/chardev-short-form.ts';
export { type ChardevHost, type OpenedChardev, ptyLine, type SharedBackend } from './char/chardevs.ts';
export { RingBuffer } from './char/ring-buffer.ts';
export type { Asker, InetAddress, SocketAddress, SocketRequest, UnixAddress } from './char/socket-options.ts';
export { type TerminalSize, TerminalSizePort } from './char/terminal-size.ts';
export { attachBackends, attachDevices, loadSnapshot, withOption } from './command-line/attach-devices.ts';
export { wantsFlash } from './command-line/attach-flash.ts';
export { displayNote } from './command-line/display-note.ts';
export {
  giveBootFiles,
  isBiosSize,
  machineOfCommandLine,
  PACKED_INITRD_BELOW,
} from './command-line/make-machine.ts';
export {
  type ChardevOption,
  type CharOption,
  type CommandLine,
  type MonitorOption,
  type OptionGroup,
  type QtestOption,
  readCommandLine,
} from './command-line/options.ts';
export { shortFormOption } from './command-line/options-characters.ts';
export { startLog } from './command-line/options-log.ts';
export { checkMemory } from './command-line/options-memory.ts';
export { splitArguments } from './command-line/options-split.ts';
export { helpText, needsHost } from './command-line/options-table.ts';
export { splitWords, type Word } from './command-line/split-words.ts';
export {
  readingOption,
  report,
  StartError,
  StartHelp,
  startError,
  withoutProgram,
} from './command-line/start-error.ts';
export { ByteQueue } from './core/byte-queue.ts';
export { OutputError, type OutputFile } from './core/host.ts';
export type { MachineEvent, MachineEventListener } from './core/machine-events.ts';
export { MonitorError } from './core/monitor-error.ts';
export { SnapshotError } from './core/snapshot-error.ts';
export { type SnapshotStore, snapshotFileName, tagOfFileName } from './core/snapshot-store.ts';
export { TraceLog } from './core/trace.ts';
export { GdbStub } from './gdb/gdb-stub.ts';
export { Machine } from './machine/machine.ts';
export type { BootFiles, MachineConfig, MachineHost, SliceResult } from './machine/machine-config.ts';
export { NONE_MACHINE } from './machine/machine-versions.ts';
export type { RunState } from './machine/run-state.ts';
export { type MachineSnapshot, ramImage, saveMachine } from './machine/saved-machine.ts';
export { isOutOfMemory } from './machine/small-arena.ts';
export { machineForSnapshot, restoreMachine } from './machine/snapshot-machine.ts';
export type { Dialect } from './monitor/dialects/dialect.ts';
export { DEFAULT_DIALECT, DIALECTS } from './monitor/dialects/dialects.ts';
export { HmpConsole } from './monitor/hmp/console.ts';
export type { ConsoleOutput } from './monitor/line-console.ts';
export { Monitor } from './monitor/monitor.ts';
export { QmpCaller } from './monitor/qmp/caller.ts';
export { type QmpMessage, QmpSession, qmpText } from './monitor/qmp/session.ts';
export { QmpShell } from './monitor/qmp/shell.ts';
export type {
  Endpoint,
  FrameRelay,
  HostFile,
  Ipv4,
  Listener,
  NetFailure,
  NetHost,
  NotAdopted,
  RelayEvents,
  TcpEvents,
  TcpFailure,
  TcpSocket,
  UdpReceiver,
  UdpSocket,
} from './net/net-host.ts';
export { formatIpv4, parseIpv4 } from './net/user/ipv4.ts';
export type { Options } from './qdev/option-string.ts';
export { parseBool, parseSize } from './qdev/properties.ts';
export { QtestSession } from './qtest/qtest-session.ts';
export { SnapshotReader } from './snapshot/snapshot-reader.ts';
export { writeSnapshot } from './snapshot/snapshot-writer.ts';
