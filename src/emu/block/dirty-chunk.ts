import { CHUNK_PAGES } from './chunk-database.ts';

/** Marks of a chunk's pages: 1 for those that are meant. */
export type PageMarks = Uint8Array;

/** A chunk that was written and is not stored yet; of one that was never loaded, only the pages that were written are here. */
export class DirtyChunk {
  /** Undefined: all zeros. */
  bytes: Uint8Array | undefined;
  /** Counts changes, to know whether a commit took the last one. */
  version = 0;
  /** Pages that differ from what is stored; undefined: all may. */
  #changed: PageMarks | undefined;
  /** Pages whose bytes are here; undefined: all are. */
  #here: PageMarks | undefined;

  readonly #chunkBytes: number;

  private constructor(chunkBytes: number, bytes?: Uint8Array, changed?: PageMarks, here?: PageMarks) {
    this.#chunkBytes = chunkBytes;
    this.bytes = bytes;
    this.#changed = changed;
    this.#here = here;
  }

  /** Zeros from now on, whatever is stored. */
  static zeros(chunkBytes: number): DirtyChunk {
    return new DirtyChunk(chunkBytes);
  }

  /** Nothing of it is stored, which reads as zeros. */
  static absent(chunkBytes: number): DirtyChunk {
    return new DirtyChunk(chunkBytes, undefined, noPages());
  }

  /** @param bytes as stored; kept */
  static loaded(bytes: Uint8Array): DirtyChunk {
    return new DirtyChunk(bytes.length, bytes, noPages());
  }

  static unloaded(chunkBytes: number): DirtyChunk {
    return new DirtyChunk(chunkBytes, new Uint8Array(chunkBytes), noPages(), noPages());
  }

  /** All of its bytes are known. */
  get complete(): boolean {
    return this.#here === undefined;
  }

  zero(): void {
    this.bytes = undefined;
    this.#changed = undefined;
    this.#here = undefined;
    this.version++;
  }

  write(from: number, part: Uint8Array): void {
    this.bytes ??= new Uint8Array(this.#chunkBytes);
    this.bytes.set(part, from);
    const pageBytes = this.#chunkBytes / CHUNK_PAGES;
    const first = Math.floor(from / pageBytes);
    const end = Math.ceil((from + part.length) / pageBytes);
    this.#changed?.fill(1, first, end);
    this.#here?.fill(1, first, end);
    if (this.#here?.includes(0) === false) this.#here = undefined;
    this.version++;
  }

  /** True when bytes `from` … `to` - 1 are in pages that are here. */
  holds(from: number, to: number): boolean {
    const pageBytes = this.#chunkBytes / CHUNK_PAGES;
    return this.#here?.subarray(Math.floor(from / pageBytes), Math.ceil(to / pageBytes)).includes(0) !== true;
  }

  /** What is stored was loaded: it is under the pages that are here. */
  completeFrom(stored: Uint8Array): void {
    if (this.bytes === undefined || this.#here === undefined) return;
    for (const [page, bytes] of pagesOf(this.bytes, this.#here)) stored.set(bytes, page * bytes.length);
    this.bytes = stored;
    this.#here = undefined;
  }

  /** The pages to store, for a commit; what is written from now on is for the next one. */
  takeChanged(): PageMarks | undefined {
    const changed = this.#changed;
    this.#changed = noPages();
    return changed;
  }

  /** That commit failed. */
  giveBack(changed: PageMarks | undefined): void {
    if (changed === undefined) this.#changed = undefined;
    else for (const [page, mark] of changed.entries()) if (mark !== 0) this.#changed?.fill(1, page, page + 1);
  }
}

/** Copies of the marked pages. */
export function pagesOf(bytes: Uint8Array, marks: PageMarks): ReadonlyMap<number, Uint8Array> {
  const pageBytes = bytes.length / CHUNK_PAGES;
  const pages = new Map<number, Uint8Array>();
  for (let page = marks.indexOf(1); page >= 0; page = marks.indexOf(1, page + 1)) {
    pages.set(page, bytes.slice(page * pageBytes, (page + 1) * pageBytes));
  }
  return pages;
}

function noPages(): PageMarks {
  return new Uint8Array(CHUNK_PAGES);
}
