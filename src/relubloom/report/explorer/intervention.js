import { hidden, forward, calledTokens, swapped } from "./network.js";
import { missingBits, setState, stateOf, unionOf } from "./code.js";
import { drawSet, seeded } from "./random.js";

/**
 * Changing a network's inside, and what its hash says must come of it.
 *
 * @import { Change, Network } from "./network.js"
 * @import { Forced, State } from "./state.js"
 */

const LEVEL_SETS = 400;
/** @type {WeakMap<Network, Map<string, Float64Array>>} */
const known = new WeakMap();

/**
 * What the state changes in a network; null where it changes nothing.
 *
 * @param {Network} net
 * @param {State} state
 * @returns {Change | null}
 */
export function breakage(net, state) {
  if (state.forced.size === 0 && state.swap === null) return null;
  const force = new Map(
    [...state.forced].map(([unit, how]) => [
      unit,
      how === "covered" && !net.reversed.has(unit) ? 0 : levels(net, state.tokens.length, how)[unit],
    ]),
  );
  return { force, swap: state.swap };
}

/**
 * A unit's level: its mean value over drawn sets that cover it, or leave it open.
 *
 * @param {Network} net
 * @param {number} size of the sets
 * @param {Forced} [how]
 * @returns {Float64Array} one for each unit; its value at the empty set if there are none
 */
export function levels(net, size, how = "open") {
  const name = `${size} ${how}`;
  const before = known.get(net)?.get(name);
  if (before !== undefined) return before;
  const random = seeded(size);
  const sums = new Float64Array(net.width);
  const times = new Float64Array(net.width);
  for (let draw = 0; draw < LEVEL_SETS; draw++) {
    const ids = drawSet(random, net.vocabSize, size);
    const union = unionOf(net.code, ids);
    const { post } = hidden(net, ids);
    post.forEach((value, unit) => {
      if (stateOf(net.code, union, unit) !== (how === "covered" ? net.code.levels : 0)) return;
      sums[unit] += value;
      times[unit]++;
    });
  }
  const found = sums.map((sum, unit) =>
    times[unit] ? sum / times[unit] : Math.max(0, net.biasIn(unit)),
  );
  known.set(net, (known.get(net) ?? new Map()).set(name, found));
  return found;
}

/**
 * The tokens that the hash says are called: those with the fewest bits outside the union, once
 * hashes are swapped at the input and units forced.
 *
 * @param {Network} net
 * @param {Pick<State, "tokens" | "forced" | "swap">} state
 * @returns {number[]} ascending
 */
export function predicted(net, state) {
  const union = unionOf(
    net.code,
    state.tokens.map((id) => swapped(id, state.swap)),
  );
  for (const [unit, how] of state.forced) {
    setState(net.code, union, unit, how === "covered");
  }
  const missing = missingBits(net.code, union);
  const fewest = missing.reduce((least, bits) => Math.min(least, bits), Infinity);
  const called = [];
  for (let token = 0; token < missing.length; token++) {
    if (missing[token] === fewest) called.push(token);
  }
  return called;
}

/**
 * The tokens that the network calls, changed as the state says.
 *
 * @param {Network} net
 * @param {State} state
 */
export function actual(net, state) {
  const answer = forward(net, state.tokens, breakage(net, state));
  return { answer, called: calledTokens(answer) };
}

/**
 * Predicted and actual calls of one trial, token by token.
 *
 * @typedef {object} Tally
 * @property {number} trials
 * @property {number} exact trials in which exactly the predicted tokens were called
 * @property {number} both changes of call that were predicted and came
 * @property {number} onlyPredicted
 * @property {number} onlyActual
 */

/** @returns {Tally} */
export function emptyTally() {
  return { trials: 0, exact: 0, both: 0, onlyPredicted: 0, onlyActual: 0 };
}

/**
 * Count one trial: which calls change against the untouched network, as predicted and as it is.
 *
 * @param {Tally} tally
 * @param {Network} net
 * @param {State} state
 */
export function countTrial(tally, net, state) {
  const untouched = { ...state, forced: new Map(), swap: null };
  const expected = changed(predicted(net, untouched), predicted(net, state));
  const came = changed(actual(net, untouched).called, actual(net, state).called);
  const both = [...came].filter((token) => expected.has(token)).length;
  const same = new Set(predicted(net, state));
  const { called } = actual(net, state);
  tally.trials++;
  if (called.length === same.size && called.every((token) => same.has(token))) tally.exact++;
  tally.both += both;
  tally.onlyPredicted += expected.size - both;
  tally.onlyActual += came.size - both;
}

/**
 * @param {readonly number[]} before
 * @param {readonly number[]} after
 * @returns {Set<number>} what is in one and not in the other
 */
function changed(before, after) {
  return new Set([
    ...before.filter((token) => !after.includes(token)),
    ...after.filter((token) => !before.includes(token)),
  ]);
}
