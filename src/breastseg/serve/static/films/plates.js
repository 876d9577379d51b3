// Films as they hang: each a plate in millimetres (or pixels, where nobody knows a size), one alone or two back to back.

/** A plate: `left`, `top`, `unit` say where its picture lies and how large a pixel is; `clip` is what of it is shown, from and to. */
function plate(picture, unit, flip, left, clip) {
  return { picture, unit, flip, left, top: 0, clip, right: left + picture.width * unit, bottom: picture.height * unit };
}

/** Plates of one film, or of two whose chest walls meet in the middle: the right breast hangs left. */
export function hang(pictures, flip) {
  const sizes = pictures.map(({ film }) => film.mm_per_px);
  const inMm = sizes.every((size) => size !== null);
  const unit = (picture) => (inMm ? picture.film.mm_per_px : 1);
  if (pictures.length === 1) {
    const [picture] = pictures;
    return { inMm, plates: [plate(picture, unit(picture), flip, 0, [0, picture.width * unit(picture)])] };
  }
  const ordered = [...pictures].sort((a, b) => (a.film.laterality === "R" ? -1 : 1) - (b.film.laterality === "R" ? -1 : 1));
  const [first, second] = flip ? ordered.reverse() : ordered;
  const one = back(first, unit(first), "right");
  const two = back(second, unit(second), "left");
  return { inMm, plates: [one, two] };
}

/** A plate whose chest wall lies at 0, on its own `wall` side. */
function back(picture, unit, wall) {
  const flip = picture.film.chest_wall !== wall;
  const column = flip ? picture.width - 1 - picture.wall : picture.wall;
  const edge = wall === "right" ? column + 1 : column;
  const made = plate(picture, unit, flip, -edge * unit, null);
  made.clip = wall === "right" ? [made.left, 0] : [0, made.right];
  return made;
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
