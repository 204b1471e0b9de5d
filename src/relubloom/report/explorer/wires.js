import { hasBit, isMet } from "./code.js";
import { svg } from "./elements.js";

/**
 * The wires of a unit or of a token: from the members that cover a bit, through the hidden unit,
 * to the tokens that have it.
 *
 * @import { Columns } from "./bits.js"
 * @import { Answer, Network } from "./network.js"
 *
 * @typedef {object} Scene
 * @property {Network} net
 * @property {Answer} answer
 * @property {Columns} columns
 * @property {Map<number, number>} inputs height of each member's row
 * @property {Map<number, number>} outputs height of the row of each token shown
 * @property {number} unitsAt height of the row of units
 * @property {number} left where the first column starts
 * @property {number} height of all
 * @property {boolean} guessing whether what comes out is hidden
 *
 * @typedef {{unit: number} | {token: number} | null} Lit
 */

/**
 * @param {Scene} scene
 * @param {Lit} lit
 * @returns {SVGElement[]}
 */
export function drawWires(scene, lit) {
  if (lit === null) return [];
  return "unit" in lit ? unitWires(scene, lit.unit) : tokenWires(scene, lit.token);
}

/**
 * @param {Scene} scene
 * @param {number} unit
 */
function unitWires(scene, unit) {
  const column = scene.columns.units.indexOf(unit);
  if (column < 0) return [];
  const { pitch } = scene.columns;
  const x = scene.left + column * pitch;
  const from = sources(scene, unit);
  const readers = [...scene.outputs].filter(([token]) => hasBit(scene.net.code, token, unit));
  const ends = [...from, scene.unitsAt, ...readers.map(([, y]) => y)];
  const look = from.length ? "x-wire" : "x-wire x-cut";
  return [
    svg("rect", { class: "x-band", x, y: 0, width: pitch, height: scene.height }),
    wire(look, x + pitch / 2, Math.min(...ends), Math.max(...ends)),
  ];
}

/**
 * @param {Scene} scene
 * @param {number} token
 */
function tokenWires(scene, token) {
  const { columns, net, answer, left, unitsAt } = scene;
  const end = scene.outputs.get(token) ?? unitsAt;
  return columns.units.flatMap((unit, column) => {
    if (!hasBit(net.code, token, unit)) return [];
    const x = left + (column + 0.5) * columns.pitch;
    if (!isMet(net.code, answer.union, token, unit)) return [wire("x-wire x-cut", x, unitsAt, end)];
    return [wire("x-wire", x, Math.min(...sources(scene, unit)), end)];
  });
}

/**
 * @param {Scene} scene
 * @param {number} unit
 * @returns {number[]} heights of the members that have the bit
 */
function sources(scene, unit) {
  return [...scene.inputs].filter(([id]) => hasBit(scene.net.code, id, unit)).map(([, y]) => y);
}

/**
 * @param {string} look
 * @param {number} x
 * @param {number} from
 * @param {number} to
 */
function wire(look, x, from, to) {
  return svg("line", { class: look, x1: x, x2: x, y1: from, y2: to });
}
