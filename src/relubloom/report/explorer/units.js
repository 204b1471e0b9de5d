import { hasBit, partly, stateOf } from "./code.js";
import { decorate, el } from "./elements.js";
import { joint, plain } from "./numbers.js";

/**
 * The row of hidden units: what the hashes cover, and what each unit really is.
 *
 * @import { Columns } from "./bits.js"
 * @import { Answer, Network } from "./network.js"
 */

const WELL = 74; // per cent of a cell that bars may fill

/**
 * Buttons, one a unit, in the order of the columns. A filled tile: some member has the bit; half
 * filled: one half bit alone covers it half. A bar: the unit's value after the ReLU, as a share of
 * `full`.
 *
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {Columns} columns
 * @param {number} full the value that fills the cell
 * @param {string} [prefix] of the test ids
 * @returns {HTMLElement}
 */
export function unitCells(net, answer, labels, columns, full, prefix = "unit") {
  const cells = columns.units.map((unit) => {
    const value = answer.post[unit];
    const state = stateOf(net.code, answer.union, unit) / net.code.levels;
    const tile = el("span", { class: "x-tile" });
    const bar = el("span", { class: "x-bar" });
    if (state > 0 && state < 1) tile.style.setProperty("--x-state", `${100 * state}%`);
    bar.style.height = `${(WELL * Math.min(1, value / full)).toFixed(1)}%`;
    const cell = el(
      "button",
      {
        type: "button",
        class: state === 0 ? "x-unit" : state < 1 ? "x-unit x-partly" : "x-unit x-covered",
        "data-testid": `${prefix}-${unit}`,
        "data-unit": unit,
        "data-post": value,
        "aria-label": unitName(net, answer, labels, unit),
        "aria-pressed": "false",
        tabindex: -1,
      },
      tile,
      bar,
    );
    cell.style.width = `${columns.pitch}px`;
    return cell;
  });
  const row = el("div", { class: "x-cells", role: "group" }, ...cells);
  decorate(row, { "aria-label": "hidden units; the arrow keys move along them" });
  rove(row);
  return row;
}

/**
 * One stop for the tab key; the arrow keys, Home and End move inside.
 *
 * @param {HTMLElement} row of buttons
 */
export function rove(row) {
  const cells = /** @type {HTMLElement[]} */ ([...row.children]);
  if (cells.length === 0) return;
  cells[0].tabIndex = 0;
  row.addEventListener("focusin", (event) => {
    cells.forEach((cell) => (cell.tabIndex = cell === event.target ? 0 : -1));
  });
  row.addEventListener("keydown", (event) => {
    const at = cells.indexOf(/** @type {HTMLElement} */ (event.target));
    const last = cells.length - 1;
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    cells[Math.max(0, Math.min(last, next))].focus();
  });
}

/**
 * @param {Network} net
 * @param {Answer} answer
 * @param {readonly string[]} labels
 * @param {number} unit
 */
function unitName(net, answer, labels, unit) {
  const having = answer.ids.filter((id) => hasBit(net.code, id, unit)).map((id) => labels[id]);
  const names = having.map((label, place) => joint(place, having.length) + label).join("");
  const state = stateOf(net.code, answer.union, unit);
  const how = state > 0 && state < net.code.levels ? ` ${partly(net.code)}` : "";
  const cover = having.length ? `covered${how} by ${names}` : "covered by none";
  return `unit ${unit}, ${cover}, value ${plain(answer.post[unit])}`;
}

/**
 * The value that fills a cell: a little above the largest on screen.
 *
 * @param {Answer} answer
 */
export function fullLevel(answer) {
  return 1.08 * answer.post.reduce((most, value) => Math.max(most, value), 0) || 1;
}
