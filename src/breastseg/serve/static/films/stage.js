// The light box: films under a finger, a mouse or keys. Drag sets the window or moves, the wheel and two fingers zoom.
import { $ } from "../dom.js";
import { paintPlate } from "./paint.js";
import { pixelAt, placeOf, tissueOf } from "./plates.js";

const MOST_PX = 4_000_000; // of the canvas: a large screen at its own pixels
const WINDOW_PX = 500; // CSS px of drag that are as much as the window is wide

export class FilmStage extends EventTarget {
  plates = [];
  painters = [];
  tool = "window";
  line = null; // of the muscle while it is moved: {plate, inside}
  pointers = new Map();

  constructor(look, signal) {
    super();
    Object.assign(this, { look, element: $("film-stage"), canvas: $("film-canvas") });
    this.ctx = this.canvas.getContext("2d");
    const on = (name, action) => this.canvas.addEventListener(name, action, { signal, passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.up(event));
    on("pointerleave", () => this.dispatchEvent(new CustomEvent("where", { detail: null })));
    on("wheel", (event) => this.wheel(event));
    on("contextmenu", (event) => event.preventDefault());
    look.addEventListener("change", () => this.soon(), { signal });
    const watch = new ResizeObserver(() => (this.isWhole ? this.fit() : this.soon()));
    watch.observe(this.element);
    signal.addEventListener("abort", () => watch.disconnect());
  }

  /** Show plates; all of them at first. */
  show(plates) {
    this.plates = plates;
    this.fit();
  }

  get size() {
    return [this.element.clientWidth || 1, this.element.clientHeight || 1];
  }

  /** What all plates are in together: [left, top, right, bottom]. */
  around(boxOf) {
    const boxes = this.plates.map(boxOf);
    return [0, 1, 2, 3].map((side) => Math[side < 2 ? "min" : "max"](...boxes.map((box) => box[side])));
  }

  /** All tissue in view. */
  fit() {
    if (!this.plates.length) return;
    const [[left, top, right, bottom], [width, height]] = [this.around(tissueOf), this.size];
    this.zoom = 0.94 * Math.min(width / (right - left), height / (bottom - top)); // CSS px a unit
    [this.x, this.y] = [(left + right) / 2, (top + bottom) / 2];
    this.isWhole = true;
    this.soon();
  }

  /** Zoom, and leave the place under a CSS point where it is. */
  zoomBy(factor, at = this.size.map((side) => side / 2)) {
    const [x, y] = this.placeAt(at);
    const [width, height] = this.size;
    const finest = Math.min(...this.plates.map(({ unit }) => unit));
    this.zoom = Math.min(16 / finest, Math.max(0.02 / finest, this.zoom * factor));
    this.x = x - (at[0] - width / 2) / this.zoom;
    this.y = y - (at[1] - height / 2) / this.zoom;
    this.moved();
  }

  /** Move by CSS px. */
  panBy(x, y) {
    this.x -= x / this.zoom;
    this.y -= y / this.zoom;
    this.moved();
  }

  moved() {
    const [left, top, right, bottom] = this.around(({ clip, top: y, bottom: end }) => [clip[0], y, clip[1], end]); // the middle stays on a film
    this.x = Math.min(right, Math.max(left, this.x));
    this.y = Math.min(bottom, Math.max(top, this.y));
    this.isWhole = false;
    this.soon();
  }

  /** The place (in units of plates) of a point in CSS px of the stage, and back. */
  placeAt([x, y]) {
    const [width, height] = this.size;
    return [this.x + (x - width / 2) / this.zoom, this.y + (y - height / 2) / this.zoom];
  }

  pointOf([x, y]) {
    const [width, height] = this.size;
    return [(x - this.x) * this.zoom + width / 2, (y - this.y) * this.zoom + height / 2];
  }

  /** CSS point of a film's pixel. */
  pointOfPixel(plate, pixel) {
    return this.pointOf(placeOf(plate, pixel));
  }

  pixelAtPoint(plate, point) {
    return pixelAt(plate, ...this.placeAt(point));
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.plates.length && this.canvas.isConnected) this.paint();
    });
  }

  paint() {
    const [width, height] = this.size;
    const fine = Math.min(window.devicePixelRatio || 1, 2, Math.sqrt(MOST_PX / (width * height)));
    const [w, h] = [Math.max(1, Math.round(width * fine)), Math.max(1, Math.round(height * fine))];
    if (this.canvas.width !== w || this.canvas.height !== h || !this.image) {
      [this.canvas.width, this.canvas.height] = [w, h];
      this.image = new ImageData(w, h);
    }
    const out = new Uint32Array(this.image.data.buffer);
    out.fill(this.look.invert ? 0xffffffff : 0xff000000);
    const scale = this.zoom * fine;
    const view = { x: this.x - w / 2 / scale, y: this.y - h / 2 / scale, scale };
    for (const plate of this.plates) paintPlate(out, w, h, plate, view, this.look, this.line?.plate === plate ? this.line.inside : null);
    this.ctx.setTransform(1, 0, 0, 1, 0, 0);
    this.ctx.putImageData(this.image, 0, 0);
    this.ctx.setTransform(fine, 0, 0, fine, 0, 0); // painters work in CSS px
    for (const painter of this.painters) {
      this.ctx.save();
      painter(this.ctx, this);
      this.ctx.restore();
    }
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    const other = event.button > 0 || event.shiftKey;
    this.drag = (this.tool === "window") !== other ? "window" : "move";
    this.began = { at: this.at(event), centre: this.look.centre, width: this.look.width };
  }

  move(event) {
    const [now, before] = [this.at(event), this.pointers.get(event.pointerId)];
    if (!before) {
      this.dispatchEvent(new CustomEvent("where", { detail: this.under(now) }));
      return;
    }
    this.pointers.set(event.pointerId, now);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.drag === "move") this.panBy(dx, dy);
    else this.setWindow(now);
  }

  /** Across is the width, down is the centre: a fine window is set finely. */
  setWindow(now) {
    const { at, centre, width } = this.began;
    const step = Math.max(1, width / WINDOW_PX);
    this.look.set({ width: width + (now[0] - at[0]) * step, centre: centre + (now[1] - at[1]) * step });
  }

  up(event) {
    this.pointers.delete(event.pointerId);
  }

  pinch(id, before, now) {
    const still = [...this.pointers].find(([other]) => other !== id)[1];
    const away = (point) => Math.hypot(point[0] - still[0], point[1] - still[1]) || 1;
    this.panBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.zoomBy(away(now) / away(before), [(now[0] + still[0]) / 2, (now[1] + still[1]) / 2]);
  }

  wheel(event) {
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15, this.at(event));
  }

  /** What lies under a CSS point: {plate, x, y} in whole pixels; null beside all films. */
  under(point) {
    const [across, down] = this.placeAt(point);
    const plate = this.plates.find(({ clip: [from, to], top, bottom }) => across >= from && across < to && down >= top && down < bottom);
    if (!plate) return null;
    const [x, y] = pixelAt(plate, across, down).map(Math.round);
    const isOn = x >= 0 && y >= 0 && x < plate.picture.width && y < plate.picture.height;
    return isOn ? { plate, x, y } : null;
  }
}
