/**
 * A code: the hashes of all tokens as packed bits, and the Bloom filter they make.
 *
 * @typedef {object} Code
 * @property {number} vocabSize
 * @property {number} width
 * @property {number} words 32-bit words in a hash
 * @property {Uint32Array} hashes [vocabSize * words], bit i in word i >> 5
 */

/**
 * @param {Uint8Array<ArrayBuffer>} bytes the hashes, each in whole little-endian words
 * @param {number} vocabSize
 * @param {number} width
 * @returns {Code}
 */
export function makeCode(bytes, vocabSize, width) {
  return { vocabSize, width, words: Math.ceil(width / 32), hashes: new Uint32Array(bytes.buffer) };
}

/**
 * @param {Code} code
 * @param {number} token
 * @param {number} unit
 */
export function hasBit(code, token, unit) {
  return ((code.hashes[token * code.words + (unit >> 5)] >>> (unit & 31)) & 1) === 1;
}

/**
 * @param {Uint32Array} union packed bits
 * @param {number} unit
 */
export function inUnion(union, unit) {
  return ((union[unit >> 5] >>> (unit & 31)) & 1) === 1;
}

/**
 * @param {Code} code
 * @param {number} token
 * @returns {number[]} its units, ascending
 */
export function bitsOf(code, token) {
  const bits = [];
  for (let unit = 0; unit < code.width; unit++) if (hasBit(code, token, unit)) bits.push(unit);
  return bits;
}

/**
 * @param {Code} code
 * @param {readonly number[]} ids
 * @returns {Uint32Array} the union of their hashes, packed
 */
export function unionOf(code, ids) {
  const union = new Uint32Array(code.words);
  for (const id of ids) {
    for (let word = 0; word < code.words; word++)
      union[word] |= code.hashes[id * code.words + word];
  }
  return union;
}

/** @param {Uint32Array} union */
export function sizeOf(union) {
  let size = 0;
  for (const word of union) size += popcount(word);
  return size;
}

/**
 * @param {Code} code
 * @param {Uint32Array} union
 * @returns {Int32Array} for each token the number of its bits outside the union
 */
export function missingBits(code, union) {
  const { vocabSize, words, hashes } = code;
  const missing = new Int32Array(vocabSize);
  for (let token = 0, at = 0; token < vocabSize; token++) {
    let count = 0;
    for (let word = 0; word < words; word++, at++) count += popcount(hashes[at] & ~union[word]);
    missing[token] = count;
  }
  return missing;
}

/**
 * @param {Code} code
 * @param {Uint32Array} union
 * @param {readonly number[]} ids
 * @returns {number} the first covered token from `from` on that is not among the ids, or -1
 * @param {number} from where to start; the search wraps around
 */
export function coveredStranger(code, union, ids, from) {
  const { vocabSize, words, hashes } = code;
  for (let step = 0; step < vocabSize; step++) {
    const token = (from + step) % vocabSize;
    let word = 0;
    while (word < words && (hashes[token * words + word] & ~union[word]) === 0) word++;
    if (word === words && !ids.includes(token)) return token;
  }
  return -1;
}

/** @param {number} word */
export function popcount(word) {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return (((x + (x >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
