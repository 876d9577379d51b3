// Films of the folder, patient by patient.
import * as api from "../api.js";
import { $, h } from "../dom.js";
import { viewName } from "./panel.js";

const LINES = { waiting: "line waits for prepare", used: "line by a person" };

function card(film) {
  const image = h("img", { src: api.filmThumbnail(film), alt: `Mammogram ${viewName(film)}`, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith("cannot be shown"));
  const marks = [film.findings_count ? `${film.findings_count} finding${film.findings_count > 1 ? "s" : ""}` : "", LINES[film.line] ?? ""];
  return h("li", {}, h("a", { class: "card", href: `#/film/${film.id}` },
    h("span", { class: "picture dark" }, image), h("span", { class: "name" }, viewName(film)), h("span", { class: "soft small" }, film.name),
    h("span", { class: "marks" }, ...marks.filter(Boolean).map((text) => h("span", { class: "badge" }, text)))));
}

/** Films by patient; those of nobody known come last, together. */
function byPatient(films) {
  const groups = new Map();
  for (const film of films) {
    const key = JSON.stringify([film.data_set, film.patient]);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(film);
  }
  return [...groups.values()].sort((a, b) => !a[0].patient - !b[0].patient);
}

let shown = "";

/** Show the films whose name, patient or view has `asked` in it; return how many there are and are found. */
export function showFilms({ films }, asked) {
  const found = films.filter((film) => [film.name, film.patient, viewName(film)].some((text) => text.toLowerCase().includes(asked)));
  const now = JSON.stringify(found);
  $("films").hidden = !films.length;
  if (now !== shown) {
    $("film-list").replaceChildren(...byPatient(found).map((group) =>
      h("section", {}, h("h3", {}, group[0].patient || "Patient not known"), h("ul", { class: "film-cards" }, ...group.map(card)))));
  }
  shown = now;
  return { total: films.length, found: found.length };
}
