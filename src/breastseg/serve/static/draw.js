// Drawing on the slide: points by click, an outline free hand, a rectangle, a place. Nothing else moves meanwhile but wheel, pinch and arrows.
import { $ } from "./dom.js";
import { tell } from "./notice.js";
import { inLevel0 } from "./overlay.js";

const touch = matchMedia("(hover: none)");
const HINTS = {
  points: ["Click points. Enter closes, Backspace takes one back, Space sets one in the middle.", "Tap to set points."],
  free: ["Draw around the area with the pointer held down.", "Draw around the area with one finger, move with two."],
  box: ["Drag a rectangle.", "Drag a rectangle."],
  place: ["Click a place. Space takes the middle, Esc stops.", "Tap a place."],
};
const STEP_PX = 3; // free hand: at least this far, in CSS px, from point to point
const NEAR_PX = 10;

export class Draw extends EventTarget {
  tool = null;
  points = [];
  pointer = null;

  constructor(view) {
    super();
    this.view = view;
    const { osd, signal } = view;
    view.overlay.painters.push((ctx, seen) => this.paint(ctx, seen));
    osd.addHandler("canvas-press", (event) => (this.pressed = event.position));
    osd.addHandler("canvas-drag", (event) => this.drag(event));
    osd.addHandler("canvas-drag-end", (event) => this.dragEnd(event));
    osd.addHandler("canvas-click", (event) => this.click(event));
    osd.addHandler("canvas-double-click", (event) => this.tool && (event.preventDefaultAction = true));
    osd.element.addEventListener("pointermove", (event) => this.move(event), { signal });
    $("hint-close").addEventListener("click", () => this.close(), { signal });
    $("hint-stop").addEventListener("click", () => this.stop(), { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal, capture: true });
  }

  /** Take up a tool ("points", "free", "box", "place"); `done(points)` is called with level-0 places, again and again until another tool. */
  begin(tool, done) {
    Object.assign(this, { tool, done, points: [], pointer: null });
    this.told();
    $("slide").querySelector(".openseadragon-canvas").focus();
  }

  stop() {
    if (this.tool) Object.assign(this, { tool: null, points: [] });
    this.told();
  }

  told() {
    $("hint").hidden = !this.tool;
    $("hint-text").textContent = HINTS[this.tool]?.[touch.matches ? 1 : 0] ?? "";
    $("hint-close").hidden = this.tool !== "points";
    $("aim").hidden = this.tool !== "points" && this.tool !== "place";
    $("stage").classList.toggle("drawing", Boolean(this.tool));
    this.dispatchEvent(new Event("change"));
    this.view.repaint();
  }

  place(position) {
    const size = this.view.slide.size_px;
    return this.view.overlay.place(position).map((value, axis) => Math.min(size[axis], Math.max(0, value)));
  }

  /** How far two level-0 places are apart, in CSS px. */
  apart([x0, y0], [x1, y1]) {
    const { scale, dpr } = this.view.overlay.view();
    return (Math.hypot(x1 - x0, y1 - y0) * scale) / dpr;
  }

  move(event) {
    if (this.tool !== "points") return;
    const frame = this.view.osd.element.getBoundingClientRect();
    this.pointer = this.place({ x: event.clientX - frame.left, y: event.clientY - frame.top });
    this.view.repaint();
  }

  drag(event) {
    if (this.tool !== "free" && this.tool !== "box") return;
    event.preventDefaultAction = true;
    const at = this.place(event.position);
    if (!this.points.length) this.points = [this.place(this.pressed ?? event.position)];
    if (this.tool === "box") this.points = [this.points[0], at];
    else if (this.apart(this.points.at(-1), at) >= STEP_PX) this.points.push(at);
    this.view.repaint();
  }

  dragEnd(event) {
    if (this.tool !== "free" && this.tool !== "box") return;
    event.preventDefaultAction = true;
    this.close();
  }

  click(event) {
    if ((this.tool !== "points" && this.tool !== "place") || !event.quick) return;
    event.preventDefaultAction = true;
    this.add(this.place(event.position));
  }

  add(at) {
    if (this.tool === "place") return this.done([at]);
    if (this.points.length > 2 && this.apart(this.points[0], at) < NEAR_PX) this.close();
    else if (!this.points.length || this.apart(this.points.at(-1), at) > 1) this.points.push(at);
    this.view.repaint();
  }

  /** Hand over what was drawn, if it is something. */
  close() {
    const { points, tool } = this;
    if (tool === "points" && points.length < 3) return tell("An area needs three points or more.", { seconds: 4 });
    this.points = [];
    const isBox = tool === "box" && points.length === 2 && this.apart(...points) > 8;
    if (isBox) this.stop();
    if (isBox || (tool !== "box" && points.length > 2)) this.done(points);
    this.view.repaint();
  }

  key(event) {
    if (!this.tool || event.target.closest("input, select, dialog") || event.ctrlKey || event.metaKey) return;
    const onButton = event.target.closest("button");
    const actions = {
      Escape: () => (this.points.length ? (this.points = []) : this.stop()),
      Backspace: () => this.points.pop(),
      ...(onButton ? {} : { Enter: () => this.close(), " ": () => (this.tool === "points" || this.tool === "place") && this.addMiddle() }),
    };
    if (!Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
    this.view.repaint();
  }

  addMiddle() {
    const { x, y } = this.view.osd.viewport.getContainerSize();
    this.add(this.place({ x: x / 2, y: y / 2 }));
  }

  paint(ctx, seen) {
    if (!this.points.length) return;
    inLevel0(ctx, seen);
    const px = seen.dpr / seen.scale;
    const path = new Path2D();
    const [first, ...rest] = this.points;
    if (this.tool === "box" && rest.length) path.rect(first[0], first[1], rest[0][0] - first[0], rest[0][1] - first[1]);
    else {
      path.moveTo(...first);
      for (const at of rest) path.lineTo(...at);
      if (this.tool === "points" && this.pointer) path.lineTo(...this.pointer);
    }
    for (const [color, width] of [["white", 5], ["#1f6feb", 2.5]]) {
      ctx.strokeStyle = color;
      ctx.lineWidth = width * px;
      ctx.stroke(path);
    }
    if (this.tool !== "points") return;
    for (const [x, y] of this.points) {
      ctx.beginPath();
      ctx.arc(x, y, 4.5 * px, 0, 7);
      ctx.fillStyle = "white";
      ctx.fill();
      ctx.lineWidth = 2 * px;
      ctx.stroke();
    }
  }
}
