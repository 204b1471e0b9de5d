/**
 * Numbers that look random and are the same for the same seed (mulberry32).
 *
 * @param {number} seed
 * @returns {() => number} uniform in [0, 1)
 */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @param {() => number} random
 * @param {number} vocabSize
 * @param {number} size at most vocabSize
 * @returns {number[]} distinct ids, ascending; all sets are equally likely
 */
export function drawSet(random, vocabSize, size) {
  /** @type {number[]} */
  const chosen = [];
  while (chosen.length < size) {
    let id = Math.floor(random() * (vocabSize - chosen.length));
    let place = 0;
    while (place < chosen.length && chosen[place] <= id) {
      id++;
      place++;
    }
    chosen.splice(place, 0, id);
  }
  return chosen;
}
