import { readBytes } from "./data.js";
import { button, decorate, el, prefersStill, svg, whileNear } from "./elements.js";
import { count, plain, significant } from "./numbers.js";

/**
 * The training film: W_in as it splits into two values.
 *
 * @import { Explorer } from "./explorer.js"
 * @import { FilmData } from "./data.js"
 */

const BEAT = 140; // milliseconds a moment
const BINS = 51; // of five bytes each, the middle one around 0
const NEGATIVE = [25, 98, 178];
const POSITIVE = [224, 116, 22];

/**
 * @param {HTMLElement} mount
 * @param {Explorer} explorer
 */
export function mountFilm(mount, explorer) {
  const { film } = explorer.data;
  if (film === null) return;
  const { tokens, units, steps, limit } = film;
  const last = steps.length - 1;
  const picture = el("canvas", { class: "x-film", width: units, height: tokens, role: "img" });
  const below = svg("path", { class: "x-below-0" });
  const above = svg("path", { class: "x-above-0" });
  const axis = [-limit, 0, limit].map((value) => el("span", {}, plain(value, 1)));
  const histogram = svg(
    "svg",
    { class: "x-histogram", preserveAspectRatio: "none", role: "img" },
    below,
    above,
  );
  decorate(histogram, { viewBox: `0 0 ${BINS} 100`, "aria-label": "histogram of these entries" });
  const slider = el("input", { type: "range", min: 0, max: last, value: last, step: 1 });
  decorate(slider, {
    "aria-label": "moment of training",
    "data-testid": "film-slider",
    class: "x-slider",
  });
  const caption = el("output", { class: "x-moment", "data-testid": "film-step" });
  const play = button("Play", "film-play", () => player.toggle());
  mount.replaceChildren(
    el("div", { class: "x-tool x-film-tools" }, play, slider, caption),
    el(
      "div",
      { class: "x-pictures" },
      el(
        "figure",
        {},
        picture,
        el(
          "figcaption",
          {},
          `${tokens} tokens down, ${units} hidden units across; blue below 0, orange above`,
        ),
      ),
      el(
        "figure",
        {},
        histogram,
        el("div", { class: "x-axis" }, ...axis),
        el("figcaption", {}, `the same ${count(tokens * units)} entries by value`),
      ),
    ),
  );
  let bytes = new Uint8Array(0);
  const draw = () => {
    if (bytes.length === 0) bytes = readBytes("film");
    const at = Number(slider.value);
    const moment = bytes.subarray(at * tokens * units, (at + 1) * tokens * units);
    paint(picture, moment);
    const bars = outline(moment);
    below.setAttribute("d", bars.slice(0, (BINS - 1) / 2).join(""));
    above.setAttribute("d", bars.slice((BINS - 1) / 2).join(""));
    caption.textContent = momentWords(film, at);
    decorate(slider, { "aria-valuetext": momentWords(film, at) });
    decorate(picture, {
      "aria-label": `W_in at ${momentWords(film, at)}: blue below 0, orange above`,
    });
  };
  const player = makePlayer(play, slider, draw);
  slider.addEventListener("input", () => {
    player.stop();
    draw();
  });
  whileNear(mount, () => {}, draw);
}

/**
 * Plays from the start; where motion is to be reduced, each press shows one moment more.
 *
 * @param {HTMLButtonElement} play
 * @param {HTMLInputElement} slider
 * @param {() => void} draw
 */
function makePlayer(play, slider, draw) {
  let timer = 0;
  const name = () => (prefersStill() ? "Next moment" : timer ? "Pause" : "Play");
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = name();
  };
  const step = () => {
    const at = Number(slider.value);
    slider.value = String(at + 1);
    draw();
    if (slider.value === slider.max) stop();
  };
  const toggle = () => {
    if (timer) return stop();
    if (slider.value === slider.max) {
      slider.value = "0";
      draw();
      if (prefersStill()) return undefined;
    }
    if (prefersStill()) return step();
    timer = setInterval(step, BEAT);
    play.textContent = name();
    return undefined;
  };
  play.textContent = name();
  return { stop, toggle };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} moment
 */
function paint(canvas, moment) {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(canvas.width, canvas.height);
  moment.forEach((byte, at) => {
    image.data.set(byte < 128 ? NEGATIVE : POSITIVE, 4 * at);
    image.data[4 * at + 3] = Math.min(255, 2 * Math.abs(byte - 128));
  });
  context.putImageData(image, 0, 0);
}

/**
 * @param {Uint8Array} moment
 * @returns {string[]} the bars of its histogram, each as a path
 */
function outline(moment) {
  const bins = new Float64Array(BINS);
  for (const byte of moment) bins[Math.floor((byte - 1) / 5)]++;
  const most = bins.reduce((best, bin) => Math.max(best, bin), 1);
  return Array.from(bins, (bin, at) => {
    const tall = ((100 * bin) / most).toFixed(2);
    return bin === 0 ? "" : `M${at + 0.08} 100v-${tall}h.84v${tall}z`;
  });
}

/**
 * @param {FilmData} film
 * @param {number} at
 */
function momentWords(film, at) {
  const loss = film.losses[at];
  const step = `step ${count(film.steps[at])}`;
  if (film.steps[at] === 0) return `${step}, before training`;
  return loss === null ? step : `${step}, ${loss[1]} ${significant(loss[0])}`;
}
