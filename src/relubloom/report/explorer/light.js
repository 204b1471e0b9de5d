import { bitsOf } from "./code.js";
import { isCalled } from "./network.js";

/**
 * Which unit or token is lit: under the pointer, else with the keyboard's focus, else pinned by
 * a click, else the first false positive.
 *
 * @import { Lit, Scene } from "./wires.js"
 */

/**
 * @param {HTMLElement} stage
 * @param {() => Scene} scene
 * @param {(lit: Lit) => void} show
 * @returns {() => void} shows it anew
 */
export function makeLight(stage, scene, show) {
  /** @type {Lit} */
  let hovered = null;
  /** @type {Lit} */
  let focused = null;
  /** @type {number | null} */
  let pinned = null;
  const again = () => {
    const pin = pinned === null ? null : { unit: pinned };
    for (const cell of stage.querySelectorAll(".x-unit")) {
      cell.setAttribute("aria-pressed", String(Number(cell.getAttribute("data-unit")) === pinned));
    }
    show(hovered ?? focused ?? pin ?? usual(scene()));
  };
  const point = (/** @type {PointerEvent} */ event) => {
    const found = under(stage, scene(), event);
    if (JSON.stringify(found) === JSON.stringify(hovered)) return;
    hovered = found;
    again();
  };
  stage.addEventListener("pointermove", point);
  stage.addEventListener("pointerdown", point);
  stage.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "mouse") return; // a finger that is lifted leaves what it touched lit
    hovered = null;
    again();
  });
  stage.addEventListener("focusin", (event) => {
    focused = ofElement(/** @type {Element} */ (event.target));
    again();
  });
  stage.addEventListener("focusout", () => {
    focused = null;
    again();
  });
  stage.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("button:not(.x-unit)")) {
      hovered = null; // the rows have moved from under the pointer
      return again();
    }
    const at = event.detail === 0 ? ofElement(target) : under(stage, scene(), event);
    if (at === null || !("unit" in at)) return undefined;
    pinned = pinned === at.unit ? null : at.unit;
    return again();
  });
  return again;
}

/**
 * A unit and a token to show the arithmetic of.
 *
 * @param {Scene} scene
 * @param {Lit} lit
 * @returns {{unit: number, token: number}}
 */
export function panelsFor(scene, lit) {
  const { answer, columns, net } = scene;
  const chosen = lit !== null && "token" in lit ? lit : usual(scene);
  const first = [...scene.outputs.keys()][0] ?? 0;
  const token = chosen !== null && "token" in chosen ? chosen.token : first;
  if (lit !== null && "unit" in lit) return { unit: lit.unit, token };
  const bits = new Set(bitsOf(net.code, token));
  const open = columns.units.find((unit) => bits.has(unit) && answer.post[unit] > 0);
  const shown = columns.units.find((unit) => bits.has(unit));
  return { unit: open ?? shown ?? columns.units[0], token };
}

/**
 * @param {Scene} scene
 * @returns {{token: number} | null} the first false positive on screen
 */
function usual(scene) {
  const { answer, outputs, guessing } = scene;
  if (guessing) return null;
  const strangers = [...outputs.keys()].filter(
    (token) => !answer.ids.includes(token) && isCalled(answer, token),
  );
  strangers.sort((a, b) => answer.missing[a] - answer.missing[b]);
  return strangers.length ? { token: strangers[0] } : null;
}

/**
 * @param {HTMLElement} stage
 * @param {Scene} scene
 * @param {MouseEvent} event
 * @returns {Lit}
 */
function under(stage, scene, event) {
  const target = /** @type {Element} */ (event.target);
  const { columns, left } = scene;
  const row = target.closest(".x-row");
  if (row === null) return null;
  const x = event.clientX - stage.getBoundingClientRect().left - left;
  const column = Math.floor(x / columns.pitch);
  const inLane = target.closest(".x-lane") !== null;
  if (inLane && column >= 0 && column < columns.units.length)
    return { unit: columns.units[column] };
  return ofElement(target);
}

/**
 * @param {Element} element
 * @returns {Lit}
 */
function ofElement(element) {
  const unit = element.closest("[data-unit]")?.getAttribute("data-unit") ?? null;
  if (unit !== null) return { unit: Number(unit) };
  const token = element.closest("[data-token]")?.getAttribute("data-token") ?? null;
  return token === null ? null : { token: Number(token) };
}
