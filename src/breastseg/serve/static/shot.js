// The view as an image: slide, what lies over it, scale bar, and what it is.
import { download } from "./dom.js";
import { length, niceLength } from "./numbers.js";

export function picture(view) {
  const { overlay, slide, osd } = view;
  overlay.paint();
  const seen = overlay.view();
  const canvas = document.createElement("canvas");
  const unit = seen.dpr;
  const foot = 30 * unit;
  canvas.width = seen.width;
  canvas.height = seen.height + foot;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = "white";
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(osd.drawer.canvas, 0, 0, seen.width, seen.height);
  ctx.drawImage(overlay.canvas, 0, 0);
  ctx.fillStyle = "black";
  ctx.font = `${12 * unit}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  const middle = seen.height + foot / 2;
  const map = view.look.shown && view.maps.layer(view.look.map);
  const text = `${slide.name}${map ? ` · ${map.title}` : ""} · breastseg, research use only`;
  if (slide.mpp) {
    const [um, px] = niceLength((slide.mpp * unit) / seen.scale, 130);
    ctx.fillRect(10 * unit, middle - 2 * unit, px * unit, 4 * unit);
    ctx.fillText(length(um), (px + 18) * unit, middle);
  }
  ctx.textAlign = "right";
  ctx.fillText(text, canvas.width - 10 * unit, middle, canvas.width - 230 * unit);
  return canvas;
}

export function savePicture(view) {
  const name = view.slide.name.split("/").at(-1).replace(/\.\w+$/, "");
  picture(view).toBlob((blob) => download(blob, `${name}.png`), "image/png");
}
