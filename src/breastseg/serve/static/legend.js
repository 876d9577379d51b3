// The Map tab: which map, its classes with areas, how it is drawn, what it is compared with, what can be downloaded.
import * as api from "./api.js";
import { $, h, options, swatch } from "./dom.js";
import { doubtColours } from "./labels.js";
import { day, length, mm2, percent } from "./numbers.js";
import { openTab } from "./panel.js";
import { say } from "./notice.js";

/** What a file is for. */
const ABOUT = {
  "labels.ome.tif": "map, for QuPath",
  "labels.png": "map, a value a class",
  "regions.geojson": "areas, for QuPath",
  "uncertainty.ome.tif": "sure or unsure",
  "disagreement.ome.tif": "where models disagree",
  "probabilities.ome.tif": "each class from 0 to 1",
  "overlay.jpg": "map over slide",
  "overlay.png": "map over slide",
  "measures.csv": "for a spreadsheet",
  "report.html": "to read or print",
};

/** Classes that the keys 1 to 9 stand for now. */
export function shownClasses(view) {
  return view.maps.layer(view.look.map)?.classes ?? view.maps.preview?.classes ?? view.maps.layer(view.look.second)?.classes ?? [];
}

export function toggleClass(view, entry) {
  const on = view.look.toggle(entry.name);
  say(`${entry.name} ${on ? "shown" : "hidden"}`);
}

export function legend(view) {
  const { look, signal } = view;
  const listen = (id, name, action) => $(id).addEventListener(name, action, { signal });

  function show() {
    const { layers } = view.slide;
    const layer = view.maps.layer(look.map);
    const isTimeless = layer?.made && view.maps.nameOf(layer.id) === layer.title;
    $("no-map").hidden = layers.length > 0 || Boolean(view.maps.preview);
    $("has-map").hidden = !$("no-map").hidden;
    options($("map-choice"), [...layers.map((one) => [one.id, view.maps.nameOf(one.id)]), ["", "the slide alone"]], look.map ?? "");
    const others = layers.filter((one) => one.id !== look.map).map((one) => [one.id, view.maps.nameOf(one.id)]);
    options($("second"), [["", "nothing"], ["none", "the slide alone"], ...others], look.second);
    $("map-made").textContent = layer?.kind === "truth" ? "Drawn by people." : isTimeless ? `Made ${day(layer.made)}.` : "";
    $("compare-how").hidden = !look.second;
    for (const input of document.querySelectorAll("input[name=how]")) input.checked = (input.value === "side") === look.side;
    for (const input of document.querySelectorAll("input[name=mode]")) input.checked = input.value === look.mode;
    $("opacity").value = Math.round(look.opacity[look.mode] * 100);
    $("opacity-value").textContent = `${$("opacity").value} %`;
    $("uncertain-label").hidden = !layer?.uncertainty;
    $("uncertain").checked = look.uncertainty;
    $("apart-label").hidden = !layer?.disagreement;
    $("apart").checked = look.disagreement;
    const [doubts, apart] = [layer?.uncertainty && look.uncertainty, layer?.disagreement && look.disagreement];
    $("ramp").hidden = !doubts && !apart;
    [$("ramp-from").textContent, $("ramp-to").textContent] = apart ? ["agreed", "apart"] : ["sure", "unsure"];
    const off = (layer?.classes ?? []).filter((one) => one.border_um);
    $("margins-label").hidden = off.length === 0;
    $("margins").checked = look.margins;
    $("margins-note").hidden = off.length === 0 || !look.margins;
    $("margins-note").textContent = `To each side: ${off.map((one) => `${one.name} ${length(one.border_um)}`).join(", ")}.`;
    $("eye").setAttribute("aria-pressed", look.shown);
    showClasses();
    showFiles(layer);
  }

  function showClasses() {
    const rows = shownClasses(view).map((entry, index) => {
      const on = !look.hidden.has(entry.name);
      const [area, share] = [entry.area_mm2 ?? null, entry.share ?? null];
      const size = area === null && share === null ? null
        : h("span", { class: "size" }, area === null ? "" : mm2(area), h("b", {}, share === null ? "" : percent(100 * share)));
      const key = index < 9 ? h("kbd", { "aria-hidden": "true" }, String(index + 1)) : h("span");
      const onclick = () => toggleClass(view, entry);
      const button = h("button", { type: "button", "aria-pressed": String(on), "data-class": entry.name, onclick }, key,
        swatch(entry.color), h("span", { class: "name" }, entry.name), size);
      return h("li", {}, button);
    });
    const focused = document.activeElement?.dataset?.class;
    $("legend").replaceChildren(...rows);
    if (focused) [...$("legend").querySelectorAll("button")].find((button) => button.dataset.class === focused)?.focus();
    const share = shownClasses(view).some((entry) => entry.share != null);
    $("legend-note").textContent = share ? "% of the area that was analysed." : "";
  }

  function showFiles(layer) {
    const files = layer?.files ?? [];
    $("files-head").hidden = files.length === 0;
    $("files").replaceChildren(...files.map((name) => h("li", {}, h("a", { href: api.file(layer.id, name), download: name }, name),
      h("span", { class: "soft small" }, ABOUT[name.replace(/\.gz$/, "")] ?? ""))));
  }

  paintRamp();
  $("doubts").replaceChildren(...view.slide.doubts.map((text) => h("li", {}, text)));
  listen("map-choice", "change", () => {
    const map = $("map-choice").value || null;
    look.set({ map, second: map === look.second ? "" : look.second });
  });
  listen("second", "change", () => look.set({ second: $("second").value }));
  listen("opacity", "input", () => look.set({ opacity: { ...look.opacity, [look.mode]: $("opacity").value / 100 } }));
  listen("uncertain", "change", () => look.set({ uncertainty: $("uncertain").checked, disagreement: false }));
  listen("apart", "change", () => look.set({ disagreement: $("apart").checked, uncertainty: false }));
  listen("margins", "change", () => look.set({ margins: $("margins").checked }));
  for (const input of document.querySelectorAll("input[name=mode]"))
    input.addEventListener("change", () => look.set({ mode: input.value }), { signal });
  for (const input of document.querySelectorAll("input[name=how]"))
    input.addEventListener("change", () => look.set({ side: input.value === "side" }), { signal });
  listen("go-segment", "click", () => openTab("segment", { focus: true }));
  look.addEventListener("change", show);
  view.addEventListener("layers", show);
  view.addEventListener("preview", show);
  show();
}

function paintRamp() {
  const ctx = $("ramp").querySelector("canvas").getContext("2d");
  for (let x = 0; x < 128; x++) {
    const value = doubtColours[1 + 2 * x];
    ctx.fillStyle = `rgb(0 70 255 / ${(value >>> 24) / 255})`;
    ctx.clearRect(x, 0, 1, 8);
    ctx.fillRect(x, 0, 1, 8);
  }
}
