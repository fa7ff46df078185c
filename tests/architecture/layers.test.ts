/** The layer table below is the architecture: a folder may import itself, what it lists, nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = join(dirname(fileURLToPath(import.meta.url)), '../../src');
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'emu/core': [],
  'emu/memory': ['emu/core'],
  'emu/bus': ['emu/core', 'emu/memory'],
  'emu/cpu': ['emu/core', 'emu/memory'],
  'emu/char': ['emu/core', 'emu/bus', 'emu/memory'],
  'emu/input': ['emu/core', 'emu/bus', 'emu/memory', 'emu/char'],
  'emu/pci': ['emu/core', 'emu/bus', 'emu/memory'],
  'emu/chipset': ['emu/core', 'emu/bus', 'emu/memory', 'emu/char', 'emu/input', 'emu/pci'],
  'emu/acpi': ['emu/core', 'emu/bus'],
  'emu/block': ['emu/core'],
  'emu/ata': ['emu/core', 'emu/bus', 'emu/memory', 'emu/pci', 'emu/block'],
  'emu/virtio': ['emu/core', 'emu/memory', 'emu/pci', 'emu/bus', 'emu/block', 'emu/char'],
  'emu/firmware': ['emu/core', 'emu/memory', 'emu/bus', 'emu/chipset'],
  'emu/machine': [
    'emu/core',
    'emu/memory',
    'emu/bus',
    'emu/cpu',
    'emu/char',
    'emu/input',
    'emu/pci',
    'emu/chipset',
    'emu/acpi',
    'emu/block',
    'emu/ata',
    'emu/virtio',
    'emu/firmware',
  ],
  'emu/snapshot': ['emu/core'],
  'emu/monitor': ['emu/core', 'emu/machine', 'emu/snapshot', 'emu/block'],
  'emu/index.ts': ['emu/core', 'emu/machine', 'emu/monitor', 'emu/snapshot', 'emu/block'],
  workers: ['emu/index.ts'],
  ui: ['workers/protocol.ts'],
  node: ['emu/index.ts'],
};

const importPattern = /^\s*(?:import|export)\b[^'"]*?['"]([^'"]+)['"]/gm;
function layerOf(file: string): string | undefined {
  return Object.keys(LAYERS)
    .filter((l) => file === l || file.startsWith(`${l}/`))
    .sort((a, b) => b.length - a.length)[0];
}
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (f) => f.endsWith('.ts') && !f.endsWith('.d.ts'),
);

describe('layers', () => {
  it.each(files)('%s', (file) => {
    const layer = layerOf(file);
    expect(layer, 'every source file belongs to a layer').toBeDefined();
    const allowed = [layer, ...(LAYERS[layer ?? ''] ?? [])];
    for (const [, target = ''] of readFileSync(join(SRC, file), 'utf8').matchAll(importPattern)) {
      if (!target.startsWith('.')) continue;
      const to = posix.normalize(posix.join(posix.dirname(relative(SRC, join(SRC, file))), target));
      expect(allowed, `${file} imports ${to}`).toContain(layerOf(to));
    }
  });
});
