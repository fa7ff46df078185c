/** The type of a processor. */
import { boardType } from '../qdev/device-type.ts';

export const QEMU64_CPU = boardType('qemu64-x86_64-cpu', undefined, [], { category: 'CPU' });
