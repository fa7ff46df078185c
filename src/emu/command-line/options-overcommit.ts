/** -overcommit: what of the host's memory and time the machine keeps for itself. Texts are QEMU's. */
import { parseBool } from '../qdev/properties.ts';
import { checkKeys, type OptionGroup } from './options-memory.ts';
import { startError } from './start-error.ts';

const MEM_LOCK = 'mem-lock';

/** `cpu-pm` is about KVM and changes nothing, as with QEMU's TCG. Throws StartError for what cannot be done. */
export function checkOvercommit(group: OptionGroup): void {
  const { options, at } = group;
  checkKeys(group, [MEM_LOCK, 'cpu-pm']);
  for (const [key, text] of options.entries) {
    const value = parseBool(text);
    if (value === undefined) throw startError(`Parameter '${key}' expects 'on' or 'off'`, at);
    if (value && key === MEM_LOCK) throw startError(`'${MEM_LOCK}=on' is not modelled by this machine`, at);
  }
}
