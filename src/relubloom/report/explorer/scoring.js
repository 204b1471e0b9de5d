import { makeKernel } from "./kernel.js";

/**
 * A network's inner loop on this page's own thread.
 *
 * @import { Kernel, KernelSpec } from "./kernel.js"
 * @import { Network } from "./network.js"
 */

/** @type {WeakMap<Network, Kernel>} */
const made = new WeakMap();

/** @param {Network} net */
export function kernelOf(net) {
  const kernel = made.get(net) ?? makeKernel(specOf(net));
  made.set(net, kernel);
  return kernel;
}

/**
 * @param {Network} net
 * @returns {KernelSpec} what a worker needs to do the same
 */
export function specOf(net) {
  const { vocabSize, width, weights, code, sharpness } = net;
  if (weights === null) {
    return { kind: "filter", vocabSize, words: code.words, hashes: code.hashes, sharpness };
  }
  return { kind: "weights", vocabSize, width, ...weights };
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
