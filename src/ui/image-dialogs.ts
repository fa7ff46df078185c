import type { ImageOutcome } from '../workers/protocol.ts';
import { announce } from './announcer.ts';
import { openForm } from './dialog.ts';
import type { EmulatorClient } from './emulator-client.ts';
import { freePath, parseSize, STORY_PATH } from './format.ts';

const PATH_LABEL = 'Path in the emulated host';

/** Asks for a name and a size, and makes an image of zeros. @param taken paths that are in use for others */
export function askToCreate({ api }: EmulatorClient, taken: readonly string[]): void {
  openForm({
    title: 'New empty image',
    text: 'It takes no room until the guest writes to it.',
    fields: [
      {
        name: 'path',
        label: PATH_LABEL,
        value: taken.includes(STORY_PATH) ? freePath(STORY_PATH, new Set(taken)) : STORY_PATH,
      },
      { name: 'size', label: 'Size', value: '64M', hint: 'Bytes, or with K, M, G, T: 512M, 8G' },
    ],
    submit: 'Create',
    submitted: async (values) => {
      const size = values.get('size') ?? '';
      const sizeBytes = parseSize(size);
      if (sizeBytes === undefined)
        return `“${size}” is not a size. Write a number with K, M, G or T behind it, like 64M.`;
      return said(await api.createImage(values.get('path') ?? '', sizeBytes), 'is made');
    },
  });
}

export function askToRename({ api }: EmulatorClient, path: string): void {
  openForm({
    title: 'Rename image',
    fields: [{ name: 'path', label: PATH_LABEL, value: path }],
    submit: 'Rename',
    submitted: async (values) =>
      said(await api.renameImage(path, values.get('path') ?? ''), 'is the new name'),
  });
}

export function askToDelete({ api }: EmulatorClient, path: string): void {
  openForm({
    title: 'Delete image',
    text: `Delete ${path} from this browser? This cannot be undone.`,
    submit: 'Delete',
    danger: true,
    submitted: async () => said(await api.deleteImage(path), 'is deleted'),
  });
}

/** Announces what was done; gives the sentence when it was not. */
function said(outcome: ImageOutcome, done: string): string | undefined {
  if (!outcome.ok) return outcome.message;
  announce(`${outcome.path} ${done}`);
  return undefined;
}
