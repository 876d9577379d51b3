// The panel beside the slide, a sheet from below on a phone: four tabs, moved through by arrows.
import { $ } from "./dom.js";

const tabs = [...$("tabs").children];
const phone = matchMedia("(max-width: 760px)");

/** Open a tab by name (map, measures, segment, correct). */
export function openTab(name, { focus = false, raise = true } = {}) {
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !chosen;
    if (chosen && focus) tab.focus();
  }
  if (raise) $("panel").classList.add("up");
  $("panel").dispatchEvent(new CustomEvent("tab", { detail: name }));
}

export const tabIsOpen = (name) => $(`tab-${name}`).getAttribute("aria-selected") === "true";

/** Let the sheet down on a phone, where it hides the slide. */
export const lower = () => $("panel").classList.remove("up");

for (const tab of tabs) {
  const name = tab.id.slice(4);
  tab.addEventListener("click", () => {
    if (phone.matches && tabIsOpen(name) && $("panel").classList.contains("up")) lower();
    else openTab(name);
  });
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    openTab(next.id.slice(4), { focus: true });
  });
}
