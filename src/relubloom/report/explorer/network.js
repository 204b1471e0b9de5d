import { hasBit, makeCode, missingBits, stateOf, strengthOf, unionOf } from "./code.js";
import { readBytes, toFloats } from "./data.js";

/**
 * Networks, and their forward pass in float64 arithmetic on the stored weights.
 *
 * @import { Code } from "./code.js"
 * @import { NetworkData, PageData } from "./data.js"
 *
 * @typedef {object} Network
 * @property {string} key
 * @property {NetworkData} told
 * @property {Code} code
 * @property {ReadonlySet<number>} reversed units that a bit turns on instead of off
 * @property {number} vocabSize
 * @property {number} width
 * @property {(token: number, unit: number) => number} weightIn
 * @property {(unit: number) => number} biasIn
 * @property {(unit: number, token: number) => number} weightOut
 * @property {(token: number) => number} biasOut
 * @property {(post: Float64Array) => Float64Array} read the logits of given activations
 * @property {Weights | null} weights null for a filter
 * @property {number} sharpness of a filter; 0 where there are weights
 *
 * @typedef {object} Weights
 * @property {Float32Array} W_in [vocab * width]
 * @property {Float32Array} b_in
 * @property {Float32Array} W_out [width * vocab]
 * @property {Float32Array} b_out
 *
 * What is changed in a forward pass: units set to a value, and two tokens whose rows of W_in
 * change places.
 * @typedef {object} Change
 * @property {Map<number, number>} force
 * @property {readonly [number, number] | null} swap
 *
 * @typedef {object} Answer
 * @property {readonly number[]} ids
 * @property {Float64Array} pre
 * @property {Float64Array} post
 * @property {Float64Array} logits
 * @property {Float64Array} probabilities
 * @property {number} top the largest logit
 * @property {number} mass the sum of exp(logit - top)
 * @property {Uint32Array} union the places that the members reach, packed
 * @property {Int32Array} missing for each token its bits that ask for more
 */

const CALL_MARGIN = Math.LN2;

/**
 * @param {NetworkData} told
 * @param {PageData} data
 * @returns {Network}
 */
export function makeNetwork(told, data) {
  const { vocabSize, width } = data;
  const code = makeCode(readBytes(`bits-${told.bits}`), vocabSize, width, told.levels);
  const reversed = new Set(told.reversed);
  const base = { key: told.key, told, code, reversed, vocabSize, width };
  if (told.precision === null) {
    const sharpness = told.sharpness ?? 1;
    if (told.leaks === null) return { ...base, ...filter(code, sharpness) };
    return { ...base, ...weighted(gradedWeights(code, sharpness, told.leaks), vocabSize, width) };
  }
  const values = toFloats(readBytes(`weights-${told.key}`), told.precision);
  const ends = [vocabSize * width, width, width * vocabSize, vocabSize];
  let at = 0;
  const [W_in, b_in, W_out, b_out] = ends.map((length) => values.subarray(at, (at += length)));
  return { ...base, ...weighted({ W_in, b_in, W_out, b_out }, vocabSize, width) };
}

/**
 * @param {Weights} weights
 * @param {number} vocabSize
 * @param {number} width
 */
function weighted(weights, vocabSize, width) {
  const { W_in, b_in, W_out, b_out } = weights;
  return {
    weights,
    sharpness: 0,
    weightIn: (/** @type {number} */ token, /** @type {number} */ unit) =>
      W_in[token * width + unit],
    biasIn: (/** @type {number} */ unit) => b_in[unit],
    weightOut: (/** @type {number} */ unit, /** @type {number} */ token) =>
      W_out[unit * vocabSize + token],
    biasOut: (/** @type {number} */ token) => b_out[token],
    read: (/** @type {Float64Array} */ post) => {
      const logits = Float64Array.from(b_out);
      for (let unit = 0; unit < width; unit++) {
        const value = post[unit];
        if (value === 0) continue;
        const row = W_out.subarray(unit * vocabSize, (unit + 1) * vocabSize);
        for (let token = 0; token < vocabSize; token++) logits[token] += value * row[token];
      }
      return logits;
    },
  };
}

/**
 * The exact network of a code: W_in is -1 at its bits, b_in 1, W_out -sharpness at its bits.
 *
 * @param {Code} code
 * @param {number} exactSharpness
 */
function filter(code, exactSharpness) {
  const sharpness = Math.fround(exactSharpness); // as float32 weights hold it
  return {
    weights: null,
    sharpness,
    weightIn: (/** @type {number} */ token, /** @type {number} */ unit) =>
      hasBit(code, token, unit) ? -1 : 0,
    biasIn: () => 1,
    weightOut: (/** @type {number} */ unit, /** @type {number} */ token) =>
      hasBit(code, token, unit) ? -sharpness : 0,
    biasOut: () => 0,
    read: (/** @type {Float64Array} */ post) => {
      const logits = new Float64Array(code.vocabSize);
      for (let unit = 0; unit < code.width; unit++) {
        const loss = sharpness * post[unit];
        if (loss === 0) continue;
        for (let token = 0, at = unit >> 5; token < code.vocabSize; token++, at += code.words) {
          if ((code.hashes[at] >>> (unit & 31)) & 1) logits[token] -= loss;
        }
      }
      return logits;
    },
  };
}

/**
 * The exact network of a graded code. A bit of strength s leaves of its unit's level `leaks[s]`, and
 * an untouched unit takes `sharpness` off for a bit of strength 1, and the more the less leaks.
 *
 * @param {Code} code
 * @param {number} sharpness
 * @param {readonly number[]} leaks level of a unit in each state, from 1 down to 0
 * @returns {Weights}
 */
function gradedWeights(code, sharpness, leaks) {
  const { vocabSize, width } = code;
  const W_in = new Float32Array(vocabSize * width);
  const W_out = new Float32Array(width * vocabSize);
  for (let token = 0; token < vocabSize; token++) {
    for (let unit = 0; unit < width; unit++) {
      const strength = strengthOf(code, token, unit);
      if (strength === 0) continue;
      W_in[token * width + unit] = leaks[strength] - 1;
      W_out[unit * vocabSize + token] = -sharpness / leaks[strength - 1];
    }
  }
  return { W_in, b_in: new Float32Array(width).fill(1), W_out, b_out: new Float32Array(vocabSize) };
}

/**
 * @param {Network} net
 * @param {readonly number[]} ids
 * @param {Change | null} [change]
 * @returns {{pre: Float64Array, post: Float64Array}}
 */
export function hidden(net, ids, change = null) {
  const pre = Float64Array.from({ length: net.width }, (_, unit) => net.biasIn(unit));
  for (const id of ids) {
    const row = change === null ? id : swapped(id, change.swap);
    for (let unit = 0; unit < net.width; unit++) pre[unit] += net.weightIn(row, unit);
  }
  const post = pre.map((value) => Math.max(0, value));
  if (change !== null) for (const [unit, value] of change.force) post[unit] = value;
  return { pre, post };
}

/**
 * @param {Network} net
 * @param {readonly number[]} ids
 * @param {Change | null} [change]
 * @returns {Answer}
 */
export function forward(net, ids, change = null) {
  const { pre, post } = hidden(net, ids, change);
  const logits = net.read(post);
  const top = logits.reduce((best, logit) => Math.max(best, logit), -Infinity);
  const probabilities = logits.map((logit) => Math.exp(logit - top));
  const mass = probabilities.reduce((sum, value) => sum + value, 0);
  for (let token = 0; token < probabilities.length; token++) probabilities[token] /= mass;
  const union = unionOf(net.code, ids);
  const missing = missingBits(net.code, union);
  return { ids, pre, post, logits, probabilities, top, mass, union, missing };
}

/**
 * @param {number} id
 * @param {readonly [number, number] | null} swap
 */
export function swapped(id, swap) {
  if (swap === null) return id;
  return id === swap[0] ? swap[1] : id === swap[1] ? swap[0] : id;
}

/**
 * @param {Network} net
 * @param {Answer} answer
 * @returns {number[]} units that are on because they are covered only half
 */
export function leaking({ code }, { post, union }) {
  const units = Array.from(post.keys());
  return units.filter((unit) => {
    const state = stateOf(code, union, unit);
    return post[unit] > 0 && state > 0 && state < code.levels;
  });
}

/**
 * Whether a token is called: p at least half of the largest.
 *
 * @param {Answer} answer
 * @param {number} token
 */
export function isCalled(answer, token) {
  return answer.logits[token] >= answer.top - CALL_MARGIN;
}

/**
 * @param {Answer} answer
 * @returns {number[]} all called tokens, the likeliest first
 */
export function calledTokens(answer) {
  const called = [];
  for (let token = 0; token < answer.logits.length; token++) {
    if (isCalled(answer, token)) called.push(token);
  }
  return called.sort((a, b) => answer.logits[b] - answer.logits[a] || a - b);
}

/**
 * @param {Answer} answer
 * @param {number} count
 * @returns {number[]} the likeliest tokens, members first among equals
 */
export function likeliest(answer, count) {
  const { logits, ids } = answer;
  const before = (/** @type {number} */ a, /** @type {number} */ b) =>
    logits[b] - logits[a] || Number(ids.includes(b)) - Number(ids.includes(a)) || a - b;
  /** @type {number[]} */
  const best = [];
  for (let token = 0; token < logits.length; token++) {
    if (best.length === count && before(token, best[count - 1]) > 0) continue;
    let place = best.length;
    while (place > 0 && before(token, best[place - 1]) < 0) place--;
    best.splice(place, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}

/**
 * Units sorted so that the bits of the first token come first, full ones before half ones, then
 * those of the second, ...
 *
 * @param {Code} code
 * @param {readonly number[]} ids
 * @returns {number[]}
 */
export function unitOrder(code, ids) {
  const units = Array.from({ length: code.width }, (_, unit) => unit);
  const rows = ids.map((id) => units.map((unit) => strengthOf(code, id, unit)));
  return units.sort((a, b) => {
    for (const strengths of rows) {
      const difference = strengths[b] - strengths[a];
      if (difference !== 0) return difference;
    }
    return a - b;
  });
}
