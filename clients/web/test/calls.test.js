/** Calls between two clients through real servers, with either protocol. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { WebSocket } from "ws";
import { CarillonClient, CarillonError } from "../carillon.js";
import { FakePeerConnection, MemoryStorage, fails, given, hesitate, install } from "./browser.js";
import { Cluster, token, until } from "./server.js";

install();
const cluster = new Cluster();
/** @type {import("./server.js").Server} */
let server;
let serial = 0;
/** @type {CarillonClient[]} */
let clients = [];

before(async () => {
  await cluster.start();
  server = await cluster.server({ RING_TIMEOUT: "30" });
});
after(() => {
  for (const client of clients) client.disconnect();
  cluster.stop();
});
beforeEach(() => {
  for (const client of clients) client.disconnect();
  clients = [];
  fails.audio = fails.video = "";
});

/** One page for all clients of this process; `hide` is what the last of them does when it is hidden. */
const page = new (class extends EventTarget {
  visibilityState = "visible";
  hide = () => {};

  /** @override @param {string} type @param {any} listener @param {any} options */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    if (type === "pagehide") this.hide = listener;
  }
})();
Object.assign(globalThis, { window: page, document: page });

const name = (/** @type {string} */ who) => `${who}-${++serial}`;

/** @param {string} user @param {Partial<import("../carillon.js").Options>} [options] */
function client(user, options = {}) {
  const made = new CarillonClient({ url: () => server.url, getToken: () => token(user), storage: null, ...options });
  clients.push(made);
  return made;
}

/** @param {Partial<import("../carillon.js").Options>} [options] */
async function two(options) {
  const names = [name("alice"), name("bob")];
  const [alice, bob] = names.map((user) => client(user, options));
  await Promise.all([alice.connect(), bob.connect()]);
  return { alice, bob, to: names[1], from: names[0] };
}

/** @param {CarillonClient} one @param {import("../carillon.js").CallState} state */
const reaches = (one, state) => until(() => one.call?.state === state, `${state} of ${one.user?.id} (${one.call?.state})`);

/** @param {CarillonClient} one @returns {Promise<import("../carillon.js").Call>} */
const over = (one) => new Promise((done) => one.addEventListener("ended", (event) => done(/** @type {CustomEvent} */ (event).detail.call), { once: true }));

/** @param {Partial<import("../carillon.js").Options>} [options] @param {import("../carillon.js").StartOptions} [wanted] */
async function talking(options, wanted) {
  const pair = await two(options);
  await pair.alice.start(pair.to, wanted);
  await reaches(pair.bob, "incoming");
  await pair.bob.accept();
  await Promise.all([reaches(pair.alice, "connected"), reaches(pair.bob, "connected")]);
  return pair;
}

/** @param {string} code */
const refusedAs = (code) => (/** @type {unknown} */ error) => {
  assert.ok(error instanceof CarillonError);
  assert.equal(error.code, code);
  assert.match(error.message, /^\S.* .*\.$/);
  return true;
};

for (const protocol of /** @type {const} */ (["carillon.v1", "reference"])) {
  test(`${protocol}: ring, accept, talk, mute, hang up`, async () => {
    const { alice, bob, to, from } = await two({ protocol });
    /** @type {Set<MediaStream | null>} */
    const streams = new Set();
    alice.on("call", ({ call }) => call.state !== "ended" && streams.add(call.remoteStream));
    const ringing = await alice.start(to, { media: "video", data: "hello", name: "Bobby" });
    assert.equal(ringing.state, "ringing");
    assert.equal(ringing.peer.name, "Bobby");
    await reaches(bob, "incoming");
    assert.deepEqual([bob.call?.peer.id, bob.call?.media, bob.call?.data], [from, "video", "hello"]);
    assert.equal((await bob.accept()).state, "connecting");
    await Promise.all([reaches(alice, "connected"), reaches(bob, "connected")]);
    assert.deepEqual(alice.call?.remoteStream?.getTracks().map(({ kind }) => kind).sort(), ["audio", "video"]);
    assert.deepEqual([...streams], [null, alice.call?.remoteStream], "none before the first track, then one for good");
    bob.setMuted(true);
    await until(() => alice.call?.remote.audio === "muted", "the peer's mute");
    assert.ok(alice.call?.connectedAt);
    assert.equal((await alice.quality())?.level, "good");
    const local = alice.call?.localStream?.getTracks();
    const [mine, theirs] = [over(alice), over(bob)];
    alice.end();
    assert.deepEqual([(await mine).reason, (await theirs).reason], ["hung_up", "peer_hung_up"]);
    assert.equal(alice.call, null);
    assert.ok(local?.every(({ readyState }) => readyState === "ended"));
  });

  test(`${protocol}: decline, cancel, offline, busy, self`, async () => {
    const { alice, bob, to, from } = await two({ protocol });
    let ended = over(alice);
    await alice.start(to);
    await reaches(bob, "incoming");
    bob.reject();
    assert.equal((await ended).reason, "peer_declined");

    ended = over(bob);
    const missed = new Promise((done) => bob.on("missed", done));
    await alice.start(to);
    await reaches(bob, "incoming");
    alice.end();
    assert.equal((await ended).reason, "missed");
    await missed;

    await assert.rejects(alice.start(name("nobody")), refusedAs("offline"));
    await assert.rejects(alice.start(from), refusedAs("self_call"));
    await assert.rejects(bob.accept(), refusedAs("no_call"));
    await alice.start(to);
    await assert.rejects(alice.start(to), refusedAs("in_call"));
    const carol = client(name("carol"), { protocol });
    await carol.connect();
    await assert.rejects(carol.start(to), refusedAs("busy"));
    assert.equal(await alice.check(/** @type {string} */ (alice.call?.id)), true);
    assert.equal(await carol.check("none"), false);
  });

  test(`${protocol}: a microphone that cannot be had`, async () => {
    const { alice, bob, to } = await two({ protocol });
    for (const [cause, code] of [["NotAllowedError", "microphone_refused"], ["NotFoundError", "microphone_missing"], ["NotReadableError", "microphone_busy"]]) {
      fails.audio = cause;
      await assert.rejects(alice.start(to), refusedAs(code));
      assert.equal(alice.call, null);
    }
    fails.audio = "";
    await alice.start(to);
    await reaches(bob, "incoming");
    fails.audio = "NotAllowedError";
    await assert.rejects(bob.accept(), refusedAs("microphone_refused"));
    assert.equal(bob.call?.state, "incoming");
    await bob.accept({ listenOnly: true });
    await Promise.all([reaches(alice, "connected"), reaches(bob, "connected")]);
  });

  test(`${protocol}: a refused camera leaves the voice`, async () => {
    const { alice, bob, to } = await two({ protocol });
    fails.video = "NotAllowedError";
    const errors = /** @type {string[]} */ ([]);
    alice.on("error", ({ error }) => errors.push(error.code));
    await alice.start(to, { media: "video" });
    assert.deepEqual([alice.call?.local, errors], [{ audio: "on", video: "refused" }, ["camera_refused"]]);
    await reaches(bob, "incoming");
    await bob.accept({ media: "audio" });
    await until(() => bob.call?.remote.video === "refused", "the peer's camera");
    fails.video = "";
    await alice.setCamera(true);
    await until(() => bob.call?.remote.video === "on", "the peer's camera");
  });

  test(`${protocol}: a lost socket loses no call`, async () => {
    const { alice, bob } = await talking({ protocol });
    for (const socket of sockets()) socket.terminate();
    await until(() => alice.state !== "online" || bob.state !== "online", "the loss");
    await until(() => alice.state === "online" && bob.state === "online", "the return");
    assert.deepEqual([alice.call?.state, bob.call?.state], ["connected", "connected"]);
    const ended = over(bob);
    alice.end();
    assert.equal((await ended).reason, "peer_hung_up");
  });
}

/** @returns {WebSocket[]} Those that are open in this process. */
const sockets = () => opened.filter((socket) => socket.readyState === 1);
/** @type {WebSocket[]} */
const opened = [];
globalThis.WebSocket = /** @type {any} */ (
  class extends WebSocket {
    /** @param {string} url @param {string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      opened.push(this);
    }
  }
);

test("what is said while the connection is away is said when it is back", async () => {
  const { alice, bob } = await talking();
  const ended = over(bob);
  // Heard of, not looked for: the way back may take less than the time between two looks.
  const lost = new Promise((done) => alice.on("state", ({ state }) => state === "reconnecting" && done(alice.end())));
  for (const socket of sockets()) socket.terminate();
  await lost;
  assert.equal(alice.call, null);
  assert.equal((await ended).reason, "peer_hung_up");
});

test("a killed server ends no call, and neither does a drained one", async () => {
  const [doomed, other] = [await cluster.server(), await cluster.server({ DRAIN_SECONDS: "300" })];
  let url = doomed.url;
  const { alice, bob } = await talking({ url: () => url });
  let restarts = FakePeerConnection.all.at(-1)?.restarts;
  url = other.url;
  doomed.kill();
  await until(() => alice.state !== "online" && bob.state !== "online", "the loss");
  await until(() => alice.state === "online" && bob.state === "online", "the return");
  assert.deepEqual([alice.call?.state, bob.call?.state], ["connected", "connected"]);
  assert.equal(FakePeerConnection.all.at(-1)?.restarts, restarts, "media that flows is left alone");

  const states = /** @type {string[]} */ ([]);
  alice.on("state", ({ state }) => states.push(state));
  url = server.url;
  const before = opened.length;
  const { random } = Math;
  Math.random = () => 0; // Move at once: the server sends clients away from then on, each at a moment of its own.
  other.signal("SIGTERM");
  await until(() => opened.length >= before + 2 && alice.state === "online" && bob.state === "online", "the move");
  await until(() => opened.slice(before).every(({ readyState }) => readyState === 1), "both new sockets");
  Math.random = random;
  assert.deepEqual(states, [], "the new socket was open before the old one went");
  const ended = over(bob);
  alice.end();
  assert.equal((await ended).reason, "peer_hung_up");
});

test("a socket that says nothing is found dead", async () => {
  const frozen = await cluster.server();
  let url = frozen.url;
  const { alice } = await talking({ url: () => url });
  url = server.url;
  frozen.signal("SIGSTOP");
  // What a change of network does.
  page.dispatchEvent(new Event("online"));
  await until(() => alice.state === "reconnecting", "the loss", 20_000);
  await until(() => alice.state === "online", "the return");
  assert.equal(alice.call?.state, "connected");
  frozen.kill();
});

test("a reload brings the call back, and the peer makes a new connection for it", async () => {
  const storage = /** @type {any} */ (new MemoryStorage());
  const { alice, bob, from, to } = await two();
  alice.disconnect();
  const original = client(from, { storage });
  await original.connect();
  await original.start(to);
  await reaches(bob, "incoming");
  await bob.accept();
  await Promise.all([reaches(original, "connected"), reaches(bob, "connected")]);
  const stream = bob.call?.remoteStream;
  page.hide();
  const reloaded = client(from, { storage });
  await reloaded.connect();
  await reaches(reloaded, "connected");
  await reaches(bob, "connected");
  assert.equal(bob.call?.remoteStream, stream);
  assert.equal(bob.call?.id, reloaded.call?.id);
});

test("who leaves ends what is there: a call that rings, and one that is detached", async () => {
  const { alice, bob, to } = await two();
  const [theirs, mine] = [over(alice), over(bob)];
  await alice.start(to);
  await reaches(bob, "incoming");
  bob.disconnect();
  assert.deepEqual([bob.state, bob.call], ["idle", null]);
  assert.deepEqual([(await mine).reason, (await theirs).reason], ["declined", "peer_declined"]);

  await bob.connect();
  await alice.start(to);
  await reaches(bob, "incoming");
  await bob.accept();
  await reaches(alice, "connected");
  const other = client(to);
  await other.connect();
  await reaches(other, "detached");
  const [ended, left] = [over(alice), over(other)];
  other.disconnect();
  assert.equal(other.call, null);
  assert.deepEqual([(await left).reason, (await ended).reason], ["hung_up", "peer_hung_up"]);
});

test("both call each other and are put into one call", async () => {
  const { alice, bob, to, from } = await two();
  await Promise.allSettled([alice.start(to), bob.start(from)]);
  await until(() => alice.call?.state === "connected" || bob.call?.state === "incoming" || alice.call?.state === "incoming", "one call");
  if (bob.call?.state === "incoming") await bob.accept();
  if (alice.call?.state === "incoming") await alice.accept();
  await Promise.all([reaches(alice, "connected"), reaches(bob, "connected")]);
  assert.equal(alice.call?.id, bob.call?.id);
});

test("nobody answers", async () => {
  const quick = await cluster.server({ RING_TIMEOUT: "5", CELL: "sdk-ring" });
  const { alice, bob, to } = await two({ url: quick.url });
  const [mine, theirs] = [over(alice), over(bob)];
  await alice.start(to);
  assert.deepEqual([(await mine).reason, (await theirs).reason], ["no_answer", "missed"]);
  quick.kill();
});

test("signed in elsewhere", async () => {
  const { alice, bob, from } = await talking();
  const ended = over(alice);
  const other = client(from);
  await other.connect();
  await until(() => alice.state === "replaced", "the replacement");
  assert.equal(alice.error?.code, "replaced");
  await assert.rejects(alice.start("bob"), refusedAs("replaced"));
  assert.equal((await ended).reason, "replaced");
  assert.equal(other.call?.state, "detached");
  await other.resume();
  await Promise.all([reaches(other, "connected"), reaches(bob, "connected")]);
});

test("tokens that are refused, cannot be had, or expire", async () => {
  const refused = client(name("mallory"), { getToken: () => token("mallory", { secret: "another secret, thirty-two bytes too" }) });
  await assert.rejects(refused.connect(), refusedAs("token_refused"));
  assert.equal(refused.state, "failed");
  await assert.rejects(refused.start("bob"), refusedAs("token_refused"));

  let asked = 0;
  const user = name("late");
  const late = client(user, { getToken: () => (++asked === 1 ? Promise.reject(new Error("down")) : token(user, { seconds: 3 })) });
  const errors = /** @type {string[]} */ ([]);
  late.on("error", ({ error }) => errors.push(error.code));
  await late.connect();
  assert.deepEqual(errors, ["token_failed"]);
  await until(() => asked >= 3, "a fresh token before the last one expires");
  assert.equal(late.state, "online");
});

test("a page that may not connect, and a server that is away", async () => {
  const strict = await cluster.server({ ALLOWED_ORIGINS: "https://calls.example.com" });
  const Original = globalThis.WebSocket;
  globalThis.WebSocket = /** @type {any} */ (
    class extends WebSocket {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        super(url, protocols, { origin: "https://evil.example.com" });
      }
    }
  );
  await assert.rejects(client(name("eve"), { url: strict.url }).connect(), refusedAs("origin_refused"));
  globalThis.WebSocket = Original;
  strict.kill();

  const early = client(name("early"), { url: "ws://127.0.0.1:1/ws" });
  early.connect().catch(() => {});
  await until(() => early.error, "an error");
  assert.equal(early.error?.code, "unreachable");
  assert.ok(early.retryAt && early.retryAt > Date.now() - 1000);
  await assert.rejects(early.start("bob"), refusedAs("unreachable"));
  await assert.rejects(client(name("idle")).start("bob"), refusedAs("not_connected"));
});

test("a microphone that stops is replaced, or told of", async () => {
  const { alice, bob } = await talking();
  const [first] = /** @type {any[]} */ (alice.call?.localStream?.getTracks());
  first.end();
  await until(() => alice.call?.localStream?.getTracks().some((track) => /** @type {any} */ (track) !== first && track.readyState === "live"), "another track");
  fails.audio = "NotFoundError";
  const told = new Promise((done) => alice.on("error", ({ error }) => done(error.code)));
  /** @type {any[]} */ (alice.call?.localStream?.getTracks())[0].end();
  assert.equal(await told, "microphone_lost");
  assert.equal(alice.call?.local.audio, "missing");
  await until(() => bob.call?.remote.audio === "missing", "the peer's microphone");
});

test("what is asked while the browser asks for the microphone is done once it is there", async () => {
  const { alice, bob, to } = await two();
  await alice.start(to);
  await reaches(bob, "incoming");
  const answer = hesitate();
  const accepted = bob.accept({ media: "video" });
  await until(() => bob.call?.here, "the question");
  bob.setMuted(true);
  const camera = bob.setCamera(false);
  answer();
  await Promise.all([accepted, camera]);
  const tracks = /** @type {MediaStream} */ (bob.call?.localStream).getTracks();
  assert.deepEqual([bob.call?.muted, bob.call?.local], [true, { audio: "muted", video: "off" }]);
  assert.deepEqual(tracks.map(({ kind, enabled }) => [kind, enabled]), [["audio", false]]);
  await until(() => alice.call?.remote.audio === "muted", "the peer's mute");
  bob.setMuted(false);
  assert.deepEqual([bob.call?.local.audio, tracks[0].enabled], ["on", true]);
});

test("unmuted without a microphone, one is asked for", async () => {
  const { alice, bob } = await talking({}, { listenOnly: true });
  const errors = /** @type {string[]} */ ([]);
  alice.on("error", ({ error }) => errors.push(error.code));
  fails.audio = "NotAllowedError";
  alice.setMuted(false);
  await until(() => alice.call?.local.audio === "refused", "the refusal");
  assert.deepEqual(errors, ["microphone_refused"]);
  fails.audio = "";
  alice.setMuted(false);
  await until(() => bob.call?.remote.audio === "on", "the microphone");
  const [track] = /** @type {MediaStream} */ (alice.call?.localStream).getAudioTracks();
  assert.deepEqual([alice.call?.local.audio, track.enabled, errors.length], ["on", true, 1]);
});

test("a microphone that is chosen is not turned on by that", async () => {
  const { alice, bob } = await talking({}, { listenOnly: true });
  const before = given.length;
  await alice.useDevice("audioinput", "headset");
  assert.deepEqual([alice.call?.local.audio, given.length], ["off", before]);
  await bob.useDevice("audioinput", "headset");
  assert.deepEqual([bob.call?.local.audio, given.length], ["on", before + 1]);
});

test("a page that comes back with the Back button takes nothing from where its user is signed in now", async () => {
  const user = name("alice");
  const here = client(user);
  await here.connect();
  const { hide } = page;
  const there = client(user);
  await there.connect();
  await until(() => here.state === "replaced", "the replacement");
  const before = opened.length;
  hide();
  page.dispatchEvent(new Event("pageshow"));
  assert.equal(await there.check("none"), false);
  assert.deepEqual([here.state, there.state, opened.length], ["replaced", "online", before]);
});

test("of what is asked of one device only the latest counts", async () => {
  const { alice } = await talking();
  let answer = hesitate();
  const on = alice.setCamera(true);
  await alice.setCamera(false);
  answer();
  await on;
  const kinds = () => alice.call?.localStream?.getTracks().map(({ kind }) => kind);
  assert.deepEqual([alice.call?.local.video, kinds(), given.at(-1)?.readyState], ["off", ["audio"], "ended"]);
  answer = hesitate();
  fails.video = "NotAllowedError";
  const refused = alice.setCamera(true);
  await alice.setCamera(false);
  answer();
  await refused;
  assert.equal(alice.call?.local.video, "off");
});

test("signaling only", async () => {
  const { alice, bob, to } = await two({ media: false });
  const heard = new Promise((done) => bob.on("signal", done));
  await alice.start(to);
  await reaches(bob, "incoming");
  await bob.accept();
  await reaches(alice, "connected");
  alice.signal("webrtc.offer", { sdp: "v=0\r\n", mine: [1] });
  assert.deepEqual(await heard, { type: "webrtc.offer", payload: { sdp: "v=0\r\n", mine: [1] } });
});

test("programming mistakes are named", async () => {
  assert.throws(() => new CarillonClient(/** @type {any} */ ({})), refusedAs("invalid"));
  const { alice, to } = await two();
  await assert.rejects(alice.start(""), refusedAs("invalid"));
  await assert.rejects(alice.start(to, { data: "ü".repeat(600) }), refusedAs("invalid"));
  await assert.rejects(alice.start(to, { media: /** @type {any} */ ("smell") }), refusedAs("invalid"));
});
