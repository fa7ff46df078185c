/** Opens each kind of character device. */
import { type ChardevBackend, MonitorError, type SocketRequest } from '../emu/index.ts';
import { type Channel, NullChannel, RingBufferChannel } from './chardev.ts';
import { ClientChannel } from './chardev-client.ts';
import { FileChannel } from './chardev-file.ts';
import { PipeChannel } from './chardev-pipe.ts';
import { PtyChannel } from './chardev-pty.ts';
import { ServerChannel } from './chardev-server.ts';
import { StdioChannel } from './chardev-stdio.ts';

export interface KindEnvironment {
  readonly id: string;
  /** As the user wrote the kind. */
  readonly driver: string;
  /** Told what QEMU says at any time, about no option. */
  readonly warn: (text: string) => void;
  /** Nothing goes on until somebody comes to the server that `info chardev` shows so. */
  readonly waits: (filename: string) => void;
  /** Settles when nobody is waited for any more. */
  readonly ended: Promise<unknown>;
}

type OpenerOf<B> = (backend: B, environment: KindEnvironment) => Channel | Promise<Channel>;
type Openers = { readonly [B in ChardevBackend as B['kind']]: OpenerOf<B> };

/** There is one terminal. */
let stdio: StdioChannel | undefined;

function openStdio(signals: boolean): Channel {
  if (stdio !== undefined) throw new MonitorError('cannot use stdio by multiple character devices');
  stdio = new StdioChannel(signals, () => {
    stdio = undefined;
  });
  return stdio;
}

async function openSocket(request: SocketRequest, environment: KindEnvironment): Promise<Channel> {
  const { id, warn, waits, ended } = environment;
  if (!request.server) return ClientChannel.open(request, { id, warn });
  const channel = await ServerChannel.listen(request);
  if (request.wait) {
    waits(channel.filename);
    await Promise.race([channel.client(), ended]);
  }
  return channel;
}

const OPENERS: Openers = {
  null: () => new NullChannel('null'),
  vc: () => new NullChannel('vc'),
  ringbuf: ({ sizeBytes }, { driver }) => new RingBufferChannel(driver, sizeBytes),
  stdio: ({ signals }) => openStdio(signals),
  file: ({ path, append }) => new FileChannel(path, append),
  pipe: ({ path }) => new PipeChannel(path),
  pty: (_, { warn }) => PtyChannel.open(warn),
  socket: openSocket,
};

/** Rejects with MonitorError. */
export async function openBackend(backend: ChardevBackend, environment: KindEnvironment): Promise<Channel> {
  return await (OPENERS[backend.kind] as OpenerOf<ChardevBackend>)(backend, environment);
}
