// Line charts over time: one figure, a few lines, redrawn with each sample. No dependencies.

const SVG = "http://www.w3.org/2000/svg";
const PAD = { left: 46, right: 10, top: 8, bottom: 20 };
// A longer pause (of a page that slept, or without labels) breaks the line.
const GAP_MS = 15_000;

/** An SVG element with attributes and perhaps a text. */
function element(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

/** Round numbers from low to high, about as many as asked for. */
export function ticks(low, high, wanted = 5) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step); tick * step <= high + step * 1e-6; tick += 1) found.push(tick * step);
  return found;
}

/** The range of an axis: the values with a margin, wide enough not to magnify noise. */
export function range(values, least, fromZero) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  const air = Math.max(least - (high - low), (high - low) * 0.16) / 2;
  low = fromZero ? 0 : low - air;
  high += air;
  return [low, Math.max(high, low + least)];
}

/** The path of a line through its values, broken where none came for long; one alone is a dot. */
export function path(times, values, x, y) {
  let drawn = "";
  let before = null;
  times.forEach((time, at) => {
    const value = values[at];
    if (value === null || value === undefined) return;
    const place = `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    drawn += before !== null && time - before <= GAP_MS ? `L${place}` : `M${place}h0`;
    before = time;
  });
  return drawn;
}

/** The newest value up to a sample. */
export function known(values, at) {
  return values.slice(0, at + 1).findLast((value) => value !== null && value !== undefined);
}

/** How long ago, as an axis label. */
function ago(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 90 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}

/** A chart in a figure. Lines: {name: {label, kind}}; options: title, format, least, fromZero. */
export class Chart {
  constructor(figure, lines, options) {
    this.lines = lines;
    this.options = options;
    this.cursor = null;
    this.samples = null;
    const caption = document.createElement("figcaption");
    this.title = document.createElement("h2");
    this.title.textContent = options.title;
    this.legend = document.createElement("ul");
    this.legend.className = "legend";
    caption.append(this.title, this.legend);
    this.svg = element("svg", { class: "chart", role: "img", "aria-label": options.title });
    figure.append(caption, this.svg);
    this.svg.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.svg.addEventListener("pointerleave", () => this.point(null));
    new ResizeObserver(() => this.draw(this.samples)).observe(this.svg);
  }

  point(at) {
    this.cursor = at;
    this.draw(this.samples);
  }

  /** Draw samples: {times: [ms], values: {name: [number or null]}}. */
  draw(samples) {
    this.samples = samples;
    const { width, height } = this.svg.getBoundingClientRect();
    if (!samples || width < 80) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const { times, values } = samples;
    const seen = Object.keys(this.lines).flatMap((name) => values[name] ?? []).filter((v) => v !== null && v !== undefined);
    if (!seen.length) {
      const note = element("text", { class: "note", x: width / 2, y: height / 2, "text-anchor": "middle" }, this.options.empty);
      this.svg.replaceChildren(note);
      this.legend.replaceChildren();
      return;
    }
    const [low, high] = range(seen, this.options.least, this.options.fromZero);
    const [first, last] = [times[0], Math.max(times[times.length - 1], times[0] + 30_000)];
    const x = (time) => PAD.left + ((time - first) / (last - first)) * (width - PAD.left - PAD.right);
    const y = (value) => height - PAD.bottom - ((value - low) / (high - low)) * (height - PAD.top - PAD.bottom);
    const marks = ticks(low, high).flatMap((tick) => [
      element("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y(tick), y2: y(tick) }),
      element("text", { x: PAD.left - 8, y: y(tick) + 4, "text-anchor": "end" }, this.options.format(tick)),
    ]);
    const paths = Object.entries(this.lines).map(([name, line]) =>
      element("path", { class: line.kind, d: path(times, values[name] ?? [], x, y) }));
    const now = times[times.length - 1];
    const ends = [element("text", { x: x(now), y: height - 4, "text-anchor": "end" }, "now")];
    if (x(now) - PAD.left > 90) ends.unshift(element("text", { x: PAD.left, y: height - 4 }, ago(now - first)));
    let shown = times.length - 1;
    if (this.cursor !== null) {
      const time = first + ((this.cursor - PAD.left) / (width - PAD.left - PAD.right)) * (last - first);
      shown = times.reduce((best, each, at) => (Math.abs(each - time) < Math.abs(times[best] - time) ? at : best), 0);
      marks.push(element("line", { class: "cursor", x1: x(times[shown]), x2: x(times[shown]), y1: PAD.top, y2: height - PAD.bottom }));
      ends.pop();
      ends.push(element("text", { x: width - PAD.right, y: height - 4, "text-anchor": "end" }, shown === times.length - 1 ? "now" : ago(now - times[shown])));
    }
    this.svg.replaceChildren(...marks, ...paths, ...ends);
    this.describe(values, shown);
  }

  /** The legend, with the values of now or at the pointer. */
  describe(values, at) {
    const items = Object.entries(this.lines).flatMap(([name, line]) => {
      const value = known(values[name] ?? [], at);
      if (value === undefined) return [];
      const item = document.createElement("li");
      item.className = line.kind;
      const number = document.createElement("b");
      number.textContent = this.options.format(value);
      item.append(`${line.label} `, number);
      return [item];
    });
    this.legend.replaceChildren(...items);
  }
}
