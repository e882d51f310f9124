// What the benchmark shows its figures with.
import assert from "node:assert/strict";
import { test } from "node:test";

import { short, significant } from "./numbers.mjs";
import { barChart, lineChart } from "./plot.mjs";
import { markdown, table } from "./table.mjs";

/// Every element is closed in its order, no attribute or text has a bare sign of XML, no number went wrong.
function wellFormed(svg) {
  const open = [];
  const rest = svg.replace(/<(\/?)([a-z]+)(?: [a-zA-Z0-9-]+="[^"<>]*")*(\/?)>/g, (_, closing, name, empty) => {
    if (closing) assert.equal(open.pop(), name);
    else if (!empty) open.push(name);
    return "";
  });
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<>\x00-\x08]/);
  assert.doesNotMatch(svg, /&(?!#\d+;)|NaN|Infinity|undefined|null/);
}

const nasty = "a <b> & \"c\" 'd' \x01";
const bars = [
  { label: "pillard", value: 412_000, kind: "pillard" },
  { label: nasty, value: 23_456, kind: "peer" },
  { label: "not measured", value: null, kind: "peer" },
  { label: "nothing", value: 0, kind: "other" },
];
const series = [
  { name: "pillard", points: [[1, 0.2], [100, 0.9], [10_000, 12]] },
  { name: nasty, points: [[1, 0], [100, NaN], [10_000, 480]] },
  { name: "empty", points: [] },
];

for (const log of [false, true]) {
  test(`bars are well formed, log ${log}`, () => {
    for (const goal of [null, 300_000, { value: 300_000, label: nasty }]) {
      const svg = barChart({ title: nasty, unit: "lines/s", bars, goal, log });
      wellFormed(svg);
      assert.equal(svg.includes("stroke-dasharray"), goal !== null);
      assert.ok(svg.includes("412,000 lines/s"));
    }
    wellFormed(barChart({ title: "", bars: [], log }));
  });
  test(`lines are well formed, log ${log}`, () => {
    for (const goal of [null, 20]) {
      const svg = lineChart({ title: nasty, x: { label: nasty, log }, y: { label: "ms", log }, series, goal });
      wellFormed(svg);
      assert.equal(svg.includes("stroke-dasharray"), goal !== null);
    }
    for (const points of [[], [[5, 5]], [[5, 5], [5, 5]], [[0, 0]]])
      wellFormed(lineChart({ title: "", x: { log }, y: { log }, series: [{ name: "pillard", points }] }));
  });
}

test("numbers have three significant digits and no exponent", () => {
  assert.deepEqual([1_234_567, 45.61, 0.00123456, 0, 5].map(significant), ["1,230,000", "45.6", "0.00123", "0", "5"]);
  assert.deepEqual([null, undefined, NaN, Infinity].map(significant), ["-", "-", "-", "-"]);
  assert.deepEqual([0.2, 5000, 20_000, 1_500_000].map(short), ["0.2", "5,000", "20,000", "1.5 M"]);
});

const rows = [
  {
    ...{ figure: "lines delivered", unit: "lines/s", pillard: 412_345, peer: 23_456, peerName: "ws" },
    ...{ ratio: 17.58, goal: 300_000, met: true },
  },
  { figure: "memory | a client", unit: "KiB", pillard: 9.5, goal: "at most 8 KiB", met: false },
  { figure: null },
];

test("the table is aligned", () => {
  const lines = [
    "figure                     pillard                 peer  ratio             goal  met",
    "-----------------  ---------------  -------------------  -----  ---------------  ---",
    "lines delivered    412,000 lines/s  23,500 lines/s (ws)   17.6  300,000 lines/s  yes",
    "memory | a client          9.5 KiB                    -      -    at most 8 KiB  no",
    "-                                -                    -      -                -  -",
  ];
  assert.equal(table(rows), `${lines.join("\n")}\n`);
});

test("Markdown keeps what texts hold within their cells", () => {
  const lines = markdown(rows).trimEnd().split("\n");
  assert.deepEqual(lines.map((text) => text.match(/(?<!\\)\|/g).length), [7, 7, 7, 7, 7]);
  assert.equal(lines[3], "| memory \\| a client | 9.5 KiB | - | - | at most 8 KiB | no |");
});
