// The Segment tab: which model, which part, start; the jobs of this slide; blocks appear on the slide as they finish.
import * as api from "./api.js";
import { $, options } from "./dom.js";
import { isAlive, jobRow, jobs, showRows } from "./jobs.js";
import { mm2, plain, whole } from "./numbers.js";
import { lower } from "./panel.js";
import { hush, tell } from "./notice.js";

const part = () => document.querySelector("input[name=part]:checked").value;

/** The level-0 box [x, y, width, height] inside a slide that two corners span. */
function boxOf(slide, [x0, y0], [x1, y1]) {
  const within = (value, axis) => Math.min(slide.size_px[axis], Math.max(0, Math.round(value)));
  const [left, right] = [within(Math.min(x0, x1), 0), within(Math.max(x0, x1), 0)];
  const [top, bottom] = [within(Math.min(y0, y1), 1), within(Math.max(y0, y1), 1)];
  return [left, top, right - left, bottom - top];
}

export function segment(view, draw, { models, writable }) {
  const { slide, signal } = view;
  let box = null;
  let known = null;

  /** A slide whose file does not say its microns per pixel has those of its data set or newest map: a person may say others. */
  function showMpp() {
    known = slide.mpp;
    $("mpp-label").hidden = slide.mpp_own;
    $("mpp").value = known ?? "";
    $("mpp-about").textContent = known
      ? `The file does not say; used until now: ${plain(known)} (${slide.mpp_source}). Type others if they are wrong.`
      : "The file does not say; sizes and the model need it.";
  }

  function describe() {
    const model = models.find((one) => one.name === $("model").value);
    $("model-about").textContent = model ? `${model.mpp} µm/px: ${model.classes.map((one) => one.name).join(", ")}` : "";
    const size = box && `${whole(box[2])} × ${whole(box[3])} px${slide.mpp ? `, ${mm2((box[2] * box[3] * slide.mpp ** 2) / 1e6)}` : ""}`;
    const drawn = box ? `${size}. Choose it again to draw another.` : "Drag a rectangle on the slide.";
    $("box-text").textContent = part() === "box" ? drawn : "";
  }

  function viewBox() {
    const seen = view.overlay.view();
    return boxOf(slide, [seen.x, seen.y], [seen.x + seen.width / seen.scale, seen.y + seen.height / seen.scale]);
  }

  function drawBox() {
    lower();
    draw.begin("box", (corners) => {
      box = boxOf(slide, ...corners);
      describe();
      view.repaint();
      $("start").focus();
    });
  }

  async function start(event) {
    event.preventDefault();
    const chosen = { whole: () => null, view: viewBox, box: () => box }[part()]();
    const typed = Number($("mpp").value);
    const mpp = slide.mpp_own || typed === slide.mpp ? null : typed; // none: what is known holds
    if (part() === "box" && !box) return tell("No rectangle was drawn; drag one on the slide, or choose the whole slide.");
    if (!slide.mpp_own && !(typed > 0)) {
      $("mpp").focus();
      return tell("The slide does not say its microns per pixel; type them, 0.25 for a usual 40x scan.");
    }
    $("start").disabled = true;
    try {
      await jobs.start({ entry: slide.id, model: $("model").value, box: chosen, mpp, uncertainty: $("with-uncertainty").checked });
      hush();
    } catch (error) {
      tell(error.message);
    }
    $("start").disabled = !writable;
  }

  function paintBox(ctx, seen) {
    if (!box || part() !== "box") return;
    ctx.lineWidth = 2 * seen.dpr;
    ctx.strokeStyle = "#1f6feb";
    ctx.setLineDash([8 * seen.dpr, 5 * seen.dpr]);
    ctx.strokeRect((box[0] - seen.x) * seen.scale, (box[1] - seen.y) * seen.scale, box[2] * seen.scale, box[3] * seen.scale);
  }

  follow(view);
  view.overlay.painters.push(paintBox);
  options($("model"), models.map((model) => [model.name, model.name]), models[0]?.name);
  showMpp();
  $("start").disabled = !writable || models.length === 0;
  document.querySelector("input[name=part]").checked = true;
  $("segment").addEventListener("submit", start, { signal });
  $("model").addEventListener("change", describe, { signal });
  $("mpp").addEventListener("input", hush, { signal });
  view.addEventListener("layers", () => slide.mpp !== known && showMpp());
  for (const input of document.querySelectorAll("input[name=part]"))
    input.addEventListener("click", () => {
      if (input.value === "box") drawBox();
      else if (draw.tool === "box") draw.stop();
      describe();
      view.repaint();
    }, { signal });
  describe();
}

/** Show the jobs of the slide, and what the one at work has named so far. */
function follow(view) {
  const { slide, signal } = view;
  let seen = "";

  async function change() {
    const here = jobs.list.filter((job) => job.entry === slide.id);
    const isElsewhere = (job) => view.maps.layer(job.layer) && job.layer !== view.look.map;
    const open = (job) => (isElsewhere(job) ? () => view.look.set({ map: job.layer, shown: true }) : null);
    showRows($("jobs-here"), here.map((job) => jobRow(job, false, open(job))));
    const running = here.find((job) => job.state === "running" && job.blocks > 0 && job.preview_box);
    const key = running ? `${running.id}/${running.blocks}` : "";
    if (key === seen) return;
    seen = key;
    if (!running) return show(null);
    try {
      await show(await api.blob(api.preview(running.id)), running);
    } catch (error) {
      if (error.status !== 404) tell(error.message); // 404: it has just ended
    }
  }

  async function show(blob, job) {
    if (signal.aborted) return;
    await view.maps.showPreview(blob, job?.preview_box, job?.classes);
    $("slide").dataset.blocks = job?.blocks ?? 0;
    view.dispatchEvent(new Event("preview"));
  }

  async function ended({ detail: job }) {
    if (job.entry !== slide.id) return;
    if (job.state === "failed") tell(`The map was not made: ${job.cause ?? "no cause was told"}`);
    try {
      await view.reload(job.layer);
    } catch (error) {
      tell(error.message);
    }
  }

  jobs.addEventListener("change", change, { signal });
  jobs.addEventListener("ended", ended, { signal });
  view.look.addEventListener("change", change);
  if (jobs.list.some(isAlive)) jobs.look();
  change();
}
