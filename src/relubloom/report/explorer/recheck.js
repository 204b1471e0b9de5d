import { makeKernel } from "./kernel.js";
import { drawSet, seeded } from "./random.js";
import { kernelOf, specOf, turn } from "./scoring.js";

/**
 * Scoring many sets: in workers where the browser lets a page have them, else in slices.
 *
 * @import { Kernel, KernelSpec, Score } from "./kernel.js"
 * @import { Network } from "./network.js"
 *
 * @typedef {object} Job
 * @property {Network} net
 * @property {number} size of the sets
 * @property {boolean} all whether all sets of the size, or drawn ones
 * @property {number} sets how many
 * @property {(score: Score) => void} progress
 * @property {() => boolean} cancelled
 */

export const FAILING = 50; // sets that are listed
const MOST_WORKERS = 8;
const BLOCK = 15; // milliseconds that a block of sets should take

/**
 * @param {number} n
 * @param {number} k
 * @returns {number} C(n, k), exact up to 2^53
 */
export function countSets(n, k) {
  let found = 1;
  for (let i = 1; i <= k; i++) found = (found * (n - k + i)) / i;
  return Math.round(found);
}

/**
 * Milliseconds a set on one processor of an idle laptop: a nanosecond for each multiplication or
 * word of bits, and ten for each token's exponential. Measured, it would say how busy the machine
 * is, and that the code is not compiled yet.
 *
 * @param {Network} net
 * @returns {number}
 */
export function timeOfSet(net) {
  const perToken = net.weights === null ? 6 * net.code.words : net.width / 2 + 10;
  return net.vocabSize * perToken * 1e-6;
}

/** @returns {number} how many workers a job gets */
export function workersAllowed() {
  return Math.max(1, Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 1));
}

/**
 * @param {Job} job
 * @param {number} perSet milliseconds a set
 * @returns {Promise<Score>} of what was scored when it ended or was cancelled
 */
export async function recheck(job, perSet) {
  const { net, size, sets } = job;
  const source = job.all ? combinations(net.vocabSize, size) : drawn(net.vocabSize, size, sets, 7);
  const length = Math.max(1, Math.min(8192, Math.round(BLOCK / perSet)));
  const next = () => block(source, length, size);
  const total = emptyScore();
  const enter = (/** @type {Score} */ score) => {
    merge(total, score);
    job.progress(total);
  };
  const workers = await startWorkers(specOf(net));
  if (workers.length === 0) await inSlices(kernelOf(net), next, size, enter, job.cancelled);
  else {
    await Promise.all(workers.map((worker) => feed(worker, next, size, enter, job.cancelled)));
    workers.forEach((worker) => worker.terminate());
  }
  return total;
}

/**
 * @param {KernelSpec} spec
 * @returns {Promise<Worker[]>} those that answered; none where the page may not have any
 */
async function startWorkers(spec) {
  const source = `const makeKernel = ${makeKernel};
let kernel;
onmessage = ({ data }) => {
  if (data.spec) kernel = makeKernel(data.spec);
  postMessage(data.spec ? "ready" : kernel.score(data.ids, data.size));
};`;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const asked = Array.from({ length: workersAllowed() }, () => startWorker(address, spec));
  const workers = (await Promise.all(asked)).flatMap((worker) => (worker === null ? [] : [worker]));
  URL.revokeObjectURL(address);
  return workers;
}

/**
 * @param {string} address
 * @param {KernelSpec} spec
 * @returns {Promise<Worker | null>}
 */
function startWorker(address, spec) {
  return new Promise((resolve) => {
    try {
      const worker = new Worker(address);
      worker.onmessage = () => resolve(worker);
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(null);
      };
      worker.postMessage({ spec });
    } catch {
      resolve(null);
    }
  });
}

/**
 * @param {Worker} worker
 * @param {() => Int32Array} next
 * @param {number} size
 * @param {(score: Score) => void} enter
 * @param {() => boolean} cancelled
 * @returns {Promise<void>}
 */
function feed(worker, next, size, enter, cancelled) {
  return new Promise((resolve) => {
    const send = () => {
      const ids = cancelled() ? new Int32Array(0) : next();
      if (ids.length === 0) resolve();
      else worker.postMessage({ ids, size }, [ids.buffer]);
    };
    worker.onmessage = ({ data }) => {
      enter(data);
      send();
    };
    send();
  });
}

/**
 * @param {Kernel} kernel
 * @param {() => Int32Array} next
 * @param {number} size
 * @param {(score: Score) => void} enter
 * @param {() => boolean} cancelled
 */
async function inSlices(kernel, next, size, enter, cancelled) {
  for (let ids = next(); ids.length > 0 && !cancelled(); ids = next()) {
    enter(kernel.score(ids, size));
    await turn();
  }
}

/**
 * @param {Generator<readonly number[]>} source
 * @param {number} length
 * @param {number} size
 * @returns {Int32Array} the ids of up to so many next sets, one set after the other
 */
function block(source, length, size) {
  const ids = new Int32Array(length * size);
  let at = 0;
  while (at < ids.length) {
    const { done, value } = source.next();
    if (done) break;
    for (const id of value) ids[at++] = id;
  }
  return ids.slice(0, at);
}

/**
 * All sets in lexicographic order.
 *
 * @param {number} vocabSize
 * @param {number} size
 * @returns {Generator<readonly number[]>}
 */
export function* combinations(vocabSize, size) {
  const ids = Array.from({ length: size }, (_, place) => place);
  if (size === 0 || size > vocabSize) return;
  for (;;) {
    yield ids;
    let place = size - 1;
    while (place >= 0 && ids[place] === vocabSize - size + place) place--;
    if (place < 0) return;
    ids[place]++;
    for (let after = place + 1; after < size; after++) ids[after] = ids[after - 1] + 1;
  }
}

/**
 * @param {number} vocabSize
 * @param {number} size
 * @param {number} sets
 * @param {number} seed
 * @returns {Generator<readonly number[]>}
 */
function* drawn(vocabSize, size, sets, seed) {
  const random = seeded(seed);
  for (let set = 0; set < sets; set++) yield drawSet(random, vocabSize, size);
}

/** @returns {Score} */
function emptyScore() {
  const worst = { ids: [], error: -1 };
  return {
    sets: 0,
    exact: 0,
    undecided: 0,
    lossFailures: 0,
    falsePositives: 0,
    error: 0,
    worst,
    failing: [],
  };
}

/**
 * @param {Score} total
 * @param {Score} score
 */
function merge(total, score) {
  total.sets += score.sets;
  total.exact += score.exact;
  total.undecided += score.undecided;
  total.lossFailures += score.lossFailures;
  total.falsePositives += score.falsePositives;
  total.error += score.error;
  if (score.worst.error > total.worst.error) total.worst = score.worst;
  const both = [...total.failing, ...score.failing];
  both.sort((a, b) => firstDifference(a.ids, b.ids));
  total.failing = both.slice(0, FAILING);
}

/**
 * @param {readonly number[]} a
 * @param {readonly number[]} b
 */
function firstDifference(a, b) {
  const at = a.findIndex((id, place) => id !== b[place]);
  return at < 0 ? 0 : a[at] - b[at];
}
