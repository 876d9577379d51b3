// Keys of a film's page, told in its panel from the same table that runs them.
import { $, h } from "../dom.js";
import { say } from "../notice.js";
import { LAYERS } from "./look.js";

const toggle = (look, name) => {
  look.setLayer(name, { shown: !look.layers[name].shown });
  say(`${LAYERS[name].text} ${look.layers[name].shown ? "shown" : "hidden"}`);
};
const windowed = (look, factor, step) => {
  look.set({ width: look.width * factor, centre: look.centre + step * look.width });
  say(`centre ${look.centre}, width ${look.width}`);
};

/** key: [what it does, action(page)]. */
const LETTERS = {
  i: ["invert", ({ look }) => look.set({ invert: !look.invert })],
  f: ["flip left and right", ({ look }) => look.set({ flip: !look.flip })],
  w: ["the first window again", (page) => page.firstWindow()],
  "[": ["narrower window", ({ look }) => windowed(look, 0.9, 0)],
  "]": ["wider window", ({ look }) => windowed(look, 1 / 0.9, 0)],
  ",": ["brighter", ({ look }) => windowed(look, 1, -0.05)],
  ".": ["darker", ({ look }) => windowed(look, 1, 0.05)],
  b: ["both breasts back to back", (page) => page.toggleBoth()],
  1: ["breast on or off", ({ look }) => toggle(look, "breast")],
  2: ["muscle on or off", ({ look }) => toggle(look, "muscle")],
  3: ["findings on or off", ({ look }) => toggle(look, "finding")],
};
const MOVES = {
  ArrowLeft: ({ stage }) => stage.panBy(60, 0),
  ArrowRight: ({ stage }) => stage.panBy(-60, 0),
  ArrowUp: ({ stage }) => stage.panBy(0, 60),
  ArrowDown: ({ stage }) => stage.panBy(0, -60),
  "+": ({ stage }) => stage.zoomBy(1.3),
  "=": ({ stage }) => stage.zoomBy(1.3),
  "-": ({ stage }) => stage.zoomBy(1 / 1.3),
  0: ({ stage }) => stage.fit(),
};
const ROWS = [["arrows", "move"], ["+ -", "zoom"], ["0", "all of it"], ...Object.entries(LETTERS).map(([key, [text]]) => [key, text])];

$("film-keys").replaceChildren(
  ...ROWS.map(([keys, text]) => h("tr", {}, h("th", { scope: "row" }, ...keys.split(" ").map((key) => h("kbd", {}, key))), h("td", {}, text))),
);

/** Let keys act on a film's page until it is left. */
export function filmKeys(page, signal) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const inForm = target.closest("input:not([type=checkbox], [type=radio]), select, textarea, dialog");
    if (event.defaultPrevented || inForm || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrowsTaken = key.startsWith("Arrow") && target.closest("[type=radio]");
    const move = Object.hasOwn(MOVES, key) && !arrowsTaken ? MOVES[key] : null;
    const letter = $("keys-on").checked && Object.hasOwn(LETTERS, key) ? LETTERS[key][1] : null;
    if (!move && !letter) return;
    event.preventDefault();
    (move ?? letter)(page);
  }, { signal });
}
