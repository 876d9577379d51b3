// Keys, told in the help dialog from the same table that runs them.
import { $, h } from "./dom.js";
import { shownClasses, toggleClass } from "./legend.js";
import { openTab } from "./panel.js";
import { say, tell } from "./notice.js";
import { savePicture } from "./shot.js";

const opacity = (view, step) => {
  const { look } = view;
  look.set({ opacity: { ...look.opacity, [look.mode]: Math.min(1, Math.max(0.05, look.opacity[look.mode] + step)) } });
  say(`opacity ${Math.round(look.opacity[look.mode] * 100)} percent`);
};

const on = (view, name, text) => {
  view.look.set({ [name]: !view.look[name] });
  say(`${text} ${view.look[name] ? "shown" : "hidden"}`);
};

const unsure = (view) => {
  if (view.maps.layer(view.look.map)?.uncertainty) {
    view.look.disagreement = false;
    on(view, "uncertainty", "uncertainty");
  }
  else tell("This map does not say where the model is unsure; segment again and ask for it.", { seconds: 5 });
};

/** key: [what it does, action(view)]. Arrows, plus, minus and 0 are the viewer's own on the slide, and work beside it too. */
const LETTERS = {
  m: ["map on or off", (view) => on(view, "shown", "map")],
  o: ["fill or outline", (view) => view.look.set({ mode: view.look.mode === "fill" ? "outline" : "fill" })],
  u: ["where the model is unsure", unsure],
  "[": ["fainter", (view) => opacity(view, -0.1)],
  "]": ["stronger", (view) => opacity(view, 0.1)],
  p: ["save this view as an image", savePicture],
  d: ["draw an area by points", () => drawing("points")],
  f: ["draw an area free hand", () => drawing("free")],
};

const MOVES = {
  ArrowLeft: (view) => view.panBy(-0.15, 0),
  ArrowRight: (view) => view.panBy(0.15, 0),
  ArrowUp: (view) => view.panBy(0, -0.15),
  ArrowDown: (view) => view.panBy(0, 0.15),
  "+": (view) => view.zoomBy(1.4),
  "=": (view) => view.zoomBy(1.4),
  "-": (view) => view.zoomBy(1 / 1.4),
  0: (view) => view.fit(),
};

function drawing(tool) {
  openTab("correct");
  $(`tool-${tool}`).click();
}

const ROWS = [
  ["arrows", "move"], ["+ -", "zoom"], ["0", "the whole slide"], ["1 to 9", "a class on or off"],
  ...Object.entries(LETTERS).map(([key, [text]]) => [key, text]),
  ["Delete", "delete the chosen area"], ["Ctrl Z", "undo drawing"], ["Esc", "stop drawing; close"], ["?", "this help"],
];
$("keys").tBodies[0].append(
  ...ROWS.map(([keys, text]) => {
    const shown = keys.split(" ").map((key) => (key === "to" ? "to " : h("kbd", {}, key)));
    return h("tr", {}, h("th", { scope: "row" }, ...shown), h("td", {}, text));
  }),
);

let correcting = null;
let current = null;

/** Send keys to a slide; `null`: there is none. */
export function keysFor(view, correction) {
  [current, correcting] = [view, correction];
}

function actionOf(event) {
  const { key } = event;
  const inForm = event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea");
  if ((event.ctrlKey || event.metaKey) && key === "z" && correcting && !inForm) return () => correcting.areas.undo();
  if (inForm || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (key === "?") return () => $("help").showModal();
  if (!current) return null;
  if (key === "Delete" && correcting.areas.selected) return () => correcting.areas.remove(correcting.areas.selected);
  const onSlide = event.target.closest(".openseadragon-canvas");
  const ownArrows = event.target.closest("[role=tab], [role=separator], [type=radio]");
  if (Object.hasOwn(MOVES, key)) return onSlide || (ownArrows && key.startsWith("Arrow")) ? null : () => MOVES[key](current);
  if (!$("keys-on").checked) return null;
  const entry = /^[1-9]$/.test(key) && shownClasses(current)[Number(key) - 1];
  if (entry) return () => toggleClass(current, entry);
  return Object.hasOwn(LETTERS, key) ? () => LETTERS[key][1](current) : null;
}

const MOVING = new Set(["Tab", "Enter", " ", "Shift", ...Object.keys(MOVES)]);

document.addEventListener("keydown", (event) => {
  if (event.target.closest("dialog")) return;
  const action = actionOf(event);
  if (action) {
    event.preventDefault();
    action();
  }
  // OpenSeadragon has letters of its own (turn, mirror, WASD), which would surprise here.
  if (action || (event.target.closest(".openseadragon-canvas") && !MOVING.has(event.key))) event.stopPropagation();
}, { capture: true });

$("keys-on").checked = localStorage.getItem("keys") !== "off";
$("keys-on").addEventListener("change", () => localStorage.setItem("keys", $("keys-on").checked ? "on" : "off"));
$("help-open").addEventListener("click", () => $("help").showModal());
