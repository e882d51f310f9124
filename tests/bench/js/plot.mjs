// Plots of a benchmark's figures as SVG text: 720 wide, on white, so that they read in light and dark pages alike.
// A goal is a number or {value, label}. What is no finite number, or not above 0 on a logarithmic axis, is left out.
import { measured, short } from "./numbers.mjs";

const width = 720;
const size = 13;
const ink = "#1f2933";
const faint = "#5b6777";
const grid = "#e3e7ec";
const strong = ["#0b6e4f", "#55a583", "#0a4231"];
const goalColour = "#b3361b";
const others = ["#4a6fa5", "#6b7280", "#2c4a70", "#7d8ca3", "#3f7d9c", "#a0a8b4"];

const round = (value) => Number(value.toFixed(1));
// Control characters have no form in XML; the rest that means something there is escaped.
const escape = (text) =>
  String(text)
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]/g, "")
    .replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const cut = (text, most) => {
  const whole = String(text ?? "");
  return whole.length > most ? `${whole.slice(0, most - 1)}…` : whole;
};
/// About how wide a text is: system-ui is not the same everywhere.
const breadth = (text, at = size) => String(text).length * at * 0.56;

const tag = (name, attributes, content) => {
  const list = Object.entries(attributes).map(([key, value]) => {
    return ` ${key}="${typeof value === "number" ? round(value) : escape(value)}"`;
  });
  return `<${name}${list.join("")}${content === undefined ? "/>" : `>${content}</${name}>`}\n`;
};
const words = (x, y, text, attributes = {}) => tag("text", { x, y, ...attributes }, escape(text));
/// Words that stay readable over lines and bars.
const over = (x, y, text, attributes) =>
  words(x, y, text, { stroke: "#ffffff", "stroke-width": 4, "paint-order": "stroke", ...attributes });
const line = (x1, y1, x2, y2, attributes) => tag("line", { x1, y1, x2, y2, ...attributes });

const goalOf = (goal, unit) => {
  const { value, label } = typeof goal === "object" && goal !== null ? goal : { value: goal };
  if (!Number.isFinite(value)) return null;
  return { value, label: label ?? `goal ${measured(value, unit)}` };
};

/// An axis over the values and what they stand on: {at(value) -> 0..1, ticks, has(value)}.
function scale(values, { log = false, zero = true } = {}) {
  const has = (value) => Number.isFinite(value) && (!log || value > 0);
  const known = values.filter(has);
  return { has, ...(log ? logarithmic(known) : linear(zero ? [0, ...known] : known)) };
}

function linear(values) {
  const [low, high] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const raw = (high - low || Math.abs(high) || 1) / 5;
  const decade = 10 ** Math.floor(Math.log10(raw));
  const step = decade * [1, 2, 2.5, 5, 10].find((factor) => factor * decade >= raw * (1 - 1e-9));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  // As a text and back: no 0.30000000000000004.
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { ticks, at: (value) => (value / step - first) / (last - first) };
}

function logarithmic(values) {
  const [low, high] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [1, 10];
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.max(Math.ceil(Math.log10(high) - 1e-9), first + 1);
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const every = Math.ceil((last - first) / 8);
  const ticks = [];
  for (let power = first; power <= last; power += every)
    for (const factor of power < last ? factors : [1]) ticks.push(Number(`${factor}e${power}`));
  return { ticks, at: (value) => (Math.log10(value) - first) / (last - first) };
}

function drawing(title, height, content) {
  const head = {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "font-family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "font-size": size,
    fill: ink,
  };
  const heading = words(24, 32, cut(title, 76), { "font-size": 17, "font-weight": 600 });
  const back = tag("rect", { width, height, fill: "#ffffff" });
  return tag("svg", head, `\n${tag("title", {}, escape(title))}${back}${heading}${content}`);
}

/// Horizontal bars, one below the other in the order given, with their values. bars: [{label, value, kind}]; those of
/// kind "pillard" stand out, each other kind has a colour of its own.
export function barChart({ title, unit = "", bars, goal = null, log = false }) {
  const aim = goalOf(goal, unit);
  const labels = bars.map(({ label }) => cut(label, 38));
  const left = 24 + Math.max(60, ...labels.map((label) => breadth(label))) + 12;
  const right = width - 24 - Math.max(40, ...bars.map(({ value }) => breadth(measured(value, unit)) * 0.75));
  const top = aim ? 76 : 54;
  const pitch = 34;
  const bottom = top + bars.length * pitch + 6;
  // A bar of a logarithmic axis stands on no zero; half a value below the least keeps that one visible.
  const values = [...bars.map(({ value }) => value), ...(aim ? [aim.value] : [])];
  const axis = scale(log ? [...values, ...values.map((value) => value / 2)] : values, { log });
  const x = (value) => left + axis.at(value) * (right - left);
  const kinds = [...new Set(bars.map(({ kind }) => kind).filter((kind) => kind !== "pillard"))];
  const colour = (kind) => (kind === "pillard" ? strong[0] : others[kinds.indexOf(kind) % others.length]);

  let content = "";
  for (const value of axis.ticks) {
    content += line(x(value), top, x(value), bottom, { stroke: grid });
    content += words(x(value), bottom + 18, short(value), { fill: faint, "text-anchor": "middle", "font-size": 12 });
  }
  const known = (value) => axis.has(value) && x(value) >= left;
  bars.forEach(({ value, kind }, i) => {
    const y = top + 6 + i * pitch;
    const end = known(value) ? Math.max(x(value), left + 1) : left;
    if (known(value)) content += tag("rect", { x: left, y: y + 3, width: end - left, height: 22, fill: colour(kind) });
    const weight = kind === "pillard" ? { "font-weight": 600 } : {};
    content += words(left - 12, y + 19, labels[i], { "text-anchor": "end", ...weight });
  });
  if (aim && axis.has(aim.value)) {
    const at = x(aim.value);
    const anchor = at > width / 2 ? "end" : "start";
    content += line(at, top - 8, at, bottom, { stroke: goalColour, "stroke-width": 1.5, "stroke-dasharray": "5 4" });
    const side = { fill: goalColour, "font-size": 12, "text-anchor": anchor };
    content += words(at + (anchor === "end" ? 4 : -4), top - 13, aim.label, side);
  }
  // Last, so that neither the grid nor the goal runs through a value.
  bars.forEach(({ value, kind }, i) => {
    const weight = kind === "pillard" ? { "font-weight": 600 } : {};
    const end = known(value) ? Math.max(x(value), left + 1) : left;
    content += over(end + 7, top + 25 + i * pitch, measured(value, unit), weight);
  });
  content += line(left, top, left, bottom, { stroke: faint });
  const named = [unit, log ? "logarithmic" : ""].filter(Boolean).join(", ");
  content += words(right, bottom + 38, named, { fill: faint, "text-anchor": "end", "font-size": 12 });
  return drawing(title, bottom + 50, content);
}

/// Lines over two axes, each with its last value at its end. x and y: {label, log, unit}; series: [{name, points}],
/// points [[x, y]..] in the order of x. A series whose name begins with "pillard" stands out. `goal` is one of y.
export function lineChart({ title, x, y, series, goal = null }) {
  const aim = goalOf(goal, y.unit);
  const several = series.length > 1;
  const [left, right, top, bottom] = [76, width - 100, several ? 96 : 76, 372];
  const across = scale(series.flatMap(({ points }) => points.map(([value]) => value)), { log: x.log, zero: false });
  const up = scale([...series.flatMap(({ points }) => points.map(([, value]) => value)), aim?.value], { log: y.log });
  const place = ([a, b]) => [left + across.at(a) * (right - left), bottom - up.at(b) * (bottom - top)];
  const shown = ([a, b]) => across.has(a) && up.has(b);
  let [ours, theirs] = [0, 0];
  const lines = series.map(({ name, points }) => {
    const own = String(name).startsWith("pillard");
    const colour = own ? strong[ours++ % strong.length] : others[theirs++ % others.length];
    return { name, own, colour, points: points.filter(shown) };
  });

  let content = words(left, top - 12, cut(y.label, 60), { fill: faint, "font-size": 12, "text-anchor": "start" });
  for (const value of up.ticks) {
    const [, at] = place([across.ticks[0], value]);
    content += line(left, at, right, at, { stroke: grid });
    content += words(left - 8, at + 4, short(value), { fill: faint, "font-size": 12, "text-anchor": "end" });
  }
  for (const value of across.ticks) {
    const [at] = place([value, up.ticks[0]]);
    content += line(at, bottom, at, bottom + 5, { stroke: faint });
    content += words(at, bottom + 20, short(value), { fill: faint, "font-size": 12, "text-anchor": "middle" });
  }
  content += line(left, bottom, right, bottom, { stroke: faint });
  const middle = { fill: faint, "font-size": 12, "text-anchor": "middle" };
  content += words((left + right) / 2, bottom + 42, cut(x.label, 80), middle);
  if (several) content += legend(lines, 24, 58);
  if (aim && up.has(aim.value)) {
    const [, at] = place([across.ticks[0], aim.value]);
    content += line(left, at, right, at, { stroke: goalColour, "stroke-width": 1.5, "stroke-dasharray": "5 4" });
    content += over(left + 6, at - 6, aim.label, { fill: goalColour, "font-size": 12 });
  }
  // pillard last: above the others.
  for (const { colour, own, points } of [...lines].sort((a, b) => a.own - b.own)) {
    const places = points.map(place);
    const path = places.map((pair) => pair.map(round).join(",")).join(" ");
    const stroke = { fill: "none", stroke: colour, "stroke-width": own ? 2.8 : 1.8, "stroke-linejoin": "round" };
    if (places.length > 1) content += tag("polyline", { points: path, ...stroke });
    if (places.length <= 40)
      for (const [cx, cy] of places) content += tag("circle", { cx, cy, r: own ? 3.6 : 2.8, fill: colour });
  }
  content += ends(lines, place, y.unit, bottom);
  return drawing(title, bottom + 58, content);
}

function legend(lines, x, y) {
  let content = "";
  for (const { name, own, colour } of lines) {
    content += line(x, y - 4, x + 20, y - 4, { stroke: colour, "stroke-width": own ? 3.2 : 2.2 });
    content += words(x + 26, y, cut(name, 30), own ? { "font-weight": 600 } : {});
    x += 26 + breadth(cut(name, 30)) + 22;
  }
  return content;
}

/// The last value of each line beside its end, moved apart where they would touch.
function ends(lines, place, unit, bottom) {
  const marks = lines
    .filter(({ points }) => points.length > 0)
    .map(({ own, colour, points }) => {
      const [x, y] = place(points.at(-1));
      return { x, y, own, colour, text: measured(points.at(-1)[1], unit) };
    })
    .sort((a, b) => a.y - b.y);
  for (let i = 1; i < marks.length; ++i) marks[i].y = Math.max(marks[i].y, marks[i - 1].y + 16);
  for (let i = marks.length - 1, most = bottom; i >= 0; --i, most -= 16) marks[i].y = Math.min(marks[i].y, most);
  const style = ({ own, colour }) => ({ fill: colour, "font-size": 12, "font-weight": own ? 600 : 400 });
  return marks.map((mark) => over(mark.x + 8, mark.y + 4, mark.text, style(mark))).join("");
}
