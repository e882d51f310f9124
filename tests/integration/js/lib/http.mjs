// Requests with every header under the test's control.
import http from "node:http";
import https from "node:https";

/// {status, headers, text, json, cookies}. `from`: the loopback address that the request comes from. `tls`: by https,
/// with these options.
export function request(port, method, path, { headers = {}, body, from, signal, tls } = {}) {
  return new Promise((resolve, reject) => {
    const payload = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const outgoing = (tls ? https : http).request(
      {
        ...tls,
        host: "127.0.0.1",
        port,
        method,
        path,
        localAddress: from,
        agent: false,
        signal,
        headers: {
          ...(payload !== undefined && {
            "Content-Type": "application/json",
            "Content-Length": Buffer.byteLength(payload),
          }),
          ...headers,
        },
      },
      (response) => {
        const pieces = [];
        response.on("data", (piece) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(pieces).toString();
          resolve({
            status: response.statusCode,
            headers: response.headers,
            text,
            json: /json/.test(response.headers["content-type"] ?? "") ? JSON.parse(text) : undefined,
            cookies: cookies(response.headers["set-cookie"] ?? []),
          });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

/// {name: {value, attributes: {path: "/", httponly: true, ...}}}
function cookies(lines) {
  return Object.fromEntries(
    lines.map((line) => {
      const [[name, value], ...rest] = line.split(/;\s*/).map((part) => part.split("="));
      const attributes = Object.fromEntries(rest.map(([key, setting = true]) => [key.toLowerCase(), setting]));
      return [name, { value, attributes }];
    }),
  );
}
