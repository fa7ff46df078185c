import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles } from '../support/project.ts';
import { LAYERS, PACKAGES } from './layer-table.ts';

const importPattern =
  /^\s*(?:import|export)\s+(?:[\w$*{}\s,]*?\bfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

function layerOf(file: string): string | undefined {
  return Object.keys(LAYERS)
    .filter((layer) => file === layer || file.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0];
}

const files = projectFiles()
  .filter((file) => file.startsWith('src/') && file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => file.slice('src/'.length));

describe('layers', () => {
  it.each(files)('%s', (file) => {
    const layer = layerOf(file);
    expect(layer, 'every source file belongs to a layer').toBeDefined();
    const allowed = [layer, ...(LAYERS[layer ?? ''] ?? [])];
    const packages = PACKAGES[file.split('/')[0] ?? ''] ?? [];
    for (const [, fixed, target = fixed ?? ''] of readFileSync(`src/${file}`, 'utf8').matchAll(
      importPattern,
    )) {
      // The address of a worker's script: nothing of it becomes part of the file that names it.
      if (target.endsWith('?worker&url')) continue;
      if (target.startsWith('.')) {
        const to = posix.normalize(posix.join(posix.dirname(file), target));
        expect(allowed, `${file} imports ${to}`).toContain(layerOf(to));
      } else {
        expect(
          packages.some((known) => known.test(target)),
          `${file} imports the package ${target}`,
        ).toBe(true);
      }
    }
  });
});
