/** Trusted platform modules, of which this machine has none. Spec: QEMU qapi/tpm.json. */
import { enumeration, list, optional, STR, struct, union } from '../../qapi/schema.ts';
import { command } from './context.ts';

const TPM_MODEL = enumeration('TpmModel', ['tpm-tis', 'tpm-crb', 'tpm-spapr']);
const TPM_TYPE = enumeration('TpmType', ['passthrough', 'emulator']);
const TPM_INFO = struct({
  id: STR,
  model: TPM_MODEL,
  options: union({ type: TPM_TYPE }, 'type', {
    passthrough: struct({ data: struct({ path: optional(STR), 'cancel-path': optional(STR) }) }),
    emulator: struct({ data: struct({ chardev: STR }) }),
  }),
});

export const TPM_COMMANDS = [
  command('query-tpm-models', { returns: list(TPM_MODEL), run: () => [] }),
  command('query-tpm-types', { returns: list(TPM_TYPE), run: () => [] }),
  command('query-tpm', { returns: list(TPM_INFO), run: () => [] }),
];
