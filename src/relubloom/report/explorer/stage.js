import { bitRow, markOf } from "./bits.js";
import { makeChooser } from "./chooser.js";
import { partly, sizeOf } from "./code.js";
import { decorate, el } from "./elements.js";
import { calledTokens, leaking, unitOrder } from "./network.js";
import { count, plain, several } from "./numbers.js";
import { fullProbability, guessed, outputBits, roleOf, scoreBar, tokensShown } from "./scores.js";
import { MOST_TOKENS } from "./state.js";
import { fullLevel, unitCells } from "./units.js";

/**
 * The rows of the hero, one under the other, with the hidden units as their columns.
 *
 * @import { Columns } from "./bits.js"
 * @import { Explorer } from "./explorer.js"
 * @import { Answer } from "./network.js"
 * @import { Scene } from "./wires.js"
 *
 * @typedef {object} Stage
 * @property {HTMLElement} element
 * @property {() => Scene} scene as last drawn
 * @property {() => void} draw
 * @property {(redraw: () => void) => void} whenResized
 */

const LEAST_PITCH = 5; // pixels a column; units for which there is no room are left out
const MOST_PITCH = 32;
const NUMBER_ROOM = 22; // pixels from one number of a column to the next, at least

/**
 * @param {Explorer} explorer
 * @param {SVGElement} wires drawn behind the rows
 * @param {() => boolean} guessing whether what comes out is hidden
 * @returns {Stage}
 */
export function makeStage(explorer, wires, guessing) {
  const lane = el("span", { class: "x-lane" });
  const probe = el(
    "div",
    { class: "x-row x-probe", "aria-hidden": "true" },
    el("span"),
    lane,
    el("span"),
  );
  const ins = el("div");
  const outs = el("div");
  const units = el("div");
  const chooser = inputField(explorer);
  const add = el("div", { class: "x-row x-add" }, el("span", { class: "x-name" }, chooser));
  const element = el("div", { class: "x-stage" }, wires, probe, heading("put in"), ins, add, units);
  const open = heading("comes out", "probability", "logit");
  const closed = heading("comes out?");
  const cut = el("p", { class: "x-note", "data-testid": "cut" });
  element.append(open, closed, outs, cut);

  /** @type {Scene} */
  let scene;
  const draw = () => {
    const [net, answer] = [explorer.current(), explorer.answer()];
    const order = explorer.data.lesson ? [...answer.post.keys()] : unitOrder(net.code, answer.ids);
    const columns = columnsFor(order, lane.clientWidth);
    [open.hidden, closed.hidden] = [guessing(), !guessing()];
    keepFocus(element, () => {
      add.hidden = answer.ids.length >= Math.min(MOST_TOKENS, net.vocabSize);
      ins.replaceChildren(...answer.ids.map((id) => inputRow(explorer, id, columns)));
      units.replaceChildren(unitRow(explorer, columns));
      const rows = guessing() ? guessRows(explorer, columns) : outputRows(explorer, columns);
      outs.replaceChildren(...rows);
      cut.textContent = cutWords(answer, guessing(), rows.length);
    });
    scene = {
      guessing: guessing(),
      net,
      answer,
      columns,
      inputs: heights(ins, element),
      outputs: heights(outs, element),
      unitsAt: middle(units.querySelector(".x-cells"), element),
      left: lane.getBoundingClientRect().left - element.getBoundingClientRect().left,
      height: element.clientHeight,
    };
    decorate(wires, { width: element.clientWidth, height: scene.height });
  };
  const whenResized = (/** @type {() => void} */ redraw) => {
    let width = lane.clientWidth;
    new ResizeObserver(() => {
      if (lane.clientWidth === width) return;
      width = lane.clientWidth;
      redraw();
    }).observe(element);
  };
  return { element, scene: () => scene, draw, whenResized };
}

/**
 * @param {number[]} order of the units
 * @param {number} room in pixels
 * @returns {Columns}
 */
export function columnsFor(order, room) {
  const shown = Math.max(1, Math.min(order.length, Math.floor(room / LEAST_PITCH)));
  return { units: order.slice(0, shown), pitch: Math.min(MOST_PITCH, room / shown) };
}

/** @param {Explorer} explorer */
function inputField(explorer) {
  const { store, labels } = explorer;
  const put = (/** @type {readonly number[]} */ tokens) => store.set({ tokens });
  return makeChooser({
    labels,
    name: "add a token to the set",
    placeholder: "add a token",
    testid: "token-search",
    choose: (token) => {
      const { tokens } = store.get();
      if (!tokens.includes(token) && tokens.length < MOST_TOKENS) put([...tokens, token]);
    },
    erase: () => put(store.get().tokens.slice(0, -1)),
  }).element;
}

/**
 * @param {string} name
 * @param {...string} values
 */
function heading(name, ...values) {
  const cells = values.map((value) => el("span", { class: `x-col-${value}` }, value));
  return el(
    "div",
    { class: "x-row x-heading" },
    el("span", { class: "x-name" }, name),
    el("span", { class: "x-lane" }),
    el("span", { class: "x-score" }, ...cells),
  );
}

/**
 * @param {Explorer} explorer
 * @param {number} id
 * @param {Columns} columns
 */
function inputRow(explorer, id, columns) {
  const { store, labels } = explorer;
  const { code } = explorer.current();
  const remove = () => store.set({ tokens: store.get().tokens.filter((token) => token !== id) });
  const chip = el(
    "button",
    {
      type: "button",
      class: "x-chip",
      "data-testid": `chip-${id}`,
      "aria-label": `take ${labels[id]} out`,
      onclick: remove,
    },
    el("span", { class: "x-label", title: labels[id] }, labels[id]),
    el("span", { class: "x-off", "aria-hidden": "true" }, "×"),
  );
  const marks = columns.units.map((unit) => markOf(code, id, unit, "member"));
  return el(
    "div",
    { class: "x-row x-in", "data-token": id },
    el("span", { class: "x-name" }, chip),
    el("span", { class: "x-lane" }, bitRow(marks, columns)),
    el("span", { class: "x-score" }),
  );
}

/**
 * @param {Explorer} explorer
 * @param {Columns} columns
 */
function unitRow(explorer, columns) {
  const [net, answer] = [explorer.current(), explorer.answer()];
  const left = net.width - columns.units.length;
  const size = sizeOf(net.code, answer.union);
  const on = answer.post.filter((value) => value > 0).length;
  const cut = left > 0 ? `; ${several(left, "more unit")} not shown` : "";
  const graded = net.code.levels > 1;
  const half = graded ? [el("small", {}, `${size.partly} covered ${partly(net.code)}`)] : [];
  const weakly = graded ? `${on} on, ${leaking(net, answer).length} of them weakly` : `${on} on`;
  return el(
    "div",
    { class: "x-row x-hidden" },
    el(
      "span",
      { class: "x-name" },
      el("span", {}, "union of hashes", el("small", {}, `${size.covered} of ${net.width} covered${cut}`), ...half),
      el("span", {}, "hidden units", el("small", {}, weakly)),
    ),
    el(
      "span",
      { class: "x-lane" },
      unitCells(net, answer, explorer.labels, columns, fullLevel(answer)),
      ...(explorer.data.lesson ? [numbers(columns)] : []),
    ),
    el("span", { class: "x-score" }),
  );
}

/**
 * The numbers of the columns, as many as there is room for.
 *
 * @param {Columns} columns
 */
function numbers({ units, pitch }) {
  const step = [1, 2, 4, 8].find((each) => each * pitch >= NUMBER_ROOM) ?? 16;
  const cells = units.map((unit, column) => {
    const cell = el("span", {}, column % step === 0 ? String(unit) : "");
    cell.style.width = `${pitch}px`;
    return cell;
  });
  return el("span", { class: "x-numbers", "aria-hidden": "true" }, ...cells);
}

/**
 * Some tokens that were not put in, in the order of the vocabulary, without what the network says.
 *
 * @param {Explorer} explorer
 * @param {Columns} columns
 */
function guessRows(explorer, columns) {
  const { store, labels } = explorer;
  const { code } = explorer.current();
  return guessed(explorer.answer()).map((token) => {
    const put = () => store.set({ tokens: [...store.get().tokens, token].slice(-MOST_TOKENS) });
    const marks = columns.units.map((unit) => markOf(code, token, unit, "other"));
    const words = { "aria-label": `${labels[token]}: put it in`, "data-testid": `guess-${token}` };
    const label = el("span", { class: "x-label", title: labels[token] }, labels[token]);
    const name = el("button", { type: "button", class: "x-token", onclick: put, ...words }, label);
    return el(
      "div",
      { class: "x-row x-out", "data-token": token },
      el("span", { class: "x-name" }, name),
      el("span", { class: "x-lane" }, bitRow(marks, columns)),
      el("span", { class: "x-score" }),
    );
  });
}

/**
 * @param {Explorer} explorer
 * @param {Columns} columns
 */
function outputRows(explorer, columns) {
  const answer = explorer.answer();
  const full = fullProbability([answer]);
  const rows = tokensShown(answer).map((token) => outputRow(explorer, token, columns, full));
  const k = answer.ids.length;
  if (k > 0 && rows.length > k) {
    rows[k].classList.add("x-below");
    rows[k].dataset.above = `top ${count(k)}`;
  }
  return rows;
}

/**
 * @param {Explorer} explorer
 * @param {number} token
 * @param {Columns} columns
 * @param {number} full
 */
function outputRow(explorer, token, columns, full) {
  const { store, labels } = explorer;
  const [net, answer] = [explorer.current(), explorer.answer()];
  const { kind, glyph, tag } = roleOf(answer, token);
  const inside = answer.ids.includes(token);
  const toggle = () => {
    const rest = store.get().tokens.filter((id) => id !== token);
    store.set({ tokens: inside ? rest : [...rest, token].slice(-MOST_TOKENS) });
  };
  const p = plain(answer.probabilities[token], 3);
  const missing = several(answer.missing[token], "missing bit");
  const name = `${labels[token]}${tag ? `, ${tag}` : ""}, probability ${p}, ${missing}: `;
  return el(
    "div",
    {
      class: `x-row x-out x-is-${kind}`,
      "data-testid": `score-${token}`,
      "data-token": token,
      "data-p": answer.probabilities[token],
      "data-logit": answer.logits[token],
    },
    el(
      "span",
      { class: "x-name" },
      el(
        "button",
        {
          type: "button",
          class: "x-token",
          "data-testid": `toggle-${token}`,
          "aria-label": name + (inside ? "take it out" : "put it in"),
          onclick: toggle,
        },
        el("span", { class: `x-glyph x-of-${kind}`, "aria-hidden": "true" }, glyph),
        el("span", { class: "x-label", title: labels[token] }, labels[token]),
      ),
      ...(tag ? [el("small", { class: "x-tag" }, tag)] : []),
    ),
    el("span", { class: "x-lane" }, outputBits(net, answer, token, columns)),
    scoreBar(answer, token, full),
  );
}

/**
 * What the rows leave out: tokens that come out, or, while that is hidden, others not put in.
 *
 * @param {Answer} answer
 * @param {boolean} hidden
 * @param {number} rows
 */
function cutWords(answer, hidden, rows) {
  const shown = hidden ? [] : tokensShown(answer);
  const left = hidden
    ? answer.logits.length - answer.ids.length - rows
    : calledTokens(answer).filter((token) => !shown.includes(token)).length;
  const what = hidden ? "not put in" : left === 1 ? "that comes out" : "that come out";
  return left === 0 ? "" : `and ${count(left)} more ${what}`;
}

/**
 * @param {HTMLElement} rows
 * @param {HTMLElement} stage
 * @returns {Map<number, number>} by token, the middle of its bits
 */
function heights(rows, stage) {
  return new Map(
    [...rows.children].map((row) => [
      Number(/** @type {HTMLElement} */ (row).dataset.token),
      middle(row.querySelector(".x-bits"), stage),
    ]),
  );
}

/**
 * @param {Element | null} part
 * @param {HTMLElement} stage
 */
function middle(part, stage) {
  const box = (part ?? stage).getBoundingClientRect();
  return (box.top + box.bottom) / 2 - stage.getBoundingClientRect().top;
}

/**
 * Redraw, and leave the keyboard where it was, or on the first token if that is gone.
 *
 * @param {HTMLElement} root
 * @param {() => void} redraw
 */
function keepFocus(root, redraw) {
  const active = document.activeElement;
  const name = root.contains(active) ? active?.getAttribute("data-testid") : null;
  redraw();
  if (!name || document.activeElement === active) return;
  const again = root.querySelector(`[data-testid="${name}"]`) ?? root.querySelector(".x-chip");
  /** @type {HTMLElement | null} */ (again)?.focus({ preventScroll: true });
}
