/** Money is integer minor units on the wire and stays integer here: text is made from digits, never from a division. */

/** Digits of the minor unit where the server has not said yet; ISO 4217's exceptions that a market may well use. */
const KNOWN_EXPONENTS: Readonly<Record<string, number>> = { JPY: 0, KRW: 0, ISK: 0, CLP: 0, VND: 0, BHD: 3, KWD: 3, TND: 3 };
const exponents = new Map<string, number>();

/** Takes `GET /v1/currencies`. */
export function learnCurrencies(currencies: readonly { code: string; exponent: number }[]): void {
  for (const { code, exponent } of currencies) if (Number.isInteger(exponent) && exponent >= 0 && exponent <= 8) exponents.set(code, exponent);
}

export function exponentOf(currency: string): number {
  return exponents.get(currency) ?? KNOWN_EXPONENTS[currency] ?? 2;
}

/** 105000 of EUR is "1,050.00". */
export function formatAmount(amount: number, currency: string): string {
  const exponent = exponentOf(currency);
  const digits = String(Math.abs(Math.trunc(amount))).padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent).replace(/\B(?=(\d{3})+$)/g, ",");
  const sign = amount < 0 ? "−" : "";
  return exponent === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-exponent)}`;
}

/** The largest amount of the protocol: what a double holds exactly. */
const AMOUNT_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Reads what a person typed: "1,050", "1050.5", "1 050.00". Null if it is no amount of this currency (too many
 * decimals, a sign, words) or too large. A comma followed by one or two last digits is a decimal comma.
 */
export function parseAmount(text: string, currency: string): number | null {
  const exponent = exponentOf(currency);
  let plain = text.trim().replace(/[\s'’_]/g, "");
  const decimalComma = /^\d+,\d{1,2}$/.test(plain) || /^\d{1,3}(\.\d{3})+,\d{1,2}$/.test(plain);
  plain = decimalComma ? plain.replace(/\./g, "").replace(",", ".") : /^\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain) ? plain.replace(/,/g, "") : plain;
  const match = /^(\d+)(?:\.(\d*))?$/.exec(plain);
  if (!match) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > exponent) return null;
  const minor = BigInt(`${match[1]}${fraction.padEnd(exponent, "0")}`);
  return minor > AMOUNT_MAX ? null : Number(minor);
}
