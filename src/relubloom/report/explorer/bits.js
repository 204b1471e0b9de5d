import { decorate, svg } from "./elements.js";

/**
 * A row of bits, one column for each unit. A mark's shape says what its colour says.
 *
 * @typedef {"empty" | "member" | "stranger" | "other" | "missing"} Mark
 * @typedef {object} Columns
 * @property {readonly number[]} units what is shown, from left to right
 * @property {number} pitch pixels from column to column
 */

const HEIGHT = 18;
/** @type {readonly Mark[]} */
const MARKS = ["empty", "member", "stranger", "other", "missing"];

/**
 * @param {readonly Mark[]} marks one for each column
 * @param {Columns} columns
 * @returns {SVGElement}
 */
export function bitRow(marks, columns) {
  const width = marks.length * columns.pitch;
  const row = svg("svg", { class: "x-bits", width, height: HEIGHT, "aria-hidden": "true" });
  decorate(row, { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: "none" });
  for (const kind of MARKS) {
    const draw = kind === "stranger" ? disc : kind === "missing" ? cross : tile;
    const path = marks.flatMap((mark, column) =>
      mark === kind ? [draw(column, columns.pitch)] : [],
    );
    if (path.length) row.append(svg("path", { class: `x-${kind}`, d: path.join("") }));
  }
  return row;
}

/**
 * @param {number} column
 * @param {number} pitch
 */
function tile(column, pitch) {
  const gap = gapOf(pitch);
  const side = (pitch - gap).toFixed(2);
  const tall = Math.min(HEIGHT - 4, Math.max(pitch - gap, 10));
  const top = (HEIGHT - tall) / 2;
  return `M${(column * pitch + gap / 2).toFixed(2)} ${top}h${side}v${tall}h-${side}z`;
}

/**
 * @param {number} column
 * @param {number} pitch
 */
function disc(column, pitch) {
  const radius = Math.min(pitch - gapOf(pitch) * 0.4, HEIGHT - 4) / 2;
  const left = ((column + 0.5) * pitch - radius).toFixed(2);
  const r = radius.toFixed(2);
  const across = (2 * radius).toFixed(2);
  return `M${left} ${HEIGHT / 2}a${r} ${r} 0 1 0 ${across} 0a${r} ${r} 0 1 0 -${across} 0z`;
}

/**
 * @param {number} column
 * @param {number} pitch
 */
function cross(column, pitch) {
  const arm = Math.min(pitch - gapOf(pitch), HEIGHT - 6) / 2;
  const x = (column + 0.5) * pitch;
  const [left, right] = [(x - arm).toFixed(2), (x + arm).toFixed(2)];
  const [top, bottom] = [(HEIGHT / 2 - arm).toFixed(2), (HEIGHT / 2 + arm).toFixed(2)];
  return `M${left} ${top}L${right} ${bottom}M${left} ${bottom}L${right} ${top}`;
}

/** @param {number} pitch */
function gapOf(pitch) {
  return pitch > 9 ? 2.5 : pitch > 6 ? 1.5 : 1;
}
