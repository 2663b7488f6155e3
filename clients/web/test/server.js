/** Real servers for the tests: Redis and `python -m carillon`, ended by their process ids. */

import { createHmac } from "node:crypto";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const PYTHON = process.env.CARILLON_PYTHON ?? join(ROOT, ".venv/bin/python");
const SECRET = "a secret for tests, thirty-two bytes long";
/** Ended when the test process is. */
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** @returns {Promise<number>} */
const freePort = () =>
  new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
      probe.close(() => done(port));
    });
  });

/**
 * @param {() => unknown} condition Waited for; may be asynchronous.
 * @param {string} what
 * @param {number} [ms]
 */
export async function until(condition, what, ms = 15_000) {
  for (const end = Date.now() + ms; !(await condition()); await new Promise((done) => setTimeout(done, 10))) {
    if (Date.now() > end) throw new Error(`${what} did not come about in ${ms} ms`);
  }
}

/** @param {number} port */
const answers = (port) =>
  new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => done(true)).on("error", () => done(false));
    socket.on("close", () => done(false)).on("connect", () => socket.destroy());
  });

/**
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string | undefined>} [env]
 */
function run(command, args, env = process.env) {
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", process.env.CARILLON_LOG ? "inherit" : "ignore"] });
  children.add(child);
  return child;
}

/** A Redis that keeps nothing, and servers beside each other on it. */
export class Cluster {
  #folder = mkdtempSync(join(tmpdir(), "carillon-sdk-"));
  /** @type {Server[]} */ servers = [];
  #redis = 0;

  async start() {
    const binary = process.env.REDIS_SERVER ?? execFileSync(PYTHON, ["-c", "from harness.redis import binary; print(binary())"], {
      env: { ...process.env, PYTHONPATH: join(ROOT, "tests") },
      encoding: "utf8",
    }).trim();
    this.#redis = await freePort();
    run(binary, ["--port", String(this.#redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", this.#folder]);
    await until(() => answers(this.#redis), "redis-server");
    return this;
  }

  /** @param {Record<string, string>} [env] */
  async server(env = {}) {
    const server = new Server(await freePort(), { REDIS_URL: `redis://127.0.0.1:${this.#redis}/0`, CELL: "sdk", ...env });
    this.servers.push(server);
    return server.start();
  }

  stop() {
    children.forEach((child) => child.kill("SIGKILL"));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class Server {
  /**
   * @param {number} port
   * @param {Record<string, string>} env
   */
  constructor(port, env) {
    this.port = port;
    const fast = { DRAIN_DELAY: "0", DRAIN_SECONDS: "2", GRACE_PERIOD: "30", ATTENDANCE_RENEWAL: "1", SWEEP_INTERVAL: "0.1" };
    const pods = { POD_LEASE: "3", POD_RENEWAL: "0.5", PING_INTERVAL: "1", PING_TIMEOUT: "1" };
    this.env = { ...process.env, ...fast, ...pods, HOST: "127.0.0.1", PORT: String(port), JWT_SECRET: SECRET, ...env };
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  async start() {
    this.child = run(PYTHON, ["-m", "carillon"], this.env);
    await until(() => answers(this.port), "the server");
    return this;
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.child?.kill(signal);
  }

  kill() {
    this.signal("SIGKILL");
  }
}

/**
 * An HS256 token as a customer's backend would sign it.
 *
 * @param {string} user
 * @param {{ seconds?: number, secret?: string }} [options]
 */
export function token(user, { seconds = 600, secret = SECRET } = {}) {
  const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { hash: user, name: user[0].toUpperCase() + user.slice(1), exp: Math.floor(Date.now() / 1000) + seconds };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
