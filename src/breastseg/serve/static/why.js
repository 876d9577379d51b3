// "Why here?": at a place, the model's probabilities, the squares that carry the answer, and the most alike training fields.
import * as api from "./api.js";
import { $, h, swatch } from "./dom.js";
import { tell } from "./notice.js";
import { lower, openTab } from "./panel.js";

const STRONGEST = 0.75; // opacity of the square that matters most

export function why(view, draw, { models }) {
  const { slide, signal } = view;
  let found = null;
  let at = null;
  let turn = 0;

  /** The model of the shown map, where it is offered; else the first. */
  function model() {
    const title = view.maps.layer(view.look.map)?.title;
    return (models.find((one) => one.name === title) ?? models[0])?.name;
  }

  function clear() {
    turn++;
    found = at = null;
    $("why-told").replaceChildren();
    $("why-close").hidden = true;
    view.repaint();
  }

  async function ask(place) {
    clear();
    const mine = ++turn;
    at = place;
    openTab("map", { raise: true });
    $("why-told").replaceChildren(h("p", { class: "soft" }, "Looking …"));
    try {
      const answer = await api.explain({ entry: slide.id, model: model(), x: place[0], y: place[1] });
      if (mine !== turn || signal.aborted) return;
      found = answer;
      show();
    } catch (error) {
      if (mine !== turn || signal.aborted) return;
      clear();
      tell(error.message);
    }
  }

  function show() {
    $("why-close").hidden = false;
    $("why-told").replaceChildren(
      h("p", { class: "soft small" }, `${found.model} reacts so; that is not what the tissue is.`),
      probabilities(),
      h("h3", {}, "Which surroundings carry it"),
      h("p", { class: "small" }, carried()),
      ...found.notes.map((note) => h("p", { class: "soft small" }, note)),
      ...nearest(),
    );
    view.repaint();
  }

  function probabilities() {
    const ranked = [...found.classes].sort((a, b) => found.probabilities[b.name] - found.probabilities[a.name]);
    const row = (one) => h("tr", {}, h("th", { scope: "row" }, swatch(one.color), one.name), h("td", {}, found.probabilities[one.name].toFixed(3)));
    return h("table", { "aria-label": "Probabilities at the place" }, h("tbody", {}, ...ranked.map(row)));
  }

  function carried() {
    const most = Math.max(...found.drops.flat());
    const squares = `Squares of ${found.square_um} µm were hidden one by one`;
    if (most <= 0) return `${squares}: no single one carries ${found.class_name}.`;
    return `${squares}. Red on the slide: without it ${found.class_name} is less likely (log-odds by up to ${most.toFixed(2)}); blue: more likely.`;
  }

  function nearest() {
    if (!found.nearest) return [];
    const item = (near) =>
      h("li", { title: near.source },
        near.thumbnail ? h("img", { src: near.thumbnail, alt: `A training field of ${near.class_name}` }) : null,
        h("span", { class: "why-class" }, swatch(near.color), `${near.class_name}, ${near.similarity.toFixed(2)}`), h("span", { class: "soft" }, near.patient));
    return [h("h3", {}, "Most alike in the training data"), h("ul", { id: "why-near" }, ...found.nearest.map(item))];
  }

  function paint(ctx, seen) {
    if (!at) return;
    const [x, y] = [(at[0] - seen.x) * seen.scale, (at[1] - seen.y) * seen.scale];
    if (found) paintSquares(ctx, seen);
    for (const [color, width] of [["white", 4], ["black", 1.5]]) {
      ctx.strokeStyle = color;
      ctx.lineWidth = width * seen.dpr;
      ctx.beginPath();
      ctx.moveTo(x - 8 * seen.dpr, y);
      ctx.lineTo(x + 8 * seen.dpr, y);
      ctx.moveTo(x, y - 8 * seen.dpr);
      ctx.lineTo(x, y + 8 * seen.dpr);
      ctx.stroke();
    }
  }

  function paintSquares(ctx, seen) {
    const [left, top, width, height] = found.box;
    const most = Math.max(...found.drops.flat().map(Math.abs)) || 1;
    const [wide, high] = [(width / found.drops[0].length) * seen.scale, (height / found.drops.length) * seen.scale];
    found.drops.forEach((row, down) => row.forEach((drop, across) => {
      ctx.fillStyle = drop > 0 ? "#d62728" : "#1f6feb";
      ctx.globalAlpha = (STRONGEST * Math.abs(drop)) / most;
      ctx.fillRect((left - seen.x) * seen.scale + across * wide, (top - seen.y) * seen.scale + down * high, wide, high);
    }));
    ctx.globalAlpha = 1;
    ctx.lineWidth = seen.dpr;
    ctx.strokeStyle = "#0008";
    ctx.strokeRect((left - seen.x) * seen.scale, (top - seen.y) * seen.scale, width * seen.scale, height * seen.scale);
  }

  function begin() {
    if (draw.tool === "place") return draw.stop();
    lower();
    draw.begin("place", ([place]) => {
      draw.stop();
      ask(place);
    });
  }

  view.overlay.painters.push(paint);
  $("why").disabled = models.length === 0;
  $("why").addEventListener("click", begin, { signal });
  $("why-close").addEventListener("click", clear, { signal });
  draw.addEventListener("change", () => $("why").setAttribute("aria-pressed", draw.tool === "place"), { signal });
  clear();
}
