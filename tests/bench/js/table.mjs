// The figures of a benchmark as a table: in a terminal and in Markdown.
// A row is {figure, unit, pillard, peer, peerName, ratio, goal, met}; any of them may be null or left out. `goal` is a
// number of the row's unit or words that say it.
import { measured, significant } from "./numbers.mjs";

const heads = ["figure", "pillard", "peer", "ratio", "goal", "met"];
const numeric = [false, true, true, true, true, false];

function cells({ figure, unit, pillard, peer, peerName, ratio, goal, met }) {
  const beside = measured(peer, unit);
  const texts = [
    figure ?? "-",
    measured(pillard, unit),
    beside !== "-" && peerName ? `${beside} (${peerName})` : beside,
    significant(ratio),
    typeof goal === "string" ? goal : measured(goal, unit),
    met === true ? "yes" : met === false ? "no" : "-",
  ];
  return texts.map((text) => text.replace(/\s+/g, " "));
}

/// Columns as wide as their widest cell, numbers to the right; one line a row, none with trailing spaces.
export function table(rows) {
  const lines = [heads, ...rows.map(cells)];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => [...line[column]].length)));
  const fill = (text, column) => " ".repeat(widths[column] - [...text].length);
  const padded = (text, column) => (numeric[column] ? [fill(text, column), text] : [text, fill(text, column)]).join("");
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)));
  return lines.map((line) => `${line.map(padded).join("  ").trimEnd()}\n`).join("");
}

/// The same as a table of Markdown. What a text holds cannot end a cell or begin an element.
export function markdown(rows) {
  const safe = (text) => text.replace(/[\\|`*_<&]/g, "\\$&");
  const line = (texts) => `| ${texts.join(" | ")} |\n`;
  const rule = line(numeric.map((right) => (right ? "--:" : ":--")));
  return line(heads) + rule + rows.map((row) => line(cells(row).map(safe))).join("");
}
