import { makeChooser } from "./chooser.js";
import { button, el } from "./elements.js";

/**
 * Two fields that choose the tokens whose hashes change places at the input.
 *
 * @import { Explorer } from "./explorer.js"
 */

/** @param {Explorer} explorer */
export function swapFields(explorer) {
  const { store, labels, data, random } = explorer;
  /** @type {(number | null)[]} */
  const chosen = [null, null];
  const field = (/** @type {0 | 1} */ side) =>
    makeChooser({
      labels,
      name: side === 0 ? "first token to swap" : "second token to swap",
      placeholder: side === 0 ? "a token" : "another token",
      testid: side === 0 ? "swap-a" : "swap-b",
      keeps: true,
      choose: (token) => {
        chosen[side] = token;
        const [a, b] = chosen;
        if (a !== null && b !== null && a !== b) store.set({ swap: [a, b] });
      },
    });
  const fields = [field(0), field(1)];
  const example = () => {
    const { tokens } = store.get();
    const member = tokens[Math.floor(random() * tokens.length)] ?? 0;
    const others = Array.from({ length: data.vocabSize }, (_, id) => id).filter(
      (id) => !tokens.includes(id),
    );
    if (others.length) store.set({ swap: [member, others[Math.floor(random() * others.length)]] });
  };
  const element = el(
    "div",
    { class: "x-tool" },
    el("span", {}, "Swap the hashes of "),
    fields[0].element,
    el("span", {}, " and "),
    fields[1].element,
    button("example", "swap-example", example, { class: "x-button x-small" }),
  );
  const draw = () => {
    const { swap } = store.get();
    if (swap === null && chosen.includes(null)) return; // half a swap stays in its field
    fields.forEach(({ input }, side) => {
      chosen[side] = swap === null ? null : swap[side];
      input.value = swap === null ? "" : labels[swap[side]];
    });
  };
  return { element, draw };
}
