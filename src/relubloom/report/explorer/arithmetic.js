import { bitsOf, hasBit, inUnion } from "./code.js";
import { el, word } from "./elements.js";
import { joint, plain, probability, several, signed } from "./numbers.js";

/**
 * The arithmetic of one unit and of one score, with its real numbers.
 *
 * @import { Answer, Network } from "./network.js"
 * @typedef {{name: (Node | string)[], value: string, note?: string}} Line
 */

const TERMS = 4; // of its own units that are written out

/**
 * pre = b + the members' entries of W_in, and the ReLU of it.
 *
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {number} unit
 * @returns {Node[]}
 */
export function unitArithmetic(net, answer, labels, unit) {
  const having = answer.ids.filter((id) => hasBit(net.code, id, unit));
  const post = answer.post[unit];
  const names = having.flatMap((id, place) => [joint(place, having.length), word(labels[id])]);
  const [turned, covered] = [net.reversed.has(unit), having.length > 0];
  const [asSaid, odd] = stateWords(turned, covered);
  const agrees = ((post > 0) === turned) === covered;
  const who = having.length ? ["Covered by ", ...names] : ["Covered by none"];
  const state = [...who, agrees ? asSaid : odd];
  return [
    el("h4", {}, `Unit ${unit}`),
    el("p", { class: "x-lead" }, ...state),
    sums([
      { name: ["bias"], value: signed(net.biasIn(unit)) },
      ...answer.ids.map((id) => ({
        name: [word(labels[id])],
        value: signed(net.weightIn(id, unit)),
        note: hasBit(net.code, id, unit) ? "its bit" : "",
      })),
    ]),
    sums([
      { name: ["before the ReLU"], value: plain(answer.pre[unit]) },
      { name: ["after: max(0, ·)"], value: plain(post), note: post === 0 ? "off" : "on" },
    ]),
  ];
}

/**
 * How a unit's state is told where the union foretells it, and where it does not.
 *
 * @param {boolean} turned a bit turns the unit on
 * @param {boolean} covered
 * @returns {[string, string]}
 */
function stateWords(turned, covered) {
  if (turned) return covered ? [": it is on.", ", yet off."] : [": it is at 0.", ", yet on."];
  return covered ? [": it is at 0.", ", yet weakly on."] : [": it stays on.", ", yet off."];
}

/**
 * logit = b + each unit's value times its entry of W_out: the token's own units one by one, the
 * others together; and the share of exp(logit).
 *
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {number} token
 * @returns {Node[]}
 */
export function scoreArithmetic(net, answer, labels, token) {
  const [own, others] = termsOf(net, answer, token);
  const told = own.slice(0, TERMS);
  const left = own.slice(TERMS);
  const logit = plain(answer.logits[token]);
  const sum = plain(answer.top + Math.log(answer.mass));
  return [
    el("h4", {}, "Score of ", word(labels[token])),
    el("p", { class: "x-lead" }, ownWords(net, answer, token, own.length)),
    sums([
      { name: ["bias"], value: signed(net.biasOut(token)) },
      ...told.map((term) => ({
        name: [`unit ${term.unit}: ${product(term)}`],
        value: signed(term.size),
        note: termNote(net.reversed.has(term.unit), inUnion(answer.union, term.unit)),
      })),
      ...(left.length
        ? [{ name: [several(left.length, "more such unit")], value: total(left) }]
        : []),
      ...(others.length ? [{ name: [otherWords(others)], value: total(others) }] : []),
    ]),
    sums([
      { name: ["logit"], value: logit },
      {
        name: ["share: e", el("sup", {}, logit), " of all, e", el("sup", {}, sum)],
        value: probability(answer.probabilities[token]),
      },
    ]),
  ];
}

/**
 * @typedef {{unit: number, value: number, weight: number, size: number}} Term
 *
 * @param {Network} net
 * @param {Answer} answer
 * @param {number} token
 * @returns {[Term[], Term[]]} the units on that have the token's bits, and the others; largest first
 */
function termsOf(net, answer, token) {
  /** @type {[Term[], Term[]]} */
  const [own, others] = [[], []];
  for (let unit = 0; unit < net.width; unit++) {
    const value = answer.post[unit];
    if (value === 0) continue;
    const weight = net.weightOut(unit, token);
    (hasBit(net.code, token, unit) ? own : others).push({
      unit,
      value,
      weight,
      size: value * weight,
    });
  }
  const larger = (/** @type {Term} */ a, /** @type {Term} */ b) =>
    Math.abs(b.size) - Math.abs(a.size);
  return [own.sort(larger), others.sort(larger)];
}

/**
 * @param {boolean} turned a bit turns the unit on
 * @param {boolean} covered
 */
function termNote(turned, covered) {
  if (turned) return covered ? "covered bit" : "on, uncovered";
  return covered ? "weakly on" : "missing bit";
}

/** @param {Term} term */
function product({ value, weight }) {
  return `${plain(value)} × ${plain(weight)}`;
}

/** @param {readonly Term[]} terms */
function total(terms) {
  return signed(terms.reduce((sum, { size }) => sum + size, 0));
}

/** @param {readonly Term[]} others */
function otherWords(others) {
  const start = `${others.length} other unit${others.length === 1 ? "" : "s"} on`;
  if (others.every(({ size }) => size === 0)) return start;
  const shown = others.slice(0, 2).map(product).join(" + ");
  return `${start}: ${shown}${others.length > 2 ? " + …" : ""}`;
}

/**
 * @param {Network} net
 * @param {Answer} answer
 * @param {number} token
 * @param {number} on how many units with its bits are on
 */
function ownWords(net, answer, token, on) {
  const bits = bitsOf(net.code, token).length;
  const missing = answer.missing[token];
  if (!net.told.isFilter) return `${missing} of its ${several(bits, "bit")} not covered.`;
  if (bitsOf(net.code, token).some((unit) => net.reversed.has(unit))) {
    return missing === 0
      ? `All ${bits} of its bits are covered.`
      : `${missing} of its ${bits} bits ${missing === 1 ? "is" : "are"} not covered.`;
  }
  if (bits === 0) return "It has no bit, so no unit takes its score down.";
  if (missing === 0 && on === 0) {
    return `All ${bits} units that have its bits are off: nothing takes its score down.`;
  }
  if (missing === 0)
    return `All ${bits} of its bits are covered, yet not each of their units is off.`;
  return missing === 1
    ? `1 of its ${bits} bits is not covered: that unit takes its score down.`
    : `${missing} of its ${bits} bits are not covered: those units take its score down.`;
}

/** @param {Line[]} lines */
function sums(lines) {
  return el(
    "dl",
    { class: "x-sums" },
    ...lines.map(({ name, value, note }) =>
      el(
        "div",
        note ? { class: "x-noted" } : {},
        el("dt", {}, ...name),
        el("dd", { class: "x-side" }, note ?? ""),
        el("dd", {}, value),
      ),
    ),
  );
}
