import assert from "node:assert/strict";
import { test } from "node:test";
import { NEXT, initial, reduce, userOf } from "../src/core.js";

/** @typedef {import("../src/core.js").Event} Event @typedef {import("../src/core.js").Model} Model */

const BOB = userOf({ user_id: "bob", name: "Bob" });
const ON = /** @type {const} */ ({ audio: "on", video: "off" });

/** @param {string} type @param {object} payload @param {object} [more] @returns {Event} */
const hear = (type, payload, more = {}) => ({ type: "message", message: { type, payload }, ...more });
/** @returns {Event} */
const welcome = (more = {}) => ({ type: "welcome", user: userOf({ user_id: "me" }), grace: 30_000, ring: 60_000, skew: 0, voided: false, standing: null, ...more });
/** @returns {Event} */
const start = () => ({ type: "start", peer: BOB, media: "audio", listenOnly: false, payload: { callee_id: "bob" } });
const ring = (id = "c1", from = "bob") => hear("call.ring", { session_id: id, caller_id: from, caller_info: { user_id: from, name: "Bob" } });

/** @param {(Event | ((model: Model) => Event))[]} events @param {Model} [model] */
function play(events, model = initial(true), now = 0) {
  /** @type {import("../src/core.js").Effect[]} */
  const all = [];
  for (const event of events) {
    const [next, effects] = reduce(model, typeof event === "function" ? event(model) : event, now);
    model = next;
    all.push(...effects);
  }
  const sent = all.flatMap((effect) => (effect.do === "send" ? [`${effect.type} ${effect.payload.session_id ?? effect.payload.callee_id}`] : []));
  const ended = all.flatMap((effect) => (effect.do === "ended" ? [effect.call.reason] : []));
  return { model, sent, ended, all };
}
const acquired = (/** @type {Model} */ model) => /** @type {Event} */ ({ type: "acquired", key: model.call?.key ?? 0, local: ON });
const flow = (/** @type {boolean} */ up) => (/** @type {Model} */ model) => /** @type {Event} */ ({ type: "flow", key: model.call?.key ?? 0, up });
const talking = [welcome(), start(), acquired, hear("call.ringing", { session_id: "c1" }), hear("call.accepted", { session_id: "c1" }), flow(true)];

test("a call from start to end", () => {
  const { model, sent } = play(talking);
  assert.equal(model.call?.state, "connected");
  assert.deepEqual(sent, ["call.start bob"]);
  const end = play([hear("call.ended", { session_id: "c1", reason: "ended_by_user", cause: "hangup" })], model);
  assert.equal(end.model.call, null);
  assert.deepEqual(end.ended, ["peer_hung_up"]);
});

test("what the server says of a refused start", () => {
  const cases = { user_busy: "busy", user_offline: "offline", rate_limited: "rate_limited", unavailable: "unavailable", internal_error: "unavailable", invalid_message: "failed" };
  for (const [code, reason] of Object.entries(cases)) {
    assert.deepEqual(play([welcome(), start(), acquired, hear("error", { code, message: "No" })]).ended, [reason]);
  }
  assert.deepEqual(play([welcome(), start(), acquired, hear("error", { code: "user_busy", message: "You are already in a call" })]).ended, ["in_call"]);
  assert.deepEqual(play([welcome(), start(), acquired, hear("error", { code: "invalid_message", message: "Cannot call yourself" })]).ended, ["self_call"]);
});

test("a start that was cancelled before its answer ends its call, and the next one waits for that", () => {
  const first = play([welcome(), start(), acquired, { type: "end" }, start(), acquired]);
  assert.deepEqual([first.ended, first.sent], [["cancelled"], ["call.start bob"]]);
  const second = play([hear("call.ringing", { session_id: "c1" })], first.model);
  assert.deepEqual(second.sent, ["call.end c1", "call.start bob"]);
  assert.equal(play([hear("call.ringing", { session_id: "c2" })], second.model).model.call?.id, "c2");
});

test("both call each other: merged, or refused and then rung", () => {
  const crossing = play([welcome(), start(), acquired, ring()]);
  assert.equal(crossing.model.call?.state, "outgoing");
  const merged = play([hear("call.accepted", { session_id: "c1", role: "answer" })], crossing.model);
  assert.deepEqual([merged.model.call?.id, merged.model.call?.state, merged.model.polite], ["c1", "connecting", true]);
  const refused = play([hear("error", { code: "user_busy", message: "User is busy" })], crossing.model);
  assert.deepEqual([refused.ended, refused.model.call?.state, refused.model.call?.id], [["busy"], "incoming", "c1"]);
});

test("a refused microphone lets an incoming call ring on, and ends a start", () => {
  const denied = (/** @type {Model} */ model) => /** @type {Event} */ ({ type: "denied", key: model.call?.key ?? 0, code: "microphone_refused", local: { audio: "refused", video: "off" } });
  const incoming = play([welcome(), ring(), { type: "accept", media: "audio", listenOnly: false }, denied]);
  assert.deepEqual([incoming.model.call?.state, incoming.sent], ["incoming", []]);
  assert.deepEqual(play([{ type: "accept", media: "audio", listenOnly: true }, acquired], incoming.model).sent, ["call.accept c1"]);
  assert.deepEqual(play([welcome(), start(), denied]).ended, ["microphone_refused"]);
});

test("after a reload: the call comes back where it was carried, and is detached elsewhere", () => {
  /** @type {Event} */
  const standing = { type: "standing", recovered: true, call: { session_id: "c1", state: "accepted", caller_id: "me", callee_id: "bob" } };
  const here = play([welcome(), standing], initial(true, "c1"));
  assert.deepEqual([here.model.call?.state, here.model.call?.here, here.all.at(-1)?.do], ["connecting", true, "acquire"]);
  const other = play([welcome(), standing]);
  assert.equal(other.model.call?.state, "detached");
  assert.equal(play([{ type: "resume" }], other.model).model.call?.state, "connecting");
});

test("a call ended here while the server could not be told is ended there when it can", () => {
  const ended = play([...talking, { type: "connection", state: "reconnecting" }, { type: "end" }]);
  const back = play([welcome(), { type: "standing", recovered: false, call: { session_id: "c1", state: "accepted", caller_id: "me", callee_id: "bob" } }], ended.model);
  assert.deepEqual([back.sent, back.model.call], [["call.end c1"], null]);
});

test("a call that is gone after the grace was lost here, before it there", () => {
  const down = play([...talking, { type: "connection", state: "reconnecting" }]).model;
  /** @type {Event[]} */
  const back = [welcome(), { type: "standing", recovered: false, call: null }];
  assert.deepEqual(play(back, down, 5000).ended, ["peer_lost"]);
  assert.deepEqual(play(back, down, 31_000).ended, ["lost"]);
});

test("what is unrecovered is offered anew", () => {
  const { model } = play(talking);
  const call = { session_id: "c1", state: "accepted", caller_id: "me", callee_id: "bob" };
  assert.deepEqual(play([{ type: "standing", recovered: false, call }], model).all, [{ do: "repair" }]);
  assert.deepEqual(play([{ type: "standing", recovered: true, call }], model).all, []);
});

test("rings of the replay that are over do not ring; missed calls are told", () => {
  const { model, ended } = play([
    welcome({ standing: null }),
    hear("call.ring", { session_id: "old", caller_id: "bob" }, { replay: true }),
    hear("call.missed", { session_id: "old", caller_id: "bob", caller_info: { user_id: "bob", name: "Bob" } }, { replay: true }),
  ]);
  assert.deepEqual([model.call, ended], [null, ["missed"]]);
});

test("every deadline", () => {
  const late = 10 ** 9;
  assert.deepEqual(play([{ type: "tick" }], play([welcome(), start(), acquired]).model, late).ended, ["unavailable"]);
  assert.deepEqual(play([{ type: "tick" }], play(talking.slice(0, 4)).model, late).ended, ["no_answer"]);
  assert.deepEqual(play([{ type: "tick" }], play([welcome(), ring()]).model, late).ended, ["missed"]);
  assert.deepEqual(play([{ type: "tick" }], play(talking.slice(0, 5)).model, late).ended, ["media_failed"]);
  assert.deepEqual(play([{ type: "tick" }], play([...talking, flow(false), { type: "connection", state: "reconnecting" }]).model, late).ended, ["lost"]);
  assert.deepEqual(play([{ type: "tick" }], play(talking).model, late).ended, []);
});

test("whatever happens in whatever order, no wrong state is shown", () => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  console.log(`SEED=${seed}`);
  let state = seed;
  const random = (/** @type {number} */ below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const ids = ["a", "b", "c"];
  for (let walk = 0; walk < 400; walk++) {
    let model = initial(random(5) > 0, random(2) ? "a" : null);
    let now = 0;
    for (let steps = 0; steps < 120; steps++) {
      const id = ids[random(3)];
      const key = model.call && random(5) ? model.call.key : random(4);
      const who = random(2) ? { caller_id: "me", callee_id: "bob" } : { caller_id: "bob", callee_id: "me" };
      const standing = random(3) ? { session_id: id, state: random(2) ? "ringing" : "accepted", ...who } : null;
      /** @type {Event[]} */
      const events = [
        start(), { type: "accept", media: "audio", listenOnly: false }, { type: "resume" }, { type: "reject" }, { type: "end" }, { type: "tick" },
        { type: "acquired", key, local: ON }, { type: "denied", key, code: "microphone_missing", local: ON },
        { type: "flow", key, up: random(2) > 0 }, { type: "devices", key, muted: true },
        { type: "connection", state: random(2) ? "reconnecting" : "replaced" },
        welcome({ voided: random(4) === 0, standing }), { type: "standing", call: standing, recovered: random(2) > 0 },
        hear("call.ring", { session_id: id, caller_id: "bob" }, { replay: random(2) > 0 }), hear("call.ringing", { session_id: id }),
        hear("call.accepted", { session_id: id, role: random(2) ? "offer" : "answer" }), hear("call.rejected", { session_id: id }),
        hear("call.ended", { session_id: id, reason: ["ended_by_user", "peer_disconnected", "no_answer"][random(3)] }),
        hear("call.missed", { session_id: id, caller_id: "bob" }), hear("call.alerting", { session_id: id, by: "socket" }),
        hear("error", { code: ["user_busy", "session_not_found", "unavailable"][random(3)], message: "No" }),
      ];
      now += random(3) ? random(2000) : random(90_000);
      const event = events[random(events.length)];
      const before = model.call;
      const [next, effects] = reduce(model, event, now);
      const why = `SEED=${seed} walk ${walk} step ${steps}: ${JSON.stringify(event)} in ${JSON.stringify(model)}`;
      const { call } = next;
      const ends = effects.flatMap((effect) => (effect.do === "ended" && !effect.silent ? [effect.call] : []));
      if (before && call?.key !== before.key) assert.equal(ends.filter((one) => one.key === before.key).length, 1, why);
      if (before && call && call.key === before.key && call.state !== before.state) {
        // One event may take two steps, as from `ringing` over `connecting` to `connected`.
        const two = NEXT[before.state].some((between) => NEXT[between].includes(call.state));
        assert.ok(NEXT[before.state].includes(call.state) || two, why);
      }
      if (before && call?.key === before.key && before.id) assert.equal(call.id, before.id, why);
      for (const one of ends) assert.ok(one.state === "ended" && one.reason && one.message && one.endedAt !== null, why);
      assert.ok(next.ghosts >= 0, why);
      if (call) {
        assert.notEqual(call.state, "ended", why);
        assert.equal(call.id === null, call.state === "outgoing", why);
        if (call.state === "connected" || call.state === "reconnecting") assert.ok(call.connectedAt !== null && call.here, why);
        if (call.state === "incoming") assert.equal(call.direction, "incoming", why);
        if (["connecting", "connected", "reconnecting"].includes(call.state)) assert.ok(call.here, why);
        const waits = call.state !== "connected" && call.state !== "detached" && call.state !== "outgoing";
        if (waits) assert.notEqual(next.until, null, why);
      } else {
        assert.deepEqual([next.work, next.until, next.rival], [null, null, null], why);
      }
      model = next;
    }
  }
});
