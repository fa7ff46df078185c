/** The machine's ends of the channels that are character devices. */
import { CharPipe, type Machine, withOption } from '../emu/index.ts';
import type { Channel } from './chardev.ts';
import type { NamedChannel } from './chardev-open.ts';

/** The machine's end of a channel that a device may use. */
export interface ChannelPipe {
  readonly channel: Channel;
  readonly pipe: CharPipe;
}

/** Gives the machine a channel as a character device. Throws StartError. */
export function provideChannel(
  { chardevs }: Machine,
  { id, channel, at }: NamedChannel,
): readonly ChannelPipe[] {
  const filename = (): string => channel.filename;
  if (at === undefined) {
    withOption(at, () => chardevs.provide(id, { backend: null, filename }));
    return [];
  }
  // Whether somebody is there, the channel says when it is connected.
  const pipe = new CharPipe((bytes) => channel.write(bytes), false);
  withOption(at, () => chardevs.provide(id, { backend: pipe, filename }));
  return [{ channel, pipe }];
}
