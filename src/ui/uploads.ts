import type {
  ArrivingFile,
  FileProblem,
  FilesRequest,
  ImageOutcome,
  UploadProgress,
  UploadRequest,
} from '../workers/protocol.ts';
import { announce } from './announcer.ts';
import { button } from './button.ts';
import { copyText } from './clipboard.ts';
import { openForm } from './dialog.ts';
import { h } from './dom.ts';
import type { EmulatorClient } from './emulator-client.ts';
import { errorText, formatBytes, formatSeconds, freePath } from './format.ts';
import type { Notices } from './notices.ts';

type Packing = UploadRequest['unpack'];

const STICK_PATH = '/tmp/stick.img';

/** The files that are being stored: a row for each, with its progress and a button to cancel it, or with the reason why it is not stored. */
export class Uploads {
  readonly element = h('ul', { class: 'uploads', 'aria-label': 'Uploads' });
  readonly #client: EmulatorClient;
  readonly #notices: Pick<Notices, 'show'>;
  #nextId = 1;
  #running = 0;

  constructor(client: EmulatorClient, notices: Pick<Notices, 'show'>) {
    this.#client = client;
    this.#notices = notices;
  }

  /** Whether files are being stored: what has arrived of them would be lost with the page. */
  get running(): boolean {
    return this.#running > 0;
  }

  /** Stores each file under its own name; where that is taken the user is asked for another. */
  async add(files: Iterable<File>): Promise<void> {
    for (const file of files) await this.#lookAt(file);
  }

  /** A file that is no raw disk image is not stored before the user says so. */
  async #lookAt(file: File): Promise<void> {
    const arriving = await this.#client.api.lookAtFile(file, file.name).catch((error: unknown) => {
      this.#notices.show({ level: 'error', text: `Cannot read ${file.name}: ${errorText(error)}` });
    });
    if (arriving === undefined) return;
    const { problem, packing, unpackedPath } = arriving;
    if (problem !== undefined) this.#refuse(file, arriving, problem);
    else await this.#store(file, unpackedPath, packing);
  }

  #refuse(file: File, { path, unpackedPath, packing }: ArrivingFile, problem: FileProblem): void {
    const { text, advice, command, mayUnpack } = problem;
    const store = (target: string, unpack: Packing) => async (): Promise<void> => {
      row.remove();
      await this.#store(file, target, unpack);
    };
    const row: HTMLLIElement = h(
      'li',
      { class: 'refused' },
      h('p', { role: 'alert' }, h('strong', {}, text), ` ${advice}`),
      command === undefined
        ? undefined
        : h(
            'p',
            { class: 'command' },
            h('code', {}, command),
            button('Copy', { label: 'Copy the command', class: 'small' }, () => copyText(command)),
          ),
      h(
        'div',
        { class: 'refused-actions' },
        mayUnpack
          ? button('Unpack', { label: `Unpack ${file.name}`, class: 'small' }, store(unpackedPath, packing))
          : undefined,
        button(
          'Store as it is',
          { label: `Store ${file.name} as it is`, class: 'small' },
          store(path, undefined),
        ),
        button('Dismiss', { label: `Do not store ${file.name}`, class: 'small' }, () => row.remove()),
      ),
    );
    this.element.append(row);
    row.scrollIntoView({ block: 'nearest' });
  }

  async #store(file: File, path: string, unpack: Packing): Promise<void> {
    const { images } = await this.#client.api.listImages();
    const taken = new Set(images.map((image) => image.path));
    if (taken.has(path)) this.#askForName(file, path, freePath(path, taken), unpack);
    else this.#report(await this.#upload(file, path, unpack));
  }

  #askForName(file: File, path: string, proposal: string, unpack: Packing): void {
    openForm({
      title: 'Name for the uploaded image',
      text: `There is already an image ${path}. Under which name shall ${file.name} be stored?`,
      fields: [{ name: 'path', label: 'Path in the emulated host', value: proposal }],
      submit: 'Upload',
      submitted: async (values) => {
        const chosen = values.get('path') ?? proposal;
        const { images } = await this.#client.api.listImages();
        if (images.some((image) => image.path === chosen)) return `There is already an image ${chosen}.`;
        this.#upload(file, chosen, unpack).then((outcome) => this.#report(outcome), reportError);
        return undefined;
      },
    });
  }

  /** Makes one image of the files, that of a stick, under a name that is free. Gives its path; undefined when it is not stored. */
  async addStick(files: FilesRequest['files']): Promise<string | undefined> {
    const { images } = await this.#client.api.listImages();
    const taken = new Set(images.map((image) => image.path));
    const path = taken.has(STICK_PATH) ? freePath(STICK_PATH, taken) : STICK_PATH;
    const sizeBytes = files.reduce((sum, { file }) => sum + file.size, 0);
    const outcome = await this.#send(path, sizeBytes, false, (id, onProgress) =>
      this.#client.api.storeFiles({ id, path, files }, onProgress),
    );
    this.#report(outcome);
    return outcome.ok ? outcome.path : undefined;
  }

  #upload(file: File, path: string, unpack: Packing): Promise<ImageOutcome> {
    return this.#send(path, file.size, unpack !== undefined, (id, onProgress) =>
      this.#client.api.uploadImage({ id, path, unpack }, file, onProgress),
    );
  }

  /** Shows a row while `store` stores the image. */
  async #send(
    path: string,
    sizeBytes: number,
    showsStored: boolean,
    store: (id: number, onProgress: (done: UploadProgress) => void) => Promise<ImageOutcome>,
  ): Promise<ImageOutcome> {
    const id = this.#nextId++;
    const progress = h('progress', { max: '1', value: '0', 'aria-label': `Upload of ${path}` });
    const detail = h('span', { class: 'upload-detail' }, formatBytes(sizeBytes));
    const cancel = button('Cancel', { label: `Cancel the upload of ${path}`, class: 'small' }, async () => {
      await this.#client.api.cancelUpload(id);
    });
    const row = h('li', { class: 'upload' }, h('code', {}, path), progress, detail, cancel);
    this.element.append(row);
    const started = performance.now();
    const onProgress = this.#client.callback((done: UploadProgress) => {
      progress.value = sizeBytes === 0 ? 1 : done.readBytes / sizeBytes;
      const text = progressText(done.readBytes, sizeBytes, (performance.now() - started) / 1000);
      detail.textContent = showsStored ? `${text}; ${formatBytes(done.storedBytes)} unpacked` : text;
    });
    this.#running++;
    try {
      return await store(id, onProgress);
    } finally {
      this.#running--;
      row.remove();
    }
  }

  #report(outcome: ImageOutcome): void {
    if (!outcome.ok && outcome.reason === 'canceled') announce(outcome.message);
    else if (!outcome.ok) this.#notices.show({ level: 'error', text: outcome.message });
    else if (outcome.warning !== undefined) this.#notices.show({ level: 'warning', text: outcome.warning });
    else announce(`${outcome.path} is stored`);
  }
}

function progressText(doneBytes: number, sizeBytes: number, seconds: number): string {
  const text = `${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`;
  if (seconds < 1 || doneBytes === 0) return text;
  return `${text}, ${formatSeconds(((sizeBytes - doneBytes) / doneBytes) * seconds)} left`;
}
