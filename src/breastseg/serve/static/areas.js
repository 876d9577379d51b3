// Areas drawn by people, as QuPath GeoJSON features in level-0 px. A list is never changed, only replaced, so that undo is a list of lists.
import { inLevel0 } from "./overlay.js";

const GREY = [128, 128, 128];

function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID() is for localhost and HTTPS only
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const isPlace = (at) => Array.isArray(at) && at.length >= 2 && Number.isFinite(at[0]) && Number.isFinite(at[1]);
const isRing = (ring) => Array.isArray(ring) && ring.length >= 3 && ring.every(isPlace);
const isPolygon = (rings) => Array.isArray(rings) && rings.length > 0 && rings.every(isRing);

/** The shape of a geometry: {polygons, places}, or null when it is not well formed. */
function shapeOf(geometry) {
  const { type, coordinates, geometries } = geometry ?? {};
  const shapes = {
    GeometryCollection: () => {
      const parts = Array.isArray(geometries) ? geometries.map(shapeOf).filter(Boolean) : [];
      return parts.length > 0 && { polygons: parts.flatMap((part) => part.polygons), places: parts.flatMap((part) => part.places) };
    },
    Polygon: () => isPolygon(coordinates) && { polygons: [coordinates], places: [] },
    MultiPolygon: () => Array.isArray(coordinates) && coordinates.every(isPolygon) && { polygons: coordinates, places: [] },
    Point: () => isPlace(coordinates) && { polygons: [], places: [coordinates] },
    MultiPoint: () => Array.isArray(coordinates) && coordinates.every(isPlace) && { polygons: [], places: coordinates },
  };
  return (Object.hasOwn(shapes, type) && shapes[type]()) || null;
}

function surface(ring) {
  let twice = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) twice += ring[j][0] * ring[i][1] - ring[i][0] * ring[j][1];
  return Math.abs(twice) / 2;
}

/** Whether `prepare` takes a feature where it stands: an annotation of plane z 0, time 0. */
function isAnnotation({ geometry, properties, plane = geometry?.plane }) {
  const type = properties?.objectType ?? properties?.object_type ?? "annotation";
  return String(type).toLowerCase() === "annotation" && !plane?.z && !plane?.t;
}

/** The name and colour of a class, as any version of QuPath writes it: "Tumor: Positive" for one that is derived. */
function lookOf(properties) {
  const given = properties?.classification ?? properties?.class;
  if (given === null || typeof given !== "object") return { name: String(given ?? "") };
  const names = Array.isArray(given.names) && given.names.length ? given.names : [];
  if (!names.length) for (let one = given; one; one = one.parentClass) names.unshift(one.name);
  const { colorRGB: rgb } = given;
  const color = Number.isInteger(rgb) ? [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255] : undefined;
  return { name: names.filter(Boolean).join(": "), color: Array.isArray(given.color) ? given.color : color };
}

/** A feature with what is needed to draw and find it; what is no area or point is kept as it is and not drawn. */
function areaOf(feature) {
  const { polygons, places } = (isAnnotation(feature) && shapeOf(feature.geometry)) || { polygons: [], places: [] };
  const path = new Path2D();
  for (const ring of polygons.flat()) {
    ring.forEach(([x, y], index) => (index ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
  }
  const size = polygons.reduce((sum, [outer, ...holes]) => sum + surface(outer) - holes.reduce((all, hole) => all + surface(hole), 0), 0);
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of [...polygons.flat(2), ...places]) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return { feature, path, places, size, box, ...lookOf(feature.properties) };
}

/** JSON with the numbers that are none in quotes, as QuPath writes them since 0.6. */
const quoted = (text) => text.replace(/([:[,]\s*)(-?(?:NaN|Infinity))(?=\s*[,\]}])/g, '$1"$2"');

/** Read a GeoJSON file of a person: the features that `prepare` takes, and how many it leaves. Throws an Error with one line. */
export function featuresOf(text) {
  let told;
  try {
    told = JSON.parse(/NaN|Infinity/.test(text) ? quoted(text) : text);
  } catch {
    throw new Error("is not JSON; export it from QuPath as GeoJSON");
  }
  const features = told?.features ?? (told?.type === "Feature" ? [told] : told);
  if (!Array.isArray(features)) throw new Error("holds no GeoJSON features; export it from QuPath as GeoJSON");
  const taken = features.filter((feature) => feature && isAnnotation(feature) && shapeOf(feature.geometry) && lookOf(feature.properties).name);
  if (!taken.length) throw new Error("holds no annotation with a class that is an area or a point; give it one in QuPath");
  return { taken, left: features.length - taken.length };
}

export class Areas extends EventTarget {
  list = [];
  saved = this.list;
  past = [];
  selected = null;
  version = "";
  classes = [];

  /** Take what the server keeps. */
  load({ version, features, classes }) {
    Object.assign(this, { version, classes, list: features.map(areaOf), past: [], selected: null });
    this.saved = this.list;
    this.changed();
  }

  /** What was saved is what is here; `sent` was sent, and more may have been drawn since. */
  keep({ version }, sent) {
    this.version = version;
    this.saved = sent;
    this.changed();
  }

  get dirty() {
    return this.list !== this.saved;
  }

  get features() {
    return this.list.map((area) => area.feature);
  }

  changed() {
    if (!this.list.includes(this.selected)) this.selected = null;
    this.dispatchEvent(new Event("change"));
  }

  replace(list, selected = null) {
    this.past.push(this.list);
    this.list = list;
    this.selected = selected;
    this.changed();
  }

  select(area) {
    this.selected = area;
    this.changed();
  }

  named(feature, entry) {
    const classification = { name: entry.name, color: entry.color };
    return areaOf({ ...feature, properties: { ...feature.properties, classification } });
  }

  add(ring, entry) {
    const places = [...ring, ring[0]].map((at) => at.map((value) => Math.round(value * 100) / 100));
    const geometry = { type: "Polygon", coordinates: [places] };
    const properties = { objectType: "annotation", isLocked: false };
    const area = this.named({ type: "Feature", id: uuid(), properties, geometry }, entry);
    this.replace([...this.list, area], area);
  }

  take(features) {
    this.replace([...this.list, ...features.map(areaOf)]);
  }

  rename(area, entry) {
    const other = this.named(area.feature, entry);
    this.replace(this.list.map((one) => (one === area ? other : one)), other);
  }

  remove(area) {
    this.replace(this.list.filter((one) => one !== area));
  }

  undo() {
    if (!this.past.length) return;
    this.list = this.past.pop();
    this.changed();
  }

  colorOf(area) {
    return this.classes.find((entry) => entry.name.toLowerCase() === area.name.toLowerCase())?.color ?? area.color ?? GREY;
  }

  /** The smallest area under a place, or null. */
  at(ctx, [x, y]) {
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    const near = this.list.filter(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
    const here = near.filter(({ path }) => ctx.isPointInPath(path, x, y, "evenodd"));
    ctx.restore();
    return here.sort((a, b) => a.size - b.size)[0] ?? null;
  }

  /** Outlines in the colour of their class, over a white edge that keeps dark ones visible. */
  paint(ctx, view) {
    inLevel0(ctx, view);
    const [right, bottom] = [view.x + view.width / view.scale, view.y + view.height / view.scale];
    const px = view.dpr / view.scale;
    for (const area of this.list) {
      const { box, path, places } = area;
      if (box[2] < view.x || box[3] < view.y || box[0] > right || box[1] > bottom) continue;
      const color = `rgb(${this.colorOf(area).join(" ")})`;
      const chosen = area === this.selected;
      ctx.lineJoin = "round";
      ctx.strokeStyle = "rgb(255 255 255 / 0.85)";
      ctx.lineWidth = (chosen ? 7 : 4) * px;
      ctx.stroke(path);
      ctx.strokeStyle = color;
      ctx.lineWidth = (chosen ? 4 : 2) * px;
      ctx.stroke(path);
      ctx.fillStyle = color;
      if (chosen) {
        ctx.globalAlpha = 0.2;
        ctx.fill(path, "evenodd");
        ctx.globalAlpha = 1;
      }
      for (const [x, y] of places) {
        ctx.beginPath();
        ctx.arc(x, y, 4 * px, 0, 7);
        ctx.fill();
        ctx.lineWidth = 1.5 * px;
        ctx.strokeStyle = "white";
        ctx.stroke();
      }
    }
  }
}
