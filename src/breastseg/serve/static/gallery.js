// The folder: cards with thumbnail, name and state; find by name; files let in by drop or choice.
import * as api from "./api.js";
import { $, h } from "./dom.js";
import { showFilms } from "./films/gallery.js";
import { isAlive, jobs } from "./jobs.js";
import { bytes } from "./numbers.js";
import { say, tell } from "./notice.js";

let shown = null;
let films = null;
const made = new Map(); // id -> [what it shows, card]: a card that shows the same stays, and so do its image and the focus

function badge(entry) {
  const job = jobs.list.find((one) => one.entry === entry.id && isAlive(one));
  if (job?.state === "running") return ["busy", `at work, ${Math.round(job.progress * 100)} %`];
  if (job) return ["busy", "waiting"];
  if (entry.state === "broken") return ["bad", "cannot be opened"];
  if (entry.state === "running" || entry.state === "queued") return ["busy", entry.state === "running" ? "at work" : "waiting"];
  if (entry.maps > 1) return ["good", `${entry.maps} maps`];
  return entry.maps ? ["good", "1 map"] : ["", "no map yet"];
}

let doubt = 0;

/** An image that does not come: ask the folder once for all of them, which then says why. */
function failed(image) {
  image.remove();
  clearTimeout(doubt);
  doubt = setTimeout(again, 500);
}

function card(entry) {
  const cut = entry.name.lastIndexOf("/") + 1;
  const [kind, text] = badge(entry);
  const picture = h("span", { class: "picture" });
  if (entry.state !== "broken") {
    const image = h("img", { src: api.thumbnail(entry), alt: "", loading: "lazy", decoding: "async", onerror: () => failed(image) });
    picture.append(image);
  }
  const folder = cut ? h("span", { class: "soft small folder" }, entry.name.slice(0, cut - 1)) : null;
  const drawn = entry.annotated ? h("span", { class: "badge" }, "areas drawn") : null;
  const inside = [picture, h("span", { class: "name", title: entry.name }, entry.name.slice(cut)), folder,
    h("span", { class: "marks" }, h("span", { class: `badge ${kind}` }, text), drawn,
      h("span", { class: "soft small" }, bytes(entry.bytes))),
    entry.cause ? h("span", { class: "bad small cause", title: entry.cause }, entry.cause) : null];
  const [tag, attributes] = entry.state === "broken" ? ["div", {}] : ["a", { href: `#/slide/${entry.id}` }];
  return h("li", {}, h(tag, { class: "card", ...attributes }, ...inside));
}

function cardOf(entry) {
  const shows = JSON.stringify([entry, badge(entry)]);
  if (made.get(entry.id)?.[0] !== shows) made.set(entry.id, [shows, card(entry)]);
  return made.get(entry.id)[1];
}

/** "5 slides", "2 of 5 slides, 1 of 8 films"; films are not named where there are none. */
function countText(asked, ...kinds) {
  const [slides, films] = kinds;
  const told = films[1] ? (slides[1] ? kinds : [films]) : [slides];
  return told.map(([found, total, noun]) => `${asked ? `${found} of ` : ""}${total} ${noun}${total === 1 ? "" : "s"}`).join(", ");
}

function show() {
  if (!shown || $("gallery").hidden) return;
  const asked = $("filter").value.trim().toLowerCase();
  const found = shown.entries.filter((entry) => entry.name.toLowerCase().includes(asked));
  const cards = found.map(cardOf);
  const there = $("cards").children;
  if (cards.length !== there.length || cards.some((one, index) => one !== there[index])) $("cards").replaceChildren(...cards);
  const total = shown.entries.length;
  const hung = showFilms(films, asked);
  const isOfFilms = !total && hung.total > 0;
  $("count").textContent = countText(asked, [found.length, total, "slide"], [hung.found, hung.total, "film"]);
  const leftOut = [...shown.left_out, ...films.left_out];
  $("left-out").hidden = !leftOut.length;
  $("left-out").textContent = `Not shown: ${leftOut.join("; ")}.`;
  const none = `There is no slide in this folder${shown.writable ? " yet. Drop one here, or choose Add a slide" : ""}.`;
  $("nothing").hidden = found.length + hung.found > 0;
  $("nothing").textContent = total + hung.total ? `No ${isOfFilms ? "film" : "slide"} has “${$("filter").value.trim()}” in its name.` : none;
  $("upload-label").hidden = !shown.writable || isOfFilms;
}

/** Ask for the folder and show it. */
export async function showGallery() {
  [shown, films] = await Promise.all([api.gallery(), api.films()]);
  if ($("gallery").hidden) return; // somebody opened a slide meanwhile: the title is that one's
  $("version").textContent = `breastseg ${shown.version}.`;
  $("title").textContent = shown.folder;
  document.title = `${shown.folder} - breastseg`;
  show();
}

async function again() {
  if ($("gallery").hidden) return;
  try {
    await showGallery();
  } catch (error) {
    tell(error.message);
  }
}

async function send(files) {
  const added = [];
  for (const file of files) {
    const progress = (part) => tell(`${file.name}: ${part < 1 ? `${Math.round(100 * part)} % sent` : "being opened"}`, { good: true });
    try {
      const entry = await api.upload(file, progress);
      added.push(entry.name);
      tell(`${entry.name}: added.`, { seconds: 5, good: true });
    } catch (error) {
      tell(`${file.name} was not added: ${error.message.replace(`${file.name}: `, "")}`);
    }
  }
  say(`${added.length} added`);
  await again();
}

$("filter").addEventListener("input", show);
$("upload").addEventListener("change", async () => {
  await send([...$("upload").files]);
  $("upload").value = "";
});
jobs.addEventListener("change", show);
jobs.addEventListener("ended", again);
document.addEventListener("visibilitychange", () => document.hidden || again());

const open = (event) => !$("gallery").hidden && shown?.writable && event.dataTransfer?.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); // else the browser would open the file in place of the page
  $("drop").hidden = !open(event);
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").hidden = true;
});
document.addEventListener("drop", (event) => {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  $("drop").hidden = true;
  if (open(event)) send([...event.dataTransfer.files]);
});
