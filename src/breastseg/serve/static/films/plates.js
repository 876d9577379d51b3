// Films as they hang: each a plate in millimetres (or pixels, where nobody knows a size), one alone or two back to back.

/** A plate: `left`, `top`, `unit` say where its picture lies and how large a pixel is; `clip` is what of it is shown, from and to. */
function plate(picture, unit, flip, [left, top], clip = null) {
  const [right, bottom] = [left + picture.width * unit, top + picture.height * unit];
  return { picture, unit, flip, left, top, right, bottom, clip: clip ?? [left, right] };
}

/** Plates of one film, or of two whose chest walls meet in the middle, their tops at one height: the right breast hangs left. */
export function hang(pictures, flip) {
  const inMm = pictures.every(({ film }) => film.mm_per_px !== null);
  const unit = (picture) => (inMm ? picture.film.mm_per_px : 1);
  if (pictures.length === 1) return { inMm, plates: [plate(pictures[0], unit(pictures[0]), flip, [0, 0])] };
  const ordered = [...pictures].sort((a, b) => (a.film.laterality === "R" ? -1 : 1) - (b.film.laterality === "R" ? -1 : 1));
  const [first, second] = flip ? ordered.reverse() : ordered;
  return { inMm, plates: [back(first, unit(first), "right"), back(second, unit(second), "left")] };
}

/** A plate whose chest wall lies at 0, on its own `wall` side. */
function back(picture, unit, wall) {
  const { film, box, width } = picture;
  const flip = film.chest_wall !== wall;
  const column = film.chest_wall === "left" ? box.left : box.right;
  const shown = flip ? width - 1 - column : column;
  const edge = wall === "right" ? shown + 1 : shown;
  const left = -edge * unit;
  return plate(picture, unit, flip, [left, -box.top * unit], wall === "right" ? [left, 0] : [0, left + width * unit]);
}

/** Where the tissue of a plate is: [left, top, right, bottom]. */
export function tissueOf({ picture: { box, width }, unit, flip, left, top }) {
  const [from, to] = flip ? [width - 1 - box.right, width - 1 - box.left] : [box.left, box.right];
  return [left + from * unit, top + box.top * unit, left + (to + 1) * unit, top + (box.bottom + 1) * unit];
}

/** The film's pixel at a place: [x, y], whole numbers are middles. */
export function pixelAt({ picture, unit, flip, left, top }, x, y) {
  const across = (x - left) / unit - 0.5;
  return [flip ? picture.width - 1 - across : across, (y - top) / unit - 0.5];
}

/** The place of a film's pixel. */
export function placeOf({ picture, unit, flip, left, top }, [x, y]) {
  const across = flip ? picture.width - 1 - x : x;
  return [left + (across + 0.5) * unit, top + (y + 0.5) * unit];
}
