import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, hint } from "../src/backoff.js";
import { createConnection } from "../src/connection.js";
import { createPeer } from "../src/peer.js";
import { createSession } from "../src/session.js";
import { createTimers } from "../src/timers.js";
import { bearer } from "../src/token.js";
import { FakePeerConnection, install } from "./browser.js";
import { until } from "./server.js";

install();

const welcome = (more = {}) => ({ type: "session.welcome", payload: { session: "s", epoch: "e", seq: 0, n: 0, recovered: false, ...more } });

function fresh() {
  const session = createSession(true);
  session.receive(welcome());
  return session;
}

/**
 * A connection on sockets of this kind, until the test is over.
 *
 * @param {import("node:test").TestContext} t
 * @param {new () => object} Socket
 * @param {object} [owner] What it does otherwise than nothing.
 */
function connected(t, Socket, owner) {
  const { WebSocket } = globalThis;
  Object.assign(globalThis, { WebSocket: Socket });
  const timers = createTimers();
  t.after(() => {
    timers.stop();
    Object.assign(globalThis, { WebSocket });
  });
  const nothing = () => {};
  const told = { onLost: nothing, onHeard: nothing, onOpen: nothing, onProved: nothing, onError: nothing };
  const asked = { url: () => "ws://x", getToken: () => "a.b.c", admit: () => true };
  const connection = createConnection(createSession(true), timers, { ...told, ...asked, ...owner });
  connection.open();
  return connection;
}

test("numbers calls and media, and nothing else", () => {
  const session = fresh();
  assert.equal(session.number("call.start", {}).n, 1);
  assert.equal(session.number("webrtc.ice", {}).n, 2);
  for (const type of ["call.check", "session.ping", "token.refresh", "received"]) assert.equal(session.number(type, {}).n, undefined);
});

test("keeps what is unanswered, and sends it again after a welcome", () => {
  const session = fresh();
  for (const type of ["call.start", "call.end", "webrtc.ice"]) session.number(type, {});
  session.receive({ type: "ack", payload: { n: 1 } });
  const { replies, voided } = session.receive(welcome({ n: 2, recovered: true }));
  assert.deepEqual(replies.map(({ n }) => n), [3]);
  assert.ok(!voided);
  assert.deepEqual(session.resume().payload, { session: "s", epoch: "e", last_seq: 0, n: 2 });
});

test("another session voids what was unanswered, and counts on from where it says", () => {
  const session = fresh();
  session.number("call.start", {});
  const { replies, voided } = session.receive(welcome({ session: "t", n: 7 }));
  assert.deepEqual([replies, voided], [[], true]);
  assert.equal(session.number("call.start", {}).n, 8);
});

test("takes each message once and in order", () => {
  const session = fresh();
  assert.ok(session.receive({ type: "call.ringing", payload: {}, seq: 1 }).news);
  assert.equal(session.receive({ type: "call.ringing", payload: {}, seq: 1 }).news, null);
  assert.equal(session.receive({ type: "call.ended", payload: {}, seq: 3 }).gap, true);
  assert.equal(session.at.seq, 1);
});

test("says when the replay is through", () => {
  const session = fresh();
  assert.equal(session.receive(welcome({ seq: 2, recovered: true })).settled, undefined);
  assert.equal(session.receive({ type: "call.ring", payload: {}, seq: 1 }).settled, undefined);
  const last = session.receive({ type: "call.missed", payload: {}, seq: 2 });
  assert.ok(last.settled && last.replay);
  assert.equal(session.receive({ type: "call.ring", payload: {}, seq: 3 }).replay, undefined);
});

test("a replay that was cut off ends with the next welcome", () => {
  const session = fresh();
  session.receive(welcome({ seq: 2, recovered: true }));
  assert.ok(session.receive(welcome({ seq: 5 })).settled);
  const live = session.receive({ type: "call.ring", payload: {}, seq: 6 });
  assert.deepEqual([live.replay, live.settled], [undefined, undefined]);
});

test("acknowledges rings, and answers the server's echo requests", () => {
  const session = fresh();
  assert.deepEqual(session.receive({ type: "call.ring", payload: {}, seq: 1 }).replies, [{ type: "received", payload: { seq: 1 } }]);
  assert.deepEqual(session.receive({ type: "session.ping", payload: { id: "x" } }).replies, [{ type: "session.pong", payload: { id: "x" } }]);
});

test("a refusal that consumed no number is sent again, but a start is given up", () => {
  const session = fresh();
  session.number("call.start", {});
  session.number("webrtc.ice", { second: true });
  const refused = session.receive({ type: "error", payload: { code: "rate_limited", message: "", n: 1, retry_after: 5 } });
  assert.deepEqual([refused.about?.type, refused.flush, refused.news !== null], ["call.start", 5, true]);
  assert.deepEqual(session.at.outbox, [{ type: "webrtc.ice", payload: { second: true }, n: 1 }]);
  for (const code of ["rate_limited", "unavailable"]) {
    const again = session.receive({ type: "error", payload: { code, message: "", n: 1, retry_after: 0.2 } });
    assert.deepEqual([again.news, again.flush, session.at.outbox.length], [null, 1, 1]);
  }
});

test("a start of which it is not known whether it was carried out gives its number to nobody", () => {
  const session = fresh();
  session.number("call.start", {});
  session.number("webrtc.ice", { second: true });
  const refused = session.receive({ type: "error", payload: { code: "unavailable", message: "", n: 1, retry_after: 5 } });
  assert.deepEqual([refused.about?.type, refused.flush, refused.news !== null], ["call.start", 5, true]);
  const instead = { type: "call.end", payload: { session_id: "none" }, n: 1 };
  assert.deepEqual(refused.replies, [instead]);
  assert.deepEqual(session.at.outbox, [instead, { type: "webrtc.ice", payload: { second: true }, n: 2 }]);
  session.receive({ type: "ack", payload: { n: 1 } });
  assert.equal(session.number("call.start", {}).n, 3);
});

test("a refusal that consumed its number is final", () => {
  const session = fresh();
  session.number("call.start", {});
  const { about } = session.receive({ type: "error", payload: { code: "user_busy", message: "", n: 1 }, seq: 1 });
  assert.equal(about?.type, "call.start");
  assert.equal(session.number("call.start", {}).n, 2);
});

test("a gap is closed from the number the server expects", () => {
  const session = fresh();
  for (const type of ["call.accept", "webrtc.ice", "webrtc.ice"]) session.number(type, {});
  const { flush, news } = session.receive({ type: "error", payload: { code: "out_of_sequence", message: "", n: 3, expected: 2 } });
  assert.ok(flush && news === null);
  assert.deepEqual(session.at.outbox.map(({ n }) => n), [2, 3]);
});

test("a message that cannot be read blocks nothing behind it", () => {
  const session = fresh();
  session.number("call.start", { bad: true });
  session.number("call.end", {});
  session.receive({ type: "error", payload: { code: "invalid_message", message: "" } });
  assert.deepEqual(session.at.outbox, [{ type: "call.end", payload: {}, n: 1 }]);
});

test("backs off with jitter, and takes the server's hint", () => {
  assert.ok(backoff(0, 1) < 1000);
  for (let failures = 1; failures < 20; failures++) {
    assert.ok(backoff(failures, 0) >= 1000 && backoff(failures, 1) <= 15_000);
    assert.notEqual(backoff(failures, 0.2), backoff(failures, 0.8));
  }
  assert.equal(hint("This server is full; retry after 2.5 s"), 2.5);
  assert.equal(hint("service restart"), null);
});

test("an attempt that nobody answers was wait enough: half of all ways may lead to a dead node", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let attempts = 0;
  class Unanswered {
    constructor() {
      attempts++;
    }
    close() {}
  }
  connected(t, Unanswered);
  for (let n = 1; n <= 6; n++) {
    await new Promise(setImmediate);
    assert.equal(attempts, n);
    t.mock.timers.tick(6000);
    t.mock.timers.tick(300);
  }
});

test("a socket that our own move drives out was not replaced by somebody else", async (t) => {
  /** @type {Socket[]} */
  const sockets = [];
  class Socket {
    readyState = 1;
    closed = 0;
    /** @type {any} */ onopen = null;
    /** @type {any} */ onmessage = null;
    /** @type {any} */ onclose = null;
    constructor() {
      sockets.push(this);
    }
    send() {}
    close(code = 0) {
      this.closed = code;
    }
    /** @param {{ type: string, payload: object }} message */
    say(message) {
      this.onmessage({ data: JSON.stringify(message) });
    }
  }
  const { random } = Math;
  Math.random = () => 0;
  t.after(() => {
    Math.random = random;
  });
  const lost = /** @type {string[]} */ ([]);
  const connection = connected(t, Socket, { onLost: (/** @type {any} */ { code }) => lost.push(code) });
  await until(() => sockets.length === 1, "the first socket");
  sockets[0].say(welcome());
  sockets[0].say({ type: "server.going_away", payload: {} });
  await until(() => sockets.length === 2, "the second socket");
  sockets[1].onopen();
  sockets[0].onclose({ code: 1000, reason: "replaced" });
  sockets[1].say(welcome({ recovered: true }));
  assert.deepEqual([lost, sockets[1].closed, connection.up()], [[], 0, true]);
  sockets[1].onclose({ code: 1000, reason: "replaced" });
  assert.deepEqual(lost, ["replaced"]);
});

test("a clock that is an hour ahead asks for no token before its time", async (t) => {
  class Socket {
    readyState = 1;
    /** @type {any} */ onopen = null;
    /** @type {any} */ onmessage = null;
    constructor() {
      setImmediate(() => {
        this.onopen();
        this.onmessage({ data: JSON.stringify(welcome({ server_time: Date.now() / 1000 - 3600 })) });
      });
    }
    send() {}
    close() {}
  }
  const claims = Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) - 3600 + 300 })).toString("base64url");
  let asked = 0;
  const connection = connected(t, Socket, { getToken: () => `a.${claims}.c${++asked}` });
  await until(() => connection.up(), "the welcome");
  await new Promise((done) => setTimeout(done, 1300)); // in which it would have asked again
  assert.equal(asked, 1);
});

test("an answer to an earlier offer is not taken for one to the latest", async () => {
  /** @type {any[]} */
  const offers = [];
  const [mine, theirs] = ["offers", "answers"].map((what) => {
    const parts = { config: {}, polite: what === "answers", offer: what === "offers", tracks: [], wanted: /** @type {["audio"]} */ (["audio"]) };
    /** @type {any[]} */
    const answers = [];
    const say = (/** @type {string} */ type, /** @type {any} */ payload) => {
      if (type === "webrtc.offer") offers.push({ type, payload });
      if (type === "webrtc.answer") answers.push({ type, payload });
    };
    return { peer: createPeer({ ...parts, say, onFlow() {}, onTrack() {} }), pc: /** @type {FakePeerConnection} */ (FakePeerConnection.all.at(-1)), answers };
  });
  await until(() => offers.length === 1, "an offer");
  mine.peer.repair();
  await until(() => offers.length === 2, "another one");
  offers.forEach(theirs.peer.take);
  await until(() => theirs.answers.length === 2, "both answers");
  theirs.answers.forEach(mine.peer.take);
  await until(() => mine.pc.signalingState === "stable", "the answer");
  assert.equal(mine.pc.remoteDescription.sdp, theirs.answers[1].payload.sdp);
});

test("reads the user of a token by the server's claim, by hash, else by sub; nobody's where there is none", () => {
  const made = (/** @type {object} */ claims) => `e.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
  assert.equal(bearer(made({ hash: "h", sub: "s", uid: 7 })).user_id, "h");
  assert.equal(bearer(made({ hash: "h", sub: "s", uid: 7 }), "uid").user_id, "7");
  assert.equal(bearer(made({ sub: "s" })).user_id, "s");
  for (const token of [made({}), "", "no token", "a.%.c"]) assert.equal(bearer(token).user_id, "");
  assert.equal(bearer(made({ hash: "h", name: "Jürgen 李" })).name, "Jürgen 李");
});
