import { decorate, el } from "./elements.js";

/**
 * A text field that finds a token by typing: a combobox with a list of what matches.
 *
 * @typedef {object} Wishes
 * @property {readonly string[]} labels
 * @property {string} name what it is for, for screen readers
 * @property {string} placeholder
 * @property {string} testid
 * @property {(token: number) => void} choose
 * @property {() => void} [erase] backspace in an empty field
 * @property {boolean} [keeps] whether the field shows what was chosen
 */

const SHOWN = 8;
let fields = 0;

/**
 * @param {Wishes} wishes
 * @returns {{element: HTMLElement, input: HTMLInputElement}}
 */
export function makeChooser(wishes) {
  const id = `x-chooser-${++fields}`;
  const list = el("ul", { id, class: "x-options", role: "listbox", hidden: true });
  const input = el("input", {
    type: "text",
    role: "combobox",
    class: "x-search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: wishes.placeholder,
    "aria-label": wishes.name,
    "aria-controls": id,
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    "data-testid": wishes.testid,
  });
  /** @type {number[]} */
  let matches = [];
  let active = 0;

  const close = () => {
    list.hidden = true;
    decorate(input, { "aria-expanded": "false", "aria-activedescendant": undefined });
  };
  const take = (/** @type {number} */ token) => {
    input.value = wishes.keeps ? wishes.labels[token] : "";
    close();
    wishes.choose(token);
  };
  const mark = () => {
    [...list.children].forEach((option, place) => {
      const selected = matches.length > 0 && place === active;
      option.setAttribute("aria-selected", String(selected));
    });
    decorate(input, { "aria-activedescendant": matches.length ? `${id}-${active}` : undefined });
  };
  const open = () => {
    matches = matching(wishes.labels, input.value);
    active = 0;
    list.replaceChildren(...options(id, matches, wishes.labels, take));
    list.hidden = input.value === "";
    decorate(input, { "aria-expanded": String(!list.hidden) });
    mark();
  };

  input.addEventListener("input", open);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !list.hidden && matches.length) take(matches[active]);
    else if (event.key === "Escape") close();
    else if (event.key === "Backspace" && input.value === "") wishes.erase?.();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : matches.length - 1;
      if (matches.length) active = (active + step) % matches.length;
      mark();
    } else return;
    event.preventDefault();
  });
  return { element: el("span", { class: "x-chooser" }, input, list), input };
}

/**
 * @param {string} id
 * @param {number[]} matches
 * @param {readonly string[]} labels
 * @param {(token: number) => void} take
 */
function options(id, matches, labels, take) {
  if (matches.length === 0) {
    const none = { class: "x-none", role: "option", "aria-disabled": "true" };
    return [el("li", none, "no such token")];
  }
  return matches.map((token, place) =>
    el(
      "li",
      {
        id: `${id}-${place}`,
        role: "option",
        onpointerdown: (/** @type {Event} */ event) => {
          event.preventDefault(); // the field keeps the focus
          take(token);
        },
      },
      labels[token],
    ),
  );
}

/**
 * Tokens whose label is the text, then those that start with it, then those that hold it.
 *
 * @param {readonly string[]} labels
 * @param {string} typed
 * @returns {number[]}
 */
function matching(labels, typed) {
  const text = typed.trim().toLowerCase();
  if (text === "") return [];
  /** @type {[number[], number[], number[]]} */
  const ranks = [[], [], []];
  labels.forEach((label, token) => {
    const place = label.toLowerCase().indexOf(text);
    if (place < 0) return;
    ranks[place > 0 ? 2 : label.length === text.length ? 0 : 1].push(token);
  });
  const found = ranks.flat();
  if (found.length === 0 && /^\d+$/.test(text) && Number(text) < labels.length) {
    found.push(Number(text));
  }
  return found.slice(0, SHOWN);
}
