// Scale bar, magnification and the place under the pointer (or in the middle, for those who use the keyboard).
import { $ } from "./dom.js";
import { length, niceLength, whole } from "./numbers.js";

export function scale(view) {
  const { slide, osd, overlay } = view;
  let pointer = null;
  let frame = null;

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
    const at = pointer
      ? overlay.place(pointer)
      : [seen.x + seen.width / seen.scale / 2, seen.y + seen.height / seen.scale / 2];
    const inside = at.every((value, axis) => value >= 0 && value <= slide.size_px[axis]);
    $("where-zoom").textContent = slide.mpp ? `${Number((10 / (slide.mpp / cssScale)).toPrecision(2))}×` : "";
    $("where-px").textContent = inside ? `${whole(at[0])}, ${whole(at[1])} px` : "";
    $("where-um").textContent = inside && slide.mpp ? `${whole(at[0] * slide.mpp)}, ${whole(at[1] * slide.mpp)} µm` : "";
  }

  const soon = () => (frame ??= requestAnimationFrame(show));
  osd.addHandler("update-viewport", soon);
  osd.element.addEventListener("pointermove", (event) => {
    const box = osd.element.getBoundingClientRect();
    pointer = { x: event.clientX - box.left, y: event.clientY - box.top };
    soon();
  }, { signal: view.signal });
  osd.element.addEventListener("pointerleave", () => {
    pointer = null;
    soon();
  }, { signal: view.signal });
  show();
}
