import { bitsOf, strengthOf } from "./code.js";
import { word } from "./elements.js";
import { calledTokens, isCalled } from "./network.js";
import { joint, plain, several } from "./numbers.js";

/**
 * What came out, in words.
 *
 * @import { Answer, Network } from "./network.js"
 * @typedef {(Node | string)[]} Sentence
 *
 * @typedef {object} Outcome
 * @property {number[]} called
 * @property {number[]} strangers called tokens that were not put in, those fully covered first
 * @property {number[]} misses members that are not called
 * @property {number[]} spared covered tokens that were not put in and are not called
 */

/**
 * @param {Answer} answer
 * @returns {Outcome}
 */
export function readAnswer(answer) {
  const { ids, missing } = answer;
  const called = calledTokens(answer);
  const strangers = called.filter((token) => !ids.includes(token));
  strangers.sort((a, b) => Number(missing[a] > 0) - Number(missing[b] > 0));
  const misses = ids.filter((id) => !isCalled(answer, id));
  const spared = [];
  for (let token = 0; token < missing.length; token++) {
    if (missing[token] === 0 && !ids.includes(token) && !isCalled(answer, token))
      spared.push(token);
  }
  return { called, strangers, misses, spared };
}

/**
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @returns {Sentence}
 */
export function outcome(net, answer, labels) {
  const { ids } = answer;
  const { strangers, misses, spared } = readAnswer(answer);
  if (ids.length === 0) return nothingPutIn(net, answer);
  const missed = missing(labels, misses);
  if (strangers.length > MANY) {
    const many = `${several(strangers.length, "token")} that were never put in come out too`;
    const why = net.told.isFilter ? ": the union covers so much that it tells little apart" : "";
    return [`${many}${why}. `, ...missed];
  }
  if (strangers.length > 0) {
    return [...falsePositive(net, answer, labels, strangers), " ", ...missed];
  }
  if (misses.length > 0) return missed;
  if (spared.length > 0) return [...sparing(answer, labels, spared)];
  return [
    "Right: ",
    ...list(ids, labels),
    ` ${ids.length === 1 ? "comes" : "come"} out, and nothing else. `,
    closest(net, answer),
  ];
}

const MANY = 4;

/**
 * @param {readonly string[]} labels
 * @param {readonly number[]} misses
 * @returns {Sentence} empty without any
 */
function missing(labels, misses) {
  if (misses.length === 0) return [];
  const verb = misses.length === 1 ? "was" : "were";
  return [...list(misses, labels), ` ${verb} put in and scored too low to be called.`];
}

/**
 * @param {Network} net
 * @param {Answer} answer to the empty set
 * @returns {Sentence}
 */
function nothingPutIn(net, answer) {
  const on = answer.post.filter((value) => value > 0).length;
  const out = several(calledTokens(answer).length, "token");
  return [
    "Nothing is put in, so no unit is covered. By their biases alone ",
    `${on} of ${several(net.width, "unit")} ${on === 1 ? "is" : "are"} on, and ${out} come out. `,
    "Add a token.",
  ];
}

/**
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {number[]} strangers
 * @returns {Sentence}
 */
function falsePositive(net, answer, labels, strangers) {
  const token = strangers[0];
  const one = strangers.length === 1;
  if (!net.told.isFilter) return unexplained(answer, labels, strangers);
  const never = [...list(strangers, labels), ` ${one ? "was" : "were"} never put in. `];
  const start = [...never, "Here is why "];
  const whom = one ? ["it comes out: "] : [word(labels[token]), " comes out: "];
  const bits = bitsOf(net.code, token);
  const missing = answer.missing[token];
  if (bits.length === 0)
    return [...start, ...whom, "its hash has no bit, so nothing can rule it out."];
  if (missing === 0) {
    const all = bits.length === 1 ? "its only bit is" : `all ${bits.length} of its bits are`;
    return [...start, ...whom, `${all} already covered. `, ...coverage(net, answer, labels, token)];
  }
  return [
    ...never,
    one ? "It" : word(labels[token]),
    ` comes out although ${missing} of its ${several(bits.length, "bit")} `,
    `${missing === 1 ? "is" : "are"} not covered. Here the network does not follow its hash.`,
  ];
}

/**
 * Of a network that is no Bloom filter: what came out, and what its hash says, but no cause.
 *
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {number[]} strangers
 * @returns {Sentence}
 */
function unexplained(answer, labels, strangers) {
  const came = strangers.length === 1 ? " was never put in and comes" : " were never put in and come";
  const covered = strangers.filter((token) => answer.missing[token] === 0).length;
  const whom = strangers.length === 1 ? "it" : covered ? `${covered} of them` : "any of them";
  const would = covered ? "would call" : "would not call";
  return [
    ...list(strangers, labels),
    `${came} out. A Bloom filter of its hashes ${would} ${whom}, but this network is none.`,
  ];
}

/**
 * "kiwi covers 4, plum 3 more and fig the last 2." Full bits that only two half bits together
 * cover come last.
 *
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {number} token
 * @returns {Sentence}
 */
function coverage(net, answer, labels, token) {
  let left = bitsOf(net.code, token);
  /** @type {{id: number, covers: number}[]} */
  const shares = [];
  const alone = (/** @type {number} */ id, /** @type {number} */ bit) =>
    strengthOf(net.code, id, bit) >= strengthOf(net.code, token, bit);
  while (left.length > 0) {
    const gains = answer.ids.map((id) => left.filter((bit) => alone(id, bit)).length);
    const covers = Math.max(...gains);
    if (covers === 0) break;
    const id = answer.ids[gains.indexOf(covers)];
    shares.push({ id, covers });
    left = left.filter((bit) => !alone(id, bit));
  }
  const together = left.length;
  if (shares.length === 0) return ["In each unit two half bits together cover it."];
  if (shares.length === 1 && together === 0) return [word(labels[shares[0].id]), " alone covers them."];
  return [
    ...shares.flatMap(({ id, covers }, place) => {
      const last = place === shares.length - 1;
      const share =
        place === 0
          ? ` covers ${covers}`
          : last && together === 0
            ? ` the last ${covers === 1 ? "one" : covers}`
            : ` ${covers} more`;
      return [joint(place, shares.length), word(labels[id]), share];
    }),
    together > 0 ? `; two half bits together cover the last ${together === 1 ? "one" : together}.` : ".",
  ];
}

/**
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {number[]} spared
 * @returns {Sentence}
 */
function sparing(answer, labels, spared) {
  const lowest = Math.min(...answer.ids.map((id) => answer.logits[id]));
  const gap = plain(lowest - answer.logits[spared[0]]);
  return [
    "The network does better than its hash: all bits of ",
    ...list(spared.slice(0, MANY), labels),
    spared.length > MANY ? ` and of ${spared.length - MANY} more` : "",
    " are covered, yet the network scores ",
    spared.length === 1 ? "it" : word(labels[spared[0]]),
    ` ${gap} below the members.`,
  ];
}

/**
 * @param {Network} net
 * @param {Answer} answer
 */
function closest(net, answer) {
  let least = Infinity;
  for (let token = 0; token < answer.missing.length; token++) {
    if (!answer.ids.includes(token)) least = Math.min(least, answer.missing[token]);
  }
  if (least === Infinity) return "There is no other token.";
  const cover = net.code.levels > 1 ? "the set does not cover" : "nothing covers";
  return `Every other token has at least ${several(least, "bit")} that ${cover}.`;
}

/**
 * @param {readonly number[]} ids
 * @param {readonly string[]} labels
 * @returns {Sentence}
 */
export function list(ids, labels) {
  return ids.flatMap((id, place) => [joint(place, ids.length), word(labels[id])]);
}
