// What every peer has: its options, the port that it says, its end.
import { parseArgs } from "node:util";

/// The options of the command line over `defaults`, as numbers where the default is one. Exits with 2 at a wrong one.
export function options(defaults) {
  const known = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: "string" }]));
  try {
    const { values } = parseArgs({ options: known });
    const chosen = Object.entries(defaults).map(([name, value]) => [name, option(name, values[name], value)]);
    return Object.fromEntries(chosen);
  } catch (error) {
    const all = Object.entries(defaults).map(([name, value]) => `--${name} ${value}`);
    console.error(`${error.message}\noptions: ${all.join(", ")}`);
    process.exit(2);
  }
}

function option(name, given, fallback) {
  if (given === undefined) return fallback;
  if (typeof fallback !== "number") return given;
  const number = Number(given);
  if (!given || !Number.isFinite(number) || number < 0) throw new Error(`--${name} ${given}: not a number from 0 on`);
  return number;
}

/// The options of a peer that makes its own lines.
export function pacedOptions() {
  const given = options({ listen: "127.0.0.1:0", rate: 100, burst: 1 });
  if (Number.isInteger(given.burst) && given.burst > 0) return given;
  console.error(`--burst ${given.burst}: not a whole number from 1 on`);
  process.exit(2);
}

/// Binds `server` to "HOST:PORT" and prints "listening PORT" once connections are accepted.
export function listen(server, address) {
  const [, host, port] = address.match(/^(.+):(\d+)$/) ?? [];
  if (!host) {
    console.error(`--listen ${address}: not HOST:PORT`);
    process.exit(2);
  }
  server.listen({ host: host.replace(/^\[|\]$/g, ""), port: Number(port) }, () =>
    console.log(`listening ${server.address().port}`),
  );
}

/// The process ends with status 0 at SIGTERM, and when its standard input ends: with whoever started it.
export function endWithParent() {
  process.on("SIGTERM", () => process.exit(0));
  process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0)).resume();
}
