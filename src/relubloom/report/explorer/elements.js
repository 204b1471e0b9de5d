/**
 * Elements without markup: text is always a text node, so no label can become an element.
 *
 * @typedef {string | number | boolean | undefined | ((event: any) => void)} Attribute
 */

const SVG = "http:" + "//www.w3.org/2000/svg"; // a name and no address: the page asks for nothing

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes] a function is a listener by its `on...` name
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  decorate(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  decorate(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, Attribute>} attributes
 */
export function decorate(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === false || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * A button that is never a form's.
 *
 * @param {string} text
 * @param {string} testid
 * @param {() => void} onclick
 * @param {Record<string, Attribute>} [attributes]
 */
export function button(text, testid, onclick, attributes = {}) {
  const given = { type: "button", class: "x-button", "data-testid": testid, onclick };
  return el("button", { ...given, ...attributes }, text);
}

/**
 * A token's label, set apart from the sentence around it.
 *
 * @param {string} label
 */
export function word(label) {
  return el("b", { class: "x-word" }, label);
}

/**
 * Draw when the element comes near the screen, and again after each `change` while it is there.
 * What is far away costs nothing, and what is near waits until a click has been answered.
 *
 * @param {Element} element
 * @param {(change: () => void) => void} listen
 * @param {() => void} draw
 */
export function whileNear(element, listen, draw) {
  /** @type {Set<Element>} */
  const near = new Set();
  let stale = true;
  const refresh = () => {
    if (near.size === 0 || !stale) return;
    stale = false;
    draw();
  };
  listen(() => {
    stale = true;
    setTimeout(refresh);
  });
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) near.add(target);
        else near.delete(target);
      }
      refresh();
    },
    { rootMargin: "600px" },
  );
  watch.observe(element);
  const before = element.previousElementSibling; // while the element is empty it has no place
  if (before !== null) watch.observe(before);
}

/** @returns {boolean} */
export function prefersStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
