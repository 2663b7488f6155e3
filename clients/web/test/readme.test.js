/** The examples in the README, run as they stand against a real server. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { CarillonClient } from "../carillon.js";
import { fails, install } from "./browser.js";
import { Cluster, token, until } from "./server.js";

install();
const cluster = new Cluster();
/** @type {string} */
let url;
/** @type {CarillonClient[]} */
const clients = [];
before(async () => {
  url = (await (await cluster.start()).server()).url;
});
after(() => {
  for (const client of clients) client.disconnect();
  cluster.stop();
});

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/**
 * Runs the example of that name with what it takes for granted.
 *
 * @param {string} name
 * @param {Record<string, unknown>} around
 */
async function example(name, around) {
  const code = new RegExp(`\`\`\`js ${name}\n([^]*?)\`\`\``).exec(readme)?.[1];
  assert.ok(code, `the README has an example "${name}"`);
  const body = code.replace(/^import .*$/m, "").replace("wss://calls.example.com/ws", url);
  const made = /const client/.test(body) ? "client" : "null";
  const client = await new Function(...Object.keys(around), `return (async () => {${body}; return ${made};})()`)(...Object.values(around));
  if (client) clients.push(client);
  return client;
}

/** @param {string} user @param {Partial<import("../carillon.js").Options>} [options] */
async function online(user, options = {}) {
  const client = new CarillonClient({ url, getToken: () => token(user), storage: null, ...options });
  clients.push(client);
  await client.connect();
  return client;
}

/** @param {CarillonClient} client @param {string} state */
const reaches = (client, state) => until(() => client.call?.state === state, `${state} (${client.call?.state})`);

test("quick start", async () => {
  const bob = await online("bob");
  bob.on("incoming", () => bob.accept());
  const audio = { srcObject: null };
  const document = { querySelector: () => audio };
  const client = await example("quick start", { CarillonClient, fetchToken: () => token("alice"), document, console: { log() {} } });
  await reaches(client, "connected");
  await until(() => audio.srcObject && audio.srcObject === client.call.remoteStream, "the peer's sound");
});

test("incoming: accepted without a microphone, then declined", async () => {
  const [caller, client] = [await online("dora"), await online("emil")];
  const [title, accept, decline] = [{ textContent: "" }, { onclick: () => {} }, { onclick: () => {} }];
  await example("incoming", { client, title, accept, decline });
  await caller.start("emil");
  await until(() => title.textContent === "Dora is calling", "the ring");
  fails.audio = "NotAllowedError";
  accept.onclick();
  await reaches(client, "connected");
  fails.audio = "";
  caller.end();
  await until(() => client.call === null, "the end");
  await caller.start("emil");
  await reaches(client, "incoming");
  decline.onclick();
  await until(() => caller.call === null, "the refusal");
});

test("camera", async () => {
  const [client, peer] = [await online("fred"), await online("gina")];
  peer.on("incoming", () => peer.accept());
  await client.start("gina");
  await reaches(client, "connected");
  const { getUserMedia } = navigator.mediaDevices;
  const enumerateDevices = async () => [{ kind: "audioinput", deviceId: "two" }];
  await example("camera", { client, navigator: { mediaDevices: { getUserMedia, enumerateDevices } } });
  await until(() => peer.call?.remote.video === "on" && peer.call.remote.audio === "muted", "both changes");
});

test("signaling", async () => {
  const [client, peer] = [await online("hans", { media: false }), await online("iris", { media: false })];
  /** @type {unknown[]} */
  const taken = [];
  const parts = { makeOffer: async () => "v=0\r\n", take: (/** @type {unknown} */ type) => taken.push(type) };
  await example("signaling", { client: peer, ...parts });
  await example("signaling", { client, ...parts });
  peer.on("incoming", () => peer.accept());
  await client.start("iris");
  await until(() => taken.includes("webrtc.offer"), "the offer");
});

test("token", async () => {
  const fetch = async () => ({ ok: true, json: async () => ({ token: token("jack") }) });
  const client = await example("token", { CarillonClient, fetch });
  await client.connect();
  assert.equal(client.user.id, "jack");
});

test("errors", async () => {
  const client = await online("kate");
  let left = 0;
  await example("errors", { client, leaveMessage: () => left++, show: assert.fail });
  assert.equal(left, 1);
});
