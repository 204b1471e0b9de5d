import { strengthOf } from "./code.js";
import { decorate, svg } from "./elements.js";

/**
 * A row of bits, one column for each unit. A mark's shape says what its colour says.
 *
 * Of a bit that is not full only so much is filled.
 *
 * @import { Code } from "./code.js"
 *
 * @typedef {"empty" | "member" | "stranger" | "other" | "missing"} Kind
 * @typedef {object} Mark
 * @property {Kind} kind
 * @property {number} share its strength over the largest
 * @typedef {object} Columns
 * @property {readonly number[]} units what is shown, from left to right
 * @property {number} pitch pixels from column to column
 */

const HEIGHT = 18;
/** @type {readonly Kind[]} */
const KINDS = ["empty", "member", "stranger", "other", "missing"];

/**
 * How a token's bit in a unit is drawn, if it has one there.
 *
 * @param {Code} code
 * @param {number} token
 * @param {number} unit
 * @param {Kind} kind
 * @returns {Mark}
 */
export function markOf(code, token, unit, kind) {
  const strength = strengthOf(code, token, unit);
  return strength > 0 ? { kind, share: strength / code.levels } : { kind: "empty", share: 1 };
}

/**
 * @param {readonly Mark[]} marks one for each column
 * @param {Columns} columns
 * @returns {SVGElement}
 */
export function bitRow(marks, columns) {
  const width = marks.length * columns.pitch;
  const row = svg("svg", { class: "x-bits", width, height: HEIGHT, "aria-hidden": "true" });
  decorate(row, { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: "none" });
  for (const kind of KINDS) {
    const path = marks.flatMap((mark, column) => {
      if (mark.kind === kind) return [SHAPES[kind](column, columns.pitch, mark.share)];
      const rest = kind === "empty" && mark.share < 1 && mark.kind !== "missing";
      return rest ? [SHAPES[mark.kind](column, columns.pitch, 1)] : [];
    });
    if (path.length) row.append(svg("path", { class: `x-${kind}`, d: path.join("") }));
  }
  return row;
}

/**
 * @param {number} column
 * @param {number} pitch
 * @param {number} share of it, from below
 */
function tile(column, pitch, share) {
  const gap = gapOf(pitch);
  const side = (pitch - gap).toFixed(2);
  const whole = Math.min(HEIGHT - 4, Math.max(pitch - gap, 10));
  const tall = whole * share;
  const top = (HEIGHT + whole) / 2 - tall;
  return `M${(column * pitch + gap / 2).toFixed(2)} ${top}h${side}v${tall}h-${side}z`;
}

/**
 * @param {number} column
 * @param {number} pitch
 * @param {number} share of its height, from below
 */
function disc(column, pitch, share) {
  const radius = Math.min(pitch - gapOf(pitch) * 0.4, HEIGHT - 4) / 2;
  if (share < 1) return slice(column, pitch, radius, share);
  const left = ((column + 0.5) * pitch - radius).toFixed(2);
  const r = radius.toFixed(2);
  const across = (2 * radius).toFixed(2);
  return `M${left} ${HEIGHT / 2}a${r} ${r} 0 1 0 ${across} 0a${r} ${r} 0 1 0 -${across} 0z`;
}

/**
 * The lower part of a disc.
 *
 * @param {number} column
 * @param {number} pitch
 * @param {number} radius
 * @param {number} share of its height
 */
function slice(column, pitch, radius, share) {
  const up = radius * (2 * share - 1);
  const across = 2 * Math.sqrt(radius ** 2 - up ** 2);
  const [x, y] = [(column + 0.5) * pitch - across / 2, HEIGHT / 2 - up];
  const [r, long] = [radius.toFixed(2), share > 0.5 ? 1 : 0];
  return `M${x.toFixed(2)} ${y.toFixed(2)}a${r} ${r} 0 ${long} 0 ${across.toFixed(2)} 0z`;
}

/**
 * @param {number} column
 * @param {number} pitch
 * @param {number} share of its size
 */
function cross(column, pitch, share) {
  const arm = (Math.min(pitch - gapOf(pitch), HEIGHT - 6) / 2) * Math.sqrt(share);
  const x = (column + 0.5) * pitch;
  const [left, right] = [(x - arm).toFixed(2), (x + arm).toFixed(2)];
  const [top, bottom] = [(HEIGHT / 2 - arm).toFixed(2), (HEIGHT / 2 + arm).toFixed(2)];
  return `M${left} ${top}L${right} ${bottom}M${left} ${bottom}L${right} ${top}`;
}

/** @type {Record<Kind, (column: number, pitch: number, share: number) => string>} */
const SHAPES = { empty: tile, member: tile, stranger: disc, other: tile, missing: cross };

/** @param {number} pitch */
function gapOf(pitch) {
  return pitch > 9 ? 2.5 : pitch > 6 ? 1.5 : 1;
}
