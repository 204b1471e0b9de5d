import { coveredStranger, hasBit, popcount, unionOf } from "./code.js";
import { forward, isCalled } from "./network.js";
import { drawSet } from "./random.js";
import { kernelOf, turn } from "./scoring.js";

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
const STARTS = 16; // sets drawn for a start, of which the worst is taken
const NEIGHBOURS = 120; // sets tried around one before it counts as a summit

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
 * Members chosen to cover a token's bits, greedily; of equals the first from a random place on.
 *
 * @param {Network} net
 * @param {number} token
 * @param {number} size
 * @param {() => number} random
 */
function coverOf(net, token, size, random) {
  const { vocabSize, words, hashes, reach } = net.code;
  const left = hashes.slice(token * words, (token + 1) * words);
  /** @type {number[]} */
  const ids = [];
  while (ids.length < Math.min(size, vocabSize - 1)) {
    let best = -1;
    let most = -1;
    const first = Math.floor(random() * vocabSize);
    for (let step = 0; step < vocabSize; step++) {
      const other = first + step < vocabSize ? first + step : first + step - vocabSize;
      if (other === token || ids.includes(other)) continue;
      let covers = 0;
      for (let word = 0; word < words; word++) {
        covers += popcount(reach[other * words + word] & left[word]);
      }
      if (covers > most) [best, most] = [other, covers];
    }
    ids.push(best);
    for (let word = 0; word < words; word++) left[word] &= ~reach[best * words + word];
  }
  return ids.sort((a, b) => a - b);
}

/**
 * A set of large squared error: climbs from several starts, always to the best of some sets that
 * differ in one token.
 *
 * @param {Network} net
 * @param {number} size
 * @param {() => number} random
 * @returns {Promise<Found & {error: number}>}
 */
export async function findWorstCase(net, size, random) {
  const { score } = kernelOf(net);
  const best = { ids: drawSet(random, net.vocabSize, size), looked: 0, error: -1 };
  let height = -1;
  let ids = best.ids;
  for (let slice = 0; slice < SLICES; slice++) {
    const end = performance.now() + SLICE;
    while (performance.now() < end) {
      const tried = height < 0 ? draws(net, size, random) : neighbours(net, ids, random);
      const { worst, sets } = score(Int32Array.from(tried.flat()), size);
      best.looked += sets;
      if (worst.error > best.error) Object.assign(best, worst);
      const higher = worst.error > height;
      [ids, height] = higher ? [worst.ids, worst.error] : [ids, -1];
    }
    await turn();
  }
  return best;
}

/**
 * @param {Network} net
 * @param {number} size
 * @param {() => number} random
 */
function draws(net, size, random) {
  return Array.from({ length: STARTS }, () => drawSet(random, net.vocabSize, size));
}

/**
 * Sets with one token replaced, at times by one that has some chosen bit.
 *
 * @param {Network} net
 * @param {readonly number[]} ids
 * @param {() => number} random
 * @returns {number[][]}
 */
function neighbours(net, ids, random) {
  return Array.from({ length: NEIGHBOURS }, () => {
    const place = Math.floor(random() * ids.length);
    const unit = Math.floor(random() * net.width);
    let token = Math.floor(random() * net.vocabSize);
    for (let tries = 0; tries < 4 && !hasBit(net.code, token, unit); tries++) {
      token = Math.floor(random() * net.vocabSize);
    }
    if (ids.includes(token)) return [...ids];
    return ids.map((id, at) => (at === place ? token : id)).sort((a, b) => a - b);
  });
}
