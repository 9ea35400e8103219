/** Crockford's base 32: no I, L, O or U, so that a person can read it aloud. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Characters of an id after its prefix: 26 x 5 bits hold 128 bits (protocol, section 2). */
const ID_CHARACTERS = 26;

/** Characters of a key: 24 x 5 = 120 random bits; the protocol allows 1 to 64 characters. */
const KEY_CHARACTERS = 24;

function randomBase32(characters: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(characters));
  let text = "";
  for (const byte of bytes) text += ALPHABET.charAt(byte & 31);
  return text;
}

/** The kinds of things a client may name itself. */
export type IdPrefix = "mkt" | "acc" | "lot" | "stk" | "bok" | "ord" | "rsv" | "bid";

/**
 * A fresh id, such as `lot_0R3K...`, for something this client creates: creating twice under one id is harmless.
 * The first character carries only 3 of 128 bits, so it stays below 8.
 */
export function newId(prefix: IdPrefix): string {
  const body = randomBase32(ID_CHARACTERS);
  const first = ALPHABET.charAt(ALPHABET.indexOf(body.charAt(0)) & 7);
  return `${prefix}_${first}${body.slice(1)}`;
}

/** A fresh key for one command. The same key sent again gives the first outcome again. */
export function newKey(): string {
  return randomBase32(KEY_CHARACTERS);
}
