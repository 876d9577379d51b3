// The Measures tab: the row that predict writes, in words and units, and what the map was made with.
import * as api from "./api.js";
import { $, h } from "./dom.js";
import { day, length, mm2, percent, plain, whole } from "./numbers.js";

/** As the report calls them. */
const NAMES = {
  analysed_mm2: "All that was analysed",
  tissue_mask_mm2: "Tissue on the slide",
  stroma_percent_of_tumor_and_stroma: "Stroma, of tumor and stroma",
  stroma_percent_of_tumor_and_stroma_within_100_um: "Stroma, of tumor and stroma, within 100 µm of tumor",
  inflammatory_percent_of_stroma_and_inflammatory: "Inflammation, of stroma and inflammation",
  inflammatory_percent_of_stroma_and_inflammatory_within_100_um: "Inflammation, of stroma and inflammation, within 100 µm of tumor",
  necrosis_percent_of_tumor_and_necrosis: "Necrosis, of tumor and necrosis",
  nest_count: "Tumor nests",
  nest_area_median_mm2: "Nest in the middle by area",
  nest_area_max_mm2: "Largest nest",
  nest_diameter_max_mm: "Longest nest",
  tumor_diameter_max_mm: "Greatest extent of tumor on this section",
  explore_fields: "Explored: fields that were looked at",
  explore_fields_of: "Explored: fields with tumor",
  explore_lumen_percent_of_tumor: "Explored: lumens, of tumor and lumens",
  explore_nest_solidity_median: "Explored: solidity of nests, median",
  explore_nest_circularity_median: "Explored: circularity of nests, median",
  explore_nuclei_count: "Explored: nuclei in tumor that were measured",
  explore_nuclear_area_median_um2: "Explored: nuclear area, median, µm²",
  explore_nuclear_area_iqr_um2: "Explored: nuclear area, interquartile range, µm²",
  explore_nuclei_large_percent: "Explored: nuclei over 80 µm²",
};
const SKIPPED = new Set(["image", "mpp"]);

/** Classes first, area and share in one row each; then the other measures. */
function rowsOf(found) {
  const row = Object.entries(found).filter(([key]) => !SKIPPED.has(key));
  const classes = row.map(([key]) => key.replace(/_mm2$/, "")).filter((name) => `${name}_mm2` in found && `${name}_percent` in found);
  const keys = classes.flatMap((name) => [`${name}_mm2`, `${name}_percent`]);
  const shown = new Set(keys.flatMap((key) => [key, `${key}_low`, `${key}_high`]));
  const value = (key) => {
    const [own, low, high] = [key, `${key}_low`, `${key}_high`].map((one) => told(key, found[one] ?? null)[1]);
    return (found[`${key}_low`] ?? null) === null ? own : [own, h("span", { class: "ends soft small" }, `${bare(low)} to ${bare(high)}`)];
  };
  return [
    table(classes.map((name) => [words(name), value(`${name}_mm2`), value(`${name}_percent`)])),
    table(row.filter(([key]) => !shown.has(key)).map(([key, one]) => told(key, one))),
  ];
}

/** A measure's name without its unit, and its value with it; the unit is the end of the key. */
function told(key, value) {
  if (value === null) return [words(key), "none"];
  if (typeof value !== "number") return [words(key), String(value)];
  if (key.includes("_percent")) return [words(key, "_percent"), percent(value)];
  if (key.endsWith("_mm2")) return [words(key, "_mm2"), mm2(value)];
  if (key.endsWith("_mm")) return [words(key, "_mm"), length(value * 1000)];
  if (key.endsWith("_um")) return [words(key, "_um"), length(value)];
  return [words(key), Number.isInteger(value) ? whole(value) : plain(value)];
}

/** A value without its unit, which stands above it. */
const bare = (text) => text.replace(/ \S+$/, "");

function words(key, unit = "") {
  const name = NAMES[key] ?? key.replace(unit, "").replaceAll("_", " ");
  return name[0].toUpperCase() + name.slice(1);
}

const line = ([name, ...values]) => h("tr", {}, h("th", { scope: "row" }, name), ...values.map((value) => h("td", {}, ...[value].flat())));
const table = (rows) => h("table", {}, h("tbody", {}, ...rows.map(line)));

function made(found) {
  const rows = [
    ["Model", found.model],
    ["Made", found.made && day(found.made)],
    ["Slide", found.mpp && [`${plain(found.mpp)} µm/px`, found.mpp_source].filter(Boolean).join(", ")],
    ["Model works at", found.model_mpp && `${plain(found.model_mpp)} µm/px`],
    ["Only the box", found.box_level0_px?.join(", ")],
    ["Computed by", found.backend],
  ];
  return rows.filter(([, value]) => value);
}

/** Show the measures of the map that is shown. */
export function measures(view) {
  let shown;
  async function show() {
    const layer = view.maps.layer(view.look.map);
    if (layer?.id === shown) return;
    shown = layer?.id;
    $("measures").replaceChildren();
    $("measures-of").textContent = layer ? `Of the map shown: ${view.maps.nameOf(layer.id)}.` : "Choose a map to see its measures.";
    if (!layer) return;
    try {
      const found = await api.measures(layer.id);
      if (view.signal.aborted || shown !== layer.id) return;
      const known = Object.keys(found.measures).length > 0;
      if (!known) $("measures-of").textContent = `No measures were made of ${view.maps.nameOf(layer.id)}.`;
      const doubts = h("ul", { class: "doubts" }, ...(found.doubts ?? []).map((text) => h("li", {}, text)));
      const margins = (found.margins ?? []).map((text) => h("p", { class: "soft small" }, text));
      const [classes, others] = known ? rowsOf(found.measures) : [];
      $("measures").replaceChildren(...(known ? [classes, ...margins, others] : []), doubts);
      if (made(found).length) $("measures").append(h("h2", {}, "How it was made"), table(made(found)));
    } catch (error) {
      $("measures-of").textContent = error.message;
    }
  }
  view.look.addEventListener("change", show);
  view.addEventListener("layers", show);
  show();
}
