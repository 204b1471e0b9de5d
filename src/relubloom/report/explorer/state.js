/**
 * What is on screen, and the URL fragment that says so.
 *
 * @typedef {"covered" | "open"} Forced
 *
 * @typedef {object} State
 * @property {readonly number[]} tokens what is put in
 * @property {string} network key of the network looked at
 * @property {ReadonlyMap<number, Forced>} forced units that "break it" sets
 * @property {readonly [number, number] | null} swap tokens whose hashes change places
 *
 * @typedef {object} Limits
 * @property {number} vocabSize
 * @property {number} width
 * @property {readonly string[]} networks
 *
 * @typedef {object} Store
 * @property {() => State} get
 * @property {(patch: Partial<State>) => void} set changes the state, the URL and all that listens
 * @property {(listener: (state: State) => void) => void} listen
 */

export const MOST_TOKENS = 16;

/**
 * @param {State} start what an empty fragment means
 * @param {Limits} limits
 * @returns {Store}
 */
export function makeStore(start, limits) {
  let state = fromFragment(location.hash, start, limits) ?? start;
  /** @type {((state: State) => void)[]} */
  const listeners = [];
  const tell = () => listeners.forEach((listener) => listener(state));
  const reread = () => {
    const found = fromFragment(location.hash, start, limits);
    if (found === null || toFragment(found) === toFragment(state)) return;
    state = found;
    tell();
  };
  addEventListener("popstate", reread);
  addEventListener("hashchange", reread);
  return {
    get: () => state,
    set: (patch) => {
      const before = toFragment(state);
      state = { ...state, ...patch };
      if (toFragment(state) === before) return;
      remember(toFragment(state));
      tell();
    },
    listen: (listener) => listeners.push(listener),
  };
}

/** @param {string} fragment */
function remember(fragment) {
  try {
    history.pushState(null, "", fragment);
  } catch {
    // Some viewers show pages that may not have a history; the page works without.
  }
}

/**
 * @param {State} state
 * @returns {string} for instance "#set=3,14,15&net=trained&force=7-open&swap=3,9"
 */
export function toFragment(state) {
  const parts = [`set=${state.tokens.join(",")}`, `net=${state.network}`];
  const forced = [...state.forced].map(([unit, how]) => `${unit}-${how}`);
  if (forced.length) parts.push(`force=${forced.join(",")}`);
  if (state.swap !== null) parts.push(`swap=${state.swap.join(",")}`);
  return `#${parts.join("&")}`;
}

/**
 * @param {string} fragment
 * @param {State} start
 * @param {Limits} limits
 * @returns {State | null} null for a fragment that is no state, such as a heading's
 */
export function fromFragment(fragment, start, limits) {
  if (fragment.length < 2) return start;
  const said = new Map(
    fragment
      .slice(1)
      .split("&")
      .map((part) => /** @type {[string, string]} */ (part.split("=", 2))),
  );
  const set = said.get("set");
  if (set === undefined) return null;
  const network = said.get("net") ?? start.network;
  return {
    tokens: [...new Set(idsIn(set, limits.vocabSize))].slice(0, MOST_TOKENS),
    network: limits.networks.includes(network) ? network : start.network,
    forced: forcedIn(said.get("force") ?? "", limits.width),
    swap: pairIn(idsIn(said.get("swap") ?? "", limits.vocabSize)),
  };
}

/**
 * @param {string} text
 * @param {number} end
 */
function idsIn(text, end) {
  return text
    .split(",")
    .filter((part) => /^\d{1,7}$/.test(part))
    .map(Number)
    .filter((id) => id < end);
}

/**
 * @param {string} text
 * @param {number} width
 * @returns {Map<number, Forced>}
 */
function forcedIn(text, width) {
  /** @type {Map<number, Forced>} */
  const forced = new Map();
  for (const [, unit, how] of text.matchAll(/(\d{1,6})-(covered|open)/g)) {
    if (Number(unit) < width) forced.set(Number(unit), /** @type {Forced} */ (how));
  }
  return forced;
}

/**
 * @param {number[]} ids
 * @returns {[number, number] | null}
 */
function pairIn(ids) {
  return ids.length === 2 && ids[0] !== ids[1] ? [ids[0], ids[1]] : null;
}
