// How a slide is looked at: which map, which second one, which classes. One value; everything that shows it listens.

export class Look extends EventTarget {
  constructor(wanted) {
    super();
    this.map = null; // layer id, or null: the slide alone
    this.second = ""; // layer id, "none" (the slide alone), or "": nothing to compare with
    this.side = wanted.side; // side by side, else swipe
    this.divider = 0.5; // of the stage's width
    this.shown = true;
    this.hidden = new Set(wanted.off); // names of classes
    this.mode = wanted.mode;
    this.opacity = { fill: 0.4, outline: 1 };
    this.uncertainty = wanted.uncertainty;
    this.disagreement = wanted.disagreement; // one of the two at a time
    this.margins = wanted.margins; // bands around outlines
  }

  set(changes) {
    Object.assign(this, changes);
    this.dispatchEvent(new Event("change"));
  }

  toggle(name) {
    const hidden = new Set(this.hidden);
    if (!hidden.delete(name)) hidden.add(name);
    this.set({ hidden });
    return !hidden.has(name);
  }
}
