// Films into a canvas, as large as it is and no larger: each of its pixels takes the film's nearest, from the half that is just fine enough.
import { BREAST, MUSCLE } from "./picture.js";

/** Which column (or row) of the film each canvas pixel shows; -1: none. */
function indices(count, from, scale, plate, length, [least, most], start, flip) {
  const out = new Int32Array(count).fill(-1);
  for (let i = 0; i < count; i++) {
    const at = from + (i + 0.5) / scale;
    const index = Math.floor((at - start) / plate.unit);
    if (at >= least && at < most && index >= 0 && index < length) out[i] = flip ? length - 1 - index : index;
  }
  return out;
}

/** Paint a plate into `out` (a Uint32Array of `width` x `height`). `line` moves the muscle: (x, y) -> whether it is muscle there. */
export function paintPlate(out, width, height, plate, view, look, line = null) {
  const { picture } = plate;
  const columns = indices(width, view.x, view.scale, plate, picture.width, plate.clip, plate.left, plate.flip);
  const rows = indices(height, view.y, view.scale, plate, picture.height, [plate.top, plate.bottom], plate.top, false);
  const wanted = Math.floor(Math.log2(1 / (view.scale * plate.unit)));
  const level = Math.max(0, Math.min(picture.levels.length - 1, wanted));
  const { values, width: wide } = picture.levels[level];
  const [table, { labels, mask }] = [look.colours(), picture];
  for (let j = 0; j < height; j++) {
    const y = rows[j];
    if (y < 0) continue;
    const [first, here, end] = [(y >> level) * wide, y * picture.width, j * width];
    for (let i = 0; i < width; i++) {
      const x = columns[i];
      if (x < 0) continue;
      let label = labels[here + x] & 7;
      if (line && (label === BREAST || label === MUSCLE)) label = line(x, y) ? MUSCLE : BREAST;
      const place = mask && mask[here + x] ? label | 8 : label;
      out[end + i] = table[(place << 16) | values[first + (x >> level)]];
    }
  }
}
