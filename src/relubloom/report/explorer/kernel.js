/**
 * The inner loop of the re-check. `makeKernel` is sent to workers as text, so it uses nothing
 * from outside itself.
 *
 * @typedef {object} WeightsSpec
 * @property {"weights"} kind
 * @property {number} vocabSize
 * @property {number} width
 * @property {Float32Array} W_in
 * @property {Float32Array} b_in
 * @property {Float32Array} W_out
 * @property {Float32Array} b_out
 *
 * @typedef {object} FilterSpec
 * @property {"filter"} kind
 * @property {number} vocabSize
 * @property {number} words
 * @property {Uint32Array} hashes
 * @property {number} sharpness
 *
 * @typedef {WeightsSpec | FilterSpec} KernelSpec
 *
 * @typedef {object} Score what came of some sets
 * @property {number} sets
 * @property {number} exact every member strictly above every other token
 * @property {number} undecided margin under the rounding error
 * @property {number} lossFailures squared error above 1/(2k(k+1))
 * @property {number} falsePositives called tokens that were not put in
 * @property {number} error sum of squared errors
 * @property {{ids: number[], error: number}} worst
 * @property {{ids: number[], error: number}[]} failing the first sets that are not exact
 *
 * @typedef {object} Kernel
 * @property {(ids: Int32Array, size: number) => Score} score ids of one set after the other
 */

/**
 * Float64 arithmetic, as the certificate's: for weights about vocabSize * width / 2 multiplications
 * a set; for a filter whole words of bits at a time, where missing bits are counted exactly.
 *
 * @param {KernelSpec} spec
 * @returns {Kernel}
 */
export function makeKernel(spec) {
  const FAILING = 50;
  const CALL = Math.LN2;
  const ROUNDING = 2 ** -52; // relative error of one operation, twice over
  const STEPS = 128; // exp by a table: a value every 1/STEPS, and the Taylor series in between
  const REACH = 40; // exp(-REACH) is below the rounding error of a sum that holds a 1
  const table = Float64Array.from({ length: STEPS * REACH + 2 }, (_, at) => Math.exp(-at / STEPS));

  /** @returns {Score} */
  function empty() {
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
   * @param {Score} score
   * @param {Int32Array} ids
   * @param {number} from
   * @param {number} size
   * @param {number} error
   * @param {boolean} exact
   */
  function enter(score, ids, from, size, error, exact) {
    score.sets++;
    score.error += error;
    if (exact) score.exact++;
    else if (score.failing.length < FAILING) {
      score.failing.push({ ids: Array.from(ids.subarray(from, from + size)), error });
    }
    if (error > 1 / (2 * size * (size + 1))) score.lossFailures++;
    if (error > score.worst.error) {
      score.worst = { ids: Array.from(ids.subarray(from, from + size)), error };
    }
  }

  /** @param {FilterSpec} given */
  function filterKernel({ vocabSize, words, hashes, sharpness }) {
    const outside = new Int32Array(words);
    const most = 32 * words;
    const tokens = new Int32Array(most + 1); // by their number of missing bits
    const fall = Float64Array.from(tokens, (_, missing) => Math.exp(-sharpness * missing));
    const called = Math.min(most, Math.floor(CALL / sharpness)); // missing bits of a called token
    return (/** @type {Int32Array} */ ids, /** @type {number} */ size) => {
      const score = empty();
      for (let from = 0; from < ids.length; from += size) {
        outside.fill(-1);
        for (let j = from; j < from + size; j++) {
          for (let word = 0; word < words; word++) outside[word] &= ~hashes[ids[j] * words + word];
        }
        tokens.fill(0);
        for (let token = 0, at = 0; token < vocabSize; token++) {
          let missing = 0;
          for (let word = 0; word < words; word++, at++) {
            let x = hashes[at] & outside[word];
            x -= (x >>> 1) & 0x55555555;
            x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
            missing += (((x + (x >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
          }
          tokens[missing]++;
        }
        let [sum, squares] = [0, 0];
        for (let missing = 0; missing <= most; missing++) {
          sum += tokens[missing] * fall[missing];
          squares += tokens[missing] * fall[missing] * fall[missing];
          if (missing <= called) score.falsePositives += tokens[missing];
        }
        score.falsePositives -= size;
        const error = (squares / sum - 2) / sum + 1 / size;
        enter(score, ids, from, size, error, tokens[0] === size);
      }
      return score;
    };
  }

  /** @param {WeightsSpec} given */
  function weightsKernel(given) {
    const { vocabSize } = given;
    const logits = new Float64Array(vocabSize);
    const members = new Float64Array(vocabSize);
    const { fillLogits, lead } = makeFill(given, logits);

    /**
     * Sum of (p - target)^2, from the members' logits apart and all others in `logits`.
     *
     * @param {number} top the largest logit
     * @param {number} size
     */
    function errorOf(top, size) {
      let [sum, squares, mass] = [0, 0, 0];
      const floor = top - REACH;
      for (let t = 0; t < vocabSize; t++) {
        const logit = logits[t];
        if (logit <= floor) continue;
        const x = (top - logit) * STEPS;
        const step = x | 0;
        const r = (step - x) / STEPS;
        const e = table[step] * (1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24)))));
        sum += e;
        squares += e * e;
      }
      for (let j = 0; j < size; j++) {
        const e = Math.exp(members[j] - top);
        mass += e;
        squares += e * e;
      }
      sum += mass;
      return (squares / sum - (2 * mass) / size) / sum + 1 / size;
    }

    /**
     * The surest that can be said of a set with a near tie, by exact pairs of tokens.
     *
     * @param {Int32Array} set
     * @returns {boolean | null} whether each member leads every other token; null if undecided
     */
    function settle(set) {
      let sure = true;
      for (const member of set) {
        for (let t = 0; t < vocabSize; t++) {
          if (set.includes(t)) continue;
          const [ahead, error] = lead(member, t);
          if (ahead + error <= 0) return false;
          sure &&= ahead - error > 0;
        }
      }
      return sure || null;
    }

    return (/** @type {Int32Array} */ ids, /** @type {number} */ size) => {
      const score = empty();
      for (let from = 0; from < ids.length; from += size) {
        const rounding = fillLogits(ids, from, size);
        let low = Infinity;
        let high = -Infinity;
        for (let j = 0; j < size; j++) {
          const logit = logits[ids[from + j]];
          members[j] = logit;
          if (logit < low) low = logit;
          if (logit > high) high = logit;
          logits[ids[from + j]] = -Infinity;
        }
        let best = -Infinity;
        for (let t = 0; t < vocabSize; t++) best = logits[t] > best ? logits[t] : best;
        const top = best > high ? best : high;
        if (best >= top - CALL) {
          for (let t = 0; t < vocabSize; t++) if (logits[t] >= top - CALL) score.falsePositives++;
        }
        /** @type {boolean | null} */
        let exact = low > best;
        if (Math.abs(low - best) <= 2 * rounding) exact = settle(ids.subarray(from, from + size));
        if (exact === null) score.undecided++;
        enter(score, ids, from, size, errorOf(top, size), exact === true);
      }
      return score;
    };
  }

  /**
   * `fillLogits` computes the logits of a set and returns a bound of their rounding errors;
   * `lead` says how far one token is ahead of another, with a bound that is 0 where the two read
   * the hidden layer alike, so that exact ties are ties.
   *
   * @param {WeightsSpec} given
   * @param {Float64Array} logits where the logits of a set go
   */
  function makeFill({ vocabSize, width, W_in, b_in, W_out, b_out }, logits) {
    const bias = Float64Array.from(b_out);
    const rows = Array.from({ length: width }, (_, unit) =>
      Float64Array.from(W_out.subarray(unit * vocabSize, (unit + 1) * vocabSize)),
    );
    const largest = (/** @type {Float64Array} */ values) =>
      values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const [widest, furthest] = [Float64Array.from(rows, largest), largest(bias)];
    const level = new Float64Array(width);
    const doubt = new Float64Array(width); // bounds of what rounding does to a unit's level
    const post = new Float64Array(width + 8); // ends in zeros, so that eight always fit
    const on = new Int32Array(width + 8);

    /** @param {number} first place in `on` of four units to add */
    function addFour(first) {
      const [r0, r1] = [rows[on[first]], rows[on[first + 1]]];
      const [r2, r3] = [rows[on[first + 2]], rows[on[first + 3]]];
      const [h0, h1, h2, h3] = [post[first], post[first + 1], post[first + 2], post[first + 3]];
      for (let t = 0; t < vocabSize; t++) {
        logits[t] += h0 * r0[t] + h1 * r1[t] + h2 * r2[t] + h3 * r3[t];
      }
    }

    /**
     * Eight at a time: the logits are read and written once for all of them.
     *
     * @param {number} first
     */
    function addEight(first) {
      const [r0, r1] = [rows[on[first]], rows[on[first + 1]]];
      const [r2, r3] = [rows[on[first + 2]], rows[on[first + 3]]];
      const [r4, r5] = [rows[on[first + 4]], rows[on[first + 5]]];
      const [r6, r7] = [rows[on[first + 6]], rows[on[first + 7]]];
      const [h0, h1, h2, h3] = [post[first], post[first + 1], post[first + 2], post[first + 3]];
      const [h4, h5, h6, h7] = [post[first + 4], post[first + 5], post[first + 6], post[first + 7]];
      for (let t = 0; t < vocabSize; t++) {
        logits[t] +=
          h0 * r0[t] +
          h1 * r1[t] +
          h2 * r2[t] +
          h3 * r3[t] +
          (h4 * r4[t] + h5 * r5[t] + h6 * r6[t] + h7 * r7[t]);
      }
    }

    const fillLogits = (
      /** @type {Int32Array} */ ids,
      /** @type {number} */ from,
      /** @type {number} */ size,
    ) => {
      const steps = (width + size + 2) * ROUNDING;
      let [count, reach] = [0, 0];
      for (let unit = 0; unit < width; unit++) {
        let pre = b_in[unit];
        let lost = 0; // by rounding, found exactly: a sum of few float32 numbers seldom rounds
        for (let j = from; j < from + size; j++) {
          const term = W_in[ids[j] * width + unit];
          const sum = pre + term;
          const added = sum - pre;
          lost += Math.abs(pre - (sum - added) + (term - added));
          pre = sum;
        }
        level[unit] = Math.max(pre, 0);
        doubt[unit] = pre > -lost ? 2 * lost + level[unit] * steps : 0;
        reach += doubt[unit] * widest[unit];
        if (pre <= 0) continue;
        post[count] = pre;
        on[count++] = unit;
      }
      post.fill(0, count, count + 8);
      on.fill(0, count, count + 8);
      logits.set(bias);
      let first = 0;
      for (; first + 4 < count; first += 8) addEight(first);
      if (first < count) addFour(first);
      return reach > 0 ? reach + steps * furthest : 0;
    };
    /**
     * @param {number} token
     * @param {number} other
     * @returns {[number, number]} the difference of their logits, and a bound of its error
     */
    const lead = (token, other) => {
      let ahead = bias[token] - bias[other];
      let error = (width + 4) * ROUNDING * Math.abs(ahead);
      for (let unit = 0; unit < width; unit++) {
        const apart = rows[unit][token] - rows[unit][other];
        ahead += level[unit] * apart;
        error += doubt[unit] * Math.abs(apart);
      }
      return [ahead, error];
    };
    return { fillLogits, lead };
  }

  return { score: spec.kind === "filter" ? filterKernel(spec) : weightsKernel(spec) };
}
