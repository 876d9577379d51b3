// Two maps on one slide: the divider between them, moved by pointer or arrows, and the names of the two sides.
import { $ } from "./dom.js";

export function compare(view) {
  const { look, signal } = view;
  const divider = $("divider");
  const nameOf = (id) => view.maps.nameOf(id);

  function show() {
    const swiping = Boolean(look.second) && !look.side;
    divider.hidden = !swiping;
    $("left-name").hidden = $("right-name").hidden = !look.second;
    divider.style.left = `${look.divider * 100}%`;
    divider.setAttribute("aria-valuenow", Math.round(look.divider * 100));
    divider.setAttribute("aria-label", `Divider: ${nameOf(look.map)} on the left, ${nameOf(look.second)} on the right`);
    $("left-name").textContent = nameOf(look.map);
    $("right-name").textContent = nameOf(look.second);
    const middle = (view.sides ? 0.5 : look.divider) * 100;
    $("left-name").style.right = `calc(${100 - middle}% + 10px)`;
    $("right-name").style.left = `calc(${middle}% + 10px)`;
  }

  const move = (part) => look.set({ divider: Math.min(0.98, Math.max(0.02, part)) });
  const listen = (name, action) => divider.addEventListener(name, action, { signal });
  listen("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  listen("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const frame = $("stage").getBoundingClientRect();
    move((event.clientX - frame.left) / frame.width);
  });
  listen("keydown", (event) => {
    const steps = { ArrowLeft: look.divider - 0.02, ArrowRight: look.divider + 0.02, Home: 0.02, End: 0.98 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    move(steps[event.key]);
  });
  look.addEventListener("change", show);
  show();
}
