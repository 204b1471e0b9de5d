import { bitRow, markOf } from "./bits.js";
import { isMet } from "./code.js";
import { el } from "./elements.js";
import { isCalled, likeliest } from "./network.js";
import { plain, probability } from "./numbers.js";
import { readAnswer } from "./sentence.js";

/**
 * The rows of tokens that come out: their bits, and their scores as bars.
 *
 * @import { Columns, Kind } from "./bits.js"
 * @import { Answer, Network } from "./network.js"
 */

const OTHERS = 4; // rows below the members and the false positives
const STRANGERS = 5;
const GUESSED = 8;

/**
 * The tokens worth a row, the likeliest first: members, what is called or covered, and some more.
 *
 * @param {Answer} answer
 * @returns {number[]}
 */
export function tokensShown(answer) {
  const { strangers, spared } = readAnswer(answer);
  const kept = [...answer.ids, ...strangers.slice(0, STRANGERS), ...spared.slice(0, STRANGERS)];
  const wanted = kept.length + OTHERS;
  const order = likeliest(answer, answer.ids.length + 2 * STRANGERS + OTHERS);
  const rest = order.filter((token) => !kept.includes(token)).slice(0, wanted - kept.length);
  const shown = [...kept, ...rest];
  const place = new Map(order.map((token, at) => [token, at]));
  const rank = (/** @type {number} */ token) => place.get(token) ?? order.length;
  return shown.sort((a, b) => rank(a) - rank(b) || answer.logits[b] - answer.logits[a]);
}

/**
 * Tokens that were not put in, false positives among them, in an order that tells nothing.
 *
 * @param {Answer} answer
 * @returns {number[]}
 */
export function guessed(answer) {
  const { strangers, spared } = readAnswer(answer);
  const near = likeliest(answer, answer.ids.length + GUESSED + strangers.length);
  const others = near.filter((token) => !answer.ids.includes(token));
  const wanted = [...strangers.slice(0, STRANGERS), ...spared, ...others];
  return [...new Set(wanted)].slice(0, GUESSED).sort((a, b) => a - b);
}

/**
 * What a token is in an answer: its glyph tells it apart without colour.
 *
 * @param {Answer} answer
 * @param {number} token
 * @returns {{kind: Kind, glyph: string, tag: string}}
 */
export function roleOf(answer, token) {
  const called = isCalled(answer, token);
  const covered = answer.missing[token] === 0;
  if (answer.ids.includes(token)) {
    return { kind: "member", glyph: "■", tag: called ? "" : "put in, not called" };
  }
  if (called) {
    return {
      kind: "stranger",
      glyph: "●",
      tag: covered ? "false positive" : "called, not covered",
    };
  }
  return { kind: "other", glyph: "○", tag: covered ? "covered, not called" : "" };
}

/**
 * @param {Network} net
 * @param {Answer} answer
 * @param {number} token
 * @param {Columns} columns
 * @returns {SVGElement} the token's bits: a cross where one is not covered
 */
export function outputBits(net, answer, token, columns) {
  const { kind } = roleOf(answer, token);
  return bitRow(
    columns.units.map((unit) => {
      const met = isMet(net.code, answer.union, token, unit);
      return markOf(net.code, token, unit, met ? kind : "missing");
    }),
    columns,
  );
}

/**
 * @param {Answer} answer
 * @param {number} token
 * @param {number} full the probability that fills the bar
 * @returns {HTMLElement} bar, probability and logit
 */
export function scoreBar(answer, token, full) {
  const p = answer.probabilities[token];
  const logit = answer.logits[token];
  const { kind } = roleOf(answer, token);
  const fill = el("span", { class: `x-fill x-of-${kind}` });
  fill.style.width = `${(100 * Math.min(1, p / full)).toFixed(2)}%`;
  return el(
    "span",
    { class: "x-score" },
    el("span", { class: "x-track" }, fill),
    el("span", { class: "x-p" }, probability(p)),
    el("span", { class: "x-logit" }, plain(logit, Math.abs(logit) < 100 ? 2 : 0)),
  );
}

/**
 * The probability that fills a bar: a fifth more than 1/k, or all if something has more.
 *
 * @param {readonly Answer[]} answers that share the scale
 */
export function fullProbability(answers) {
  const largest = Math.max(...answers.map((answer) => 1 / answer.mass));
  const share = 1 / Math.max(1, answers[0].ids.length);
  return largest > 1.15 * share ? Math.min(1, 1.05 * largest) : Math.min(1, 1.15 * share);
}
