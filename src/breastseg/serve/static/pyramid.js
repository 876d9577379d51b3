// The label tiles of one layer: asked for as they come into view, kept in a bounded cache, coloured again without asking again.
import * as api from "./api.js";
import { borderPaths, keysAround } from "./borders.js";
import { decode, paintLabels } from "./labels.js";

const PIECE = 256;
const KEPT = 240; // tiles: at most 78 MB of labels and colours
const AT_ONCE = 3;
const BUSY = [0, 503];

const css = (abgr) => `rgb(${abgr & 255} ${(abgr >> 8) & 255} ${(abgr >> 16) & 255})`;

export class Pyramid {
  /** `url(level, column, row)`; `size` and `levels` of the layer; `arrived()` when something new can be drawn; `failed(error)`. */
  constructor({ url, size, levels, arrived, failed }) {
    Object.assign(this, { url, size, levels, arrived, failed });
    this.tiles = new Map(); // key -> tile, least lately used first
    this.asked = new Set();
    this.wanted = [];
    this.colour(new Uint32Array(256), false);
  }

  /** Choose colours; tiles are painted again when they are next drawn. */
  colour(table, outline) {
    this.table = table;
    this.outline = outline;
    this.look = {};
  }

  /**
   * The tiles in view and up to `beyond` level-0 px around it, at the level that fits the screen, or a coarser one that is `coarser`
   * halvings above the slide's level 0: its `level`, `factor` layer px per px of it, first and last columns and rows.
   */
  part(view, frame, { beyond = 0, coarser = 0 } = {}) {
    const stretch = [frame[0] / this.size[0], frame[1] / this.size[1]];
    const finest = this.levels - 1;
    const up = Math.max(-Math.log2(view.scale * stretch[0]), coarser - Math.log2(stretch[0]));
    const level = finest - Math.min(finest, Math.max(0, Math.floor(up)));
    const factor = 2 ** (finest - level);
    const span = (axis, from, to) => {
      const last = Math.ceil(this.size[axis] / (PIECE * factor)) - 1;
      const at = (place) => Math.floor(place / stretch[axis] / (PIECE * factor));
      return [Math.max(0, at(from - beyond)), Math.min(last, at(to + beyond))];
    };
    const [left, right] = span(0, view.x, view.x + view.width / view.scale);
    const [top, bottom] = span(1, view.y, view.y + view.height / view.scale);
    return { stretch, level, factor, piece: PIECE, left, right, top, bottom };
  }

  /** The tiles of a part that are here; the others are asked for. */
  piecesOf({ level, left, right, top, bottom }) {
    const here = [];
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) {
        const key = `${level}/${column}_${row}`;
        const tile = this.tiles.get(key);
        if (tile) here.push({ key, tile, column, row });
        else this.wanted.push([level, column, row]);
      }
    this.ask();
    return here;
  }

  /** The tiles beside a tile, as far as they are here. */
  around(key) {
    return Object.fromEntries(Object.entries(keysAround(key)).map(([side, at]) => [side, this.tiles.get(at)]));
  }

  /** Draw what is in view over the frame of a slide of `frame` level-0 px; where a tile is missing, what is known of it from above. */
  draw(ctx, view, frame) {
    const { stretch, level, factor, left, right, top, bottom } = this.part(view, frame);
    const zoom = view.scale * stretch[0] * factor; // canvas px per pixel of the level
    ctx.imageSmoothingEnabled = zoom < 1;
    this.zoom = zoom;
    this.wanted = [];
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) this.drawPiece(ctx, view, stretch, level, column, row);
    this.wanted.sort((a, b) => this.distance(a, left + right, top + bottom) - this.distance(b, left + right, top + bottom));
    if (!this.tiles.has("0/0_0")) this.wanted.unshift([0, 0, 0]);
    this.ask();
  }

  /** The label at a place of a slide of `frame` level-0 px, from the finest tile that is here; 0 where none is. */
  labelAt(place, frame) {
    const [x, y] = place.map((at, axis) => Math.min(this.size[axis] - 1, Math.floor((at * this.size[axis]) / frame[axis])));
    for (let up = 0; up < this.levels; up++) {
      const [i, j] = [x >> up, y >> up];
      const tile = this.tiles.get(`${this.levels - 1 - up}/${Math.floor(i / PIECE)}_${Math.floor(j / PIECE)}`);
      if (tile?.labels) return tile.labels[(j % PIECE) * tile.width + (i % PIECE)];
    }
    return 0;
  }

  distance([, column, row], columns, rows) {
    return Math.hypot(2 * column - columns, 2 * row - rows);
  }

  drawPiece(ctx, view, stretch, level, column, row) {
    const found = this.nearest(level, column, row);
    if (!found || found.level < level) this.wanted.push([level, column, row]);
    if (!found || found.tile.empty) return;
    const factor = 2 ** (this.levels - 1 - level);
    const edge = (axis, index) => Math.min(index * PIECE * factor, this.size[axis]); // in the layer's full pixels
    const box = [edge(0, column), edge(1, row), edge(0, column + 1), edge(1, row + 1)];
    const screen = box.map((at, i) => Math.round((at * stretch[i % 2] - (i % 2 ? view.y : view.x)) * view.scale));
    const coarse = 2 ** (this.levels - 1 - found.level);
    const up = level - found.level;
    const [sx, sy] = [box[0] / coarse - PIECE * (column >> up), box[1] / coarse - PIECE * (row >> up)];
    const sw = Math.min((box[2] - box[0]) / coarse, found.tile.width - sx);
    const sh = Math.min((box[3] - box[1]) / coarse, found.tile.height - sy);
    if (sw > 0 && sh > 0 && screen[2] > screen[0] && screen[3] > screen[1])
      this.put(ctx, found.tile, [sx, sy, sw, sh], [screen[0], screen[1], screen[2] - screen[0], screen[3] - screen[1]]);
  }

  /** Draw the part `from` of a tile (x, y, width, height) into the frame `to` of the canvas. */
  put(ctx, tile, from, to) {
    if (!tile.paths) return ctx.drawImage(tile.canvas, ...from, ...to);
    ctx.save();
    ctx.beginPath();
    ctx.rect(...to);
    ctx.clip();
    ctx.translate(to[0], to[1]);
    ctx.scale(to[2] / from[2], to[3] / from[3]);
    ctx.translate(-from[0], -from[1]);
    for (const [label, path] of tile.paths) {
      ctx.fillStyle = css(this.table[label]);
      ctx.fill(path);
    }
    ctx.restore();
  }

  /** How wide a line is in pixels of a tile that is shown `zoom` times as large: about two on the screen; 0 fills. */
  reachAt(zoom) {
    if (!this.outline) return 0;
    return zoom < 1.5 ? 2 : 2 ** Math.min(0, 1 - Math.round(Math.log2(zoom)));
  }

  /** The tile, or the nearest one above it that is here, painted in the colours of now. */
  nearest(level, column, row) {
    for (let up = 0; up <= level; up++) {
      const key = `${level - up}/${column >> up}_${row >> up}`;
      const tile = this.tiles.get(key);
      if (!tile) continue;
      this.tiles.delete(key);
      this.tiles.set(key, tile);
      const reach = this.reachAt(this.zoom * 2 ** up);
      if (!tile.empty && (tile.look !== this.look || tile.reach !== reach)) this.paint(key, tile, reach);
      return { tile, level: level - up };
    }
    return null;
  }

  paint(key, tile, reach) {
    const around = this.outline ? this.around(key) : {};
    tile.paths = reach && reach < 1 ? borderPaths(tile, this.table, reach, around) : null;
    if (!tile.paths) paintLabels(tile.canvas, tile, this.table, reach, around);
    Object.assign(tile, { look: this.look, reach });
  }

  ask() {
    while (this.asked.size < AT_ONCE && this.wanted.length) {
      const [level, column, row] = this.wanted.shift();
      const key = `${level}/${column}_${row}`;
      if (!this.asked.has(key) && !this.tiles.has(key)) this.fetch(key, this.url(level, column, row));
    }
  }

  async fetch(key, url) {
    this.asked.add(key);
    try {
      const tile = await decode(await api.blob(url));
      tile.empty = tile.labels.every((label) => label === 0);
      tile.canvas = tile.empty ? null : document.createElement("canvas");
      this.keep(key, tile);
    } catch (error) {
      if (BUSY.includes(error.status)) await new Promise((resolve) => setTimeout(resolve, 1500)); // then it is asked for again
      else {
        this.keep(key, { empty: true }); // what cannot be read stays clear
        this.failed(error);
      }
    }
    this.asked.delete(key);
    this.ask();
    this.arrived();
  }

  keep(key, tile) {
    this.tiles.set(key, tile);
    for (const at of Object.values(keysAround(key))) if (this.tiles.has(at)) Object.assign(this.tiles.get(at), { reach: null, lines: null }); // its border may go on here
    for (const old of this.tiles.keys()) {
      if (this.tiles.size <= KEPT) break;
      if (old !== "0/0_0") this.tiles.delete(old);
    }
  }
}
