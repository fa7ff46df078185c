/** Plain data only: structured-cloneable, so it can be posted, stored and compared. */
export type Plain =
  | number
  | boolean
  | string
  | null
  | undefined
  | bigint
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int32Array
  | Float64Array
  | readonly Plain[]
  | { readonly [key: string]: Plain };
