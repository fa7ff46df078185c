/** Numbers of the NVMe interface: register offsets and bits, opcodes, status codes. Spec: NVM Express Base 1.4. */

/** Offsets of the controller's registers. Spec: §3.1. */
export const CAP = 0x00;
export const VS = 0x08;
export const INTMS = 0x0c;
export const INTMC = 0x10;
export const CC = 0x14;
export const CSTS = 0x1c;
export const NSSR = 0x20;
export const AQA = 0x24;
export const ASQ = 0x28;
export const ACQ = 0x30;
/** From here on doorbells: two dwords for each queue. */
export const DOORBELLS = 0x1000;

export const CC_EN = 1;
export const CSTS_READY = 0x01;
export const CSTS_FAILED = 0x02;
export const CSTS_SHST = 0x0c;
export const CSTS_SHST_COMPLETE = 0x08;

/** Most entries of a queue, less one. */
export const MAX_QUEUE_ENTRIES = 0x7ff;
/** Log2 of the sizes of queue entries: the only ones there are. */
export const SQE_SHIFT = 6;
export const CQE_SHIFT = 4;
export const SQE_BYTES = 64;
export const CQE_BYTES = 16;
/** CAP.MPSMAX: memory pages of 4 KiB << n. */
export const MAX_PAGE_SHIFT = 4;

/** CC.CSS. */
export const CSS_NVM = 0;
export const CSS_ALL = 6;
export const CSS_ADMIN_ONLY = 7;

export const NSID_BROADCAST = 0xffff_ffff;
/** QEMU: namespaces that a controller can have. */
export const MAX_NAMESPACES = 256;
export const CSI_NVM = 0;
export const CSI_ZONED = 2;

// Admin commands. Spec: §5.
export const ADMIN_DELETE_SQ = 0x00;
export const ADMIN_CREATE_SQ = 0x01;
export const ADMIN_GET_LOG_PAGE = 0x02;
export const ADMIN_DELETE_CQ = 0x04;
export const ADMIN_CREATE_CQ = 0x05;
export const ADMIN_IDENTIFY = 0x06;
export const ADMIN_ABORT = 0x08;
export const ADMIN_SET_FEATURES = 0x09;
export const ADMIN_GET_FEATURES = 0x0a;
export const ADMIN_ASYNC_EVENT = 0x0c;
export const ADMIN_NS_ATTACHMENT = 0x15;
export const ADMIN_VIRTUALIZATION = 0x1c;
export const ADMIN_DOORBELL_BUFFER = 0x7c;
export const ADMIN_FORMAT = 0x80;

// Commands of the NVM command set. Spec: §6.
export const NVM_FLUSH = 0x00;
export const NVM_WRITE = 0x01;
export const NVM_READ = 0x02;
export const NVM_COMPARE = 0x05;
export const NVM_WRITE_ZEROES = 0x08;
export const NVM_DATASET_MANAGEMENT = 0x09;
export const NVM_VERIFY = 0x0c;
export const NVM_COPY = 0x19;

// Status codes with their type in bits 8 to 10. Spec: §4.6.1.
export const SUCCESS = 0x0000;
export const INVALID_OPCODE = 0x0001;
export const INVALID_FIELD = 0x0002;
export const DATA_TRANSFER_ERROR = 0x0004;
export const INTERNAL_ERROR = 0x0006;
export const ABORTED_SQ_DELETED = 0x0008;
export const INVALID_NAMESPACE = 0x000b;
export const COMMAND_SEQUENCE_ERROR = 0x000c;
export const INVALID_SGL_SEGMENT = 0x000d;
export const INVALID_SGL_COUNT = 0x000e;
export const INVALID_SGL_LENGTH = 0x000f;
export const INVALID_SGL_TYPE = 0x0011;
export const INVALID_PRP_OFFSET = 0x0013;
export const FORMAT_IN_PROGRESS = 0x0084;
export const INVALID_COMMAND_SET = 0x002c;
export const LBA_OUT_OF_RANGE = 0x0080;
export const INVALID_CQ = 0x0100;
export const INVALID_QUEUE_ID = 0x0101;
export const INVALID_QUEUE_SIZE = 0x0102;
export const TOO_MANY_EVENT_REQUESTS = 0x0105;
export const INVALID_INTERRUPT_VECTOR = 0x0108;
export const INVALID_FORMAT = 0x010a;
export const INVALID_QUEUE_DELETION = 0x010c;
export const FEATURE_NOT_SAVEABLE = 0x010d;
export const FEATURE_NOT_CHANGEABLE = 0x010e;
export const FEATURE_NOT_NAMESPACE_SPECIFIC = 0x010f;
export const INVALID_CONTROLLER_ID = 0x011f;
export const COMMAND_SET_COMBINATION_REJECTED = 0x002b;
export const COMMAND_SIZE_LIMIT = 0x0183;
export const WRITE_FAULT = 0x0280;
export const UNRECOVERED_READ = 0x0281;
export const COMPARE_FAILURE = 0x0285;
/** To be added: to try again is of no use. */
export const DNR = 0x4000;

// Asynchronous events: types, what they are about, and the log page that tells more. Spec: §5.2.
export const EVENT_ERROR = 0;
export const EVENT_SMART = 1;
export const EVENT_NOTICE = 2;
export const ERROR_INVALID_DOORBELL = 0x00;
export const ERROR_INVALID_DOORBELL_VALUE = 0x01;
export const SMART_TEMPERATURE = 0x01;

/** Of the feature that chooses which events are told. */
export const SMART_EVENT_TEMPERATURE = 0x02;

export const LOG_ERRORS = 0x01;
export const LOG_SMART = 0x02;
export const LOG_FIRMWARE = 0x03;
export const LOG_CHANGED_NAMESPACES = 0x04;
export const LOG_EFFECTS = 0x05;

/** QEMU's names of commands, in its trace. */
const ADMIN_NAMES: ReadonlyMap<number, string> = new Map([
  [ADMIN_DELETE_SQ, 'NVME_ADM_CMD_DELETE_SQ'],
  [ADMIN_CREATE_SQ, 'NVME_ADM_CMD_CREATE_SQ'],
  [ADMIN_GET_LOG_PAGE, 'NVME_ADM_CMD_GET_LOG_PAGE'],
  [ADMIN_DELETE_CQ, 'NVME_ADM_CMD_DELETE_CQ'],
  [ADMIN_CREATE_CQ, 'NVME_ADM_CMD_CREATE_CQ'],
  [ADMIN_IDENTIFY, 'NVME_ADM_CMD_IDENTIFY'],
  [ADMIN_ABORT, 'NVME_ADM_CMD_ABORT'],
  [ADMIN_SET_FEATURES, 'NVME_ADM_CMD_SET_FEATURES'],
  [ADMIN_GET_FEATURES, 'NVME_ADM_CMD_GET_FEATURES'],
  [ADMIN_ASYNC_EVENT, 'NVME_ADM_CMD_ASYNC_EV_REQ'],
  [ADMIN_NS_ATTACHMENT, 'NVME_ADM_CMD_NS_ATTACHMENT'],
  [ADMIN_VIRTUALIZATION, 'NVME_ADM_CMD_VIRT_MNGMT'],
  [ADMIN_DOORBELL_BUFFER, 'NVME_ADM_CMD_DBBUF_CONFIG'],
  [ADMIN_FORMAT, 'NVME_ADM_CMD_FORMAT_NVM'],
]);
const NVM_NAMES: ReadonlyMap<number, string> = new Map([
  [NVM_FLUSH, 'NVME_NVM_CMD_FLUSH'],
  [NVM_WRITE, 'NVME_NVM_CMD_WRITE'],
  [NVM_READ, 'NVME_NVM_CMD_READ'],
  [NVM_COMPARE, 'NVME_NVM_CMD_COMPARE'],
  [NVM_WRITE_ZEROES, 'NVME_NVM_CMD_WRITE_ZEROES'],
  [NVM_DATASET_MANAGEMENT, 'NVME_NVM_CMD_DSM'],
  [NVM_VERIFY, 'NVME_NVM_CMD_VERIFY'],
  [NVM_COPY, 'NVME_NVM_CMD_COPY'],
]);

export function adminName(opcode: number): string {
  return ADMIN_NAMES.get(opcode) ?? 'NVME_ADM_CMD_UNKNOWN';
}

export function nvmName(opcode: number): string {
  return NVM_NAMES.get(opcode) ?? 'NVME_NVM_CMD_UNKNOWN';
}

/** A command, as far as all kinds of them are alike. Numbers are little-endian. */
export class NvmeCommand {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes 64 of them */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, SQE_BYTES);
  }

  get opcode(): number {
    return this.bytes[0] ?? 0;
  }

  /** How data is described: 0 by PRPs, 1 and 2 by an SGL. */
  get psdt(): number {
    return (this.bytes[1] ?? 0) >> 6;
  }

  get fuse(): number {
    return (this.bytes[1] ?? 0) & 3;
  }

  get cid(): number {
    return this.#view.getUint16(2, true);
  }

  get nsid(): number {
    return this.#view.getUint32(4, true);
  }

  /** Beyond 2^53 rounded: nothing is there. */
  get prp1(): number {
    return this.u64(24);
  }

  get prp2(): number {
    return this.u64(32);
  }

  /** Command dword `n`, 10 to 15. */
  cdw(n: number): number {
    return this.#view.getUint32(4 * n, true);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  u64(offset: number): number {
    return this.#view.getUint32(offset, true) + this.#view.getUint32(offset + 4, true) * 2 ** 32;
  }
}
