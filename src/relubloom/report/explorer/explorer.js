import { seeded } from "./random.js";
import { forward, makeNetwork } from "./network.js";
import { makeStore } from "./state.js";

/**
 * What all parts of the explorer share: the data, the state, the networks and their answers.
 *
 * @import { PageData } from "./data.js"
 * @import { Answer, Network } from "./network.js"
 * @import { Store } from "./state.js"
 *
 * @typedef {object} Explorer
 * @property {PageData} data
 * @property {Store} store
 * @property {readonly string[]} labels
 * @property {() => number} random
 * @property {(key: string) => Network} network
 * @property {() => Network} current the network looked at
 * @property {(key?: string) => Answer} answer to the set on screen; by default of that network
 * @property {Map<string, Worst>} worst by network and set size, the worst set known
 *
 * @typedef {object} Worst
 * @property {number[]} ids
 * @property {number} error
 * @property {number} looked
 * @property {boolean} all whether these are all sets of the size
 */

export const NAMES = new Map([
  ["trained", "trained"],
  ["network", "this network"],
  ["extracted", "extracted"],
  ["constructed", "constructed"],
  ["random", "random"],
]);

/**
 * Whether some network of the page has bits of several strengths.
 *
 * @param {Explorer} explorer
 */
export function hasStrengths({ data }) {
  return data.networks.some(({ levels }) => levels > 1);
}

/**
 * @param {PageData} data
 * @returns {Explorer}
 */
export function makeExplorer(data) {
  const keys = data.networks.map((told) => told.key);
  const random = seeded(20);
  const start = {
    tokens: data.opening ?? Array.from({ length: data.usualSize }, (_, id) => id),
    network: keys[0],
    forced: new Map(),
    swap: null,
  };
  const limits = { vocabSize: data.vocabSize, width: data.width, networks: keys };
  const store = makeStore(start, limits);
  /** @type {Map<string, Network>} */
  const networks = new Map();
  const network = (/** @type {string} */ key) => {
    const told = data.networks.find((each) => each.key === key) ?? data.networks[0];
    const made = networks.get(told.key) ?? makeNetwork(told, data);
    networks.set(told.key, made);
    return made;
  };
  /** @type {Map<string, Answer>} */
  const answers = new Map();
  const answer = (/** @type {string} */ key = store.get().network) => {
    const { tokens } = store.get();
    const known = answers.get(key);
    if (known !== undefined && known.ids === tokens) return known;
    const found = forward(network(key), tokens);
    answers.set(key, found);
    return found;
  };
  const current = () => network(store.get().network);
  return { data, store, labels: data.labels, random, network, current, answer, worst: new Map() };
}
