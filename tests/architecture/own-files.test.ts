/** A device that is small stays in few files: those of its folder to which no other line of the lists of types leads. */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const LISTS = 'src/emu/machine/device-types.ts';
const FOLDER = 'src/emu/virtio/';
const LIMIT = 2;
/** Devices with more files, and why. */
const LARGER: Readonly<Record<string, { readonly files: number; readonly why: string }>> = {
  'virtio-scsi-pci-type.ts': {
    files: 5,
    why: 'each kind of its queues has its requests',
  },
  'virtio-blk-pci-type.ts': {
    files: 4,
    why: 'its configuration space and its requests are tables of their own',
  },
  'virtio-net-pci-type.ts': {
    files: 4,
    why: 'its filter has a state of its own, and its control queue a language',
  },
};

function importsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/\bfrom '(\.[^']+)'/g)].map(([, target = '']) =>
    posix.join(posix.dirname(file), target),
  );
}

/** All files to which a file leads, itself included. */
function reachable(from: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const todo = [...from];
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    todo.push(...importsOf(file));
  }
  return seen;
}

describe('files of its own', () => {
  const lines = importsOf(LISTS);
  const sharedWithout = (line: string): ReadonlySet<string> =>
    reachable(lines.filter((other) => other !== line));
  // A back end that has a line of its own and that a device needs is shared.
  const ofVirtio = lines.filter((file) => file.startsWith(FOLDER) && !sharedWithout(file).has(file));

  it.each(ofVirtio)('%s', (line) => {
    const shared = sharedWithout(line);
    const own = [...reachable([line])].filter((file) => file.startsWith(FOLDER) && !shared.has(file));
    expect(own.length, own.join(' ')).toBeLessThanOrEqual(LARGER[posix.basename(line)]?.files ?? LIMIT);
  });

  it('no exception is left over', () => {
    expect(Object.keys(LARGER).filter((name) => !ofVirtio.includes(FOLDER + name))).toEqual([]);
  });
});
