// The muscle's line, moved by two handles: what lies between it and the upper corner at the chest wall is muscle.
import * as api from "../api.js";
import { $, h } from "../dom.js";
import { ask, say, tell } from "../notice.js";
import { BREAST, MUSCLE } from "./picture.js";

const ENDS = ["upper", "lower"];
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Where the muscle ends, row by row: how far from the chest wall's side; at the skin is no end of it. */
function border({ labels, width, height, film }) {
  const [reach, rows] = [[], []];
  for (let y = 0; y < height; y++) {
    const label = (k) => labels[y * width + (film.chest_wall === "left" ? k : width - 1 - k)];
    let last = width - 1;
    while (last >= 0 && label(last) !== MUSCLE) last--;
    if (last < 0 || last === width - 1 || label(last + 1) !== BREAST) continue;
    reach.push(last);
    rows.push(y);
  }
  return { reach, rows };
}

/** A line along the muscle's border as it was found: where it meets the upper edge of the tissue, and where the chest wall. Its slope is
 * the middle one between rows of the upper and of the lower half, so that what is odd near the skin does not turn it. */
function along(picture) {
  const { width, box, film } = picture;
  const turned = (x) => (film.chest_wall === "left" ? x : width - 1 - x);
  const { reach, rows } = border(picture);
  const half = rows.length >> 1;
  const slopes = rows.slice(0, half).map((row, i) => (reach[i + half] - reach[i]) / (rows[i + half] - row));
  const slope = half ? middle(slopes) : 0;
  const wall = Math.min(turned(box.left), turned(box.right));
  if (slope > -0.01) { // no muscle, or none that gets narrower: somewhere to begin
    return [[turned(wall + 0.4 * (box.right - box.left)), box.top], [turned(wall), box.top + 0.4 * (box.bottom - box.top)]];
  }
  const zero = middle(reach.map((x, i) => x - slope * rows[i])); // the line's column at row 0
  const [column, row] = [(y) => zero + slope * y, (x) => (x - zero) / slope];
  const far = Math.max(turned(box.left), turned(box.right));
  const upper = column(box.top) <= far ? [column(box.top), box.top] : [far, row(far)];
  const lower = row(wall) <= box.bottom ? [wall, row(wall)] : [column(box.bottom), box.bottom];
  return [upper, lower].map(([x, y]) => [turned(x), y]);
}

/** Whether a pixel is on the corner's side of a line; the same rule as in `mammo prepare`. */
export function sideOf(points, { width, film }) {
  if (!points.length) return () => false;
  const turn = film.chest_wall === "left" ? (x) => x : (x) => width - 1 - x;
  const [[x0, y0], [x1, y1]] = points.map(([x, y]) => [turn(x), y]);
  const across = x1 - x0;
  const down = y1 - y0;
  const sign = Math.sign(across * (-0.5 - y0) - down * (-0.5 - x0));
  return (x, y) => sign * across * (y - y0) > sign * down * (turn(x) - x0);
}

export class MuscleLine {
  points = null; // while it is moved: two, or none for no muscle
  saved = null;
  version = "";

  constructor(stage, picture, signal) {
    Object.assign(this, { stage, picture, film: picture.film, signal });
    this.handles = ENDS.map((end, index) => this.handle(end, index));
    $("film-handles").replaceChildren(...this.handles);
    stage.painters.push((ctx) => this.paint(ctx));
    const on = (id, action) => $(id).addEventListener("click", action, { signal });
    on("muscle-move", () => this.begin());
    on("muscle-none", () => this.put([]));
    on("muscle-found", () => this.put(null));
    on("muscle-undo", () => this.put(this.saved));
    on("muscle-save", () => this.save());
  }

  async load() {
    const told = await api.filmLine(this.film.id);
    if (this.signal.aborted) return;
    this.fixed = told.fixed_by;
    if (told.cause) tell(told.cause);
    this.take(told);
  }

  take({ version, points_px: points }) {
    Object.assign(this, { version, saved: points });
    this.put(points);
  }

  get plate() {
    return this.stage.plates.find(({ picture }) => picture === this.picture);
  }

  get dirty() {
    return JSON.stringify(this.points) !== JSON.stringify(this.saved);
  }

  begin() {
    this.put(this.points?.length ? this.points : along(this.picture));
    this.handles[0].focus();
  }

  put(points) {
    const round = (value) => Math.round(value * 10) / 10;
    this.points = points && points.map((point) => point.map(round));
    this.show();
  }

  moveEnd(index, [x, y]) {
    const { width, height } = this.picture;
    const to = [Math.min(width - 0.5, Math.max(-0.5, x)), Math.min(height - 0.5, Math.max(-0.5, y))];
    if (this.points?.length) this.put(this.points.map((point, k) => (k === index ? to : point)));
  }

  handle(end, index) {
    const name = `${end} end of the muscle's line`;
    const button = h("button", { type: "button", class: "handle", "data-name": name });
    const on = (kind, action) => button.addEventListener(kind, action, { signal: this.signal });
    on("pointerdown", (event) => button.setPointerCapture(event.pointerId));
    on("pointermove", (event) => {
      if (!button.hasPointerCapture(event.pointerId)) return;
      const box = this.stage.element.getBoundingClientRect();
      this.moveEnd(index, this.stage.pixelAtPoint(this.plate, [event.clientX - box.left, event.clientY - box.top]));
    });
    on("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || !this.plate) return;
      event.preventDefault();
      event.stopPropagation();
      const far = event.shiftKey ? 10 : 1;
      const [x, y] = this.points[index];
      this.moveEnd(index, [x + (this.plate.flip ? -1 : 1) * far * step[0], y + far * step[1]]);
    });
    return button;
  }

  /** Where an end is, in words. */
  told([x, y]) {
    const { mm_per_px: unit, chest_wall: side } = this.film;
    const across = side === "left" ? x + 0.5 : this.picture.width - 0.5 - x;
    const [a, b] = unit === null ? [across, y + 0.5] : [across * unit, (y + 0.5) * unit];
    return `${a.toFixed(1)} from the picture's edge at the chest wall, ${b.toFixed(1)} ${unit === null ? "px" : "mm"} from its top`;
  }

  show() {
    const { points, plate, fixed } = this;
    const isDrawn = Boolean(points?.length) && Boolean(plate);
    this.handles.forEach((handle, index) => {
      handle.hidden = !isDrawn;
      if (!isDrawn) return;
      const text = `${handle.dataset.name}: ${this.told(points[index])}. Arrows move it, with Shift further.`;
      handle.setAttribute("aria-label", text);
    });
    this.stage.line = points && plate ? { plate, inside: sideOf(points, this.picture) } : null;
    this.stage.soon();
    const waits = this.film.line === "used" ? "The masks were made with it." : "The next mammo prepare takes it.";
    const said = !points ? "As it was found; nobody has put a line." : points.length ? "A line that a person put." : "No muscle, as a person said.";
    $("muscle-text").textContent = fixed ? `This film was ${fixed}.` : this.dirty ? `${said} Not saved yet.` : points ? `${said} ${waits}` : said;
    for (const id of ["muscle-move", "muscle-none", "muscle-found"]) $(id).disabled = Boolean(fixed);
    $("muscle-found").disabled ||= points === null;
    $("muscle-save").disabled = $("muscle-undo").disabled = !this.dirty || Boolean(fixed);
  }

  /** A painter of the stage: the line goes on over the whole film; handles follow. */
  paint(ctx) {
    const { points, plate, stage } = this;
    if (!points?.length || !plate) return;
    const ends = points.map((point) => stage.pointOfPixel(plate, point));
    this.handles.forEach((handle, index) => {
      [handle.style.left, handle.style.top] = ends[index].map((value) => `${value}px`);
    });
    const [[x0, y0], [x1, y1]] = ends;
    const far = 1e4 / (Math.hypot(x1 - x0, y1 - y0) || 1);
    const [left, top] = stage.pointOf([plate.clip[0], plate.top]);
    const [right, bottom] = stage.pointOf([plate.clip[1], plate.bottom]);
    ctx.beginPath();
    ctx.rect(left, top, right - left, bottom - top);
    ctx.clip();
    for (const [color, wide] of [["rgb(0 0 0 / .6)", 4], ["rgb(255 200 0)", 2]]) {
      ctx.beginPath();
      ctx.moveTo(x0 - far * (x1 - x0), y0 - far * (y1 - y0));
      ctx.lineTo(x1 + far * (x1 - x0), y1 + far * (y1 - y0));
      [ctx.strokeStyle, ctx.lineWidth] = [color, wide];
      ctx.stroke();
    }
  }

  async save() {
    try {
      const told = await api.saveFilmLine(this.film.id, { version: this.version, points_px: this.points });
      this.film.line = told.version ? "waiting" : "";
      this.take(told);
      say("saved");
      tell("Saved beside the film. The next mammo prepare into this folder takes it.", { seconds: 5, good: true });
    } catch (error) {
      const choices = error.status === 409 ? [["Load it again", () => this.load().catch((failed) => tell(failed.message))]] : [];
      tell(error.message, { choices });
    }
  }

  /** Ask before a line is lost. */
  async mayLeave() {
    if (!this.dirty || this.fixed) return true;
    return (await ask("The muscle's line is not saved.", ["Stay", "Leave it"])) === 1;
  }
}
