// What the page says to the person: one line above the slide, a quiet voice for screen readers, a question. Never alert().
import { $, h } from "./dom.js";

let timer = 0;

/** Show a line. `choices` are [text, action] buttons in it; a line of `seconds` goes by itself. */
export function tell(text, { choices = [], seconds = 0, good = false } = {}) {
  clearTimeout(timer);
  $("line-text").textContent = text;
  $("line").classList.toggle("good", good);
  $("line-choices").replaceChildren(
    ...choices.map(([name, action]) => h("button", { type: "button", onclick: () => { hush(); action(); } }, name)),
  );
  $("line").hidden = false;
  if (seconds) timer = setTimeout(hush, seconds * 1000);
}

/** Take the line away. */
export function hush() {
  $("line").hidden = true;
}

/** Say something to a screen reader without moving anything. */
export function say(text) {
  $("live").textContent = text;
}

/** Ask; resolves with the index of the choice, or -1 when the person turned away. */
export function ask(text, names) {
  const dialog = $("ask");
  $("ask-text").textContent = text;
  $("ask-choices").replaceChildren(
    ...names.map((name, index) => h("button", { value: String(index), class: index === 0 ? "main" : "" }, name)),
  );
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "" ? -1 : Number(dialog.returnValue)), { once: true });
  });
}

$("line-close").addEventListener("click", hush);
