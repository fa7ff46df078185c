/** The machine at the guest's prompt, kept beside the image: the page restores it instead of booting. */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Machine, saveMachine, writeSnapshot } from '../../src/emu/index.ts';
import { sha256Of } from './apt.ts';
import { ImageError } from './failure.ts';
import { describeFile, MANIFEST_FILE, type Manifest, recipeOf, type SnapshotFile } from './manifest.ts';

const SNAPSHOT_FILE = 'snapshot.gz';
const MIB = 2 ** 20;
const NS_PER_S = 1e9;
/** Virtual seconds. */
const LATE_DRIVERS_S = 5;
const QUIET_S = 2;
const LIMIT_MS = 300_000;
const SLICE_MS = 20;
const SEED_BYTES = 32;
// biome-ignore lint/suspicious/noControlCharactersInRegex: busybox asks the terminal for the cursor's place.
const AT_PROMPT = /guest# (?:\x1b\[6n)?$/;
const BANNER = /\r\n\r\n\r\nBusyBox/;

/** Free pages hold what was there before; pages of zeros are not stored. */
const CLEAR_FREE_MEMORY = [
  'mount -t tmpfs -o size=100% clear /mnt',
  "free=$(awk '/MemFree/ { print $2 }' /proc/meminfo)",
  'dd if=/dev/zero of=/mnt/zeros bs=64k count=$(((free - 4096) / 64)) 2> /dev/null',
  'rm /mnt/zeros; umount /mnt',
].join('; ');
/** Who restores the machine types a line of entropy: the guest mixes it in, asks the RTC for the time, and init starts a new shell. */
const AWAIT_RESTORE = 'stty -echo; read -r seed; echo "$seed" > /dev/urandom; hwclock -us; exit';

/** What a snapshot is made of, besides the image: the emulator. */
function snapshotRecipe(project: string, { files, recipe }: Manifest): string {
  const parts = [recipeOf(join(project, 'src/emu')), recipe, files.kernel.rawSha256, files.initrd.rawSha256];
  return sha256Of(Buffer.from(parts.join('\n')));
}

/** Makes the snapshot of the image in `directory` when it is missing or older than the emulator. */
export async function updateSnapshot(
  project: string,
  directory: string,
  say: (step: string) => void,
): Promise<void> {
  const manifest = readManifest(directory);
  const recipe = snapshotRecipe(project, manifest);
  if (isCurrentSnapshot(directory, manifest.snapshot, recipe)) return;
  removeSnapshot(directory);
  say('booting it once for the snapshot');
  const { raw, shown } = await bootAndSave(directory, manifest);
  const compressed = gzipSync(raw, { level: 9 });
  writeFileSync(join(directory, SNAPSHOT_FILE), compressed);
  const file = describeFile(SNAPSHOT_FILE, raw, compressed);
  writeManifest(directory, {
    ...manifest,
    snapshot: { ...file, recipe, console: shown, seedBytes: SEED_BYTES },
  });
  say(`snapshot done, ${(compressed.length / 1e6).toFixed(1)} MB to download`);
}

/** The page then boots the image. */
export function removeSnapshot(directory: string): void {
  const { snapshot, ...manifest } = readManifest(directory);
  if (snapshot !== undefined) writeManifest(directory, manifest);
  rmSync(join(directory, SNAPSHOT_FILE), { force: true });
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, MANIFEST_FILE), 'utf8')) as Manifest;
}

function writeManifest(directory: string, manifest: Manifest): void {
  const path = join(directory, MANIFEST_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function isCurrentSnapshot(directory: string, snapshot: SnapshotFile | undefined, recipe: string): boolean {
  if (snapshot?.recipe !== recipe) return false;
  const path = join(directory, snapshot.file);
  if (!existsSync(path) || statSync(path).size !== snapshot.compressedBytes) return false;
  return sha256Of(readFileSync(path)) === snapshot.compressedSha256;
}

/** A guest that is typed at. Its time is that of its instructions: waiting costs nothing. */
class TypedGuest {
  readonly machine: Machine;
  /** What it showed since the last command. */
  output = '';
  readonly #end = performance.now() + LIMIT_MS;

  constructor(directory: string, { files, append, memoryMiB }: Manifest) {
    const unpack = (file: string): Buffer => gunzipSync(readFileSync(join(directory, file)));
    this.machine = new Machine(
      {
        kernel: unpack(files.kernel.file),
        initrd: unpack(files.initrd.file),
        append,
        memoryBytes: memoryMiB * MIB,
        icountShift: 3,
        rtcBaseMs: Date.now(),
      },
      {
        monotonicNs: () => performance.now() * 1e6,
        wallClockMs: () => Date.now(),
        random: (bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
        images: { open: () => Promise.reject(new Error('no disks here')) },
      },
    );
    this.machine.onSerial = (bytes) => {
      this.output += Buffer.from(bytes).toString('latin1');
    };
    this.machine.cont();
  }

  type(line: string): void {
    this.output = '';
    this.machine.serial.send(Buffer.from(`${line}\n`, 'latin1'));
  }

  untilPrompt(): void {
    while (!AT_PROMPT.test(this.output)) this.#run();
  }

  forSeconds(seconds: number): void {
    const end = this.machine.clock.nowNs() + seconds * NS_PER_S;
    while (this.machine.clock.nowNs() < end) this.#run();
  }

  #run(): void {
    this.machine.run(SLICE_MS);
    if (this.machine.runState !== 'running' || performance.now() > this.#end) {
      throw new ImageError(`The guest did not reach its prompt; it showed last: ${this.output.slice(-500)}`);
    }
  }
}

async function bootAndSave(
  directory: string,
  manifest: Manifest,
): Promise<{ readonly raw: Buffer; readonly shown: string }> {
  const guest = new TypedGuest(directory, manifest);
  guest.untilPrompt();
  const shown = guest.output.slice(0, guest.output.search(BANNER));
  for (const command of [`sleep ${LATE_DRIVERS_S}`, CLEAR_FREE_MEMORY]) {
    guest.type(command);
    guest.untilPrompt();
  }
  guest.type(AWAIT_RESTORE);
  guest.forSeconds(QUIET_S);
  return { raw: Buffer.concat([...writeSnapshot(await saveMachine(guest.machine))]), shown };
}
