/** Licences of packages, as their copyright files name them. */

/** Packages whose copyright file is prose. Their licence as its text gives it. */
const PROSE: Readonly<Record<string, string>> = {};

/** Short licence names of a copyright file, joined by commas; "see copyright file" when it names none. */
export function licenceOf(name: string, copyright: string | undefined): string {
  const known = PROSE[name];
  if (known !== undefined) return known;
  const names = new Set(
    [...(copyright ?? '').matchAll(/^License:[ \t]*(\S.*)$/gm)].map(([, licence = '']) => licence.trim()),
  );
  return names.size === 0 ? `see /usr/share/doc/${name}/copyright` : [...names].sort().join(', ');
}
