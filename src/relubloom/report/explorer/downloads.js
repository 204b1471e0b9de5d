import { stateOf } from "./code.js";
import { isCalled, likeliest } from "./network.js";

/**
 * Files and text for readers to keep.
 *
 * @import { Answer, Network } from "./network.js"
 */

const TOKENS = 20;

/**
 * The answer on screen as JSON values.
 *
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 */
export function describe(net, answer, labels) {
  const units = Array.from({ length: net.width }, (_, unit) => unit);
  const { levels } = net.code;
  return {
    network: { key: net.key, about: net.told.about, vocab_size: net.vocabSize, width: net.width },
    set: answer.ids.map((id) => ({ id, token: labels[id] })),
    union: units.filter((unit) => stateOf(net.code, answer.union, unit) > 0),
    ...(levels > 1 ? { states: units.map((unit) => stateOf(net.code, answer.union, unit)) } : {}),
    pre: Array.from(answer.pre),
    post: Array.from(answer.post),
    top: likeliest(answer, TOKENS).map((id) => ({
      id,
      token: labels[id],
      probability: answer.probabilities[id],
      logit: answer.logits[id],
      member: answer.ids.includes(id),
      called: isCalled(answer, id),
      missing_bits: answer.missing[id],
    })),
  };
}

/**
 * @param {string} name
 * @param {unknown} value
 */
export function downloadJson(name, value) {
  const content = new Blob([`${JSON.stringify(value, null, 2)}\n`], { type: "application/json" });
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether the clipboard took it
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not every viewer lets a page write there; the text stands on the page
  }
}
