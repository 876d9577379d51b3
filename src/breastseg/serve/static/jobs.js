// The jobs of the server, asked for again and again while one is alive; rows that show them.
import * as api from "./api.js";
import { $, h } from "./dom.js";
import { day, left } from "./numbers.js";
import { hush, say, tell } from "./notice.js";

const BUSY_MS = 700;
const IDLE_MS = 4000;

export const isAlive = (job) => job.state === "queued" || job.state === "running";

/** Knows the jobs. "change": some job is other than it was; "ended" (detail: the job): one has just ended; "back": the server
 * answers again. */
class Jobs extends EventTarget {
  list = [];
  said = "[]";
  timer = 0;
  silent = false;

  /** Ask now, and from then on. */
  async look() {
    clearTimeout(this.timer);
    if (!document.hidden) await this.ask();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), this.list.some(isAlive) && !this.silent ? BUSY_MS : IDLE_MS);
  }

  async ask() {
    try {
      this.take(await api.jobs());
      if (this.silent) {
        hush();
        this.dispatchEvent(new Event("back"));
      }
      this.silent = false;
    } catch (error) {
      if (!this.silent) tell(error.message);
      this.silent = true;
    }
  }

  take(list) {
    const before = new Map(this.list.map((job) => [job.id, job]));
    const said = JSON.stringify(list);
    this.list = list;
    if (said === this.said) return;
    this.said = said;
    this.dispatchEvent(new Event("change"));
    for (const job of list) {
      const old = before.get(job.id);
      if (old && isAlive(old) && !isAlive(job)) {
        say(`${job.entry_name}: ${WORDS[job.state]}`);
        this.dispatchEvent(new CustomEvent("ended", { detail: job }));
      }
    }
  }

  async start(wanted) {
    const job = await api.startJob(wanted);
    say(`${job.entry_name}: waiting to be segmented`);
    await this.look();
    return job;
  }

  async cancel(job) {
    try {
      await api.cancelJob(job.id);
    } catch (error) {
      tell(error.message);
    }
    await this.look();
  }
}

export const jobs = new Jobs();
document.addEventListener("visibilitychange", () => document.hidden || jobs.look());

export const WORDS = { queued: "waiting", running: "at work", done: "done", failed: "failed", cancelled: "cancelled" };

function stateOf(job) {
  if (job.state !== "running") return job.cause ? `${WORDS[job.state]}: ${job.cause}` : WORDS[job.state];
  const time = job.seconds_left === null || job.seconds_left === undefined ? "" : `, ${left(job.seconds_left)}`;
  return job.progress > 0 ? `${Math.round(job.progress * 100)} %${time}` : "starting";
}

/** One job as a row. `named`: with its slide, as a link. `open`: what shows its map, where it is not shown. */
export function jobRow(job, named, open = null) {
  const what = `${job.model}${job.box ? ", a part" : ""}, ${day(job.made)}`;
  const title = named ? h("a", { href: `#/slide/${job.entry}`, onclick: () => $("jobs").close() }, job.entry_name) : h("span", {}, what);
  const state = h("span", { class: job.state === "failed" ? "bad small" : "soft small" }, `${named ? `${what}: ` : ""}${stateOf(job)}`);
  const bar = isAlive(job) ? h("progress", { max: 1, value: job.progress, "aria-label": `${job.entry_name}: progress` }) : null;
  const button = (text, label, onclick) => h("button", { type: "button", "aria-label": label, "data-job": String(job.id), onclick }, text);
  const action = isAlive(job)
    ? button("Cancel", `Cancel ${job.entry_name}`, () => jobs.cancel(job))
    : open && button("Show", `Show map ${job.id}`, open);
  return h("div", { class: `job ${job.state}` }, h("div", { class: "grow" }, title, state, bar), action);
}

/** Show rows, and leave the focus where it was: they change under the hands of those who use the keyboard. */
export function showRows(place, rows) {
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.job : null;
  place.replaceChildren(...rows);
  if (focused) place.querySelector(`[data-job="${focused}"]`)?.focus();
}

jobs.addEventListener("change", () => {
  const alive = jobs.list.filter(isAlive).length;
  $("job-count").textContent = alive ? String(alive) : "";
  $("all-jobs").setAttribute("aria-label", alive ? `Jobs, ${alive} at work or waiting` : "Jobs");
  const rows = jobs.list.map((job) => jobRow(job, true));
  showRows($("job-list"), rows.length ? rows : [h("p", { class: "soft" }, "Nothing was segmented here yet.")]);
});
$("job-list").append(h("p", { class: "soft" }, "Nothing was segmented here yet."));
$("all-jobs").addEventListener("click", () => $("jobs").showModal());
