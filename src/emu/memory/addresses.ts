/**
 * Two kinds of number that must not be taken for each other. The compiler refuses one where the other is wanted; plain numbers become
 * a `Gpa` by themselves, since every guest and every register gives them, but a `RamOffset` only where memory hands it out.
 */
declare const KIND: unique symbol;

/** A guest-physical address: 0 … 2^40 - 1, exact as a number. */
export type Gpa = number & { readonly [KIND]?: 'gpa' };
/** A byte's place in the memory that holds guest RAM, always below 2^31. */
export type RamOffset = number & { readonly [KIND]: 'offset' };
