import { mountBreakIt } from "./breakit.js";
import { readData } from "./data.js";
import { makeExplorer } from "./explorer.js";
import { mountFilm } from "./film.js";
import { mountHero } from "./hero.js";
import { mountNetworks } from "./networks.js";
import { offerToScripts } from "./scripting.js";
import { mountProof } from "./proof.js";

/** Bring the page to life: each part goes where the page has a place for it. */

/** @type {[string, typeof mountHero][]} */
const PARTS = [
  ["hero", mountHero],
  ["networks", mountNetworks],
  ["break", mountBreakIt],
  ["proof", mountProof],
  ["film", mountFilm],
];

const data = readData();
if (data !== null) {
  const explorer = makeExplorer(data);
  for (const [name, mount] of PARTS) {
    const place = /** @type {HTMLElement | null} */ (
      document.querySelector(`[data-mount="${name}"]`)
    );
    if (place !== null) mount(place, explorer);
  }
  offerToScripts(explorer);
}
