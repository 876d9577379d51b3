// Lines along the borders of labels: each class's own line lies inside it, so that two neighbours show side by side.

const SIDES = [["left", -1, 0], ["right", 1, 0], ["above", 0, -1], ["below", 0, 1]];

/** Keys of the tiles around tile `level/column_row`, by side. */
export function keysAround(key) {
  const [level, column, row] = key.split(/[/_]/).map(Number);
  return Object.fromEntries(SIDES.map(([side, right, down]) => [side, `${level}/${column + right}_${row + down}`]));
}

/** Labels with `reach` more on each side, from the tiles around; where none is known the tile's own edge goes on. */
function widened({ labels, width, height }, around, reach) {
  const wide = width + 2 * reach;
  const out = new Uint8Array(wide * (height + 2 * reach));
  const within = (value, size) => Math.min(size - 1, Math.max(0, value));
  const beyond = (x, y) => {
    const { left, right, above, below } = around;
    const [tile, i, j] = y < 0 ? [above, x, y + (above?.height ?? 0)] : y >= height ? [below, x, y - height]
      : x < 0 ? [left, x + (left?.width ?? 0), y] : [right, x - width, y];
    const known = tile?.labels && i >= 0 && j >= 0 && i < tile.width && j < tile.height;
    return known ? tile.labels[j * tile.width + i] : labels[within(y, height) * width + within(x, width)];
  };
  for (let y = -reach; y < height + reach; y++) {
    const start = (y + reach) * wide + reach;
    const inside = y >= 0 && y < height;
    if (inside) out.set(labels.subarray(y * width, (y + 1) * width), start);
    for (let x = -reach; x < width + reach; x++) {
      if (inside && x === 0) x = width; // the tile itself is there already
      out[start + x] = beyond(x, y);
    }
  }
  return { out, wide };
}

/** Colour the pixels that are no further than `reach` from another label; what is not drawn stays clear. */
export function paintBorders(pixels, tile, table, reach, around) {
  const { width, height } = tile;
  const { out, wide } = widened(tile, around, reach);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = (y + reach) * wide + reach; x < width; x++, i++, at++) {
      const label = out[at];
      const isBorder = out[at - reach] !== label || out[at + reach] !== label
        || out[at - reach * wide] !== label || out[at + reach * wide] !== label;
      if (isBorder) pixels[i] = table[label];
    }
  }
}

/** Lines along the borders, in the tile's pixels, by label: Map of Path2D. Where nothing was analysed beyond, there is no border. */
export function borderLines(tile, around) {
  const { width, height } = tile;
  const { out, wide } = widened(tile, around, 1);
  const paths = new Map();
  const at = (x, y) => out[(y + 1) * wide + x + 1];
  const run = (length, labelAt, otherAt, draw) => {
    for (let from = 0; from < length; ) {
      const [label, is] = [labelAt(from), (i) => otherAt(i) && otherAt(i) !== labelAt(i)];
      let to = from + 1;
      if (label && is(from)) {
        while (to < length && labelAt(to) === label && is(to)) to++;
        if (!paths.has(label)) paths.set(label, new Path2D());
        draw(paths.get(label), from, to);
      }
      from = to;
    }
  };
  for (const step of [-1, 1]) {
    const edge = step > 0 ? 1 : 0;
    for (let y = 0; y < height; y++)
      run(width, (x) => at(x, y), (x) => at(x, y + step), (path, from, to) => { path.moveTo(from, y + edge); path.lineTo(to, y + edge); });
    for (let x = 0; x < width; x++)
      run(height, (y) => at(x, y), (y) => at(x + step, y), (path, from, to) => { path.moveTo(x + edge, from); path.lineTo(x + edge, to); });
  }
  return paths;
}

/** What `paintBorders` paints, as shapes in the tile's pixels, for when one of them is many on the screen: [[label, Path2D]], lines `thick` pixels wide. */
export function borderPaths(tile, table, thick, around) {
  const { width, height } = tile;
  const { out, wide } = widened(tile, around, 1);
  const paths = new Map();
  const pathOf = (label) => paths.get(label) ?? paths.set(label, new Path2D()).get(label);
  const at = (x, y) => out[(y + 1) * wide + x + 1];
  const run = (length, labelAt, otherAt, add) => {
    for (let i = 0, from = 0; i < length; i = from) {
      const label = labelAt(i);
      if (!table[label] || otherAt(i) === label) from = i + 1;
      else {
        for (from = i + 1; from < length && labelAt(from) === label && otherAt(from) !== label; from++);
        add(pathOf(label), i, from - i);
      }
    }
  };
  for (const [step, inset] of [[-1, 0], [1, 1 - thick]]) {
    for (let y = 0; y < height; y++)
      run(width, (x) => at(x, y), (x) => at(x, y + step), (path, x, long) => path.rect(x, y + inset, long, thick));
    for (let x = 0; x < width; x++)
      run(height, (y) => at(x, y), (y) => at(x + step, y), (path, y, long) => path.rect(x + inset, y, thick, long));
  }
  return [...paths];
}
