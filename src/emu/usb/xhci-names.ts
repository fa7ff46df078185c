/** QEMU's names of TRBs, completion codes and endpoint states, as its trace shows them. */

const TRBS: Readonly<Record<number, string>> = {
  0: 'TRB_RESERVED',
  1: 'TR_NORMAL',
  2: 'TR_SETUP',
  3: 'TR_DATA',
  4: 'TR_STATUS',
  5: 'TR_ISOCH',
  6: 'TR_LINK',
  7: 'TR_EVDATA',
  8: 'TR_NOOP',
  9: 'CR_ENABLE_SLOT',
  10: 'CR_DISABLE_SLOT',
  11: 'CR_ADDRESS_DEVICE',
  12: 'CR_CONFIGURE_ENDPOINT',
  13: 'CR_EVALUATE_CONTEXT',
  14: 'CR_RESET_ENDPOINT',
  15: 'CR_STOP_ENDPOINT',
  16: 'CR_SET_TR_DEQUEUE',
  17: 'CR_RESET_DEVICE',
  18: 'CR_FORCE_EVENT',
  19: 'CR_NEGOTIATE_BW',
  20: 'CR_SET_LATENCY_TOLERANCE',
  21: 'CR_GET_PORT_BANDWIDTH',
  22: 'CR_FORCE_HEADER',
  23: 'CR_NOOP',
  32: 'ER_TRANSFER',
  33: 'ER_COMMAND_COMPLETE',
  34: 'ER_PORT_STATUS_CHANGE',
  35: 'ER_BANDWIDTH_REQUEST',
  36: 'ER_DOORBELL',
  37: 'ER_HOST_CONTROLLER',
  38: 'ER_DEVICE_NOTIFICATION',
  39: 'ER_MFINDEX_WRAP',
  48: 'ER_NEC_COMMAND_COMPLETE',
  49: 'CR_NEC_FIRMWARE_REVISION',
  50: 'CR_NEC_CHALLENGE_RESPONSE',
};

const COMPLETIONS: readonly string[] = [
  ...['CC_INVALID', 'CC_SUCCESS', 'CC_DATA_BUFFER_ERROR', 'CC_BABBLE_DETECTED', 'CC_USB_TRANSACTION_ERROR'],
  ...['CC_TRB_ERROR', 'CC_STALL_ERROR', 'CC_RESOURCE_ERROR', 'CC_BANDWIDTH_ERROR', 'CC_NO_SLOTS_ERROR'],
  ...['CC_INVALID_STREAM_TYPE_ERROR', 'CC_SLOT_NOT_ENABLED_ERROR', 'CC_EP_NOT_ENABLED_ERROR'],
  ...['CC_SHORT_PACKET', 'CC_RING_UNDERRUN', 'CC_RING_OVERRUN', 'CC_VF_ER_FULL', 'CC_PARAMETER_ERROR'],
  ...['CC_BANDWIDTH_OVERRUN', 'CC_CONTEXT_STATE_ERROR', 'CC_NO_PING_RESPONSE_ERROR'],
  ...['CC_EVENT_RING_FULL_ERROR', 'CC_INCOMPATIBLE_DEVICE_ERROR', 'CC_MISSED_SERVICE_ERROR'],
  ...['CC_COMMAND_RING_STOPPED', 'CC_COMMAND_ABORTED', 'CC_STOPPED', 'CC_STOPPED_LENGTH_INVALID'],
];

const STATES = ['disabled', 'running', 'halted', 'stopped', 'error'];

/** @param control the last word of the TRB */
export function trbName(control: number): string {
  return TRBS[(control >>> 10) & 0x3f] ?? '???';
}

/** @param status the third word of an event */
export function completionName(status: number): string {
  return COMPLETIONS[status >>> 24] ?? '???';
}

export function stateName(state: number): string {
  return STATES[state] ?? '???';
}
