// The address after #: which page, which slide, where on it, and what lies over it.
//   #/                                          the gallery
//   #/film/ID?both=1                            a mammogram, with the other breast beside it
//   #/slide/ID?x=1200&y=800&zoom=0.5&layers=A,B  centre in level-0 px (or x=360um), zoom in screen px per level-0 px

const number = (text) => (text === null || text === "" || !Number.isFinite(Number(text)) ? null : Number(text));

function place(text, mpp) {
  if (text === null || !text.endsWith("um")) return number(text);
  const um = number(text.slice(0, -2));
  return um === null || !mpp ? null : um / mpp;
}

/** What an address asks for. `at(mpp)` gives {x, y, zoom}, or null when it names no place. */
export function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/");
  if (parts[0] === "film" && /^[0-9a-f]{16}$/.test(parts[1] ?? "")) {
    return { slide: null, film: parts[1], both: new URLSearchParams(query).get("both") === "1" };
  }
  if (parts[0] !== "slide" || !/^[0-9a-f]{16}$/.test(parts[1] ?? "")) return { slide: null };
  const asked = new URLSearchParams(query);
  const list = (name) => (asked.get(name) ?? "").split(",").filter(Boolean);
  return {
    slide: parts[1],
    at(mpp) {
      const [x, y, zoom] = [place(asked.get("x"), mpp), place(asked.get("y"), mpp), number(asked.get("zoom"))];
      return x === null || y === null || zoom === null || zoom <= 0 ? null : { x, y, zoom };
    },
    layers: asked.has("layers") ? list("layers") : null,
    off: list("off"),
    mode: asked.get("mode") === "outline" ? "outline" : "fill",
    side: asked.get("how") === "side",
    uncertainty: asked.get("unsure") === "1",
    disagreement: asked.get("apart") === "1" && asked.get("unsure") !== "1",
    margins: asked.get("margins") === "1",
  };
}

/** The address of a view. */
export function write(id, { x, y, zoom }, look) {
  const asked = new URLSearchParams({ x: x.toFixed(1), y: y.toFixed(1), zoom: zoom.toPrecision(5) });
  asked.set("layers", [look.map ?? "none", ...(look.second ? [look.second] : [])].join(","));
  if (look.hidden.size) asked.set("off", [...look.hidden].join(","));
  if (look.mode === "outline") asked.set("mode", "outline");
  if (look.second && look.side) asked.set("how", "side");
  if (look.uncertainty) asked.set("unsure", "1");
  if (look.disagreement) asked.set("apart", "1");
  if (look.margins) asked.set("margins", "1");
  return `#/slide/${id}?${asked.toString().replaceAll("%2C", ",")}`;
}
