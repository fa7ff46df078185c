import type { FileRow } from '../workers/protocol.ts';
import { button } from './button.ts';
import { show } from './dialog.ts';
import { h } from './dom.ts';
import { downloadFile } from './download.ts';
import type { EmulatorClient } from './emulator-client.ts';
import { errorText, formatBytes } from './format.ts';
import type { Notices } from './notices.ts';

/** Shows what is in the FAT file system of an image, folder by folder; each file can be downloaded. */
export async function showFiles(
  client: EmulatorClient,
  path: string,
  notices: Pick<Notices, 'show'>,
): Promise<void> {
  const content = h('div', {});
  const dialog = show(`Files in ${path}`, content, 'wide');
  await new FilesView(client, path, content, notices, () => dialog.close()).open([]);
}

class FilesView {
  readonly #client: EmulatorClient;
  readonly #path: string;
  readonly #content: HTMLElement;
  readonly #notices: Pick<Notices, 'show'>;
  readonly #close: () => void;

  constructor(
    client: EmulatorClient,
    path: string,
    content: HTMLElement,
    notices: Pick<Notices, 'show'>,
    close: () => void,
  ) {
    this.#client = client;
    this.#path = path;
    this.#content = content;
    this.#notices = notices;
    this.#close = close;
  }

  async open(folder: readonly string[]): Promise<void> {
    const listing = await this.#client.api.listFiles(this.#path, folder);
    const close = button('Close', {}, () => this.#close());
    const above = folder.slice(0, -1);
    this.#content.replaceChildren(
      h('p', { class: 'mono' }, `/${folder.join('/')}`),
      listing.ok ? this.#list(folder, listing.rows) : h('p', { role: 'alert' }, listing.message),
      h(
        'div',
        { class: 'form-actions' },
        folder.length === 0 ? undefined : button('Up', { label: 'The folder above' }, () => this.open(above)),
        close,
      ),
    );
    close.focus();
  }

  #list(folder: readonly string[], rows: readonly FileRow[]): HTMLElement {
    if (rows.length === 0) return h('p', {}, 'There is nothing in it.');
    return h('ul', { class: 'files' }, ...rows.map((row) => this.#row([...folder, row.name], row)));
  }

  #row(names: readonly string[], { name, isFolder, sizeBytes }: FileRow): HTMLElement {
    if (isFolder) {
      return h(
        'li',
        {},
        button(`${name}/`, { icon: 'folder', label: `Open ${name}`, class: 'quiet mono' }, () =>
          this.open(names),
        ),
      );
    }
    return h(
      'li',
      {},
      button(name, { icon: 'download', label: `Download ${name}`, class: 'quiet mono' }, () =>
        this.#download(names, sizeBytes),
      ),
      h('span', { class: 'image-size' }, formatBytes(sizeBytes)),
    );
  }

  async #download(names: readonly string[], sizeBytes: number): Promise<void> {
    try {
      await downloadFile(this.#client.api, this.#path, names, sizeBytes);
    } catch (error) {
      this.#notices.show({ level: 'error', text: errorText(error) });
    }
  }
}
