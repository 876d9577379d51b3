// A canvas over the slide, painted in the same frame as the slide itself, so that what lies over the tissue follows the finger.

export class Overlay {
  /** `osd`: an OpenSeadragon viewer with one image of `size` level-0 px. Painters are called in order with (ctx, view). */
  constructor(osd, size) {
    this.osd = osd;
    this.size = size;
    this.painters = [];
    this.canvas = document.createElement("canvas");
    this.canvas.className = "overlay";
    this.ctx = this.canvas.getContext("2d");
    osd.canvas.append(this.canvas);
    osd.addHandler("update-viewport", () => this.paint());
  }

  /** What is in view: `x`, `y` are the level-0 px at the canvas's corner, `scale` canvas px per level-0 px, `dpr` canvas px per CSS px. */
  view() {
    const bounds = this.osd.viewport.getBounds(true);
    const css = this.osd.viewport.getContainerSize();
    const dpr = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(css.x * dpr), Math.round(css.y * dpr)];
    const unit = this.size[0]; // a viewport is one image wide
    return { x: bounds.x * unit, y: bounds.y * unit, scale: width / (bounds.width * unit), width, height, dpr };
  }

  paint() {
    const view = this.view();
    if (this.canvas.width !== view.width || this.canvas.height !== view.height) {
      this.canvas.width = view.width;
      this.canvas.height = view.height;
    }
    this.ctx.setTransform(1, 0, 0, 1, 0, 0);
    this.ctx.clearRect(0, 0, view.width, view.height);
    for (const painter of this.painters) {
      this.ctx.save();
      painter(this.ctx, view);
      this.ctx.restore();
    }
  }

  /** Paint before the next frame, when the slide itself stands still. */
  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.canvas.isConnected) this.paint();
    });
  }

  /** Level-0 px of a place in the viewer's element, in CSS px. */
  place(point) {
    const view = this.view();
    return [view.x + (point.x * view.dpr) / view.scale, view.y + (point.y * view.dpr) / view.scale];
  }
}

/** Let a painter work in level-0 px. */
export function inLevel0(ctx, view) {
  ctx.setTransform(view.scale, 0, 0, view.scale, -view.x * view.scale, -view.y * view.scale);
}
