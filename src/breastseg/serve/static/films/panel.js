// The panel beside a film: window, layers, what its record says.
import { $, h, swatch } from "../dom.js";
import { LAYERS } from "./look.js";

const SIDES = { L: "left", R: "right" };
const BY = { path: "path (found)", srg: "region growing (found)", rows: "rows (found)", none: "not looked for", line: "the line that a person put" };

/** "R MLO", or what there is. */
export const viewName = (film) => [film.laterality, film.view].filter(Boolean).join(" ") || "side and view not known";

/** Sliders and switches that set the look, and follow it. */
export function controls(look, signal) {
  const on = (id, name, action) => $(id).addEventListener(name, action, { signal });
  on("film-centre", "input", () => look.set({ centre: Number($("film-centre").value) }));
  on("film-width", "input", () => look.set({ width: Number($("film-width").value) }));
  on("film-invert", "change", () => look.set({ invert: $("film-invert").checked }));
  on("film-flip", "change", () => look.set({ flip: $("film-flip").checked }));
  const rows = Object.entries(LAYERS).map(([name, layer]) => layerRow(look, name, layer));
  $("film-layers").replaceChildren(...rows.map(({ row }) => row));
  const show = () => {
    [$("film-centre").value, $("film-width").value] = [look.centre, look.width];
    [$("film-centre-value").textContent, $("film-width-value").textContent] = [look.centre, look.width];
    [$("film-invert").checked, $("film-flip").checked] = [look.invert, look.flip];
    for (const { follow } of rows) follow();
  };
  look.addEventListener("change", show, { signal });
  show();
}

function layerRow(look, name, { text, color }) {
  const shown = h("input", { type: "checkbox", id: `film-${name}`, onchange: () => look.setLayer(name, { shown: shown.checked }) });
  const opacity = h("input", {
    type: "range", min: "0", max: "100", step: "5", "aria-label": `${text}: opacity in percent`, id: `film-${name}-opacity`,
    oninput: () => look.setLayer(name, { opacity: Number(opacity.value) / 100, shown: true }),
  });
  const row = h("li", { class: "layer" }, h("label", { class: "check" }, shown, swatch(color), text), opacity);
  const follow = () => {
    shown.checked = look.layers[name].shown;
    opacity.value = Math.round(100 * look.layers[name].opacity);
  };
  return { row, follow };
}

const area = (mm2, px) => (mm2 !== null ? `${(mm2 / 100).toFixed(1)} cm²` : px !== null ? `${Math.round(px)} px` : "not known");
const from = (value, origin) => (origin ? `${value} (${origin})` : value);

function rowsOf(film) {
  const [breast, muscle] = film.areas_mm2.map((value, index) => area(value, film.areas_px[index]));
  const score = film.muscle_score === null ? "" : `, score ${film.muscle_score.toFixed(2)}`;
  const sure = film.chest_wall_sure ? "" : ", not sure";
  return [
    ["Patient", film.patient || "not known"],
    ["Side", from(SIDES[film.laterality] ?? (film.laterality || "not known"), film.laterality_origin)],
    ["View", from(film.view || "not known", film.view_origin)],
    ["Picture", `${film.size_px[0]} x ${film.size_px[1]} px, 16 bits`],
    ["Spacing", from(film.mm_per_px === null ? "not known" : `${film.mm_per_px} mm a pixel`, film.mm_origin)],
    ["Chest wall", `${film.chest_wall} in the picture${sure}`],
    ["Breast", breast],
    ["Muscle", `${muscle}, ${BY[film.muscle_by] ?? (film.muscle_by || "found")}${score}`],
    ...film.density.map((line) => ["Density", line]),
    ...film.findings.map((one, index) => [`Finding ${index + 1}`, [one.kind, one.pathology, one.birads && `BI-RADS ${one.birads}`].filter(Boolean).join(", ")]),
    ["Data set", film.data_set],
  ];
}

/** What the record says, as a table; doubts above, the history of the pixels below. */
export function facts(film, also) {
  const rows = rowsOf(film).map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value)));
  $("film-facts").replaceChildren(...rows);
  $("film-notes").replaceChildren(...[...also, ...film.notes].map((note) => h("li", {}, note)));
  $("film-history").replaceChildren(...film.history.map((line) => h("li", {}, line)));
}
