/** What the driver `blkdebug` is asked for. Spec: QEMU qapi/block-core.json, BlockdevOptionsBlkdebug. */
import { BOOL, enumeration, INT, INT32, list, optional, STR, struct } from '../qapi/schema.ts';

/** Steps of a request, by the names that rules have for them. Those of formats with tables of their own never come: this machine has none. */
export const BLKDEBUG_EVENTS = [
  ...(['l1_update', 'l1_grow_alloc_table', 'l1_grow_write_table', 'l1_grow_activate_table'] as const),
  ...(['l2_load', 'l2_update', 'l2_update_compressed', 'l2_alloc_cow_read', 'l2_alloc_write'] as const),
  ...(['read_aio', 'read_backing_aio', 'read_compressed', 'write_aio', 'write_compressed'] as const),
  ...(['vmstate_load', 'vmstate_save', 'cow_read', 'cow_write'] as const),
  ...(['reftable_load', 'reftable_grow', 'reftable_update'] as const),
  ...(['refblock_load', 'refblock_update', 'refblock_update_part'] as const),
  ...(['refblock_alloc', 'refblock_alloc_hookup', 'refblock_alloc_write'] as const),
  ...(['refblock_alloc_write_blocks', 'refblock_alloc_write_table', 'refblock_alloc_switch_table'] as const),
  ...(['cluster_alloc', 'cluster_alloc_bytes', 'cluster_free', 'flush_to_os', 'flush_to_disk'] as const),
  ...(['pwritev_rmw_head', 'pwritev_rmw_after_head', 'pwritev_rmw_tail'] as const),
  ...(['pwritev_rmw_after_tail', 'pwritev', 'pwritev_zero', 'pwritev_done'] as const),
  ...(['empty_image_prepare', 'l1_shrink_write_table', 'l1_shrink_free_l2_clusters'] as const),
  ...(['cor_write', 'cluster_alloc_space', 'none'] as const),
] as const;
export type BlkdebugEvent = (typeof BLKDEBUG_EVENTS)[number];

/** Kinds of requests that a rule is about. Nobody here asks for `block-status`. */
export const BLKDEBUG_IO_TYPES = [
  'read',
  'write',
  'write-zeroes',
  'discard',
  'flush',
  'block-status',
] as const;
export type BlkdebugIoType = (typeof BLKDEBUG_IO_TYPES)[number];

type Integer = number | bigint;

/** From the event on, as long as no other event begins others: requests fail. */
export interface InjectError {
  readonly event: BlkdebugEvent;
  /** Only in this state; 0, which is usual: in all. */
  readonly state?: Integer | undefined;
  /** Usual: all kinds but `block-status`. */
  readonly iotype?: BlkdebugIoType | undefined;
  /** Linux's number; usual: EIO. */
  readonly errno?: Integer | undefined;
  /** Only requests on this sector; -1, which is usual: on all. */
  readonly sector?: Integer | undefined;
  readonly once?: boolean | undefined;
  /** Shown only: an error is always told at the same time. */
  readonly immediately?: boolean | undefined;
}

/** The event leads to another state. */
export interface SetState {
  readonly event: BlkdebugEvent;
  readonly state?: Integer | undefined;
  readonly new_state: Integer;
}

export interface BlkdebugRuleList {
  readonly 'inject-error'?: readonly InjectError[] | undefined;
  readonly 'set-state'?: readonly SetState[] | undefined;
}

/** Sizes in bytes; 0 is none. */
export const BLKDEBUG_SIZES = [
  ...(['align', 'max-transfer', 'opt-write-zero', 'max-write-zero', 'opt-discard', 'max-discard'] as const),
] as const;
export type BlkdebugSize = (typeof BLKDEBUG_SIZES)[number];

const PERMISSIONS = ['consistent-read', 'write', 'write-unchanged', 'resize'] as const;
type Permissions = readonly (typeof PERMISSIONS)[number][];

/** The options of the driver's own but for the node below. */
export interface BlkdebugOptions
  extends BlkdebugRuleList,
    Readonly<Partial<Record<BlkdebugSize, Integer | undefined>>> {
  /** A file with more rules, which come before the others. */
  readonly config?: string | undefined;
  /** Not modelled: what the node asks of the one below, and keeps from others there, follows from who uses it. */
  readonly 'take-child-perms'?: Permissions | undefined;
  readonly 'unshare-child-perms'?: Permissions | undefined;
}

const EVENT = enumeration('BlkdebugEvent', BLKDEBUG_EVENTS);
const CHILD_PERMISSIONS = list(enumeration('BlockPermission', PERMISSIONS));
const INJECT_ERROR = struct({
  ...{ event: EVENT, state: optional(INT) },
  iotype: optional(enumeration('BlkdebugIOType', BLKDEBUG_IO_TYPES)),
  ...{ errno: optional(INT), sector: optional(INT), once: optional(BOOL), immediately: optional(BOOL) },
});
const SET_STATE = struct({ event: EVENT, state: optional(INT), new_state: INT });

/** In the schema's order, but for the node below, which comes first. */
export const BLKDEBUG_MEMBERS = {
  config: optional(STR),
  ...{ align: optional(INT), 'max-transfer': optional(INT32) },
  ...{ 'opt-write-zero': optional(INT32), 'max-write-zero': optional(INT32) },
  ...{ 'opt-discard': optional(INT32), 'max-discard': optional(INT32) },
  'inject-error': optional(list(INJECT_ERROR)),
  'set-state': optional(list(SET_STATE)),
  'take-child-perms': optional(CHILD_PERMISSIONS),
  'unshare-child-perms': optional(CHILD_PERMISSIONS),
} as const;
