/** One run of a guest as its console tells it: when the prompt came, when each kernel started and ended. */

/** Clocks of the emulator, all counted from any origin. */
export interface Reading {
  /** Of the busiest thread. */
  readonly cpuSeconds: number;
  /** Of all threads. */
  readonly allSeconds?: number;
  readonly wallSeconds: number;
  /** Guest instructions, where the emulator counts them. */
  readonly instructions?: number;
}

export interface Sample extends Reading {
  /** `boot` or a kernel. */
  readonly name: string;
  readonly checksum?: string;
}

/** What `main.ts` asks of a runner; plain data, so that it can go to a worker. */
export interface Job {
  readonly memoryBytes: number;
  readonly append: string;
  readonly kernels: readonly string[];
  /** Size of /dev/vda; 0: there is none. */
  readonly driveBytes: number;
  readonly driveIn: 'memory' | 'indexeddb';
}

export interface RunResult {
  readonly samples: readonly Sample[];
  /** Memory of the emulator beyond the guest's RAM, where it can be known. */
  readonly extraBytes?: number;
  /** What the guest said last, when a kernel gave no result. */
  readonly trouble?: string;
}

const PROMPT = 'guest# ';
const LINE = /@@(start|end|done) ?(\S*) ?(\S*)[^\n]*\n/;
const TAIL_CHARACTERS = 500;

export class Session {
  readonly samples: Sample[] = [];
  done = false;
  /** Hears of each mark. */
  onMark: (what: string) => void = () => {};
  readonly #job: Job;
  readonly #read: () => Reading;
  readonly #send: (text: string) => void;
  #text = '';
  #tail = '';
  #booted = false;
  #since: Reading;

  constructor(job: Job, read: () => Reading, send: (text: string) => void) {
    this.#job = job;
    this.#read = read;
    this.#send = send;
    this.#since = read();
  }

  /** What the guest has printed. */
  feed(text: string): void {
    this.#text += text;
    this.#tail = (this.#tail + text).slice(-TAIL_CHARACTERS);
    if (!this.#booted) {
      if (this.#text.includes(PROMPT)) this.#boot();
      else this.#text = this.#text.slice(this.#text.lastIndexOf('\n') + 1);
      return;
    }
    for (let found = LINE.exec(this.#text); found !== null; found = LINE.exec(this.#text)) {
      this.#text = this.#text.slice(found.index + found[0].length);
      this.#line(found[1] ?? '', found[2] ?? '', found[3] ?? '');
    }
  }

  get tail(): string {
    return this.#tail;
  }

  result(extraBytes?: number): RunResult {
    const complete = this.samples.length === this.#job.kernels.length + 1;
    return {
      samples: this.samples,
      ...(extraBytes === undefined ? {} : { extraBytes }),
      ...(complete ? {} : { trouble: this.#tail }),
    };
  }

  #boot(): void {
    this.#booted = true;
    this.#text = '';
    this.#sample('boot');
    if (this.#job.kernels.length === 0) this.done = true;
    else this.#send(`/bench/run ${this.#job.kernels.join(' ')}\n`);
  }

  #line(what: string, name: string, checksum: string): void {
    this.onMark(what);
    if (what === 'start') this.#since = this.#read();
    else if (what === 'end') this.#sample(name, checksum);
    else this.done = true;
  }

  #sample(name: string, checksum?: string): void {
    const { cpuSeconds, allSeconds, wallSeconds, instructions } = this.#read();
    const since = this.#since;
    this.samples.push({
      name,
      cpuSeconds: cpuSeconds - since.cpuSeconds,
      wallSeconds: wallSeconds - since.wallSeconds,
      ...(allSeconds === undefined ? {} : { allSeconds: allSeconds - (since.allSeconds ?? 0) }),
      ...(instructions === undefined ? {} : { instructions: instructions - (since.instructions ?? 0) }),
      ...(checksum === undefined ? {} : { checksum }),
    });
  }
}
