import type { ImageOutcome } from '../workers/protocol.ts';
import { announce } from './announcer.ts';
import { button } from './button.ts';
import { openForm } from './dialog.ts';
import { h } from './dom.ts';
import type { EmulatorClient } from './emulator-client.ts';
import { formatBytes, formatSeconds } from './format.ts';

/** Files on their way in: one row each, with progress and a way to stop it. */
export class Uploads {
  readonly element = h('ul', { class: 'uploads', 'aria-label': 'Uploads' });
  readonly #client: EmulatorClient;
  readonly #fail: (message: string) => void;
  #nextId = 1;

  /** @param fail shows a sentence */
  constructor(client: EmulatorClient, fail: (message: string) => void) {
    this.#client = client;
    this.#fail = fail;
  }

  /** Stores each file under its own name; where that is taken the user is asked for another. */
  async add(files: Iterable<File>): Promise<void> {
    for (const file of files) {
      const path = await this.#client.api.pathForFile(file.name);
      const { images } = await this.#client.api.listImages();
      const taken = new Set(images.map((image) => image.path));
      if (taken.has(path)) this.#askForName(file, path, freePath(path, taken));
      else this.#report(await this.#upload(file, path));
    }
  }

  #askForName(file: File, path: string, proposal: string): void {
    openForm({
      title: 'Name for the uploaded image',
      text: `There is already an image ${path}. Under which name shall ${file.name} be stored?`,
      fields: [{ name: 'path', label: 'Path in the emulated host', value: proposal }],
      submit: 'Upload',
      submitted: async (values) => {
        const chosen = values.get('path') ?? proposal;
        const { images } = await this.#client.api.listImages();
        if (images.some((image) => image.path === chosen)) return `There is already an image ${chosen}.`;
        this.#upload(file, chosen).then((outcome) => this.#report(outcome), reportError);
        return undefined;
      },
    });
  }

  async #upload(file: File, path: string): Promise<ImageOutcome> {
    const id = this.#nextId++;
    const progress = h('progress', { max: '1', value: '0', 'aria-label': `Upload of ${path}` });
    const detail = h('span', { class: 'upload-detail' }, formatBytes(file.size));
    const cancel = button('Cancel', { label: `Cancel the upload of ${path}`, class: 'small' }, async () => {
      await this.#client.api.cancelUpload(id);
    });
    const row = h('li', { class: 'upload' }, h('code', {}, path), progress, detail, cancel);
    this.element.append(row);
    const started = performance.now();
    const onProgress = this.#client.callback((doneBytes: number) => {
      progress.value = file.size === 0 ? 1 : doneBytes / file.size;
      detail.textContent = progressText(doneBytes, file.size, (performance.now() - started) / 1000);
    });
    try {
      return await this.#client.api.uploadImage(id, path, file, onProgress);
    } finally {
      row.remove();
    }
  }

  #report(outcome: ImageOutcome): void {
    if (outcome.ok) announce(`${outcome.path} is stored`);
    else if (outcome.reason === 'canceled') announce(outcome.message);
    else this.#fail(outcome.message);
  }
}

function progressText(doneBytes: number, sizeBytes: number, seconds: number): string {
  const text = `${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`;
  if (seconds < 1 || doneBytes === 0) return text;
  return `${text}, ${formatSeconds(((sizeBytes - doneBytes) / doneBytes) * seconds)} left`;
}

/** `/tmp/test.img` becomes `/tmp/test-2.img`, or the next number that is free. */
function freePath(path: string, taken: ReadonlySet<string>): string {
  const dot = path.lastIndexOf('.');
  const stemEnd = dot > path.lastIndexOf('/') + 1 ? dot : path.length;
  for (let number = 2; ; number++) {
    const candidate = `${path.slice(0, stemEnd)}-${number}${path.slice(stemEnd)}`;
    if (!taken.has(candidate)) return candidate;
  }
}
