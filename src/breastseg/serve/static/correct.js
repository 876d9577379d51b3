// The Correct tab: draw areas, give them classes, delete, undo, save beside the slide; open GeoJSON.
import * as api from "./api.js";
import { Areas, featuresOf } from "./areas.js";
import { $, h, options, swatch } from "./dom.js";
import { mm2, whole } from "./numbers.js";
import { lower, tabIsOpen } from "./panel.js";
import { ask, say, tell } from "./notice.js";

const LISTED = 60;

export function correct(view, draw, { writable }) {
  const { slide, signal } = view;
  const areas = new Areas();
  const listen = (id, name, action) => $(id).addEventListener(name, action, { signal });
  const chosenClass = () => areas.classes.find((entry) => entry.name === $("area-class").value);

  async function load() {
    try {
      const kept = await api.annotation(slide.id);
      if (signal.aborted) return; // the panel is another slide's by now
      areas.load(kept);
    } catch (error) {
      if (signal.aborted) return;
      areas.version = null; // saving would drop what could not be read
      areas.changed();
      if (error.status !== 404) tell(error.message);
    }
    options($("area-class"), areas.classes.map((entry) => [entry.name, entry.name]), areas.classes[0]?.name);
  }

  function show() {
    const count = areas.list.length;
    const known = areas.dirty ? "Not saved yet." : count ? "Saved." : "";
    const kept = areas.version === null ? "What was drawn before cannot be read, so nothing can be saved." : known;
    $("areas-text").textContent = `${count === 0 ? "No areas." : count === 1 ? "1 area." : `${whole(count)} areas.`} ${kept}`;
    $("undo").disabled = areas.past.length === 0;
    $("save").disabled = !areas.dirty || !writable || areas.version === null;
    for (const tool of ["points", "free"]) $(`tool-${tool}`).setAttribute("aria-pressed", draw.tool === tool);
    allow();
    showList();
    view.repaint();
  }

  /** Without classes, not loaded or not to be read, nothing can be drawn. */
  function allow() {
    for (const id of ["tool-points", "tool-free", "area-class", "import"]) $(id).disabled = areas.classes.length === 0;
  }

  function showList() {
    const newest = [...areas.list].reverse();
    const shown = newest.slice(0, LISTED);
    if (areas.selected && !shown.includes(areas.selected)) shown.unshift(areas.selected);
    const rest = newest.length - shown.length;
    const more = rest > 0 ? [h("li", { class: "soft small" }, `and ${whole(rest)} more on the slide`)] : [];
    $("areas").replaceChildren(...shown.map(row), ...more);
  }

  function row(area) {
    const chosen = area === areas.selected;
    const size = !area.size ? "point" : slide.mpp ? mm2((area.size * slide.mpp ** 2) / 1e6) : `${whole(area.size)} px`;
    const button = h("button", { type: "button", "aria-pressed": String(chosen), onclick: () => pick(chosen ? null : area, true) },
      swatch(areas.colorOf(area)), h("span", { class: "name" }, area.name || "no class"), h("span", { class: "size" }, size));
    return h("li", {}, button, chosen ? tools(area) : null);
  }

  function tools(area) {
    const rename = () => areas.rename(area, areas.classes.find((entry) => entry.name === select.value));
    const select = h("select", { "aria-label": "Class of this area", onchange: rename });
    const known = areas.classes.find((entry) => entry.name.toLowerCase() === area.name.toLowerCase());
    const unknown = known ? [] : [["", area.name || "no class"]];
    options(select, [...unknown, ...areas.classes.map((entry) => [entry.name, entry.name])], known?.name ?? "");
    return h("div", { class: "row" }, select, h("button", { type: "button", onclick: () => areas.remove(area) }, "Delete"));
  }

  function pick(area, go) {
    areas.select(area);
    if (!area) return;
    $("areas").querySelector("[aria-pressed=true]")?.focus();
    if (go) moveTo(area);
  }

  /** Bring an area into view where it is not. */
  function moveTo({ box }) {
    const seen = view.overlay.view();
    const middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    const [x, y] = [(middle[0] - seen.x) * seen.scale, (middle[1] - seen.y) * seen.scale];
    if (x < 0 || y < 0 || x > seen.width || y > seen.height) view.go({ x: middle[0], y: middle[1], zoom: view.place().zoom });
  }

  function toggle(tool) {
    if (draw.tool === tool) return draw.stop();
    lower();
    draw.begin(tool, (points) => {
      areas.add(points, chosenClass());
      say(`${chosenClass().name}: area drawn`);
    });
  }

  async function save(version = areas.version) {
    const sent = areas.list;
    try {
      areas.keep(await api.saveAnnotation(slide.id, { version, features: areas.features }), sent);
      slide.annotated = sent.length > 0;
      tell("Areas saved beside the slide.", { seconds: 4, good: true });
    } catch (error) {
      if (error.status === 409) conflict(error);
      else tell(error.message);
    }
  }

  function conflict(error) {
    tell(`Not saved. ${error.message}`, { choices: [["Load the other areas, drop mine", load], ["Save mine in their place", async () => {
      try {
        await save((await api.annotation(slide.id)).version);
      } catch (fault) {
        tell(fault.message);
      }
    }]] });
  }

  async function take() {
    const [file] = $("import").files;
    if (!file) return;
    try {
      const { taken, left } = featuresOf(await file.text());
      areas.take(taken);
      const skipped = left ? `, ${left} skipped that are no annotations with a class` : "";
      tell(`${file.name}: ${taken.length} areas added${skipped}, not saved yet.`, { seconds: 6, good: true });
    } catch (error) {
      tell(`${file.name} ${error.message}`);
    }
    $("import").value = "";
  }

  view.overlay.painters.push((ctx, seen) => areas.paint(ctx, seen));
  view.osd.addHandler("canvas-click", (event) => {
    if (!event.quick || draw.tool || !tabIsOpen("correct")) return;
    const area = areas.at(view.overlay.ctx, view.overlay.place(event.position));
    if (area !== areas.selected) pick(area, false);
  });
  areas.addEventListener("change", show);
  draw.addEventListener("change", show);
  listen("tool-points", "click", () => toggle("points"));
  listen("tool-free", "click", () => toggle("free"));
  listen("undo", "click", () => areas.undo());
  listen("save", "click", () => save());
  listen("import", "change", take);
  listen("panel", "tab", (event) => event.detail !== "correct" && draw.tool !== "box" && draw.stop());
  window.addEventListener("beforeunload", (event) => areas.dirty && event.preventDefault(), { signal });
  allow();
  load();
  return {
    areas,
    /** Whether the person lets go of what is not saved. */
    async mayLeave() {
      return !areas.dirty || (await ask("Areas that you drew on this slide are not saved.", ["Stay here", "Leave without saving"])) === 1;
    },
  };
}
