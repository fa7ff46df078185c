/** What only this kind of processor has: encrypted memory, enclaves, the clock's interrupts. Spec: QEMU qapi/misc-target.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import {
  BOOL,
  deprecated,
  enumeration,
  INT,
  list,
  optional,
  STR,
  struct,
  UINT64,
} from '../../qapi/schema.ts';
import { command } from './context.ts';

const SEV_STATE = enumeration('SevState', [
  ...(['uninit', 'launch-update', 'launch-secret', 'running', 'send-update', 'receive-update'] as const),
]);
const SEV_INFO = struct({
  ...{ enabled: BOOL, 'api-major': INT, 'api-minor': INT, 'build-id': INT },
  ...{ policy: INT, state: SEV_STATE, handle: INT },
});
const SEV_CAPABILITY = struct({
  ...{ pdh: STR, 'cert-chain': STR, 'cpu0-id': STR, cbitpos: INT, 'reduced-phys-bits': INT },
});
const SGX_INFO = struct({
  ...{ sgx: BOOL, sgx1: BOOL, sgx2: BOOL, flc: BOOL, 'section-size': deprecated(INT) },
  sections: list(struct({ node: INT, size: INT })),
});

export const NO_SGX = 'No EPC regions defined, SGX not available';
export const NO_SGX_MACHINE = 'SGX is only supported on PC machines';

/** Texts are QEMU's for a machine whose processors it makes itself. */
const refused = (text: string) => (): never => {
  throw new MonitorError(text);
};

export const MISC_TARGET_COMMANDS = [
  // No interrupt of the clock is ever given again: none is lost.
  command('rtc-reset-reinjection', { run() {} }),
  command('query-sev', {
    returns: SEV_INFO,
    run: () => ({
      ...{ enabled: false, 'api-major': 0, 'api-minor': 0, 'build-id': 0 },
      ...{ policy: 0, state: 'uninit' as const, handle: 0 },
    }),
  }),
  command('query-sev-capabilities', { returns: SEV_CAPABILITY, run: refused('KVM not enabled') }),
  command('query-sev-launch-measure', {
    returns: struct({ data: STR }),
    run: refused('SEV launch measurement is not available'),
  }),
  command('query-sev-attestation-report', {
    args: struct({ mnonce: STR }),
    returns: struct({ data: STR }),
    run: refused('SEV is not enabled'),
  }),
  command('sev-inject-launch-secret', {
    args: struct({ 'packet-header': STR, secret: STR, gpa: optional(UINT64) }),
    run: refused('SEV not enabled for guest'),
  }),
  command('query-sgx', {
    returns: SGX_INFO,
    run({ machine }) {
      throw new MonitorError(machine.inspect.hasBoard ? NO_SGX : NO_SGX_MACHINE);
    },
  }),
  command('query-sgx-capabilities', { returns: SGX_INFO, run: refused('SGX is not enabled in KVM') }),
];
