import { describe, expect, it } from 'vitest';
import { fetchGuestFile } from '../../src/workers/guest-fetch.ts';

const URL = 'https://example.org/images/manifest.json';

/** A server that answers `cors` and `no-cors` requests, or neither. */
function server(opaqueOrigin: boolean, cors: boolean, up: boolean) {
  return {
    opaqueOrigin,
    fetch: async (_url: string, init?: RequestInit): Promise<Response> => {
      if (!up || (!cors && init?.mode !== 'no-cors')) throw new TypeError('Failed to fetch');
      return new Response('guest');
    },
  };
}

describe('a file of the guest', () => {
  it('comes where the server permits it', async () => {
    expect(await (await fetchGuestFile(URL, server(true, true, true))).text()).toBe('guest');
  });

  it('is missing in a sandbox for want of a permission: that is said', async () => {
    await expect(fetchGuestFile(URL, server(true, false, true))).rejects.toThrow(
      /the frame is sandboxed, and the server does not let sandboxed pages read/,
    );
  });

  it('is missing for want of a network: that is another matter', async () => {
    await expect(fetchGuestFile(URL, server(true, false, false))).rejects.toThrow(/^Failed to fetch$/);
    await expect(fetchGuestFile(URL, server(false, false, true))).rejects.toThrow(/^Failed to fetch$/);
  });
});
