/** Types of the keyboard controller and what is plugged into it. */
import { boardType, type DeviceType } from '../qdev/device-type.ts';
import { number, off, on, UINT8 } from '../qdev/properties.ts';

export const PS2_KBD = boardType('ps2-kbd', 'System', [], { category: 'Input' });
export const PS2_MOUSE = boardType('ps2-mouse', 'System', [], { category: 'Input' });
export const I8042_TYPE = boardType(
  'i8042',
  'ISA',
  [on('extended-state'), off('kbd-throttle'), number('kbd-irq', 1, UINT8), number('mouse-irq', 12, UINT8)],
  { category: 'Input', userCreatable: true },
);

/** Every type above. */
export const INPUT_TYPES: readonly DeviceType[] = [PS2_KBD, PS2_MOUSE, I8042_TYPE];
