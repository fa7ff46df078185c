import { hasOpaqueOrigin } from './opaque-origin.ts';
import { UserError } from './user-error.ts';

export interface FetchEnvironment {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  readonly opaqueOrigin: boolean;
}

/**
 * Fetches a file of the guest image. A page in a sandbox may read it only if the server permits that to everybody; the
 * browser does not say whether the permission or the file is missing, so that a second request finds out.
 * @throws UserError where the permission is missing
 */
export async function fetchGuestFile(
  url: string,
  environment: FetchEnvironment = {
    fetch: (...request) => fetch(...request),
    opaqueOrigin: hasOpaqueOrigin(),
  },
): Promise<Response> {
  try {
    return await environment.fetch(url);
  } catch (error) {
    if (environment.opaqueOrigin && (await answers(environment, url))) throw noPermission(url);
    throw error;
  }
}

/** Spec: Fetch, 2.2.5 "Requests": an answer to a request with mode `no-cors` cannot be read, but it comes. */
async function answers(environment: FetchEnvironment, url: string): Promise<boolean> {
  try {
    await environment.fetch(url, { mode: 'no-cors', method: 'HEAD' });
    return true;
  } catch {
    return false;
  }
}

function noPermission(url: string): UserError {
  return new UserError(
    `The guest cannot be loaded in this frame: the frame is sandboxed, and the server does not let sandboxed pages read ${url}.`,
    'The server has to send the header “Access-Control-Allow-Origin: *”, or the frame needs “allow-same-origin” in its sandbox attribute. Or open this page in its own tab.',
  );
}
