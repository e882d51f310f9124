// The packages of package-lock.json, which lie outside the sources: PILLARD_BENCH_NODE_MODULES says where.
import { createRequire } from "node:module";

const packages = process.env.PILLARD_BENCH_NODE_MODULES;
if (!packages) throw new Error("PILLARD_BENCH_NODE_MODULES is not set; ./dev bench does");

export const load = createRequire(`${packages}/`);
