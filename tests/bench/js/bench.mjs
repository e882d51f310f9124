// Every figure, or those that are named: `node bench.mjs [--short] [--rounds N] [--seconds N] [--out DIR] [NAME..]`.
// Prints a table, and leaves DIR/bench.json and plots. Its exit status tells whether it ran, not whether goals are met.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { plots } from "./plots.mjs";
import { markdown, table } from "./table.mjs";

const groups = ["fanout", "growth", "idle", "warm", "cold", "stall", "journal", "nodes", "ssh", "micro"];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    out: { type: "string", default: "bench-out" },
  },
});
const unknown = positionals.filter((name) => !groups.includes(name));
if (unknown.length > 0) {
  console.error(`no such group: ${unknown.join(", ")} (there are ${groups.join(", ")})`);
  process.exit(2);
}
const options = {
  short: values.short,
  rounds: Number(values.rounds ?? (values.short ? 1 : 5)),
  seconds: Number(values.seconds ?? (values.short ? 2 : 8)),
  log: (line) => console.log(`  ${line}`),
};

const rows = [];
const details = {};
const failed = [];
for (const name of positionals.length > 0 ? positionals : groups) {
  console.log(`== bench: ${name}`);
  try {
    const { measure } = await import(`./figures/${name}.mjs`);
    const result = await measure(options);
    rows.push(...result.rows);
    Object.assign(details, result.details);
  } catch (error) {
    failed.push(name);
    console.error(`bench: ${name} did not run: ${error.stack}`);
  }
}

const processor = readFileSync("/proc/cpuinfo", "utf8").match(/^model name\s*:\s*(.*)$/m)?.[1] ?? "unknown";
const machine = { processor, cores: cpus().length, node: process.version };
mkdirSync(values.out, { recursive: true });
const report = { time: new Date().toISOString(), machine, ...options, log: undefined, rows, details };
writeFileSync(join(values.out, "bench.json"), `${JSON.stringify(report, null, 1)}\n`);
writeFileSync(join(values.out, "bench.md"), markdown(rows));
for (const [name, svg] of Object.entries(plots(details))) writeFileSync(join(values.out, `${name}.svg`), svg);
console.log(`\n${machine.processor}, ${machine.cores} cores, Node ${machine.node}; ${options.rounds} rounds of ${options.seconds} s\n`);
console.log(table(rows));
console.log(`all of it: ${join(values.out, "bench.json")}`);
if (failed.length > 0) {
  console.error(`bench: did not run: ${failed.join(", ")}`);
  process.exit(1);
}
