import { button, el } from "./elements.js";
import { NAMES } from "./explorer.js";
import { capital, count, several, significant } from "./numbers.js";
import { drawSet } from "./random.js";
import { findFalsePositive, findWorstCase } from "./search.js";

/**
 * The buttons that find a set, and the choice of a network.
 *
 * @import { Explorer } from "./explorer.js"
 */

/**
 * @param {Explorer} explorer
 * @param {readonly HTMLElement[]} more buttons
 * @returns {HTMLElement}
 */
export function controls(explorer, more) {
  const { store, data, random } = explorer;
  const note = el("p", { class: "x-note", "aria-live": "polite", "data-testid": "search-note" });
  const size = () => store.get().tokens.length || data.usualSize;
  let searches = 0;
  /** @type {readonly number[]} */
  let told = []; // the set that the note is about
  const show = (/** @type {readonly number[]} */ tokens, said = "") => {
    searches++;
    told = tokens;
    note.textContent = said;
    store.set({ tokens });
  };
  /**
   * @template Result
   * @param {Promise<Result>} search
   * @returns {Promise<Result | undefined>} nothing once the reader has gone on
   */
  const inTime = async (search) => {
    const mine = ++searches;
    note.textContent = "Looking …";
    const result = await search;
    return mine === searches ? result : undefined;
  };
  const find = async () => {
    const found = await inTime(findFalsePositive(explorer.current(), size(), random));
    if (found) show(found.ids, `Found after ${several(found.looked, "set")}.`);
    if (found === null) note.textContent = "None found in half a second; this hash may have none.";
  };
  const worst = async () => {
    const known = await inTime(worstKnown(explorer, size()));
    if (known === undefined) return;
    const among = known.all
      ? `all ${several(known.looked, "set")} of this size`
      : `the ${several(known.looked, "set")} looked at`;
    const more = known.all ? "" : " Press again to look further.";
    show(known.ids, `The largest error of ${among}: mse ${significant(known.error)}.${more}`);
  };
  const buttons = el(
    "div",
    { class: "x-buttons" },
    button("Find me a false positive", "find-false-positive", find, { class: "x-button x-main" }),
    button("Random set", "random-set", () => show(drawSet(random, data.vocabSize, size()))),
    ...(data.lesson ? [] : [button("Worst case", "worst-case", worst)]),
    ...more,
  );
  store.listen(({ tokens }) => {
    if (tokens !== told) note.textContent = "";
  });
  return el("div", { class: "x-controls" }, el("div", {}, buttons, note), networkChoice(explorer));
}

/**
 * @param {Explorer} explorer
 * @param {number} size
 * @returns {Promise<import("./explorer.js").Worst>}
 */
async function worstKnown(explorer, size) {
  const net = explorer.current();
  const name = `${net.key} ${size}`;
  const known = explorer.worst.get(name);
  if (known?.all) return known;
  const found = await findWorstCase(net, size, explorer.random);
  const better = known !== undefined && known.error >= found.error ? known : found;
  const looked = found.looked + (known?.looked ?? 0);
  const worst = { ids: better.ids, error: better.error, looked, all: false };
  explorer.worst.set(name, worst);
  return worst;
}

/** @param {Explorer} explorer */
function networkChoice(explorer) {
  const { data, store } = explorer;
  const about = el("span", { class: "x-about", "aria-live": "polite" });
  const choices = data.networks.map(({ key }) => {
    const radio = el("input", {
      type: "radio",
      name: "x-network",
      value: key,
      "data-testid": `network-select-${key}`,
      onchange: () => store.set({ network: key }),
    });
    return { key, radio, label: el("label", {}, radio, el("span", {}, NAMES.get(key) ?? key)) };
  });
  const mark = () => {
    const { network } = store.get();
    choices.forEach(({ key, radio }) => (radio.checked = key === network));
    about.textContent = capital(aboutNetwork(explorer));
  };
  store.listen(mark);
  mark();
  return el(
    "fieldset",
    { class: "x-choice" },
    el("legend", {}, "network"),
    el("span", { class: "x-segments" }, ...choices.map(({ label }) => label)),
    about,
  );
}

/** @param {Explorer} explorer */
function aboutNetwork(explorer) {
  const { about, precision, largestError, errorSets } = explorer.current().told;
  if (precision === null || largestError === 0) return `${about}.`;
  const digits = precision === "float16" ? "half" : "single";
  return (
    `${about}. Its weights are rounded to ${digits} precision here: over ` +
    `${count(errorSets ?? 0)} drawn sets that moved no probability by more than ` +
    `${significant(largestError ?? 0)}.`
  );
}
