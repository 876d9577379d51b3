// Where the page begins: the address says what is shown; a slide's parts are put together here.
import * as api from "./api.js";
import { compare } from "./compare.js";
import { correct } from "./correct.js";
import { $ } from "./dom.js";
import { Draw } from "./draw.js";
import { openFilm } from "./films/page.js";
import { showGallery } from "./gallery.js";
import { jobs } from "./jobs.js";
import { keysFor } from "./keys.js";
import { isExact } from "./labels.js";
import { legend } from "./legend.js";
import { measures } from "./measures.js";
import { hush, say, tell } from "./notice.js";
import { lower, openTab } from "./panel.js";
import { read, write } from "./permalink.js";
import { scale } from "./scale.js";
import { segment } from "./segment.js";
import { savePicture } from "./shot.js";
import { open } from "./viewer.js";
import { why } from "./why.js";

let view = null;
let correction = null;
let film = null;
let lastWord = "";
let turn = 0;

function show(page) {
  $("gallery").hidden = page !== "gallery";
  $("viewer").hidden = page !== "viewer";
  $("film").hidden = page !== "film";
  for (const id of ["copy-link", "shot"]) $(id).hidden = page !== "viewer";
  document.body.dataset.page = page;
}

/** Let nobody work a slide's panel while the slide is on its way: what is pressed there would be lost. The tabs work. */
function panes(works) {
  for (const pane of $("panel").querySelectorAll("[role=tabpanel]")) pane.inert = !works;
}

function closeSlide() {
  keysFor(null, null);
  view?.close();
  film?.close();
  view = film = null;
  correction = null;
  $("divider").hidden = $("hint").hidden = $("aim").hidden = $("left-name").hidden = $("right-name").hidden = true;
}

/** Leave a slide that is gone; the line is shown over the gallery. */
function gone(line) {
  lastWord = line;
  correction = null;
  location.hash = "#/";
}

async function openGallery() {
  show("gallery");
  $("title").textContent = "Slides";
  await showGallery();
  if (turn > 1 && !$("gallery").hidden) $("title").focus(); // who comes back from a slide begins at the top
}

async function openFilmPage(wanted, mine) {
  $("film-panel").inert = true; // until its film is there
  show("film");
  $("title").textContent = "Opening …";
  const opened = await openFilm(wanted);
  if (mine !== turn) return;
  film = opened;
  const { patient, name, laterality, view: seen } = film.film;
  $("title").textContent = [patient, laterality, seen, name].filter(Boolean).join(" · ");
  document.title = `${name} - breastseg`;
  await film.start(wanted);
  if (mine === turn) $("film-canvas").focus();
}

async function openSlide(wanted, mine) {
  panes(false);
  show("viewer");
  $("title").textContent = "Opening …";
  openTab("map", { raise: false }); // before the slide is there: what somebody opens meanwhile stays open
  lower();
  const gallery = api.gallery();
  gallery.catch(() => {}); // told where it is waited for
  const opened = await open(wanted, { gone });
  if (mine !== turn) return opened.close();
  view = opened;
  const folder = await gallery;
  if (mine !== turn) return; // who left has closed it; what follows would be put into the panel of the next slide
  const { slide } = view;
  $("title").textContent = slide.name.split("/").at(-1);
  $("title").title = slide.name;
  document.title = `${slide.name} - breastseg`;
  $("version").textContent = `breastseg ${folder.version}.`;
  const draw = new Draw(view);
  scale(view);
  compare(view);
  legend(view);
  measures(view);
  segment(view, draw, folder);
  why(view, draw, folder);
  correction = correct(view, draw, folder);
  keysFor(view, correction);
  panes(true);
  view.osd.canvas.focus();
  say(`${slide.name} is open`);
}

async function route() {
  const wanted = read(location.hash);
  if (view && wanted.slide === view.slide.id) {
    view.follow(wanted);
    return;
  }
  if (film && wanted.film === film.film.id) return;
  if ((correction || film) && !(await mayLeave())) return;
  const mine = ++turn;
  hush();
  closeSlide();
  try {
    if (wanted.slide) await openSlide(wanted, mine);
    else if (wanted.film) await openFilmPage(wanted, mine);
    else await openGallery();
    if (lastWord) tell(lastWord);
    lastWord = "";
  } catch (error) {
    if (mine !== turn) return;
    if (wanted.film) gone(error.status === 404 ? "The film of this link is not in the folder (any more)." : error.message);
    else if (wanted.slide) gone(error.status === 404 ? "The slide of this link is not in the folder (any more)." : error.message);
    else tell(error.message);
  }
}

/** Ask before drawn areas are lost; who stays gets the address back. */
async function mayLeave() {
  if (await (film ? film.line : correction).mayLeave()) return true;
  history.pushState(null, "", film ? film.address : write(view.slide.id, view.place(), view.look));
  return false;
}

async function copyLink() {
  const address = new URL(write(view.slide.id, view.place(), view.look), location.href).href;
  try {
    await navigator.clipboard.writeText(address);
    tell("The link to this view is copied.", { seconds: 3, good: true });
  } catch {
    tell(`The link to this view: ${address}`);
  }
}

$("zoom-in").addEventListener("click", () => view?.zoomBy(1.6));
$("zoom-out").addEventListener("click", () => view?.zoomBy(1 / 1.6));
$("zoom-fit").addEventListener("click", () => view?.fit());
$("eye").addEventListener("click", () => view?.look.set({ shown: !view.look.shown }));
$("shot").addEventListener("click", () => view && savePicture(view));
$("copy-link").addEventListener("click", () => view && copyLink());
jobs.addEventListener("back", () => view?.again());
window.addEventListener("hashchange", route);
jobs.look();
await route();
if (!(await isExact()))
  tell("This browser changes the pixels that a page reads: maps are wrong in it. Allow this page to read its canvas, or use another one.");
