import { bitsOf, hasBit, partly, stateOf, strengthOf } from "./code.js";
import { el, word } from "./elements.js";
import { leaking } from "./network.js";
import { joint, plain, probability, several, signed } from "./numbers.js";

/**
 * The arithmetic of one unit and of one score, with its real numbers.
 *
 * @import { Code } from "./code.js"
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
  const turned = net.reversed.has(unit);
  const state = stateOf(net.code, answer.union, unit);
  const leaks = state > 0 && state < net.code.levels;
  const [on, off] = leaks ? LEAKING : stateWords(turned, state > 0, net.biasIn(unit) > 0);
  const how = leaks ? `Covered ${partly(net.code)} by ` : "Covered by ";
  const who = having.length ? [how, ...names] : ["Covered by none"];
  const words = [...who, post > 0 ? on : off];
  return [
    el("h4", {}, `Unit ${unit}`),
    el("p", { class: "x-lead" }, ...words),
    sums([
      { name: ["bias"], value: signed(net.biasIn(unit)) },
      ...answer.ids.map((id) => ({
        name: [word(labels[id])],
        value: signed(net.weightIn(id, unit)),
        note: bitNote(net.code, strengthOf(net.code, id, unit)),
      })),
    ]),
    sums([
      { name: ["before the ReLU"], value: plain(answer.pre[unit]) },
      { name: ["after: max(0, ·)"], value: plain(post), note: post === 0 ? "off" : leaks ? "on, weakly" : "on" },
    ]),
  ];
}

/** @type {[string, string]} */
const LEAKING = [": it leaks, so it is on weakly.", ", yet off."];

/**
 * How a unit that is on, and one that is off, is told after what the union says of it.
 *
 * @param {boolean} turned a bit turns the unit on
 * @param {boolean} covered
 * @param {boolean} raised its bias alone turns the unit on
 * @returns {[string, string]}
 */
function stateWords(turned, covered, raised) {
  if (turned) return covered ? [": it is on.", ", yet off."] : [", yet on.", ": it is at 0."];
  if (covered) return [", yet weakly on.", ": it is at 0."];
  if (raised) return [": it stays on.", ", yet off."];
  return [": the positive entries turn it on.", ", yet off: nothing turns it on."];
}

/**
 * @param {Code} code
 * @param {number} strength
 */
function bitNote(code, strength) {
  if (strength === 0) return "";
  if (code.levels === 1) return "its bit";
  if (strength === code.levels) return "its full bit";
  return code.levels === 2 ? "its half bit" : `its bit of strength ${strength}`;
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
        note: termNote(net, answer, token, term.unit),
      })),
      ...(left.length
        ? [{ name: [several(left.length, "more such unit")], value: total(left) }]
        : []),
      ...(others.length ? [{ name: [otherWords(others)], value: total(others) }] : []),
    ]),
    sums([
      { name: ["logit"], value: logit },
      {
        name: ["probability: e", el("sup", {}, logit), " divided by the sum over all tokens, e", el("sup", {}, sum)],
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
 * Of a unit that is on and has the token's bit.
 *
 * @param {Network} net
 * @param {Answer} answer
 * @param {number} token
 * @param {number} unit
 */
function termNote(net, answer, token, unit) {
  const { code } = net;
  const state = stateOf(code, answer.union, unit);
  if (state > 0 && state < strengthOf(code, token, unit)) return `covered only ${partly(code)}`;
  if (net.reversed.has(unit)) return state > 0 ? "covered bit" : "on, uncovered";
  if (state > 0 && state < code.levels) return `covered ${partly(code)}: leaks`;
  return state > 0 ? "weakly on" : "missing bit";
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
  const leaks = leaking(net, answer).filter((unit) => hasBit(net.code, token, unit)).length;
  if (missing === 0 && leaks === on) {
    const leak = on === 1 ? "its one leaking unit takes" : "its leaking units take";
    return `All ${bits} of its bits are covered; ${leak} little off its score.`;
  }
  if (missing === 0)
    return `All ${bits} of its bits are covered, yet not each of their units is off.`;
  if (on !== missing) {
    const left = `${missing} of its ${bits} bits ${missing === 1 ? "is" : "are"} not covered`;
    if (on === 0) return `${left}, yet every unit that has its bits is off: nothing takes its score down.`;
    return `${left}. ${several(on, "unit")} that ${on === 1 ? "has its bit takes" : "have its bits take"} its score down.`;
  }
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
