import { columnsFor } from "./stage.js";
import { bitsOf, isMet, partly, stateOf } from "./code.js";
import { button, el, whileNear } from "./elements.js";
import { hasStrengths } from "./explorer.js";
import { actual, breakage, predicted } from "./intervention.js";
import { forward, unitOrder } from "./network.js";
import { comparison } from "./prediction.js";
import { list } from "./sentence.js";
import { swapFields } from "./swap.js";
import { makeTrials } from "./trials.js";
import { fullLevel, unitCells } from "./units.js";

/**
 * Break it: force units, swap hashes, and see whether what the hash predicts comes true.
 *
 * @import { Code } from "./code.js"
 * @import { Explorer } from "./explorer.js"
 * @import { Forced } from "./state.js"
 */

/**
 * @param {HTMLElement} mount
 * @param {Explorer} explorer
 */
export function mountBreakIt(mount, explorer) {
  const { store, labels } = explorer;
  const input = el("p", { class: "x-lead" });
  const lane = el("div", { class: "x-lane x-force" });
  const results = el("div", { class: "x-results" });
  const picker = unitPicker(explorer);
  const swap = swapFields(explorer);
  const trials = makeTrials(explorer);
  const reset = button("Undo all changes", "break-reset", () =>
    store.set({ forced: new Map(), swap: null }),
  );
  const hint = el("span");
  const half = hasStrengths(explorer) ? ", in part where they cover it half" : "";
  mount.replaceChildren(
    input,
    lane,
    el(
      "p",
      { class: "x-note" },
      `Upper row: filled where the hashes cover a unit${half}. Bars: hidden units that are on.`,
    ),
    el("div", { class: "x-tools" }, picker.element, swap.element, hint, reset),
    results,
    trials.element,
  );

  const draw = () => {
    const state = store.get();
    const net = explorer.current();
    const changed = forward(net, state.tokens, breakage(net, state));
    input.replaceChildren(...inputWords(explorer));
    const columns = columnsFor(unitOrder(net.code, state.tokens), lane.clientWidth);
    const cells = unitCells(net, changed, labels, columns, fullLevel(changed), "break-unit");
    for (const cell of cells.children) mark(explorer, /** @type {HTMLElement} */ (cell));
    const focused = document.activeElement?.getAttribute("data-testid");
    lane.replaceChildren(cells);
    if (focused?.startsWith("break-unit")) {
      /** @type {HTMLElement | null} */ (
        cells.querySelector(`[data-testid="${focused}"]`)
      )?.focus();
    }
    picker.draw();
    swap.draw();
    hint.replaceChildren(...suggestion(explorer));
    reset.disabled = state.forced.size === 0 && state.swap === null;
    results.replaceChildren(...comparison(explorer, predicted(net, state), actual(net, state)));
    trials.note();
  };
  const resized = (/** @type {() => void} */ change) => {
    let width = lane.clientWidth;
    new ResizeObserver(() => {
      if (lane.clientWidth !== width) change();
      width = lane.clientWidth;
    }).observe(lane);
  };
  const listen = (/** @type {() => void} */ change) => {
    store.listen(change);
    resized(change);
  };
  whileNear(mount, listen, draw);
}

/** @param {Explorer} explorer */
function inputWords(explorer) {
  const { tokens } = explorer.store.get();
  return [
    "Put in: ",
    ...list(tokens, explorer.labels),
    ". Click a unit to force it: one that is on goes to 0, one that is off to its usual level.",
  ];
}

/**
 * What a click on a unit does, and how a forced one looks.
 *
 * @param {Explorer} explorer
 * @param {HTMLElement} cell
 */
function mark(explorer, cell) {
  const unit = Number(cell.dataset.unit);
  const how = explorer.store.get().forced.get(unit);
  cell.setAttribute("aria-pressed", String(how !== undefined));
  if (how !== undefined) {
    cell.classList.add("x-forced");
    cell.setAttribute(
      "aria-label",
      `unit ${unit}, forced ${onOrOff(explorer, unit, how)}; click to release`,
    );
  }
  cell.addEventListener("click", () => {
    const { code } = explorer.current();
    const covered = stateOf(code, explorer.answer().union, unit) === code.levels;
    force(explorer, unit, how !== undefined ? null : covered ? "open" : "covered");
  });
}

/**
 * @param {Explorer} explorer
 * @param {number} unit
 * @param {Forced | null} how null releases it
 */
function force(explorer, unit, how) {
  const forced = new Map(explorer.store.get().forced);
  if (how === null) forced.delete(unit);
  else forced.set(unit, how);
  explorer.store.set({ forced });
}

/**
 * @param {Explorer} explorer
 * @param {number} unit
 * @param {Forced} how
 */
function onOrOff(explorer, unit, how) {
  return (how === "open") !== explorer.current().reversed.has(unit) ? "on" : "off";
}

/** @param {Explorer} explorer */
function unitPicker(explorer) {
  const { store, data } = explorer;
  const units = Array.from({ length: data.width }, (_, unit) => unit);
  const select = el(
    "select",
    { "data-testid": "force-unit", "aria-label": "unit to force" },
    ...units.map((unit) => el("option", { value: unit }, `unit ${unit}`)),
  );
  const unit = () => Number(select.value);
  const small = { class: "x-button x-small" };
  const draw = () => {
    const { union } = explorer.answer();
    const { code } = explorer.current();
    const { forced } = store.get();
    [...select.options].forEach((option, at) => {
      const how = forced.get(at);
      const now = how
        ? `forced ${onOrOff(explorer, at, how)}`
        : coverWords(code, stateOf(code, union, at));
      option.textContent = `unit ${at}, ${now}`;
    });
    name();
  };
  const cover = button("", "force-covered", () => force(explorer, unit(), "covered"), small);
  const open = button("", "force-open", () => force(explorer, unit(), "open"), small);
  const name = () => {
    const off = onOrOff(explorer, unit(), "covered") === "off";
    cover.textContent = off ? "off: covered, ablated" : "on: covered";
    open.textContent = off ? "on: uncovered" : "off: uncovered";
  };
  name();
  select.addEventListener("change", name);
  const element = el(
    "div",
    { class: "x-tool" },
    el("span", {}, "Force "),
    select,
    cover,
    open,
    button("release", "force-release", () => force(explorer, unit(), null), small),
  );
  return { element, draw };
}

/**
 * @param {Code} code
 * @param {number} state
 */
function coverWords(code, state) {
  if (state === 0) return "not covered";
  return state === code.levels ? "covered" : `covered ${partly(code)}`;
}

/**
 * A button that covers the one missing bit of some token.
 *
 * @param {Explorer} explorer
 * @returns {Node[]}
 */
function suggestion(explorer) {
  const { store, labels } = explorer;
  const { code } = explorer.current();
  const { union, missing, ids, logits } = explorer.answer();
  const { forced } = store.get();
  let best = -1;
  for (let token = 0; token < missing.length; token++) {
    if (missing[token] !== 1 || ids.includes(token)) continue;
    if (best < 0 || logits[token] < logits[best]) best = token;
  }
  if (best < 0) return [];
  const unit = bitsOf(code, best).find((bit) => !isMet(code, union, best, bit)) ?? 0;
  if (forced.get(unit) === "covered") return [];
  return [
    button(`Let ${labels[best]} in: cover its one missing bit`, "break-suggest", () =>
      force(explorer, unit, "covered"),
    ),
  ];
}
