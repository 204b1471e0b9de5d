import { breakage } from "./intervention.js";
import { copyText, describe, downloadJson } from "./downloads.js";
import { button, el } from "./elements.js";
import { asPython } from "./python.js";

/**
 * Taking the set on screen along: as Python, as a link, as JSON.
 *
 * @import { Explorer } from "./explorer.js"
 */

/**
 * @param {Explorer} explorer
 * @returns {HTMLElement}
 */
export function share(explorer) {
  const { store, labels } = explorer;
  const code = el("code", { "data-testid": "python-source" });
  const done = el("span", { class: "x-done", role: "status" });
  const source = () =>
    asPython(
      explorer.current(),
      store.get().tokens,
      labels,
      breakage(explorer.current(), store.get()),
    );
  const write = () => (code.textContent = source());
  const details = el(
    "details",
    { class: "x-source" },
    el("summary", {}, "the Python"),
    el("pre", {}, code),
  );
  const copy = async (/** @type {string} */ text, /** @type {string} */ what) => {
    const copied = await copyText(text);
    done.textContent = copied ? `${what} copied` : "copying is not allowed here; select it below";
    if (!copied) details.open = true;
  };
  store.listen(write);
  write();
  return el(
    "div",
    { class: "x-share" },
    button("Copy as Python", "copy-python", () => copy(source(), "Python")),
    button("Copy link", "copy-link", () => copy(location.href, "link")),
    button("Save as JSON", "save-json", () =>
      downloadJson("set.json", describe(explorer.current(), explorer.answer(), labels)),
    ),
    done,
    details,
  );
}
