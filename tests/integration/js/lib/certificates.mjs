// Certificates as operators have them, made for one test.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/// A directory with cert.pem and key.pem for 127.0.0.1, until discard().
export class Certificates {
  directory = mkdtempSync(join(tmpdir(), "pillard-tls-"));
  files = { certificate: join(this.directory, "cert.pem"), key: join(this.directory, "key.pem") };

  /// Replaces both files, and returns what clients have to trust.
  issue(name, days = 2) {
    const { certificate, key } = this.files;
    const made = ["-out", certificate, "-keyout", key, "-nodes", "-days", String(days)];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
    execFileSync("openssl", ["req", "-x509", ...kind, ...made, ...subject], { stdio: "ignore" });
    return readFileSync(certificate);
  }
  /// What makes a daemon use them.
  get set() {
    return { "tls.certificate": this.files.certificate, "tls.key": this.files.key };
  }
  discard() {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
