// Labels and their colours. A label image is an 8-bit grey PNG whose values are labels: they must come out exactly as they went in.

import { paintBorders } from "./borders.js";

const scratch = document.createElement("canvas");
const reader = scratch.getContext("2d", { willReadFrequently: true });

/** Decode a label PNG: {labels: Uint8Array, width, height}. No colour management, no premultiplication. */
export async function decode(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  scratch.width = width;
  scratch.height = height;
  reader.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = reader.getImageData(0, 0, width, height).data;
  const labels = new Uint8Array(width * height);
  for (let i = 0; i < labels.length; i++) labels[i] = pixels[4 * i];
  return { labels, width, height };
}

/** 16 x 16 grey pixels of the values 0 to 255. */
const ALL_VALUES =
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAOklEQVR42mNkYEQDAugCCugCBugCDu" +
  "gCAegCCegCBegCDegCE9AFFqALbEAXOIAucAFd4AG6wAc0PgBUTQiBU61qZgAAAABJRU5ErkJggg==";

/** Whether this browser hands out pixels as they are; some add noise to them against tracking. */
export async function isExact() {
  const bytes = Uint8Array.from(atob(ALL_VALUES), (letter) => letter.charCodeAt(0));
  const { labels } = await decode(new Blob([bytes], { type: "image/png" }));
  return labels.every((label, index) => label === index);
}

const abgr = (red, green, blue, alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** One colour a label; 0 and classes that are off are clear. */
export function classColours(classes, hidden) {
  const table = new Uint32Array(256);
  for (const { label, name, color } of classes) if (!hidden.has(name)) table[label] = abgr(...color, 255);
  return table;
}

/** Blue that thickens with doubt: 1 is sure (clear), 255 as unsure as can be. */
export const doubtColours = Uint32Array.from({ length: 256 }, (_, value) =>
  value < 2 ? 0 : abgr(0, 70, 255, Math.round(255 * ((value - 1) / 254) ** 0.8)),
);

/** Paint labels into a canvas of their size; `reach` above 0 keeps only the pixels that are no further from another label. */
export function paintLabels(canvas, tile, table, reach, around = {}) {
  const { labels, width, height } = tile;
  canvas.width = width;
  canvas.height = height;
  const out = new Uint32Array(labels.length);
  if (!reach) for (let i = 0; i < out.length; i++) out[i] = table[labels[i]];
  else paintBorders(out, tile, table, reach, around);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(out.buffer), width, height), 0, 0);
}
