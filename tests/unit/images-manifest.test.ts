import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explain, FULL_DISK_ADVICE, ImageError, run } from '../../scripts/images/failure.ts';
import { DEFAULT_IMAGE, IMAGE_NAMES, imageSpec } from '../../scripts/images/image-spec.ts';
import type { Manifest } from '../../scripts/images/manifest.ts';
import {
  createManifest,
  describeFile,
  isCurrent,
  MANIFEST_FILE,
  recipeOf,
} from '../../scripts/images/manifest.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hotslot-images-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function manifest(): Manifest {
  const spec = imageSpec(DEFAULT_IMAGE);
  if (spec === undefined) throw new Error('no default image');
  const files = {
    kernel: describeFile('vmlinux.gz', Buffer.from('kernel!'), Buffer.from('krnl')),
    initrd: describeFile('initrd.cpio.gz', Buffer.from('initrd!'), Buffer.from('nrd')),
  };
  const common = {
    version: '1',
    source: 's 1',
    depends: [],
    file: '/debs/x.deb',
    sizeBytes: 5,
    sha256: 'ab',
  };
  const packages = ['zlib1g', 'busybox'].map((name) => ({ ...common, name, licence: 'GPL-2' }));
  return createManifest(spec, '6.1', files, packages, 'recipe-1');
}

function writeImage(): void {
  writeFileSync(join(directory, 'vmlinux.gz'), 'krnl');
  writeFileSync(join(directory, 'initrd.cpio.gz'), 'nrd');
  writeFileSync(join(directory, MANIFEST_FILE), JSON.stringify(manifest()));
}

describe('manifest', () => {
  it('lists packages by name, without paths of the builder', () => {
    const { packages, files } = manifest();
    expect(packages.map((p) => p.name)).toEqual(['busybox', 'zlib1g']);
    expect(JSON.stringify(manifest())).not.toContain('/debs');
    expect(files.kernel).toMatchObject({ file: 'vmlinux.gz', compressedBytes: 4, rawBytes: 7 });
  });

  it('is current only while every output is whole and the recipe the same', () => {
    expect(isCurrent(directory, 'recipe-1')).toBe(false);
    writeImage();
    expect(isCurrent(directory, 'recipe-1')).toBe(true);
    expect(isCurrent(directory, 'recipe-2')).toBe(false);
    writeFileSync(join(directory, 'vmlinux.gz'), 'krnL');
    expect(isCurrent(directory, 'recipe-1')).toBe(false);
    rmSync(join(directory, 'vmlinux.gz'));
    expect(isCurrent(directory, 'recipe-1')).toBe(false);
    writeImage();
    writeFileSync(join(directory, MANIFEST_FILE), '{"recipe": "recipe-1"');
    expect(isCurrent(directory, 'recipe-1')).toBe(false);
  });

  it('has a recipe that changes with any file of the builder', () => {
    mkdirSync(join(directory, 'rootfs'));
    writeFileSync(join(directory, 'main.ts'), 'one');
    writeFileSync(join(directory, 'rootfs/inittab'), 'a');
    const first = recipeOf(directory);
    expect(recipeOf(directory)).toBe(first);
    writeFileSync(join(directory, 'rootfs/inittab'), 'b');
    expect(recipeOf(directory)).not.toBe(first);
  });
});

describe('image list', () => {
  it.each(IMAGE_NAMES)('%s has no tool, module or package twice', (name) => {
    const spec = imageSpec(name);
    for (const list of [spec?.tools, spec?.modules, spec?.packages]) {
      expect(new Set(list).size).toBe(list?.length);
    }
    expect(spec?.append).toContain('console=ttyS0');
  });
});

describe('failures', () => {
  it('are one sentence that says what to do', () => {
    expect(explain(new ImageError('Do this.'))).toBe('Do this.');
    expect(explain(new Error('ENOSPC: no space left on device, write'))).toBe(FULL_DISK_ADVICE);
    expect(explain('odd')).toContain('run `npm run images` again');
    expect(() => run('hotslot-no-such-program', [])).toThrow('on a Debian system');
    expect(() => run('sh', ['-c', 'echo "No space left on device" >&2; exit 2'])).toThrow(FULL_DISK_ADVICE);
    expect(() => run('sh', ['-c', 'echo one >&2; echo two >&2; exit 2'])).toThrow('two');
    expect(run('sh', ['-c', 'echo out; exit 2'], { allowFailure: true }).toString()).toBe('out\n');
  });
});
