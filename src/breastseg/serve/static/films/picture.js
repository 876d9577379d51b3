// A film's pixels in the page: 16-bit values with halves of them, labels, masks of findings, and where tissue is.
import * as api from "../api.js";
import { decodeGrey } from "./png.js";

export const BREAST = 2;
export const MUSCLE = 3;

async function grey(film, name) {
  const buffer = await api.bytes(api.filmPicture(film, name));
  try {
    return await decodeGrey(buffer, ...film.size_px);
  } catch (error) {
    throw new Error(`${film.name}: ${name} ${error.message}; prepare it again`);
  }
}

/** Half the size, rounded up; a pixel is the mean of those that it stands for. */
function halved({ values, width, height }) {
  const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
  const out = new Uint16Array(w * h);
  for (let y = 0; y < h; y++) {
    const first = 2 * y * width;
    const second = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < w; x++) {
      const [left, right] = [2 * x, Math.min(2 * x + 1, width - 1)];
      out[y * w + x] = (values[first + left] + values[first + right] + values[second + left] + values[second + right]) >> 2;
    }
  }
  return { values: out, width: w, height: h };
}

/** Where tissue is: its first and last columns and rows; all of the picture where there is none. */
function boxOf(labels, [width, height]) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (labels[i] !== BREAST && labels[i] !== MUSCLE) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? { left: 0, top: 0, right: width - 1, bottom: height - 1 } : { left, top, right, bottom };
}

/** Whether what was cut off as muscle is not there to be seen, as in folders of before muscle.png was written. */
function isBlind(labels, values) {
  let muscle = false;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== MUSCLE) continue;
    if (values[i]) return false;
    muscle = true;
  }
  return muscle;
}

/** Where masks of findings are, one array for all; null when there are none. */
async function findingMask(film) {
  let all = null;
  for (const [index, finding] of film.findings.entries()) {
    if (!finding.mask) continue;
    const mask = await grey(film, `findings/${index + 1}.png`);
    if (!all) all = mask;
    else for (let i = 0; i < mask.length; i++) all[i] |= mask[i];
  }
  return all;
}

/** Load a film's pictures, one after the other: what is decoded of one is let go of before the next. */
export async function loadPicture(film) {
  const values = await grey(film, "image.png");
  if (film.has_muscle_picture) {
    const cut = await grey(film, "muscle.png"); // 0 where image.png is not
    for (let i = 0; i < cut.length; i++) if (cut[i]) values[i] = cut[i];
  }
  const labels = await grey(film, "labels.png");
  const [width, height] = film.size_px;
  const levels = [{ values, width, height }];
  while (Math.max(levels.at(-1).width, levels.at(-1).height) > 256) levels.push(halved(levels.at(-1)));
  const mask = await findingMask(film);
  return { film, width, height, levels, labels, mask, box: boxOf(labels, film.size_px), blind: isBlind(labels, values) };
}

/** Grey values between which nearly all of the breast lies: [low, high]. */
export function spanOf({ labels, levels }) {
  const { values } = levels[0];
  const counts = new Uint32Array(65536);
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    if (!values[i] || (labels[i] !== BREAST && labels[i] !== MUSCLE)) continue;
    counts[values[i]]++;
    total++;
  }
  if (!total) return [0, 65535];
  const at = (share) => {
    let seen = 0;
    for (let value = 0; value < 65536; value++) if ((seen += counts[value]) >= share * total) return value;
    return 65535;
  };
  return [at(0.005), Math.max(at(0.998), at(0.005) + 1)];
}
