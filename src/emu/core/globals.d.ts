/** Everything of the host that src/emu may call. The core has no DOM, no timers, no network: it is given them. */
declare function structuredClone<T>(value: T): T;
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string;
}
/** Base 64 from and to text whose characters are bytes. */
declare function atob(text: string): string;
declare function btoa(bytes: string): string;
