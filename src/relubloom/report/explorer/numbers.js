/** How numbers and lists are written. */

const MINUS = "\u2212";
const SPACE = "\u00a0";

/**
 * A number with so many decimals and a real minus sign.
 *
 * @param {number} value
 * @param {number} [decimals]
 */
export function plain(value, decimals = 2) {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS);
}

/**
 * As `plain`, with a + for what is not negative.
 *
 * @param {number} value
 * @param {number} [decimals]
 */
export function signed(value, decimals = 2) {
  const text = plain(value, decimals);
  return text.startsWith(MINUS) ? text : `+${text}`;
}

/**
 * A probability in three decimals; what is not 0 is never written as 0.
 *
 * @param {number} p
 */
export function probability(p) {
  if (p > 0 && p < 0.0005) return "<0.001";
  return p.toFixed(3);
}

/**
 * So many significant digits, in plain decimals.
 *
 * @param {number} value
 */
export function significant(value) {
  if (value === 0) return "0";
  if (Math.abs(value) < 1e-4) {
    return value.toExponential(1).replace("e-", `${SPACE}×${SPACE}10^${MINUS}`);
  }
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return plain(value, Math.min(digits, 8));
}

/**
 * A share as a percentage that says 0 or 100 only where it is that.
 *
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  if (part === 0 || part === whole) return `${part === 0 ? 0 : 100}${SPACE}%`;
  for (let digits = 2; digits < 7; digits++) {
    const text = ((100 * part) / whole).toFixed(digits);
    if (Number(text) !== 0 && Number(text) !== 100) return `${text}${SPACE}%`;
  }
  return part < whole / 2 ? `under 0.000001${SPACE}%` : `over 99.999999${SPACE}%`;
}

/**
 * A whole number with thousands separated.
 *
 * @param {number} value
 */
export function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * @param {number} value
 * @param {string} noun
 */
export function several(value, noun) {
  return `${count(value)}${SPACE}${noun}${value === 1 ? "" : "s"}`;
}

/** @param {string} text */
export function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/**
 * What stands between the items of a list: "a, b and c".
 *
 * @param {number} place of the item that follows
 * @param {number} length
 */
export function joint(place, length) {
  return place === 0 ? "" : place === length - 1 ? " and " : ", ";
}
