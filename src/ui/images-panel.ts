import type { FilesRequest, ImageList, ImageRow, MachineDrives } from '../workers/protocol.ts';
import { announce } from './announcer.ts';
import { button } from './button.ts';
import { copyText } from './clipboard.ts';
import { h, on } from './dom.ts';
import { downloadImage } from './download.ts';
import type { EmulatorClient } from './emulator-client.ts';
import { showFiles } from './files-dialog.ts';
import { errorText, formatBytes } from './format.ts';
import { hasOpaqueOrigin } from './frame.ts';
import { icon } from './icons.ts';
import { askToCreate, askToDelete, askToRename } from './image-dialogs.ts';
import type { Notices } from './notices.ts';
import { askHowToPlug } from './plug-dialog.ts';
import { stickFile } from './stick-files.ts';
import { Uploads } from './uploads.ts';

export interface ImagesPanelActions {
  /** Puts a drive_add line for the image on the monitor's input line. */
  proposeDrive(path: string, id: string): void;
  /** Puts a loadvm line there. */
  proposeSnapshot(tag: string): void;
  /** Puts lines there, each when the one before was answered. */
  readonly propose: (commands: readonly string[]) => void;
  readonly notices: Pick<Notices, 'show'>;
  /** Called with the images of disks and the machine's drives whenever either may have changed. */
  listed(images: readonly ImageRow[], machine: MachineDrives): void;
}

/** The disk images of this browser. */
export class ImagesPanel {
  readonly element: HTMLElement;
  readonly #client: EmulatorClient;
  readonly #actions: ImagesPanelActions;
  readonly #uploads: Uploads;
  readonly #list = h('ul', { class: 'images', 'aria-label': 'Disk images' });
  readonly #empty: HTMLElement;
  readonly #storage = h('p', { class: 'storage' });
  readonly #picker = h('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    'aria-label': 'Disk images to upload',
  });
  readonly #stickPicker = h('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    'aria-label': 'Files for a USB stick',
  });
  readonly #upload: HTMLButtonElement;
  #paths: readonly string[] = [];
  #shown = '';
  #refreshing = false;
  #again = false;

  constructor(client: EmulatorClient, actions: ImagesPanelActions) {
    this.#client = client;
    this.#actions = actions;
    this.#uploads = new Uploads(client, actions.notices);
    this.#upload = button('Upload', { icon: 'upload', class: 'small' }, () => this.#picker.click());
    const create = button('New', { icon: 'plus', label: 'New empty image', class: 'small' }, () =>
      askToCreate(client, this.#paths),
    );
    const stick = button('Stick', { icon: 'folder', label: 'Put files on a USB stick', class: 'small' }, () =>
      this.#stickPicker.click(),
    );
    this.#empty = h(
      'div',
      { class: 'images-empty' },
      icon('disk'),
      h('p', {}, 'No disk images yet. Drop a file anywhere on this page, upload one, or make an empty one.'),
    );
    this.element = h(
      'section',
      { class: 'pane images-pane', id: 'images', 'aria-label': 'Disk images' },
      h(
        'header',
        { class: 'pane-title' },
        h('h2', {}, 'Disk images'),
        h('div', { class: 'pane-actions' }, this.#upload, create, stick),
      ),
      h(
        'div',
        { class: 'images-scroll', tabindex: '-1' },
        this.#uploads.element,
        this.#list,
        this.#empty,
        this.#storage,
      ),
      this.#picker,
      this.#stickPicker,
    );
    on(this.#picker, 'change', async () => {
      const files = [...(this.#picker.files ?? [])];
      this.#picker.value = '';
      await this.add(files);
    });
    on(this.#stickPicker, 'change', async () => {
      const files = [...(this.#stickPicker.files ?? [])].map((file) => stickFile(file));
      this.#stickPicker.value = '';
      if (files.length > 0) await this.addStick(files);
    });
  }

  focus(): void {
    this.#upload.focus();
  }

  add(files: readonly File[]): Promise<void> {
    return this.#uploads.add(files);
  }

  /** Ordinary files, for a stick; how to plug it in is asked when it is made. */
  async addStick(files: FilesRequest['files']): Promise<void> {
    const path = await this.#uploads.addStick(files);
    if (path !== undefined) await askHowToPlug(this.#client, path, this.#actions.propose);
  }

  /** Whether files are being stored. */
  get uploading(): boolean {
    return this.#uploads.running;
  }

  /** Reads the list again. However often it is called while the list is being read, it is read once more after that. */
  refresh(): void {
    this.#again = true;
    if (this.#refreshing) return;
    this.#refreshing = true;
    this.#refresh().catch(reportError);
  }

  async #refresh(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        const list = await this.#client.api.listImages();
        this.#show(list);
        this.#actions.listed(
          list.images.filter(({ snapshotTag }) => snapshotTag === undefined),
          await this.#client.api.machineDrives(),
        );
      }
    } finally {
      this.#refreshing = false;
    }
  }

  #show(list: ImageList): void {
    this.#storage.textContent = storageText(list);
    this.#empty.hidden = list.images.length > 0;
    this.#paths = list.images.map(({ path }) => path);
    const key = JSON.stringify(list.images);
    if (key === this.#shown) return;
    this.#shown = key;
    const focused = document.activeElement?.getAttribute('aria-label');
    const hadFocus = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(...list.images.map((image) => this.#row(image)));
    if (hadFocus) this.#restoreFocus(focused ?? '');
  }

  #restoreFocus(label: string): void {
    for (const candidate of this.#list.querySelectorAll('button')) {
      if (candidate.getAttribute('aria-label') !== label) continue;
      candidate.focus();
      return;
    }
    this.focus();
  }

  #row(image: ImageRow): HTMLElement {
    const { path, sizeBytes, storedBytes, inUse } = image;
    const size = `${formatBytes(sizeBytes)}, ${formatBytes(storedBytes)} stored`;
    const name = button(path, { label: `Copy the path ${path}`, class: 'path' }, () => copyText(path));
    const detail = h('span', { class: 'image-size' }, size);
    return h(
      'li',
      { class: 'image', 'data-path': path },
      h(
        'div',
        { class: 'image-text' },
        name,
        h(
          'div',
          { class: 'image-facts' },
          detail,
          inUse ? h('span', { class: 'chip' }, 'in use') : undefined,
        ),
      ),
      h(
        'div',
        { class: 'image-actions', role: 'group', 'aria-label': path },
        this.#insertButton(image),
        ...this.#diskButtons(image),
        button('', { icon: 'download', label: `Download ${path}`, class: 'quiet' }, () =>
          this.#download(image, detail, size),
        ),
        button('', { icon: 'rename', label: `Rename ${path}`, class: 'quiet' }, () =>
          askToRename(this.#client, path),
        ),
        button('', { icon: 'trash', label: `Delete ${path}`, class: 'quiet' }, () =>
          askToDelete(this.#client, path),
        ),
      ),
    );
  }

  /** What only the image of a disk has. */
  #diskButtons({ path, snapshotTag }: ImageRow): readonly HTMLElement[] {
    if (snapshotTag !== undefined) return [];
    return [
      button('', { icon: 'plug', label: `Plug in ${path} as …`, class: 'quiet' }, () =>
        askHowToPlug(this.#client, path, this.#actions.propose),
      ),
      button('', { icon: 'folder', label: `Files in ${path}`, class: 'quiet' }, () =>
        showFiles(this.#client, path, this.#actions.notices),
      ),
    ];
  }

  #insertButton({ path, snapshotTag }: ImageRow): HTMLElement {
    const command = snapshotTag === undefined ? 'drive_add' : 'loadvm';
    const label = `Write a ${command} line for ${path}`;
    return button('', { icon: 'insert', label, class: 'quiet' }, () =>
      snapshotTag === undefined ? this.#propose(path) : this.#actions.proposeSnapshot(snapshotTag),
    );
  }

  /** The machine is asked when the button is pressed: what it has then is what the monitor will say. */
  async #propose(path: string): Promise<void> {
    const { freeIds } = await this.#client.api.machineDrives();
    this.#actions.proposeDrive(path, freeIds.drive);
  }

  async #download({ path, sizeBytes }: ImageRow, detail: HTMLElement, size: string): Promise<void> {
    try {
      const isGiven = await downloadImage(this.#client.api, path, sizeBytes, (doneBytes) => {
        detail.textContent = `Downloading: ${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`;
      });
      // A browser does not tell a page that its frame may not download.
      if (isGiven && hasOpaqueOrigin())
        announce('If no file came: the page around this frame does not allow downloads.');
    } catch (error) {
      this.#actions.notices.show({ level: 'error', text: errorText(error) });
    } finally {
      detail.textContent = size;
    }
  }
}

function storageText({ persistent, usedBytes, quotaBytes }: ImageList): string {
  if (!persistent) return 'Kept in memory: gone when this page closes.';
  if (usedBytes === undefined || quotaBytes === undefined) return 'Kept in this browser.';
  return `Kept in this browser: ${formatBytes(usedBytes)} of ${formatBytes(quotaBytes)} used.`;
}
