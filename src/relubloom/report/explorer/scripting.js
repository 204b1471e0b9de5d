import { forward } from "./network.js";

/**
 * `window.relubloomExplorer`: the page's networks for the console and for tests.
 *
 * @import { Explorer } from "./explorer.js"
 *
 * @typedef {object} Scripting
 * @property {readonly string[]} networks their keys
 * @property {readonly string[]} labels by id
 * @property {(ids: number[], network?: string, change?: ScriptedChange) => Plain} forward
 *
 * Units set to values, and two tokens whose rows of W_in change places.
 * @typedef {object} ScriptedChange
 * @property {Record<number, number>} [force]
 * @property {[number, number]} [swap]
 *
 * @typedef {{logits: number[], probabilities: number[], pre: number[], post: number[]}} Plain
 */

/** @param {Explorer} explorer */
export function offerToScripts(explorer) {
  const networks = explorer.data.networks.map(({ key }) => key);
  /** @type {Scripting} */
  const offered = {
    networks,
    labels: explorer.labels,
    forward: (ids, network = explorer.store.get().network, change = {}) => {
      if (!networks.includes(network))
        throw new RangeError(`the networks are ${networks.join(", ")}`);
      const bad = ids.find(
        (id) => !Number.isInteger(id) || id < 0 || id >= explorer.data.vocabSize,
      );
      if (bad !== undefined)
        throw new RangeError(`${bad} is no id from 0 to ${explorer.data.vocabSize - 1}`);
      const force = new Map(
        Object.entries(change.force ?? {}).map(([unit, value]) => [Number(unit), value]),
      );
      const answer = forward(explorer.network(network), ids, { force, swap: change.swap ?? null });
      const { logits, probabilities, pre, post } = answer;
      return {
        logits: Array.from(logits),
        probabilities: Array.from(probabilities),
        pre: Array.from(pre),
        post: Array.from(post),
      };
    },
  };
  Object.assign(window, { relubloomExplorer: offered });
}
