/**
 * A code: the hashes of all tokens as packed bits, and the (graded) Bloom filter they make.
 *
 * Each strength has a layer of its own, a row of places for "the state is at least this", and a bit
 * asks for one place in the layer of its strength. The union of a set are the places that it
 * reaches: a unit is in the state of the bit that one member has there, in the largest if two or
 * more have one. With one strength this is the union of hashes of a Bloom filter.
 *
 * @typedef {object} Code
 * @property {number} vocabSize
 * @property {number} width
 * @property {number} levels the largest strength; with two, 1 is a half bit and 2 a full bit
 * @property {number} words 32-bit words in a hash, those of the weakest layer first
 * @property {Uint32Array} hashes [vocabSize * words]; in a layer bit i is in word i >> 5
 * @property {Uint32Array} reach the same of the places that a token alone reaches
 */

/**
 * @param {Uint8Array<ArrayBuffer>} bytes the hashes, each layer in whole little-endian words
 * @param {number} vocabSize
 * @param {number} width
 * @param {number} levels
 * @returns {Code}
 */
export function makeCode(bytes, vocabSize, width, levels) {
  const [hashes, perLayer] = [new Uint32Array(bytes.buffer), Math.ceil(width / 32)];
  const words = levels * perLayer;
  const reach = hashes.slice();
  for (let at = reach.length - 1; at >= 0; at--) {
    if (at % words < words - perLayer) reach[at] |= reach[at + perLayer];
  }
  return { vocabSize, width, levels, words, hashes, reach };
}

/**
 * @param {Code} code
 * @param {number} token
 * @param {number} unit
 * @returns {number} 0 for no bit, up to code.levels
 */
export function strengthOf(code, token, unit) {
  return layersWith(code, code.reach, token * code.words, unit);
}

/**
 * @param {Code} code
 * @param {number} token
 * @param {number} unit
 */
export function hasBit(code, token, unit) {
  return ((code.reach[token * code.words + (unit >> 5)] >>> (unit & 31)) & 1) === 1;
}

/**
 * @param {Code} code
 * @param {Uint32Array} union packed places
 * @param {number} unit
 * @returns {number} 0 for untouched, code.levels for covered, a state between for covered half
 */
export function stateOf(code, union, unit) {
  return layersWith(code, union, 0, unit);
}

/**
 * @param {Code} code
 * @param {Uint32Array} places
 * @param {number} from where the words of one union, or of one token, start
 * @param {number} unit
 * @returns {number} in how many layers the unit's place is there
 */
function layersWith({ words, levels }, places, from, unit) {
  let found = 0;
  for (let at = unit >> 5; at < words; at += words / levels) {
    found += (places[from + at] >>> (unit & 31)) & 1;
  }
  return found;
}

/**
 * What a state or a strength between none and the largest is called.
 *
 * @param {Code} code
 */
export function partly(code) {
  return code.levels === 2 ? "half" : "in part";
}

/**
 * @param {Code} code
 * @param {Uint32Array} union packed places
 * @param {number} token
 * @param {number} unit
 * @returns {boolean} whether the unit is in a state of at least the token's strength there
 */
export function isMet(code, union, token, unit) {
  return stateOf(code, union, unit) >= strengthOf(code, token, unit);
}

/**
 * Put a unit into the state of one that is covered, or untouched.
 *
 * @param {Code} code
 * @param {Uint32Array} union packed places
 * @param {number} unit
 * @param {boolean} covered
 */
export function setState(code, union, unit, covered) {
  const perLayer = code.words / code.levels;
  for (let at = unit >> 5; at < code.words; at += perLayer) {
    if (covered) union[at] |= 1 << (unit & 31);
    else union[at] &= ~(1 << (unit & 31));
  }
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
 * @returns {Uint32Array} the places that they reach, packed
 */
export function unionOf(code, ids) {
  const { words, reach } = code;
  const perLayer = words / code.levels;
  const union = new Uint32Array(words);
  const several = new Uint32Array(perLayer); // units in which two or more have a bit
  for (const id of ids) {
    const at = id * words;
    for (let word = 0; word < perLayer; word++) several[word] |= union[word] & reach[at + word];
    for (let word = 0; word < words; word++) union[word] |= reach[at + word];
  }
  for (let word = 0; word < words; word++) union[word] |= several[word % perLayer];
  return union;
}

/**
 * @param {Code} code
 * @param {Uint32Array} union
 * @returns {{covered: number, partly: number}} units in the largest state, and between
 */
export function sizeOf(code, union) {
  const perLayer = code.words / code.levels;
  let [touched, covered] = [0, 0];
  for (let word = 0; word < perLayer; word++) {
    touched += popcount(union[word]);
    covered += popcount(union[code.words - perLayer + word]);
  }
  return { covered, partly: touched - covered };
}

/**
 * @param {Code} code
 * @param {Uint32Array} union
 * @returns {Int32Array} for each token the number of its bits that ask for more than the union
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
