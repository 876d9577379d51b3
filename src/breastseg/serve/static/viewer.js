// One slide on the stage: OpenSeadragon with our overlay on it, a second one when two maps lie side by side, and the way to a place.
import * as api from "./api.js";
import { $, h } from "./dom.js";
import { Look } from "./look.js";
import { Maps } from "./maps.js";
import { Overlay } from "./overlay.js";
import { tell } from "./notice.js";
import { write } from "./permalink.js";

const NAVIGATOR_PX = 150;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// OpenSeadragon writes a style element, which the page's content policy forbids, unless it finds one; this one does nothing.
const mark = document.createElementNS("", "style");
mark.setAttribute("data-openseadragon-mobile-css", "true");
document.head.append(mark);

function seadragon(element, slide, navigator) {
  const root = `/api/entries/${slide.id}/tiles`;
  const version = `?v=${slide.version}`; // a tile of a version may be kept for good
  const osd = new OpenSeadragon({
    element,
    drawer: "canvas",
    tileSources: {
      width: slide.size_px[0],
      height: slide.size_px[1],
      tileSize: 256,
      minLevel: 0,
      maxLevel: slide.levels - 1,
      getTileUrl: (level, column, row) => `${root}/${level}/${column}_${row}.jpg${version}`,
    },
    showNavigationControl: false,
    showNavigator: navigator,
    navigatorPosition: "TOP_LEFT",
    navigatorAutoFade: false,
    navigatorOpacity: 1,
    navigatorWidth: `${Math.round(NAVIGATOR_PX * Math.min(1, slide.size_px[0] / slide.size_px[1]))}px`,
    navigatorHeight: `${Math.round(NAVIGATOR_PX * Math.min(1, slide.size_px[1] / slide.size_px[0]))}px`,
    animationTime: calm.matches ? 0.001 : 0.4,
    springStiffness: 9,
    blendTime: 0,
    maxZoomPixelRatio: 8,
    minZoomImageRatio: 0.6,
    preserveImageSizeOnResize: true, // the panel of a phone comes and goes
    visibilityRatio: 0.3,
    zoomPerScroll: 1.3,
    imageLoaderLimit: 5,
    tileRetryMax: 1,
    tileRetryDelay: 1000,
    maxImageCacheCount: 300,
    gestureSettingsMouse: { clickToZoom: false },
    gestureSettingsPen: { clickToZoom: false },
  });
  osd.canvas.setAttribute("role", "application");
  osd.canvas.setAttribute("aria-label", `${slide.name}. Arrows move, plus and minus zoom, question mark tells the other keys.`);
  osd.navigator?.element.setAttribute("aria-hidden", "true");
  return new Promise((resolve) => osd.addOnceHandler("open", () => resolve(osd)));
}

/** Open slide `wanted.slide`; `gone(line)` is called when it is no longer there. */
export async function open(wanted, { gone }) {
  const slide = await api.slide(wanted.slide);
  const view = new Viewer(slide, wanted, gone);
  await view.start(wanted);
  return view;
}

export class Viewer extends EventTarget {
  constructor(slide, wanted, gone) {
    super();
    Object.assign(this, { slide, gone });
    this.look = new Look(wanted);
    this.ending = new AbortController();
    this.signal = this.ending.signal; // ends every listener of this slide
    this.maps = new Maps(slide, this.look, { changed: () => this.repaint(), failed: (error) => this.doubt(error) });
    this.chooseLayers(wanted.layers);
  }

  chooseLayers(ids) {
    const known = new Set(this.slide.layers.map((layer) => layer.id));
    const [map, second] = ids ?? [];
    const first = this.slide.layers.find((layer) => layer.kind === "map") ?? this.slide.layers[0];
    this.look.map = known.has(map) ? map : map === "none" ? null : (first?.id ?? null);
    this.look.second = known.has(second) || second === "none" ? second : "";
  }

  async start(wanted) {
    this.element = h("div", { class: "fill" }); // its own: the slide before it may be on its way out
    $("slide").append(this.element);
    $("stage").classList.toggle("two", this.sides); // before the zoom is set: it depends on the width
    this.osd = await seadragon(this.element, this.slide, true);
    this.overlay = new Overlay(this.osd, this.slide.size_px);
    this.overlay.painters.push((ctx, view) => this.paintMaps(ctx, view));
    const place = wanted.at(this.slide.mpp);
    if (place) this.go(place, true);
    const keep = () => this.keepAddress();
    for (const name of ["animation-finish", "resize"]) this.osd.addHandler(name, keep);
    this.osd.addHandler("tile-load-failed", () => this.doubt());
    this.look.addEventListener("change", () => {
      this.arrange();
      this.repaint();
      keep();
    });
    this.arrange();
    keep();
    this.overlay.paint();
  }

  get sides() {
    return Boolean(this.look.second) && this.look.side;
  }

  paintMaps(ctx, view) {
    const { look, maps } = this;
    ctx.save();
    maps.clipPreview(ctx, view);
    if (!look.second || this.sides) maps.paint(ctx, view, look.map);
    else {
      const middle = Math.round(view.width * look.divider);
      maps.paint(ctx, view, look.map, 0, middle);
      maps.paint(ctx, view, look.second, middle, view.width);
    }
    ctx.restore();
    maps.paintPreview(ctx, view);
  }

  /** Make or drop the second viewer, as the look wants it. */
  async arrange() {
    const isWhole = this.osd.viewport.getZoom() <= 1.02 * this.osd.viewport.getHomeZoom();
    $("stage").classList.toggle("two", this.sides);
    if (this.sides && !this.other && !this.making) {
      this.making = true;
      const element = h("div", { id: "slide-two" });
      $("slide").after(element);
      const osd = await seadragon(element, this.slide, false);
      this.making = false;
      this.other = { osd, element, overlay: new Overlay(osd, this.slide.size_px) };
      this.other.overlay.painters.push((ctx, view) => this.maps.paint(ctx, view, this.look.second));
      this.lead(this.osd, osd);
      this.lead(osd, this.osd);
      this.osd.forceResize();
      if (isWhole) this.osd.viewport.goHome(true);
      if (!this.sides || this.signal.aborted) this.dropOther();
    } else if (!this.sides && this.other) this.dropOther();
  }

  dropOther() {
    this.other.osd.destroy();
    this.other.element.remove();
    this.other = null;
  }

  /** Whoever is moved leads; the other one goes to the same place in the same frame. */
  lead(leader, follower) {
    leader.addHandler("update-viewport", () => {
      if (this.following || !this.other) return;
      this.following = true;
      const [from, to] = [leader.viewport, follower.viewport];
      const moved = from.getZoom(true) !== to.getZoom(true) || !from.getCenter(true).equals(to.getCenter(true));
      if (moved) {
        to.zoomTo(from.getZoom(true), null, true);
        to.panTo(from.getCenter(true), true);
      }
      this.following = false;
    });
  }

  repaint() {
    this.overlay?.soon();
    this.other?.overlay.soon();
  }

  /** Centre in level-0 px and zoom in CSS px per level-0 px. */
  place() {
    const [centre, width] = [this.osd.viewport.getCenter(false), this.slide.size_px[0]];
    const zoom = (this.osd.viewport.getZoom(false) * this.osd.viewport.getContainerSize().x) / width;
    return { x: centre.x * width, y: centre.y * width, zoom };
  }

  go({ x, y, zoom }, now = false) {
    const [viewport, width] = [this.osd.viewport, this.slide.size_px[0]];
    viewport.zoomTo((zoom * width) / viewport.getContainerSize().x, null, now);
    viewport.panTo(new OpenSeadragon.Point(x / width, y / width), now);
  }

  /** Another address of the same slide. */
  follow(wanted) {
    this.chooseLayers(wanted.layers);
    this.look.set({ hidden: new Set(wanted.off), mode: wanted.mode, side: wanted.side, uncertainty: wanted.uncertainty, disagreement: wanted.disagreement, margins: wanted.margins });
    const place = wanted.at(this.slide.mpp);
    if (place) this.go(place);
  }

  zoomBy(factor) {
    this.osd.viewport.zoomBy(factor);
    this.osd.viewport.applyConstraints();
  }

  panBy(x, y) {
    const bounds = this.osd.viewport.getBounds();
    this.osd.viewport.panBy(new OpenSeadragon.Point(x * bounds.width, y * bounds.height));
    this.osd.viewport.applyConstraints();
  }

  fit() {
    this.osd.viewport.goHome();
  }

  keepAddress() {
    clearTimeout(this.addressTimer);
    this.addressTimer = setTimeout(() => {
      if (!this.signal.aborted) history.replaceState(null, "", write(this.slide.id, this.place(), this.look));
    }, 200);
  }

  /** The layers are other ones now: show `layer`. */
  async reload(layer) {
    const slide = await api.slide(this.slide.id);
    if (this.signal.aborted) return;
    Object.assign(this.slide, slide);
    this.dispatchEvent(new Event("layers"));
    if (layer && this.maps.layer(layer)) this.look.set({ map: layer, shown: true });
  }

  /** Ask again for tiles that did not come while the server was away. */
  again() {
    for (const osd of [this.osd, this.other?.osd]) {
      if (!osd) continue;
      osd.world.resetItems();
      osd.world.getItemAt(0).tilesMatrix = {}; // else OpenSeadragon gives up for good on a tile that once failed
      osd.forceRedraw();
    }
  }

  /** A tile did not come: is the slide still there? Asked once for a burst of them. */
  doubt() {
    clearTimeout(this.doubtTimer);
    this.doubtTimer = setTimeout(async () => {
      try {
        if (this.signal.aborted) return;
        const now = await api.slide(this.slide.id);
        if (this.signal.aborted) return;
        if (now.version === this.slide.version) tell("Part of this slide or of its map cannot be read; the rest is shown.");
        else tell(`${this.slide.name} has changed since it was opened.`, { choices: [["Open it again", () => location.reload()]] });
      } catch (error) {
        if (this.signal.aborted || (error.status !== 404 && error.status !== 422)) return;
        const { name } = this.slide;
        this.gone(`${name}: ${error.message.replace(`${name}: `, "").replace("; go back to the gallery", "")}`);
      }
    }, 300);
  }

  close() {
    this.ending.abort();
    clearTimeout(this.addressTimer);
    if (this.other) this.dropOther();
    this.osd?.destroy();
    this.element?.remove();
    this.osd = null;
    this.overlay = null;
    $("stage").classList.remove("two");
  }
}
