// How films are shown: window, invert, layers; and the table that turns a 16-bit value and its labels into a colour.
import { BREAST, MUSCLE } from "./picture.js";

export const LAYERS = {
  breast: { text: "Breast", color: [60, 220, 60], opacity: 0.25, shown: false },
  muscle: { text: "Muscle", color: [255, 200, 0], opacity: 0.2, shown: true },
  finding: { text: "Findings", color: [64, 200, 255], opacity: 0.9, shown: true },
};
const WHITE = 65535;
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

export class FilmLook extends EventTarget {
  centre = 32768;
  width = 65536;
  invert = false;
  flip = false;
  layers = Object.fromEntries(Object.entries(LAYERS).map(([name, { opacity, shown }]) => [name, { opacity, shown }]));
  table = new Uint32Array(16 * 65536); // by (finding, label, value)
  stale = true;

  set(changes) {
    Object.assign(this, changes);
    this.centre = Math.round(clamp(this.centre, 0, WHITE));
    this.width = Math.round(clamp(this.width, 1, WHITE + 1));
    this.stale = true;
    this.dispatchEvent(new Event("change"));
  }

  setLayer(name, changes) {
    this.set({ layers: { ...this.layers, [name]: { ...this.layers[name], ...changes } } });
  }

  /** Show the values from `low` to `high`. */
  span([low, high]) {
    this.set({ centre: (low + high) / 2, width: high - low });
  }

  /** The share of a layer in a pixel's colour. */
  share(name) {
    return this.layers[name].shown ? this.layers[name].opacity : 0;
  }

  /** The colours, made anew where something has changed. */
  colours() {
    if (!this.stale) return this.table;
    this.stale = false;
    const grey = new Uint8ClampedArray(65536);
    const low = this.centre - this.width / 2;
    for (let value = 0; value <= WHITE; value++) grey[value] = (255 * (value - low)) / this.width;
    if (this.invert) for (let value = 0; value <= WHITE; value++) grey[value] = 255 - grey[value];
    const names = { [BREAST]: "breast", [MUSCLE]: "muscle" };
    for (let place = 0; place < 16; place++) {
      const over = [names[place & 7], place & 8 ? "finding" : null].filter(Boolean);
      if (place && !over.length) this.table.copyWithin(place << 16, 0, 1 << 16);
      else this.fill(place << 16, grey, over);
    }
    return this.table;
  }

  /** The colours of one kind of pixel: grey x left + (red, green, blue). */
  fill(start, grey, names) {
    let [left, red, green, blue] = [1, 0.5, 0.5, 0.5]; // a half rounds
    for (const name of names) {
      const [share, color] = [this.share(name) * (name === "finding" ? 0.5 : 1), LAYERS[name].color];
      left *= 1 - share;
      [red, green, blue] = [red, green, blue].map((value, k) => value * (1 - share) + color[k] * share);
    }
    const colours = new Uint32Array(256);
    for (let value = 0; value < 256; value++) {
      const part = value * left;
      colours[value] = ((255 << 24) | ((part + blue) << 16) | ((part + green) << 8) | (part + red)) >>> 0;
    }
    for (let value = 0; value <= WHITE; value++) this.table[start + value] = colours[grey[value]];
  }
}
