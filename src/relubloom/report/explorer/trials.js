import { button, el } from "./elements.js";
import { countTrial, emptyTally } from "./intervention.js";
import { count, percent } from "./numbers.js";
import { drawSet } from "./random.js";
import { turn } from "./scoring.js";
import { toFragment } from "./state.js";

/**
 * How often the predictions came true so far.
 *
 * @import { Explorer } from "./explorer.js"
 * @import { Forced, State } from "./state.js"
 */

const AT_RANDOM = 200;
const SLICE = 30; // milliseconds of work before the page gets a turn

/** @param {Explorer} explorer */
export function makeTrials(explorer) {
  const { store } = explorer;
  const own = { seen: new Set(), tally: emptyTally() };
  const drawn = emptyTally();
  const words = el("p", { class: "x-tally", "data-testid": "break-tally", role: "status" });
  const write = () => {
    const parts = [];
    if (own.tally.trials) parts.push(`Your changes so far: ${tallyWords(own.tally)}`);
    if (drawn.trials)
      parts.push(`Units forced at random, each on a set of its own: ${tallyWords(drawn)}`);
    words.replaceChildren(...parts.map((part) => el("span", {}, part)));
  };
  const atRandom = async () => {
    for (let done = 0; done < AT_RANDOM;) {
      const end = performance.now() + SLICE;
      while (done < AT_RANDOM && performance.now() < end) {
        countTrial(drawn, explorer.current(), randomTrial(explorer));
        done++;
      }
      write();
      await turn();
    }
  };
  const note = () => {
    const state = store.get();
    if (state.forced.size === 0 && state.swap === null) return;
    if (own.seen.has(toFragment(state))) return;
    own.seen.add(toFragment(state));
    countTrial(own.tally, explorer.current(), state);
    write();
  };
  const more = button(`Force ${AT_RANDOM} units at random`, "break-random", atRandom);
  return { element: el("div", { class: "x-trials" }, words, more), note };
}

/**
 * @param {Explorer} explorer
 * @returns {State}
 */
function randomTrial(explorer) {
  const { data, random, store } = explorer;
  const size = Math.max(1, store.get().tokens.length);
  /** @type {Forced} */
  const how = random() < 0.5 ? "covered" : "open";
  const unit = Math.floor(random() * data.width);
  return {
    tokens: drawSet(random, data.vocabSize, size),
    network: store.get().network,
    forced: new Map([[unit, how]]),
    swap: null,
  };
}

/** @param {import("./intervention.js").Tally} tally */
function tallyWords(tally) {
  const { trials, exact, both, onlyPredicted, onlyActual } = tally;
  const expected = both + onlyPredicted;
  const came = expected ? `${count(both)} (${percent(both, expected)})` : "0";
  return (
    `${count(trials)}; in ${count(exact)} of them exactly the predicted tokens were called. Calls ` +
    `that were to change: ${count(expected)}; of these changed: ${came}; changed unpredicted: ` +
    `${count(onlyActual)}.`
  );
}
