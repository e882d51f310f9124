// The daemon as it is measured: one loop, one core, as it is shipped.
import { Daemon } from "../../../integration/js/lib/daemon.mjs";
import { node } from "../../../integration/js/lib/target.mjs";
import { onServerCore, tool } from "./processes.mjs";

export const origin = "http://localhost:3000";

/// A daemon with the shipped plugins, or with bench-lines instead.
export const pillard = ({ set = {}, lines = false, ...rest } = {}) =>
  Daemon.start({
    under: onServerCore,
    set: {
      "server.reactors": 1,
      "server.origins": origin,
      "log.level": "info",
      "limits.connections": 20_000,
      "limits.connections_per_address": 20_000,
      ...(lines && { "plugins.directory": tool("plugins"), "plugins.enabled": "bench-lines" }),
      ...set,
    },
    ...rest,
  });

/// What pillard-load needs to be a client of it that is logged in and asks for `messages`: [type, params] each.
export const clientOf = async (daemon, messages = [], user = node.user) => ({
  connect: `127.0.0.1:${daemon.port}`,
  mode: "socketio",
  origin,
  token: await daemon.session(user),
  await: "authenticated",
  send: messages.map((message) => `42${JSON.stringify(message)}`),
});
