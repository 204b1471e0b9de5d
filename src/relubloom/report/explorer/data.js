/**
 * What Python wrote into the page: one JSON block and blocks of base64 bytes.
 *
 * @typedef {object} Certificate
 * @property {number} sets
 * @property {string} method
 * @property {number | null} exact_sets
 * @property {[number, number]} exact_sets_bounds
 * @property {{lower: number, upper: number}} mse
 * @property {{total: number | null, mean: {lower: number, upper: number}}} false_positives
 * @property {number} [set_size]
 *
 * @typedef {object} NetworkData
 * @property {string} key
 * @property {string} about
 * @property {string} bits name of the block of its code
 * @property {number} levels the largest strength of its code's bits
 * @property {number | null} sharpness of a filter; null where weights are sent
 * @property {number[] | null} leaks level of a unit in each state, of a graded filter
 * @property {"float32" | "float16" | null} precision
 * @property {number | null} largestError of a probability, by rounding the weights
 * @property {number | null} errorSets on how many sets that was measured
 * @property {string[]} python
 * @property {Certificate | null} certificate
 * @property {boolean} isFilter whether its hash may be called the reason for what it answers
 * @property {number[]} reversed units that a bit turns on
 *
 * @typedef {object} FilmData
 * @property {number[]} steps
 * @property {([number, string] | null)[]} losses
 * @property {number} tokens
 * @property {number} units
 * @property {number} limit
 *
 * @typedef {object} PageData
 * @property {number} vocabSize
 * @property {number} width
 * @property {number | [number, number] | null} setSize
 * @property {number} usualSize
 * @property {string[]} labels
 * @property {NetworkData[]} networks
 * @property {number[] | null} opening
 * @property {FilmData | null} film
 * @property {boolean} lesson whether the page is the short form for a lesson
 */

/** @returns {PageData | null} null where the page holds no explorer's data */
export function readData() {
  const block = document.getElementById("explorer-data");
  return block === null ? null : JSON.parse(block.textContent ?? "");
}

/**
 * @param {string} name of a block, without its prefix
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function readBytes(name) {
  const block = document.getElementById(`explorer-bytes-${name}`);
  if (block === null) throw new Error(`the page has no block ${name}`);
  const text = atob(block.textContent ?? "");
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes little-endian
 * @param {"float32" | "float16"} precision
 * @returns {Float32Array}
 */
export function toFloats(bytes, precision) {
  if (precision === "float32") return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  const table = halfTable();
  return Float32Array.from(halves, (half) => table[half]);
}

/** @returns {Float32Array} the value of each of the 65,536 half-precision patterns */
function halfTable() {
  return Float32Array.from({ length: 1 << 16 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
