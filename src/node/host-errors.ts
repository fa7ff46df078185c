/** strerror(3) texts of what opening files and sockets may give. */
export const HOST_ERRORS = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  EADDRINUSE: 'Address already in use',
  ECONNREFUSED: 'Connection refused',
  ENXIO: 'No such device or address',
  EROFS: 'Read-only file system',
  ENOSPC: 'No space left on device',
  EINVAL: 'Invalid argument',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAFNOSUPPORT: 'Address family not supported by protocol',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
  ENETUNREACH: 'Network is unreachable',
  EPROTOTYPE: 'Protocol wrong type for socket',
  ETIMEDOUT: 'Connection timed out',
} as const;

/** Node's name of an error of the system, as `EACCES`; empty when it is none. */
export function hostErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** An error of Node's in the words of the C library. */
export function hostErrorText(error: unknown): string {
  const code = hostErrorCode(error);
  const known = Object.entries(HOST_ERRORS).find(([name]) => name === code);
  return known?.[1] ?? (code || String(error));
}
