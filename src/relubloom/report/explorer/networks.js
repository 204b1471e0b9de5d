import { stateOf } from "./code.js";
import { button, decorate, el, svg, whileNear, word } from "./elements.js";
import { NAMES } from "./explorer.js";
import { unitOrder } from "./network.js";
import { capital, several } from "./numbers.js";
import { fullProbability, roleOf, scoreBar, tokensShown } from "./scores.js";
import { list, readAnswer } from "./sentence.js";
import { fullLevel } from "./units.js";

/**
 * The same set in all networks, side by side on the same axes.
 *
 * @import { Explorer } from "./explorer.js"
 * @import { Answer, Network } from "./network.js"
 */

const ROWS = 4; // beside the members
const LEAST = 0.7; // height of a unit that leaks, of 12

/**
 * @param {HTMLElement} mount
 * @param {Explorer} explorer
 */
export function mountNetworks(mount, explorer) {
  const panels = el("div", { class: "x-nets", "data-testid": "networks" });
  const input = el("p", { class: "x-note" });
  const draw = () => {
    if (!mount.hasChildNodes()) mount.replaceChildren(input, panels);
    const keys = explorer.data.networks.map(({ key }) => key);
    const full = fullProbability(keys.map((key) => explorer.answer(key)));
    const { tokens } = explorer.store.get();
    input.replaceChildren("Put into each: ", ...list(tokens, explorer.labels), ".");
    panels.replaceChildren(...keys.map((key) => panel(explorer, key, full)));
  };
  whileNear(mount, explorer.store.listen, draw);
}

/**
 * @param {Explorer} explorer
 * @param {string} key
 * @param {number} full
 */
function panel(explorer, key, full) {
  const { labels, store } = explorer;
  const [net, answer] = [explorer.network(key), explorer.answer(key)];
  const shown = store.get().network === key;
  const rows = tokensShown(answer).slice(0, answer.ids.length + ROWS);
  return el(
    "div",
    { class: shown ? "x-net x-now" : "x-net", "data-testid": `network-panel-${key}` },
    el("h4", {}, NAMES.get(key) ?? key),
    el("p", { class: "x-lead" }, capital(`${net.told.about}.`)),
    el("p", { class: "x-said" }, ...said(answer, labels)),
    strip(net, answer),
    ...rows.map((token) => row(answer, token, labels, full)),
    button(
      shown ? "shown above" : "show above",
      `network-show-${key}`,
      () => store.set({ network: key }),
      {
        disabled: shown,
        class: "x-button x-small",
      },
    ),
  );
}

/**
 * @param {Answer} answer
 * @param {readonly string[]} labels
 */
function said(answer, labels) {
  const { called, strangers, misses } = readAnswer(answer);
  if (strangers.length > 2) return [`Calls ${several(strangers.length, "token")} too many.`];
  if (strangers.length) return ["Calls ", ...list(strangers, labels), " too."];
  if (misses.length) return ["Misses ", ...list(misses, labels), "."];
  return [called.length ? "Exactly right." : ""];
}

/**
 * Union above, hidden units below, each network in the order of its own hashes.
 *
 * @param {Network} net
 * @param {Answer} answer
 */
function strip(net, answer) {
  const full = fullLevel(answer);
  const picture = svg("svg", { class: "x-strip", preserveAspectRatio: "none" });
  decorate(picture, { viewBox: `0 0 ${net.width} 20`, "aria-hidden": "true" });
  const tiles = { empty: "", covered: "", bars: "" };
  unitOrder(net.code, answer.ids).forEach((unit, column) => {
    const tall = answer.post[unit] > 0 ? Math.max(LEAST, (12 * answer.post[unit]) / full) : 0;
    const x = column + 0.1;
    const dark = (5 * stateOf(net.code, answer.union, unit)) / net.code.levels;
    if (dark < 5) tiles.empty += `M${x} 0h.8v${5 - dark}h-.8z`;
    if (dark > 0) tiles.covered += `M${x} ${5 - dark}h.8v${dark}h-.8z`;
    if (tall > 0) tiles.bars += `M${x} ${(20 - tall).toFixed(2)}h.8V20h-.8z`;
  });
  for (const [name, d] of Object.entries(tiles))
    picture.append(svg("path", { class: `x-s-${name}`, d }));
  return picture;
}

/**
 * @param {Answer} answer
 * @param {number} token
 * @param {readonly string[]} labels
 * @param {number} full
 */
function row(answer, token, labels, full) {
  const { kind, glyph } = roleOf(answer, token);
  return el(
    "div",
    { class: `x-net-row x-is-${kind}` },
    el("span", { class: `x-glyph x-of-${kind}`, "aria-hidden": "true" }, glyph),
    el("span", { class: "x-label" }, word(labels[token])),
    scoreBar(answer, token, full),
  );
}
