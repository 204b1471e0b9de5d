import { el, word } from "./elements.js";
import { calledTokens } from "./network.js";
import { probability } from "./numbers.js";
import { predicted } from "./intervention.js";

/**
 * Predicted and actual calls side by side, with what changed and where they differ.
 *
 * @import { Explorer } from "./explorer.js"
 * @import { Answer } from "./network.js"
 */

const SHOWN = 12;

/**
 * @param {Explorer} explorer
 * @param {number[]} expected the tokens that the hash says are called now
 * @param {{answer: Answer, called: number[]}} came
 * @returns {HTMLElement[]}
 */
export function comparison(explorer, expected, came) {
  const untouched = { ...explorer.store.get(), forced: new Map(), swap: null };
  const { answer, called } = came;
  const left = column(explorer, "predicted", "Predicted by the hash", {
    now: expected,
    before: predicted(explorer.current(), untouched),
    other: called,
    odd: "did not come",
    value: () => "",
  });
  const right = column(explorer, "actual", "What the network does", {
    now: called,
    before: calledTokens(explorer.answer()),
    other: expected,
    odd: "not predicted",
    value: (token) => probability(answer.probabilities[token]),
  });
  return [left, right];
}

/**
 * @typedef {object} Calls
 * @property {number[]} now
 * @property {number[]} before the change
 * @property {number[]} other what the other column says now
 * @property {string} odd said of a token that the other column lacks
 * @property {(token: number) => string} value
 *
 * @param {Explorer} explorer
 * @param {string} testid
 * @param {string} heading
 * @param {Calls} calls
 */
function column(explorer, testid, heading, calls) {
  const { labels, store } = explorer;
  const { tokens } = store.get();
  const gone = calls.before.filter((token) => !calls.now.includes(token));
  const all = [...calls.now, ...gone].sort((a, b) => a - b);
  const strangers = all.filter((token) => !tokens.includes(token));
  const ordered = [...tokens.filter((token) => all.includes(token)), ...strangers];
  const items = ordered.slice(0, SHOWN).map((token) => {
    const out = gone.includes(token);
    const fresh = !out && !calls.before.includes(token);
    const odd = !out && !calls.other.includes(token);
    return el(
      "li",
      { class: out ? "x-gone" : fresh ? "x-new" : "" },
      el("span", { class: "x-sign", "aria-hidden": "true" }, out ? "−" : fresh ? "+" : "="),
      el("span", { class: "x-label" }, word(labels[token])),
      el("small", {}, note(out, fresh, tokens.includes(token))),
      ...(odd ? [el("small", { class: "x-odd" }, `≠ ${calls.odd}`)] : []),
      el("span", { class: "x-p" }, out ? "" : calls.value(token)),
    );
  });
  if (ordered.length > SHOWN) items.push(el("li", {}, `and ${ordered.length - SHOWN} more`));
  if (ordered.length === 0) items.push(el("li", {}, "nothing"));
  const sorted = [...calls.now].sort((a, b) => a - b).join(",");
  return el(
    "div",
    {
      class: "x-calls",
      role: "group",
      "aria-label": heading,
      "data-testid": testid,
      "data-tokens": sorted,
    },
    el("h4", {}, heading),
    el("ul", {}, ...items),
  );
}

/**
 * @param {boolean} gone
 * @param {boolean} fresh
 * @param {boolean} member
 */
function note(gone, fresh, member) {
  if (gone) return "no longer called";
  if (fresh) return "now called";
  return member ? "called, put in" : "called, not put in";
}
