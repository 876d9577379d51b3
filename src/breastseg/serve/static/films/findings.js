// Outlines of findings: circles, boxes and polygons over the film; masks are in its colours already.
import { LAYERS } from "./look.js";

const numbers = (...values) => values.every((value) => Number.isFinite(value));

function trace(ctx, finding, at, unit) {
  const { shape, x_px: x, y_px: y, radius_px: radius } = finding;
  ctx.beginPath();
  if (shape === "circle" && numbers(x, y, radius)) {
    ctx.arc(...at([x, y]), Math.max(2, radius * unit), 0, 2 * Math.PI);
  } else if (shape === "box" && numbers(finding.left_px, finding.top_px, finding.right_px, finding.bottom_px)) {
    const [left, top] = at([finding.left_px, finding.top_px]);
    const [right, bottom] = at([finding.right_px, finding.bottom_px]);
    ctx.rect(left, top, right - left, bottom - top);
  } else if (shape === "polygon") {
    finding.points_px.forEach((point, index) => (index ? ctx.lineTo(...at(point)) : ctx.moveTo(...at(point))));
    ctx.closePath();
  }
}

/** A painter of a stage. */
export function paintFindings(ctx, stage) {
  const share = stage.look.share("finding");
  if (!share) return;
  ctx.globalAlpha = share;
  ctx.strokeStyle = `rgb(${LAYERS.finding.color.join(" ")})`;
  ctx.lineWidth = 2;
  for (const plate of stage.plates) {
    for (const finding of plate.picture.film.findings) {
      trace(ctx, finding, (point) => stage.pointOfPixel(plate, point), plate.unit * stage.zoom);
      ctx.stroke();
    }
  }
}
