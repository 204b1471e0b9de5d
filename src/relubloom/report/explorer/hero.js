import { scoreArithmetic, unitArithmetic } from "./arithmetic.js";
import { controls } from "./controls.js";
import { button, el, svg } from "./elements.js";
import { hasStrengths } from "./explorer.js";
import { makeLight, panelsFor } from "./light.js";
import { outcome } from "./sentence.js";
import { share } from "./share.js";
import { makeStage } from "./stage.js";
import { drawWires } from "./wires.js";

/**
 * The network on one set: what is put in, the hidden units, what comes out, in shared columns.
 *
 * @import { Explorer } from "./explorer.js"
 */

/**
 * @param {HTMLElement} mount
 * @param {Explorer} explorer
 */
export function mountHero(mount, explorer) {
  const said = el("p", { class: "x-outcome", "data-testid": "outcome", "aria-live": "polite" });
  const wires = svg("svg", { class: "x-wires", "aria-hidden": "true" });
  const { lesson } = explorer.data;
  let guessing = lesson;
  const stage = makeStage(explorer, wires, () => guessing);
  const unitPanel = el("div", { class: "x-panel" });
  const scorePanel = el("div", { class: "x-panel" });
  const look = button("", "look", () => {
    guessing = !guessing;
    tell();
  });
  mount.replaceChildren(
    said,
    controls(explorer, lesson ? [look] : []),
    stage.element,
    legend(hasStrengths(explorer)),
    el("div", { class: "x-arithmetic" }, unitPanel, scorePanel),
    ...(lesson ? [] : [share(explorer)]),
  );

  const light = makeLight(stage.element, stage.scene, (pointed) => {
    const scene = stage.scene();
    const lit = guessing && pointed !== null && "token" in pointed ? null : pointed;
    wires.replaceChildren(...drawWires(scene, lit));
    const { unit, token } = panelsFor(scene, lit);
    const { net, answer } = scene;
    unitPanel.replaceChildren(...unitArithmetic(net, answer, explorer.labels, unit));
    scorePanel.replaceChildren(...scoreArithmetic(net, answer, explorer.labels, token));
  });
  const draw = () => {
    stage.draw();
    light();
  };
  const tell = () => {
    const words = () => outcome(explorer.current(), explorer.answer(), explorer.labels);
    said.replaceChildren(...(guessing ? ["Which of the tokens below come out, too?"] : words()));
    look.textContent = guessing ? "Show what comes out" : "Hide what comes out";
    scorePanel.hidden = guessing;
    draw();
  };
  let { tokens } = explorer.store.get();
  explorer.store.listen((state) => {
    if (state.tokens !== tokens) guessing = lesson; // a new set is guessed anew
    ({ tokens } = state);
    tell();
  });
  tell();
  stage.whenResized(draw);
}

/** @param {boolean} strengths whether some bits are half bits */
function legend(strengths) {
  const half = [
    ["member x-half", "", "half bit"],
    ["covered x-half", "", "unit covered half, which leaks"],
  ];
  const signs = [
    ["member", "■", "bit of a token put in"],
    ["stranger", "●", "bit of a false positive"],
    ["other", "■", "covered bit of another"],
    ["missing", "✕", strengths ? "bit that is not covered enough" : "bit that nothing covers"],
    ...(strengths ? half : []),
  ];
  return el(
    "div",
    { class: "x-legend" },
    ...signs.map(([kind, glyph, words]) =>
      el(
        "span",
        {},
        el("span", { class: `x-glyph x-of-${kind}`, "aria-hidden": "true" }, glyph),
        words,
      ),
    ),
    el(
      "span",
      {},
      "Point at a unit or a token to light its wires; click a token to put it in or take it out.",
    ),
  );
}
