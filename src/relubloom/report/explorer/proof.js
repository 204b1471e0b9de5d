import { button, el, whileNear, word } from "./elements.js";
import { NAMES } from "./explorer.js";
import { capital, count, joint, percent, several, significant } from "./numbers.js";
import { countSets, FAILING, recheck, timeOfSet, workersAllowed } from "./recheck.js";
import { toFragment } from "./state.js";

/**
 * Counting anew, in the reader's own browser, what the certificate says of all sets.
 *
 * @import { Certificate } from "./data.js"
 * @import { Explorer } from "./explorer.js"
 * @import { Score } from "./kernel.js"
 * @import { Network } from "./network.js"
 */

const AFFORDABLE = 120_000; // milliseconds; what would take longer is sampled
const SAMPLE = 100_000;
const SAMPLE_TIME = 30_000;

/**
 * @typedef {object} Plan
 * @property {number} size
 * @property {number} total sets of that size
 * @property {boolean} all
 * @property {number} sets to score
 * @property {number} perSet milliseconds
 */

/**
 * @param {HTMLElement} mount
 * @param {Explorer} explorer
 */
export function mountProof(mount, explorer) {
  const label = el("p", { class: "x-lead" });
  const bar = el("progress", { max: 1, value: 0, "data-testid": "recheck-progress", hidden: true });
  const left = el("span", { class: "x-done", role: "status" });
  const result = el("div", {
    class: "x-result",
    "data-testid": "recheck-result",
    "aria-live": "polite",
  });
  let running = false;
  let stop = false;
  /** @type {Plan | null} */
  let plan = null;
  const start = button("Re-check", "recheck", () => void run(), {
    class: "x-button x-main",
    disabled: true,
  });
  const cancel = button("Cancel", "recheck-cancel", () => (stop = true), { hidden: true });
  mount.replaceChildren(label, el("div", { class: "x-share" }, start, cancel, bar, left), result);

  const offer = () => {
    if (running) return;
    plan = planFor(explorer);
    start.disabled = false;
    label.textContent = planWords(explorer, plan);
    const what = plan.all
      ? `all ${several(plan.sets, "set")}`
      : `${several(plan.sets, "sampled set")}`;
    start.textContent = `Re-check ${what} here`;
  };
  const run = async () => {
    if (running || plan === null) return;
    [running, stop] = [true, false];
    for (const part of [cancel, bar]) part.hidden = false;
    start.disabled = true;
    result.replaceChildren();
    const net = explorer.current();
    const planned = plan;
    const { size, all, sets, perSet } = planned;
    const began = performance.now();
    const progress = (/** @type {Score} */ score) => {
      bar.value = score.sets / sets;
      const rest = ((performance.now() - began) / score.sets) * (sets - score.sets);
      left.textContent = `${count(score.sets)} of ${count(sets)}, ${Math.ceil(rest / 1000)} s left`;
    };
    const job = { net, size, all, sets, progress, cancelled: () => stop };
    const score = await recheck(job, perSet);
    const seconds = (performance.now() - began) / 1000;
    running = false;
    start.disabled = false;
    cancel.hidden = bar.hidden = true;
    left.textContent = "";
    const whole = all && score.sets === sets;
    if (whole) {
      explorer.worst.set(`${net.key} ${size}`, { ...score.worst, looked: sets, all: true });
    }
    result.replaceChildren(
      ...resultParts(explorer, net, { ...planned, all: whole }, score, seconds),
    );
    offer();
  };
  whileNear(mount, explorer.store.listen, offer);
}

/**
 * @param {Explorer} explorer
 * @returns {number} the task's set size, or where it has several, that of the set on screen
 */
function sizeFor({ data, store }) {
  const said = typeof data.setSize === "number" ? data.setSize : store.get().tokens.length;
  return Math.max(1, Math.min(said, data.vocabSize));
}

/**
 * @param {Explorer} explorer
 * @returns {Plan}
 */
function planFor(explorer) {
  const net = explorer.current();
  const size = sizeFor(explorer);
  const perSet = timeOfSet(net);
  const total = countSets(net.vocabSize, size);
  const workers = workersAllowed();
  const all = (total * perSet) / workers <= AFFORDABLE;
  const possible = Math.max(100, Math.floor((SAMPLE_TIME * workers) / perSet));
  return { size, total, all, sets: all ? total : Math.min(SAMPLE, possible, total), perSet };
}

/**
 * @param {Explorer} explorer
 * @param {Plan} plan
 */
function planWords(explorer, plan) {
  const { key, told } = explorer.current();
  const seconds = (plan.sets * plan.perSet) / 1000 / workersAllowed();
  const time =
    seconds < 2 ? "a second or two" : `about ${Math.round(seconds)} seconds on an idle machine`;
  const rounded = told.largestError
    ? " Its weights are rounded here, so counts may differ a little."
    : "";
  const name = NAMES.get(key) ?? key;
  const words = `the ${name} network, ${several(plan.size, "token")} a set, in float64 arithmetic`;
  if (plan.all)
    return `${capital(words)}: every set, ${count(plan.total)} in all. It takes ${time}.${rounded}`;
  return (
    `${capital(words)}. All ${count(plan.total)} sets would take too long in a page, so this is ` +
    `sampled: ${count(plan.sets)} drawn sets, ${time}.${rounded}`
  );
}

/**
 * @param {Explorer} explorer
 * @param {Network} net
 * @param {Plan} plan `all` only if none was left out
 * @param {Score} score
 * @param {number} seconds
 * @returns {Node[]}
 */
function resultParts(explorer, net, plan, score, seconds) {
  const { sets } = score;
  if (sets === 0) return [el("p", {}, "Cancelled before any set was done.")];
  const kind = plan.all
    ? `All ${several(sets, "set")}`
    : sets < plan.sets
      ? `Cancelled: ${count(sets)} of ${count(plan.total)} sets, which is no proof`
      : `A sample of ${count(sets)} of ${count(plan.total)} sets, which is no proof`;
  const lines = [
    ["exactly right", `${count(score.exact)} (${percent(score.exact, sets)})`],
    ["ranking failures", count(sets - score.exact)],
    ["loss failures", `${count(score.lossFailures)} (${percent(score.lossFailures, sets)})`],
    ["false positives, in all", count(score.falsePositives)],
    ["mean mse", significant(score.error / sets)],
    ["undecided by rounding", count(score.undecided)],
  ];
  return [
    el("p", {}, `${kind}, in ${seconds.toFixed(1)} seconds.`),
    el(
      "dl",
      { class: "x-counts", "data-exact": score.exact, "data-loss-failures": score.lossFailures },
      ...lines.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    ),
    ...certificateParts(net.told.certificate, plan, score),
    ...failingParts(explorer, net, score),
  ];
}

/**
 * @param {Certificate | null} certificate
 * @param {Plan} plan
 * @param {Score} score
 * @returns {Node[]}
 */
function certificateParts(certificate, plan, score) {
  if (certificate === null || certificate.set_size !== plan.size || !plan.all) return [];
  const { exact_sets, method, false_positives, mse } = certificate;
  if (exact_sets === null) return [];
  const same = exact_sets === score.exact;
  const mean = score.error / score.sets;
  const near = mean >= mse.lower * (1 - 1e-9) && mean <= mse.upper * (1 + 1e-9);
  const calls = false_positives.total;
  const agree = same && near && (calls === null || calls === score.falsePositives);
  const told = `The certificate (by ${method}) says ${count(exact_sets)} exact`;
  const also = calls === null ? "" : `, ${count(calls)} false positives`;
  const verdict = agree ? "the same, to the set ✓" : "not the same ✗";
  return [
    el(
      "p",
      { class: agree ? "x-agree" : "x-odd", "data-testid": "recheck-certificate" },
      `${told}${also}, mse ${significant(mse.upper)}: ${verdict}`,
    ),
  ];
}

/**
 * @param {Explorer} explorer
 * @param {Network} net
 * @param {Score} score
 * @returns {Node[]}
 */
function failingParts(explorer, net, score) {
  const { labels, store } = explorer;
  const failures = score.sets - score.exact;
  if (failures === 0) return [];
  const shown =
    failures > FAILING ? `the first ${FAILING} of ${count(failures)}` : `all ${failures}`;
  const links = score.failing.map(({ ids, error }) => {
    const state = { tokens: ids, network: net.key, forced: new Map(), swap: null };
    const names = ids.flatMap((id, place) => [joint(place, ids.length), word(labels[id])]);
    const open = (/** @type {Event} */ event) => {
      event.preventDefault();
      store.set(state);
      document.querySelector('[data-mount="hero"]')?.scrollIntoView();
    };
    const link = el("a", { href: toFragment(state), onclick: open }, ...names);
    return el("li", {}, link, el("small", {}, `mse ${significant(error)}`));
  });
  return [
    el("h4", {}, `Sets not ranked exactly right: ${shown}`),
    el("ol", { class: "x-failing", "data-testid": "failing-sets" }, ...links),
  ];
}
