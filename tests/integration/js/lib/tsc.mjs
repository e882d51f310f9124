// TypeScript's compiler over files that use the package pillard-types as dashboards do.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = process.env.PILLARD_NODE_MODULES;
if (!packages) throw new Error("PILLARD_NODE_MODULES is not set; ./dev test does");
const types = fileURLToPath(new URL("../../../../sdk/js/types", import.meta.url));

const options = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: "es2022",
  lib: ["es2022", "dom", "dom.iterable"],
  types: [],
  module: "nodenext",
  moduleResolution: "nodenext",
};

/// What is wrong with `files` ({"name.ts": text}) in the compiler's words; nothing if it takes them. Declarations
/// themselves are checked as well.
export async function compile(files) {
  const folder = mkdtempSync(join(tmpdir(), "pillard-types-"));
  try {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(types, join(folder, "node_modules/pillard-types"));
    symlinkSync(join(packages, "socket.io-client"), join(folder, "node_modules/socket.io-client"));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: Object.keys(files) }));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const args = [join(packages, "typescript/bin/tsc"), "--project", ".", "--pretty", "false"];
    return await new Promise((resolve, reject) => {
      execFile(process.execPath, args, { cwd: folder, timeout: 120_000, maxBuffer: 1 << 24 }, (error, out, err) => {
        if (error && typeof error.code !== "number") reject(error);
        else if (error && !out.includes("error TS")) reject(new Error(`tsc ended with ${error.code}: ${out}${err}`));
        else resolve(out);
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
