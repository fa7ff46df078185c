/** The type of the board's flash, with QEMU's properties. The user names its image by -drive if=pflash or -machine pflash0=. */
import { boardType } from '../qdev/device-type.ts';
import { number, off, STR, UINT8, UINT16, UINT64 } from '../qdev/properties.ts';

export const PFLASH_CFI01 = boardType(
  'cfi.pflash01',
  'System',
  [
    { name: 'drive', kind: STR, help: 'drive or node with its bytes' },
    number('num-blocks', 0),
    number('sector-length', 0, UINT64),
    number('width', 0, UINT8),
    number('device-width', 0, UINT8),
    number('max-device-width', 0, UINT8),
    off('big-endian'),
    off('secure'),
    ...['id0', 'id1', 'id2', 'id3'].map((name) => number(name, 0, UINT16)),
    { name: 'name', kind: STR },
    off('old-multiple-chip-handling'),
  ],
  { category: 'Storage' },
);
