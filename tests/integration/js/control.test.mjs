// The plugin service-control: what becomes of a real machine's units, what is told of it, and what is kept on record.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { node, onNode } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

let daemon;
before(async () => {
  // Records are written at every level.
  daemon = await Daemon.start({ set: { "log.levels": "plugin=error" } });
});
after(() => daemon?.stop());

const rare = "csm_nimbusvalidator"; // listed, and not on the machine unless a test puts it there

const show = async (service, property) =>
  (await onNode("systemctl", "show", "--value", `--property=${property}`, service)).trim();
const cookie = async (user) => ({ headers: { cookie: `ssh_session=${await daemon.session(user)}` } });
const rest = async (path, body, user) => daemon.post(`/api/ssh/${path}`, body, await cookie(user));

/// The unit `rare` with this section [Service], until the test ends.
async function install(t, lines, mode = "644") {
  const file = `/etc/systemd/system/${rare}.service`;
  t.after(async () => {
    await onNode("sh", "-c", `systemctl stop ${rare}; systemctl reset-failed ${rare}; rm -f ${file}; systemctl daemon-reload`);
  });
  const text = `[Unit]\nDescription=a unit of a test\n[Service]\n${lines.join("\n")}\n`;
  const script = 'printf "%s" "$1" > "$2" && chmod "$3" "$2" && systemctl daemon-reload';
  await onNode("sh", "-c", script, "sh", text, file, mode);
  return text;
}

async function control(client, service, action) {
  const [{ data, error }] = await client.ask("control_service", { service, action });
  assert.equal(error, undefined, JSON.stringify(error));
  return data;
}

function record(service, action, end, result) {
  const words = [
    "info plugin: audit plugin=service-control",
    `user=${node.user} node=${node.host}:${node.port} session=\\w+ client=127\\.\\S+ connection=\\w+`,
    `action=${action} object=${service}\\.service end=${end} result=${result}`,
  ];
  return new RegExp(words.join(" "));
}

test("a unit is stopped, started and restarted, and told as it is", async (t) => {
  t.after(() => onNode("systemctl", "start", "mevboost"));
  const client = await Client.authenticated(t, daemon);

  const stopped = await control(client, "mevboost", "stop");
  assert.equal(await show("mevboost", "ActiveState"), "inactive");
  assert.deepEqual(stopped, {
    service: "mevboost",
    action: "stop",
    success: true,
    exit_status: 0,
    state: "inactive",
    sub: "dead",
    result: "success",
    enabled: "enabled",
    command: "sudo -n systemctl --no-ask-password stop -- mevboost.service",
    output: "",
    journal: [],
    message: "mevboost was stopped.",
  });
  await daemon.said(record("mevboost", "stop", "replied", '"exit 0, inactive"'));

  const started = await control(client, "mevboost.service", "start");
  assert.equal(await show("mevboost", "ActiveState"), "active");
  assert.equal(started.success, true);
  assert.equal(started.state, "active");

  const before = await show("mevboost", "MainPID");
  const restarted = await control(client, "mevboost", "restart");
  assert.equal(restarted.success, true);
  assert.notEqual(await show("mevboost", "MainPID"), before);
  assert.doesNotMatch(daemon.log, /plugin: says/);
});

test("a unit is disabled and enabled", async (t) => {
  t.after(() => onNode("systemctl", "enable", "mevboost"));
  const client = await Client.authenticated(t, daemon);
  const disabled = await control(client, "mevboost", "disable");
  assert.equal(await show("mevboost", "UnitFileState"), "disabled");
  assert.equal(disabled.enabled, "disabled");
  assert.match(disabled.output, /^Removed /);
  const enabled = await control(client, "mevboost", "enable");
  assert.equal(await show("mevboost", "UnitFileState"), "enabled");
  assert.equal(enabled.enabled, "enabled");
  assert.equal(enabled.success, true);
});

test("a unit that nothing would start at boot is not enabled, though systemctl says so", async (t) => {
  await install(t, ["ExecStart=/bin/sleep 1000"]);
  const told = await control(await Client.authenticated(t, daemon), rare, "enable");
  assert.equal(told.exit_status, 0);
  assert.equal(told.success, false);
  assert.equal(told.enabled, "static");
  assert.match(told.message, /no \[Install\] section/);
});

test("a start that fails is told with its exit status and the tail of the journal", async (t) => {
  await install(t, ["Type=oneshot", "ExecStart=/bin/sh -c 'echo the database is broken >&2; exit 4'"]);
  const told = await control(await Client.authenticated(t, daemon), rare, "start");
  assert.equal(told.success, false);
  assert.equal(told.exit_status, 1);
  assert.equal(told.state, "failed");
  assert.match(told.output, /^Job for csm_nimbusvalidator\.service failed/);
  assert.ok(told.journal.some((line) => line.endsWith(": the database is broken")), told.journal.join("\n"));
  assert.ok(told.journal.length <= 20);
  await daemon.said(record(rare, "start", "replied", '"exit 1, failed \\(exit-code\\)"'));
});

for (const [how, lines] of [
  ["at once", ["ExecStart=/bin/sh -c 'echo no port left >&2; exit 3'"]],
  ["a second later", ["ExecStart=/bin/sh -c 'sleep 1; echo no port left >&2; exit 3'"]],
  ["again and again", ["ExecStart=/bin/sh -c 'echo no port left >&2; exit 3'", "Restart=always", "RestartSec=300ms"]],
])
  test(`a program that ends ${how} was not started, whatever systemctl says`, async (t) => {
    await install(t, lines);
    const told = await control(await Client.authenticated(t, daemon), rare, "start");
    assert.equal(told.exit_status, 0);
    assert.equal(told.success, false, JSON.stringify(told));
    assert.match(told.message, /ended at once/);
    assert.ok(told.journal.some((line) => line.endsWith(": no port left")), told.journal.join("\n"));
  });

test("who may not on the node may not here, and is told what to do", async (t) => {
  const before = await show("mevboost", "MainPID");
  const client = await Client.authenticated(t, daemon, { token: await daemon.session(node.plain) });
  for (const action of ["start", "stop", "restart", "enable", "disable"]) {
    const [{ error }] = await client.ask("control_service", { service: "mevboost", action });
    assert.equal(error.code, "access_denied");
    assert.match(error.message, /mevboost.*sudo.*NOPASSWD/);
    assert.doesNotMatch(error.message, /auth/i);
  }
  assert.equal(await show("mevboost", "MainPID"), before);
  assert.equal(await show("mevboost", "UnitFileState"), "enabled");
  await daemon.said(/audit .*user=plain .*action=disable object=mevboost\.service end=access_denied result="This user may not/);
});

test("what is not listed is not touched", async (t) => {
  const client = await Client.authenticated(t, daemon);
  const [{ error }] = await client.ask("control_service", { service: "ssh", action: "stop" });
  assert.equal(error.code, "access_denied");
  assert.match(error.message, /ssh is not among those offered/);
  assert.equal(await show("ssh", "ActiveState"), "active");
  await daemon.said(record("ssh", "stop", "access_denied", '"The service ssh is not among those offered here\\."'));
});

test("a service that the node does not have is not found", async (t) => {
  const client = await Client.authenticated(t, daemon);
  for (const action of ["start", "stop", "restart", "enable", "disable"]) {
    const [{ error }] = await client.ask("control_service", { service: rare, action });
    assert.equal(error?.code, "not_found", action);
  }
});

test("POST controlService: the old server's JSON", async (t) => {
  t.after(() => onNode("systemctl", "start", "mevboost"));
  const before = await show("mevboost", "MainPID");
  const answer = await rest("controlService", { service: "mevboost", action: "restart" });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, {
    success: true,
    message: "Service mevboost restart command executed successfully",
    details: { output: "", command: "sudo -n systemctl --no-ask-password restart -- mevboost.service" },
  });
  assert.notEqual(await show("mevboost", "MainPID"), before);
});

test("POST controlService: an action that fails is no success, and says why", async (t) => {
  await install(t, ["ExecStart=/bin/sh -c 'echo no port left >&2; exit 3'"]);
  const { status, json } = await rest("controlService", { service: rare, action: "start" });
  assert.equal(status, 500);
  assert.equal(json.success, false);
  assert.equal(json.error, json.message);
  assert.match(json.error, /csm_nimbusvalidator was started, and its program ended at once \(exit-code\)/);
  assert.match(json.command, /systemctl --no-ask-password start/);
  assert.equal(json.details.exit_status, 0);
  assert.ok(json.details.journal.some((line) => line.endsWith(": no port left")));
});

test("POST controlService: what is refused, and how", async () => {
  const control = { service: "mevboost", action: "restart" };
  const none = await daemon.post("/api/ssh/controlService", control);
  assert.equal(none.status, 401);
  assert.equal(none.json.error, "Authentication required. Please log in.");
  for (const body of [{}, { ...control, action: "explode" }, { action: "stop" }, { ...control, service: "a;reboot" }, "[1"]) {
    const { status, json } = await rest("controlService", body);
    assert.equal(status, 400, JSON.stringify(body));
    assert.equal(json.error, "Invalid request data");
    assert.equal(json.code, "bad_request");
    assert.deepEqual(json.details, { _errors: [json.message] });
  }
  for (const [body, user, status, code] of [
    [control, node.plain, 403, "access_denied"],
    [{ ...control, service: "ssh" }, node.user, 403, "access_denied"],
    [{ ...control, service: rare }, node.user, 404, "not_found"],
  ]) {
    const answer = await rest("controlService", body, user);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.code, code);
    assert.equal(answer.json.error, answer.json.message);
    assert.doesNotMatch(answer.json.error, /auth/i);
  }
  const { headers } = await cookie();
  const foreign = { headers: { ...headers, origin: "https://evil.example" } };
  assert.equal((await daemon.post("/api/ssh/controlService", control, foreign)).status, 403);
  const form = { headers: { ...headers, "content-type": "text/plain" } };
  assert.equal((await daemon.post("/api/ssh/controlService", control, form)).status, 415);
  assert.equal((await daemon.get("/api/ssh/controlService")).status, 405);
});

test("POST getConfig: the unit file", async (t) => {
  for (const service of ["execution", "mevboost"]) {
    const { status, json } = await rest("getConfig", { service });
    assert.equal(status, 200);
    assert.deepEqual(json, { success: true, content: await onNode("systemctl", "cat", "--no-pager", service) });
    assert.match(json.content, /^ExecStart=/m);
  }
  const missing = await rest("getConfig", { service: rare });
  assert.equal(missing.status, 404);
  assert.equal(missing.json.success, false);
  assert.match(missing.json.message, /no service csm_nimbusvalidator/);
  assert.equal((await rest("getConfig", { service: "ssh" })).status, 403);

  const text = await install(t, ["ExecStart=/bin/sleep 1000"], "600");
  assert.ok((await rest("getConfig", { service: rare })).json.content.endsWith(text), "by sudo");
  assert.equal((await rest("getConfig", { service: rare }, node.plain)).status, 403);
});

test("POST /api/call/control_service", async () => {
  const answer = await daemon.post("/api/call/control_service", { service: "mevboost", action: "start" }, await cookie());
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.success, true, "it runs already");
  const refused = await daemon.post("/api/call/control_service", { service: "ssh", action: "stop" }, await cookie());
  assert.equal(refused.status, 403);
  assert.equal(refused.json.code, "access_denied");
});

test("who hangs up does not undo what it began, and that is on record", async (t) => {
  await install(t, ["ExecStart=/bin/sleep 1000", "ExecStop=/bin/sleep 4"]);
  await onNode("systemctl", "start", rare);
  const stops = async () =>
    (await onNode("ps", "-eo", "args", "--no-headers")).includes("systemctl --no-ask-password stop -- csm_nimbusvalidator");
  const leaving = new AbortController();
  const options = { ...(await cookie()), signal: leaving.signal };
  const asked = daemon.post("/api/ssh/controlService", { service: rare, action: "stop" }, options);
  const gone = assert.rejects(asked, { name: "AbortError" });
  await until("the unit to be stopping", async () => (await show(rare, "ActiveState")) === "deactivating");
  assert.ok(await stops());
  leaving.abort();
  await gone;
  await daemon.said(record(rare, "stop", "left", '""'));
  await until("the unit to stop all the same", async () => (await show(rare, "ActiveState")) === "inactive");
  await until("the end of systemctl", async () => !(await stops()));
});

test("the other calls of the old server say what to use instead", async () => {
  for (const [call, words] of Object.entries({
    execute: /SSH client/,
    updateClient: /on the node itself/,
    resyncClient: /on the node itself/,
    exposeRpc: /getConfig/,
  })) {
    const { status, json } = await daemon.post(`/api/ssh/${call}`, {});
    assert.equal(status, 501, call);
    assert.equal(json.success, false);
    assert.equal(json.code, "unsupported");
    assert.match(json.error, words);
    assert.equal(json.message, json.error);
  }
});

test("without the plugin nothing is controlled, and the answer names it", async (t) => {
  const without = await Daemon.start({ set: { "plugins.enabled": "node-status" } });
  t.after(() => without.stop());
  const options = { headers: { cookie: `ssh_session=${await without.session()}` } };
  for (const [call, body] of [
    ["controlService", { service: "mevboost", action: "restart" }],
    ["getConfig", { service: "mevboost" }],
  ]) {
    const { status, json } = await without.post(`/api/ssh/${call}`, body, options);
    assert.equal(status, 501);
    assert.equal(json.code, "unsupported");
    assert.match(json.error, /service-control/);
  }
  assert.equal((await without.post("/api/call/control_service", {}, options)).status, 404);
});

test("what failed is counted", async () => {
  const { text } = await request(daemon.adminPort, "GET", "/metrics");
  const count = (metric) =>
    Number(text.match(new RegExp(`pillard_plugin_counts_total\\{plugin="service-control",metric="${metric}"\\} (\\d+)`))[1]);
  assert.ok(count("failures") >= 5);
  assert.ok(count("actions") > count("failures"));
});
