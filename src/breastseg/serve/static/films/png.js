// Grey PNGs of 8 or 16 bits, decoded to the last bit: a canvas would leave 8 of 16.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** The compressed pixels of a PNG and its bits a pixel; throws where it is not grey or not of this size. */
function parts(buffer, width, height) {
  const [bytes, view] = [new Uint8Array(buffer), new DataView(buffer)];
  if (!SIGNATURE.every((value, index) => bytes[index] === value)) throw new Error("is not a PNG");
  const pixels = [];
  let depth = 0;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") {
      depth = data[8];
      const fits = view.getUint32(at + 8) === width && view.getUint32(at + 12) === height;
      if (!fits || (depth !== 8 && depth !== 16) || data[9] || data[12]) throw new Error("is not grey, or of another size");
    } else if (name === "IDAT") pixels.push(data);
    else if (name === "IEND") break;
    at += 12 + length;
  }
  if (!depth) throw new Error("is not a PNG");
  return { depth, pixels };
}

function paeth(left, above, corner) {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

/** Undo the filter of a row in place; `step` is the bytes of a pixel. */
function unfilter(kind, row, above, step) {
  const { length } = row;
  if (kind === 1) for (let i = step; i < length; i++) row[i] += row[i - step];
  else if (kind === 2) for (let i = 0; i < length; i++) row[i] += above[i];
  else if (kind === 3) for (let i = 0; i < length; i++) row[i] += ((i < step ? 0 : row[i - step]) + above[i]) >> 1;
  else if (kind === 4) {
    for (let i = 0; i < step; i++) row[i] += above[i];
    for (let i = step; i < length; i++) row[i] += paeth(row[i - step], above[i], above[i - step]);
  } else if (kind) throw new Error("is damaged");
}

/** Decode a grey PNG of a known size: Uint8Array or Uint16Array, a value a pixel. What comes after the last row is not unpacked. */
export async function decodeGrey(buffer, width, height) {
  const { depth, pixels } = parts(buffer, width, height);
  const step = depth / 8;
  const out = depth === 16 ? new Uint16Array(width * height) : new Uint8Array(width * height);
  let [row, above] = [new Uint8Array(width * step), new Uint8Array(width * step)];
  let [kind, filled, y] = [-1, 0, 0];

  const keep = () => {
    unfilter(kind, row, above, step);
    const start = y * width;
    if (step === 1) out.set(row, start);
    else for (let x = 0; x < width; x++) out[start + x] = (row[2 * x] << 8) | row[2 * x + 1];
    [row, above, kind, filled] = [above, row, -1, 0];
    y += 1;
  };

  const reader = new Blob(pixels).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  while (y < height) {
    const { done, value } = await reader.read();
    if (done) throw new Error("ends too early");
    for (let at = 0; at < value.length && y < height; ) {
      if (kind < 0) {
        kind = value[at++];
        continue;
      }
      const piece = value.subarray(at, at + row.length - filled);
      row.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled === row.length) keep();
    }
  }
  reader.cancel().catch(() => {});
  return out;
}
