// A film's page: one film, or both breasts of a patient back to back.
import * as api from "../api.js";
import { $, h } from "../dom.js";
import { say, tell } from "../notice.js";
import { niceLength, length } from "../numbers.js";
import { paintFindings } from "./findings.js";
import { filmKeys } from "./keys.js";
import { MuscleLine } from "./line.js";
import { FilmLook } from "./look.js";
import { controls, facts, viewName } from "./panel.js";
import { loadPicture, spanOf } from "./picture.js";
import { hang } from "./plates.js";
import { FilmStage } from "./stage.js";

const LABELS = ["outside", "background", "breast", "muscle", "artefact"];
const SCALE_PX = 140;

/** Open a film; `wanted` is what the address says. */
export async function openFilm(wanted) {
  const film = await api.film(wanted.film);
  const picture = await loadPicture(film);
  return new FilmPage(film, picture);
}

export class FilmPage {
  constructor(film, picture) {
    Object.assign(this, { film, picture, other: null, ending: new AbortController(), look: new FilmLook() });
    this.signal = this.ending.signal;
  }

  /** Show it; the page is visible by now. */
  async start(wanted) {
    const { look, signal, film } = this;
    this.stage = new FilmStage(look, signal);
    this.flipped = look.flip;
    look.addEventListener("change", () => this.flipped !== look.flip && this.arrange(), { signal });
    this.stage.painters.push(paintFindings, () => this.scale());
    this.line = new MuscleLine(this.stage, this.picture, signal);
    this.stage.addEventListener("where", ({ detail }) => this.where(detail), { signal });
    controls(look, signal);
    this.buttons();
    filmKeys(this, signal);
    this.firstWindow();
    this.arrange();
    this.describe();
    $("film-both").disabled = film.partner === null;
    $("film-both").checked = false;
    $("film-both-text").textContent = film.partner === null ? "Both breasts: the other one is not here" : "Both breasts, back to back";
    await this.line.load();
    if (signal.aborted) return;
    $("film-panel").inert = false; // not before: the line that is read would take the place of one that somebody puts
    if (wanted.both && film.partner !== null) await this.both(true);
    this.others().catch((error) => tell(error.message));
  }

  buttons() {
    const on = (id, name, action) => $(id).addEventListener(name, action, { signal: this.signal });
    on("film-in", "click", () => this.stage.zoomBy(1.4));
    on("film-out", "click", () => this.stage.zoomBy(1 / 1.4));
    on("film-fit", "click", () => this.stage.fit());
    on("film-first", "click", () => this.firstWindow());
    on("film-both", "change", () => this.both($("film-both").checked));
    for (const one of document.querySelectorAll("input[name=film-tool]")) {
      one.addEventListener("change", () => this.useTool(one.value), { signal: this.signal });
    }
    const [chosen] = document.querySelectorAll("input[name=film-tool]:checked");
    this.useTool(chosen.value);
  }

  useTool(name) {
    this.stage.tool = name;
    $("film-canvas").dataset.tool = name;
  }

  /** The window that shows nearly all of the breast. */
  firstWindow() {
    this.look.span(spanOf(this.picture));
  }

  toggleBoth() {
    if (this.film.partner !== null) this.both(!this.other);
  }

  /** Hang the other breast beside this one, or take it away. */
  async both(wanted) {
    $("film-both").checked = wanted;
    try {
      this.loading ??= wanted ? api.film(this.film.partner).then(loadPicture) : null;
      const other = wanted ? await this.loading : null;
      if (this.signal.aborted || $("film-both").checked !== wanted) return;
      this.other = other;
    } catch (error) {
      $("film-both").checked = false;
      tell(error.message);
    }
    this.loading = null;
    this.arrange();
    this.describe();
    history.replaceState(null, "", this.address);
  }

  arrange() {
    this.flipped = this.look.flip;
    const { plates, inMm } = hang([this.picture, this.other].filter(Boolean), this.look.flip);
    this.inMm = inMm;
    this.stage.show(plates);
    this.line.show();
    const also = [];
    if (!inMm) also.push("How large a pixel is nobody knows: there is no scale, and two films need not be at the same one.");
    if (this.other && plates.some(({ flip }) => flip)) also.push("Shown mirrored, so that the chest walls meet.");
    if (this.picture.blind) also.push("What was cut off as muscle is not in this folder: prepare the film into a new one to see it under the line.");
    facts(this.film, also);
  }

  get address() {
    return `#/film/${this.film.id}${this.other ? "?both=1" : ""}`;
  }

  /** What the canvas shows, for who does not see it. */
  describe() {
    const names = [this.picture, this.other].filter(Boolean).map(({ film }) => `${film.name}, ${viewName(film)}`);
    $("film-canvas").setAttribute("aria-label", `Mammogram ${names.join(" and ")}. Arrows move, plus and minus zoom, i inverts, f flips.`);
    say(`${names.join(" and ")} shown`);
  }

  /** Links to the other films of the patient. */
  async others() {
    const { films } = await api.films();
    if (this.signal.aborted) return;
    const { film } = this;
    const theirs = films.filter((one) => film.patient && one.patient === film.patient && one.data_set === film.data_set && one.id !== film.id);
    $("film-others-head").hidden = !theirs.length;
    $("film-others").replaceChildren(...theirs.map((one) => h("li", {}, h("a", { href: `#/film/${one.id}` },
      h("img", { src: api.filmThumbnail(one), alt: "", loading: "lazy" }), viewName(one)))));
  }

  where(found) {
    if (!found) $("film-where").textContent = "";
    else {
      const { plate: { picture }, x, y } = found;
      const at = y * picture.width + x;
      const label = LABELS[picture.labels[at]] ?? "";
      $("film-where").textContent = `${x}, ${y} px   ${picture.levels[0].values[at]}   ${label}`;
    }
  }

  scale() {
    $("film-scale").hidden = !this.inMm;
    if (!this.inMm) return;
    const [um, px] = niceLength(1000 / this.stage.zoom, SCALE_PX);
    $("film-scale-text").textContent = length(um);
    $("film-scale-bar").style.width = `${px}px`;
  }

  close() {
    this.ending.abort();
    this.stage?.show([]);
    $("film-handles").replaceChildren();
  }
}
