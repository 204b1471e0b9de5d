import { coveredStranger, hasBit, popcount, unionOf } from "./code.js";
import { forward, isCalled, squaredError } from "./network.js";
import { drawSet } from "./random.js";

/**
 * Looking for sets: with a false positive, or with a large error. Both work in slices, so that
 * the page answers in between.
 *
 * @import { Network } from "./network.js"
 *
 * @typedef {object} Found
 * @property {number[]} ids
 * @property {number} looked how many sets were looked at
 */

const SLICE = 30; // milliseconds of work before the page gets a turn
const SLICES = 16;

/**
 * A set with a token that its hashes cover and the network calls, though it was not put in.
 *
 * @param {Network} net
 * @param {number} size
 * @param {() => number} random
 * @returns {Promise<Found & {token: number} | null>} null where none was found in time
 */
export async function findFalsePositive(net, size, random) {
  let looked = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    const end = performance.now() + SLICE;
    while (performance.now() < end) {
      looked++;
      const ids =
        slice % 2 === 0
          ? drawSet(random, net.vocabSize, size)
          : coverOf(net, Math.floor(random() * net.vocabSize), size, random);
      const from = Math.floor(random() * net.vocabSize);
      const token = coveredStranger(net.code, unionOf(net.code, ids), ids, from);
      if (token < 0) continue;
      if (isCalled(forward(net, ids), token)) return { ids, token, looked };
    }
    await turn();
  }
  return null;
}

/**
 * Members chosen to cover a token's bits, greedily, with chance among equals.
 *
 * @param {Network} net
 * @param {number} token
 * @param {number} size
 * @param {() => number} random
 */
function coverOf(net, token, size, random) {
  const { vocabSize, words, hashes } = net.code;
  const left = hashes.slice(token * words, (token + 1) * words);
  /** @type {number[]} */
  const ids = [];
  while (ids.length < Math.min(size, vocabSize - 1)) {
    let best = -1;
    let most = -1;
    for (let other = 0; other < vocabSize; other++) {
      if (other === token || ids.includes(other)) continue;
      let covers = random();
      for (let word = 0; word < words; word++) {
        covers += popcount(hashes[other * words + word] & left[word]);
      }
      if (covers > most) [best, most] = [other, covers];
    }
    ids.push(best);
    for (let word = 0; word < words; word++) left[word] &= ~hashes[best * words + word];
  }
  return ids.sort((a, b) => a - b);
}

/**
 * A set of large squared error: climbs from several starts, changing one token at a time.
 *
 * @param {Network} net
 * @param {number} size
 * @param {() => number} random
 * @returns {Promise<Found & {error: number}>}
 */
export async function findWorstCase(net, size, random) {
  /** @type {Found & {error: number}} */
  const best = { ids: drawSet(random, net.vocabSize, size), looked: 0, error: -1 };
  const climb = makeClimb(net, size, random);
  for (let slice = 0; slice < SLICES; slice++) {
    const end = performance.now() + SLICE;
    while (performance.now() < end) {
      const { ids, error } = climb();
      best.looked++;
      if (error > best.error) Object.assign(best, { ids, error });
    }
    await turn();
  }
  return best;
}

/**
 * @param {Network} net
 * @param {number} size
 * @param {() => number} random
 * @returns {() => {ids: number[], error: number}} each call looks at one more set
 */
function makeClimb(net, size, random) {
  const patience = 40 * size; // changes without gain before a new start
  /** @type {number[]} */
  let ids = [];
  let height = -1;
  let idle = patience;
  return () => {
    const fresh = idle >= patience;
    const next = fresh ? drawSet(random, net.vocabSize, size) : neighbour(net, ids, random);
    const error = squaredError(forward(net, next));
    idle = fresh || error > height ? 0 : idle + 1;
    if (fresh || error >= height) [ids, height] = [next, error];
    return { ids: next, error };
  };
}

/**
 * The set with one token replaced: more often than not by one that shares bits with the rest.
 *
 * @param {Network} net
 * @param {readonly number[]} ids
 * @param {() => number} random
 */
function neighbour(net, ids, random) {
  const place = Math.floor(random() * ids.length);
  let token = Math.floor(random() * net.vocabSize);
  const unit = Math.floor(random() * net.width);
  for (let tries = 0; tries < 8 && !hasBit(net.code, token, unit); tries++) {
    token = Math.floor(random() * net.vocabSize);
  }
  if (ids.includes(token)) return [...ids];
  return ids.map((id, at) => (at === place ? token : id)).sort((a, b) => a - b);
}

/** @returns {Promise<void>} after the page had its turn */
export function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
