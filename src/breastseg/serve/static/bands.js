// Border margins: around the outlines of a class a band, as wide on each side as its border may be off.
import { borderLines } from "./borders.js";

const FINE = 128; // a band wider than so many px on each side is as good from a coarser level
const STRENGTH = 0.35;
const scratch = document.createElement("canvas");

/** Paint the bands of `classes`, each with a `border_um`, over the frame of a slide of `frame` level-0 px of `mpp`. */
export function paintBands(ctx, view, pyramid, classes, frame, mpp) {
  for (const { label, color, border_um } of classes) {
    const margin = border_um / mpp; // level-0 px
    const part = pyramid.part(view, frame, { beyond: margin, coarser: Math.log2(margin / FINE) });
    const ready = pyramid.piecesOf(part).filter(({ tile }) => !tile.empty);
    const across = view.scale * part.stretch[0] * part.factor; // canvas px per px of the level
    const down = view.scale * part.stretch[1] * part.factor;
    scratch.width = view.width; // clears it, and its settings
    scratch.height = view.height;
    const over = scratch.getContext("2d");
    over.strokeStyle = `rgb(${color.join(" ")})`;
    over.lineWidth = (2 * margin * view.scale) / across;
    over.lineCap = over.lineJoin = "round";
    for (const { key, tile, column, row } of ready) {
      tile.lines ??= borderLines(tile, pyramid.around(key));
      if (!tile.lines.has(label)) continue;
      over.setTransform(across, 0, 0, down, column * across * part.piece - view.x * view.scale, row * down * part.piece - view.y * view.scale);
      over.stroke(tile.lines.get(label));
    }
    ctx.globalAlpha = STRENGTH; // of the whole band once, however often it crosses itself
    ctx.drawImage(scratch, 0, 0);
  }
}
