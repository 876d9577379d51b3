// Scale bar, magnification, and the place under the pointer (or in the middle, for those who use the keyboard) with its class.
import { $, swatch } from "./dom.js";
import { length, niceLength } from "./numbers.js";

export function scale(view) {
  const { slide, overlay, look } = view;
  let pointer = null; // in its viewer, in CSS px
  let isOther = false; // it is over the second viewer, which shows the same place
  let frame = null;
  let named = null;

  function show() {
    frame = null;
    if (!view.osd) return;
    const seen = overlay.view();
    const cssScale = seen.scale / seen.dpr;
    $("scale-bar").hidden = !slide.mpp;
    if (!slide.mpp) $("scale-text").textContent = "no scale: µm per pixel not known";
    else {
      const [um, px] = niceLength(slide.mpp / cssScale, 130);
      $("scale-bar").style.width = `${px}px`;
      $("scale-text").textContent = length(um);
    }
    const x = pointer?.x ?? seen.width / seen.dpr / 2;
    const at = overlay.place({ x, y: pointer?.y ?? seen.height / seen.dpr / 2 });
    const inside = at.every((value, axis) => value >= 0 && value <= slide.size_px[axis]);
    const told = (factor, unit) => `${at.map((value) => Math.round(value * factor)).join(", ")} ${unit}`; // no commas within a number
    $("where-zoom").textContent = slide.mpp ? `${Number((10 / (slide.mpp / cssScale)).toPrecision(2))}×` : "";
    $("where-px").textContent = inside ? told(1, "px") : "";
    $("where-um").textContent = inside && slide.mpp ? told(slide.mpp, "µm") : "";
    const isSecond = view.sides ? isOther : Boolean(look.second) && x * seen.dpr >= Math.round(seen.width * look.divider);
    name(inside ? view.maps.classAt(at, isSecond ? look.second : look.map) : null);
  }

  /** The colours of a map mix with those of the tissue: its class is told by name. */
  function name(entry) {
    if (entry === named) return;
    named = entry;
    $("where-class").replaceChildren(...(entry ? [swatch(entry.color), entry.name] : []));
  }

  const soon = () => (frame ??= requestAnimationFrame(show));
  overlay.painters.push(soon);
  $("stage").addEventListener("pointermove", (event) => {
    const viewer = event.target.closest("#slide, #slide-two");
    isOther = viewer?.id === "slide-two";
    const box = viewer?.getBoundingClientRect();
    pointer = viewer && { x: event.clientX - box.left, y: event.clientY - box.top };
    soon();
  }, { signal: view.signal });
  $("stage").addEventListener("pointerleave", () => {
    pointer = null;
    isOther = false;
    soon();
  }, { signal: view.signal });
  $("where-class").replaceChildren();
  show();
}
