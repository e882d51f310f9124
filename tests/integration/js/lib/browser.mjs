// A headless Chromium, spoken to over the pipe of its DevTools, and pages that a test serves to it.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { within } from "./wait.mjs";

const programs = [process.env.PILLARD_BROWSER, "chromium-headless-shell", "chromium"].filter(Boolean);
const program = programs.find((name) => spawnSync(name, ["--version"]).status === 0);

export class Browser {
  /// `hosts`: names that lead to this machine, whatever DNS says.
  static async start({ hosts = [] } = {}) {
    if (!program) throw new Error(`no browser: none of ${programs.join(", ")} runs; ./dev setup test installs one`);
    const browser = new Browser();
    browser.directory = mkdtempSync(join(tmpdir(), "pillard-browser-"));
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--no-first-run",
      "--disable-features=HttpsUpgrades",
      "--remote-debugging-pipe",
      `--user-data-dir=${browser.directory}`,
      `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(",")}`,
    ];
    browser.process = spawn("setpriv", ["--pdeathsig", "KILL", program, ...flags, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      detached: true, // with a process group of its own: it has children
    });
    browser.process.stderr.on("data", (piece) => (browser.log += piece));
    browser.ended = new Promise((resolve) => browser.process.on("exit", resolve));
    browser.ended.then(() => browser.#fail(new Error(`the browser has ended:\n${browser.log.slice(-2000)}`)));
    let text = "";
    browser.process.stdio[4].setEncoding("utf8").on("data", (piece) => {
      const messages = (text + piece).split("\0");
      text = messages.pop();
      for (const message of messages) browser.#heard(JSON.parse(message));
    });
    browser.process.stdio[3].on("error", () => {});
    await within("the browser's start", browser.command("Browser.getVersion"), 60_000);
    return browser;
  }

  log = "";
  #last = 0;
  #waiting = new Map();

  command(method, params = {}, sessionId) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, method });
      this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }
  /// A page in a browser context of its own: no cookie of another one.
  async page(url) {
    const { browserContextId } = await this.command("Target.createBrowserContext");
    const { targetId } = await this.command("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.command("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, browserContextId);
    await page.go(url);
    return page;
  }
  async stop() {
    // How it ends is no matter of these tests: now and then it does not by itself, or leaves children that hold its pipes.
    this.process.kill("SIGTERM");
    await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
    try {
      process.kill(-this.process.pid, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
    await within("the browser's end", this.ended);
    for (const stream of this.process.stdio) stream?.destroy();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #heard({ id, result, error }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return; // an event
    this.#waiting.delete(id);
    if (error) waiting.reject(new Error(`${waiting.method}: ${error.message}`));
    else waiting.resolve(result);
  }
  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

class Page {
  constructor(browser, session, context) {
    Object.assign(this, { browser, session, context });
  }
  async go(url) {
    await this.browser.command("Page.enable", {}, this.session);
    const { errorText } = await this.browser.command("Page.navigate", { url }, this.session);
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await within(`${url} to be loaded`, this.run(async () => {
      if (document.readyState !== "complete") await new Promise((resolve) => addEventListener("load", resolve));
    }));
  }
  /// What `fn`, which runs in the page and may be async, returns for `args`; all of it as JSON.
  async run(fn, ...args) {
    const expression = `(${fn})(...${JSON.stringify(args)})`;
    const { result, exceptionDetails } = await within(
      "the page's answer",
      this.browser.command("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }, this.session),
      60_000,
    );
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
  close() {
    return this.browser.command("Target.disposeBrowserContext", { browserContextId: this.context });
  }
}

/// Serves an empty page, with the old dashboards' client as `io`, on every name of this machine.
export class Pages {
  static async start() {
    const pages = new Pages();
    const client = readFileSync(`${process.env.PILLARD_NODE_MODULES}/socket.io-client/dist/socket.io.min.js`);
    pages.server = http.createServer((request, response) => {
      const script = request.url === "/socket.io.js";
      response.setHeader("Content-Type", script ? "text/javascript" : "text/html; charset=utf-8");
      response.end(script ? client : '<!doctype html><title>dashboard</title><script src="/socket.io.js"></script>');
    });
    await new Promise((resolve) => pages.server.listen(0, "127.0.0.1", resolve));
    pages.port = pages.server.address().port;
    return pages;
  }
  origin(host) {
    return `http://${host}:${this.port}`;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
