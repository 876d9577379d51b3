// The maps over a slide: which pyramid goes where, in which colours; the preview of a running job.
import { paintBands } from "./bands.js";
import { classColours, decode, doubtColours, paintLabels } from "./labels.js";
import { day } from "./numbers.js";
import { Pyramid } from "./pyramid.js";

export class Maps {
  /** `changed()` asks for another painting. */
  constructor(slide, look, { changed, failed }) {
    Object.assign(this, { slide, look, changed, failed });
    this.pyramids = new Map(); // by layer id, and by layer id + "uncertainty?" or "disagreement?"
    this.preview = null;
    look.addEventListener("change", () => this.recolour());
  }

  layer(id) {
    return this.slide.layers.find((layer) => layer.id === id) ?? null;
  }

  /** A layer's name on this slide: its title, with the time where two share that, with a number where they share both. */
  nameOf(id) {
    const layer = this.layer(id);
    if (!layer) return "the slide alone";
    const timed = (one) => (one.made ? `${one.title}, ${day(one.made)}` : one.title);
    const { layers } = this.slide;
    if (layers.filter((one) => one.title === layer.title).length === 1) return layer.title;
    const twins = layers.filter((one) => timed(one) === timed(layer));
    return twins.length === 1 ? timed(layer) : `${timed(layer)} (${twins.indexOf(layer) + 1})`;
  }

  recolour() {
    for (const [id, pyramid] of this.pyramids) if (!id.endsWith("?")) this.colour(pyramid, this.layer(id));
    if (this.preview) this.preview.look = null;
    this.changed();
  }

  colour(pyramid, layer) {
    const key = [this.look.mode, ...this.look.hidden].join();
    if (pyramid.key === key) return;
    pyramid.key = key;
    pyramid.colour(classColours(layer.classes, this.look.hidden), this.look.mode === "outline");
  }

  pyramid(id) {
    const layer = this.layer(id);
    if (!layer) return null;
    if (!this.pyramids.has(id)) {
      const made = this.made(`/api/layers/${id}/tiles`, layer.size_px, layer.levels);
      this.colour(made, layer);
      this.pyramids.set(id, made);
    }
    return this.pyramids.get(id);
  }

  /** Where a map is not to be trusted: what of `kind` ("uncertainty", "disagreement") it knows. */
  doubts(id, kind) {
    const layer = this.layer(id);
    if (!layer?.[kind]) return null;
    const key = `${id}${kind}?`;
    if (!this.pyramids.has(key)) {
      const size = layer.size_px.map((px) => Math.ceil(px / 8));
      let levels = 1;
      for (let side = Math.max(...size); side > 256; side = Math.ceil(side / 2)) levels++;
      const made = this.made(`/api/layers/${id}/${kind}`, size, levels);
      made.colour(doubtColours, false);
      this.pyramids.set(key, made);
    }
    return this.pyramids.get(key);
  }

  /** The classes of a layer that are shown and have a border margin. */
  margins(id) {
    return (this.layer(id)?.classes ?? []).filter((one) => one.border_um && !this.look.hidden.has(one.name));
  }

  made(root, size, levels) {
    const url = (level, column, row) => `${root}/${level}/${column}_${row}.png`;
    return new Pyramid({ url, size, levels, arrived: this.changed, failed: this.failed });
  }

  /** Paint layer `id` (with its doubts, where they are on) from canvas px `from` to `to`. */
  paint(ctx, view, id, from = 0, to = view.width) {
    if (!this.look.shown) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(from, 0, to - from, view.height);
    ctx.clip();
    const kind = ["uncertainty", "disagreement"].find((one) => this.look[one]);
    const doubts = kind ? this.doubts(id, kind) : null;
    const faint = doubts && this.look.mode === "fill" ? 0.4 : 1; // so that the doubts stand out
    ctx.globalAlpha = faint * this.look.opacity[this.look.mode];
    this.pyramid(id)?.draw(ctx, view, this.slide.size_px);
    if (this.look.margins) paintBands(ctx, view, this.pyramid(id), this.margins(id), this.slide.size_px, this.layer(id)?.mpp);
    ctx.globalAlpha = 0.75;
    doubts?.draw(ctx, view, this.slide.size_px);
    ctx.restore();
  }

  /** The class that is seen at a level-0 place where map `id` is shown; null where there is none. */
  classAt(place, id) {
    if (!this.look.shown) return null;
    const { preview } = this;
    const [x, y, width, height] = preview?.box ?? [0, 0, 0, 0];
    const [right, down] = [place[0] - x, place[1] - y];
    const isNew = right >= 0 && down >= 0 && right < width && down < height; // older maps are kept out of there
    const label = isNew
      ? preview.labels[Math.floor((down / height) * preview.height) * preview.width + Math.floor((right / width) * preview.width)]
      : this.pyramid(id)?.labelAt(place, this.slide.size_px);
    const found = (isNew ? preview : this.layer(id))?.classes.find((one) => one.label === label);
    return found && !this.look.hidden.has(found.name) ? found : null;
  }

  /** Show labels of a job that is at work; `null` takes them away. */
  async showPreview(blob, box, classes) {
    this.preview = blob && { ...(await decode(blob)), box, classes, canvas: document.createElement("canvas"), look: null };
    this.changed();
  }

  previewFrame(view) {
    const [x, y, width, height] = this.preview.box;
    return [(x - view.x) * view.scale, (y - view.y) * view.scale, width * view.scale, height * view.scale];
  }

  /** Keep older maps out of the frame that a job is filling. */
  clipPreview(ctx, view) {
    if (!this.preview) return;
    ctx.beginPath();
    ctx.rect(0, 0, view.width, view.height);
    ctx.rect(...this.previewFrame(view));
    ctx.clip("evenodd");
  }

  paintPreview(ctx, view) {
    const { preview, look } = this;
    if (!preview || !look.shown) return;
    if (preview.look !== look) {
      paintLabels(preview.canvas, preview, classColours(preview.classes, look.hidden), look.mode === "outline" ? 1 : 0);
      preview.look = look;
    }
    ctx.globalAlpha = look.opacity[look.mode];
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(preview.canvas, ...this.previewFrame(view));
  }
}
