/** Licences of packages, as their copyright files name them. */

/** Packages whose copyright file neither names a licence in a field nor refers to Debian's common licences. */
const PROSE: Readonly<Record<string, string>> = {
  libselinux1: 'public domain, GPL-2, LGPL-2.1',
};

const LICENCE_FIELD = /^License:[ \t]*(\S.*)$/gm;
const COMMON_LICENCE = /\/usr\/share\/common-licenses\/([A-Za-z0-9.+-]*[A-Za-z0-9+])/g;

/**
 * All licences that a copyright file names, sorted, joined by commas: from its machine-readable fields,
 * otherwise from the common licences it refers to; without either, where to read it.
 */
export function licenceOf(packageName: string, copyright = ''): string {
  const fields = [...copyright.matchAll(LICENCE_FIELD)];
  const found = fields.length > 0 ? fields : [...copyright.matchAll(COMMON_LICENCE)];
  const names = [...new Set(found.map(([, licence = '']) => licence.trim()))].sort();
  if (fields.length === 0 && PROSE[packageName] !== undefined) return PROSE[packageName];
  return names.length > 0 ? names.join(', ') : `see /usr/share/doc/${packageName}/copyright`;
}
