import assert from "node:assert/strict";
import { test } from "node:test";
import { NEXT, apply, initial, userOf } from "../src/core/model.js";
import { accept, acquired, denied, devices, end, flow, reject, resume, start, tick } from "../src/core/person.js";
import { hear } from "../src/core/server.js";
import { connection, inherit, stands, welcome } from "../src/core/standing.js";

/** @typedef {import("../src/core/model.js").Rule} Rule @typedef {import("../src/core/model.js").Model} Model @typedef {import("../src/types.js").Payload} Payload */

const BOB = userOf({ user_id: "bob", name: "Bob" });
const ON = /** @type {const} */ ({ audio: "on", video: "off" });
const REFUSED = /** @type {const} */ ({ audio: "refused", video: "off" });
const HELLO = { user: { user_id: "me" }, grace: 30, ring_timeout: 60, server_time: 0 };

/** @param {string} type @param {object} payload @param {object} [more] @returns {Rule} */
const hears = (type, payload, more) => (m) => hear(m, { type, payload }, more);
/** @returns {Rule} */
const welcomed = (voided = false, call = null) => (m) => welcome(m, { ...HELLO, server_time: m.now / 1000, call }, voided);
/** @param {Payload | null} call @returns {Rule} */
const standing = (call, recovered = true) => (m) => stands(m, call, recovered);
/** @type {Rule} */
const starts = (m) => start(m, BOB, "audio", false, { callee_id: "bob" });
/** @param {boolean} [listenOnly] @returns {Rule} */
const accepts = (listenOnly = false) => (m) => accept(m, "audio", listenOnly);
/** @type {Rule} */
const given = (m) => acquired(m, m.call?.key ?? 0, ON);
/** @type {Rule} */
const refused = (m) => denied(m, m.call?.key ?? 0, "microphone_refused", REFUSED);
/** @param {boolean} up @returns {Rule} */
const flows = (up) => (m) => flow(m, m.call?.key ?? 0, up);
/** @type {Rule} */
const away = (m) => connection(m, { state: "reconnecting" });
const ring = (id = "c1", from = "bob") => hears("call.ring", { session_id: id, caller_id: from, caller_info: { user_id: from, name: "Bob" } });
const ACCEPTED = { session_id: "c1", state: "accepted", caller_id: "me", callee_id: "bob" };

/** @param {Rule[]} rules */
function play(rules, model = initial(true), now = 0) {
  /** @type {import("../src/core/model.js").Effect[]} */
  const all = [];
  for (const rule of rules) {
    const [next, effects] = apply(model, rule, now);
    model = next;
    all.push(...effects);
  }
  const sent = all.flatMap((effect) => (effect[0] === "send" ? [`${effect[1]} ${effect[2].session_id ?? effect[2].callee_id}`] : []));
  const ended = all.flatMap((effect) => (effect[0] === "ended" ? [effect[1].call.reason] : []));
  return { model, sent, ended, all };
}
const talking = [welcomed(), starts, given, hears("call.ringing", { session_id: "c1" }), hears("call.accepted", { session_id: "c1" }), flows(true)];

test("a call from start to end", () => {
  const { model, sent } = play(talking);
  assert.equal(model.call?.state, "connected");
  assert.deepEqual(sent, ["call.start bob"]);
  const end = play([hears("call.ended", { session_id: "c1", reason: "ended_by_user", cause: "hangup" })], model);
  assert.equal(end.model.call, null);
  assert.deepEqual(end.ended, ["peer_hung_up"]);
});

test("what the server says of a refused start", () => {
  const cases = { user_busy: "busy", user_offline: "offline", rate_limited: "rate_limited", unavailable: "unavailable", internal_error: "unavailable", invalid_message: "failed" };
  for (const [code, reason] of Object.entries(cases)) {
    assert.deepEqual(play([welcomed(), starts, given, hears("error", { code, message: "No" })]).ended, [reason]);
  }
  assert.deepEqual(play([welcomed(), starts, given, hears("error", { code: "user_busy", message: "You are already in a call" })]).ended, ["in_call"]);
  assert.deepEqual(play([welcomed(), starts, given, hears("error", { code: "invalid_message", message: "Cannot call yourself" })]).ended, ["self_call"]);
});

test("a start that was cancelled before its answer ends its call, and the next one waits for that", () => {
  const first = play([welcomed(), starts, given, end, starts, given]);
  assert.deepEqual([first.ended, first.sent], [["cancelled"], ["call.start bob"]]);
  const second = play([hears("call.ringing", { session_id: "c1" })], first.model);
  assert.deepEqual(second.sent, ["call.end c1", "call.start bob"]);
  assert.equal(play([hears("call.ringing", { session_id: "c2" })], second.model).model.call?.id, "c2");
});

test("a start of which the server did not know whether it was carried out is answered before the next one is sent", () => {
  const unknown = hears("error", { code: "unavailable", message: "No" }, { about: { type: "call.start", payload: { callee_id: "bob" } } });
  const first = play([welcomed(), starts, given, unknown, starts, given]);
  assert.deepEqual([first.ended, first.sent], [["unavailable"], ["call.start bob"]]);
  const was = play([hears("call.ringing", { session_id: "c1" })], first.model);
  assert.deepEqual(was.sent, ["call.end c1", "call.start bob"]);
  const instead = { about: { type: "call.end", payload: { session_id: "none" } } };
  for (const code of ["session_not_found", "user_busy"]) {
    assert.deepEqual(play([hears("error", { code, message: "No" }, instead)], first.model).sent, ["call.start bob"]);
  }
  const cancelled = play([welcomed(), starts, given, end, starts, given, unknown]);
  assert.deepEqual([cancelled.sent, cancelled.model.ghosts], [["call.start bob"], 1]);
});

test("both call each other: merged, or refused and then rung", () => {
  const crossing = play([welcomed(), starts, given, ring()]);
  assert.equal(crossing.model.call?.state, "outgoing");
  const merged = play([hears("call.accepted", { session_id: "c1", role: "answer" })], crossing.model);
  assert.deepEqual([merged.model.call?.id, merged.model.call?.state, merged.model.polite], ["c1", "connecting", true]);
  const refused = play([hears("error", { code: "user_busy", message: "User is busy" })], crossing.model);
  assert.deepEqual([refused.ended, refused.model.call?.state, refused.model.call?.id], [["busy"], "incoming", "c1"]);
});

test("a refused microphone lets an incoming call ring on, and ends a start", () => {
  const incoming = play([welcomed(), ring(), accepts(), refused]);
  assert.deepEqual([incoming.model.call?.state, incoming.sent], ["incoming", []]);
  assert.deepEqual(play([accepts(true), given], incoming.model).sent, ["call.accept c1"]);
  assert.deepEqual(play([welcomed(), starts, refused]).ended, ["microphone_refused"]);
});

test("after a reload: the call comes back where it was carried, and is detached elsewhere", () => {
  const here = play([welcomed(), standing(ACCEPTED)], initial(true, "c1"));
  assert.deepEqual([here.model.call?.state, here.model.call?.here, here.all.at(-1)?.[0]], ["connecting", true, "acquire"]);
  const other = play([welcomed(), standing(ACCEPTED)]);
  assert.equal(other.model.call?.state, "detached");
  assert.equal(play([resume], other.model).model.call?.state, "connecting");
});

test("an accept that another session was told is told again", () => {
  const { model } = play([welcomed(), ring(), accepts(), away, given]);
  const rings = { ...ACCEPTED, state: "ringing", caller_id: "bob", callee_id: "me" };
  assert.deepEqual(play([welcomed(true), standing(rings, false)], model).sent, ["call.accept c1"]);
  assert.deepEqual(play([welcomed(), standing(rings)], model).sent, [], "it is in the outbox");
});

test("of two who called each other the one whose call does not stand stays polite in another tab", () => {
  const call = { .../** @type {any} */ (play(talking).model.call), direction: "outgoing" };
  const theirs = { ...ACCEPTED, caller_id: "bob", callee_id: "me" };
  const { model } = play([(m) => inherit(m, call), welcomed(), standing(theirs), resume, given]);
  assert.equal(model.polite, true);
  assert.equal(play([(m) => inherit(m, call), welcomed(), standing(ACCEPTED)]).model.polite, false);
});

test("a call ended here while the server could not be told is ended there when it can", () => {
  const ended = play([...talking, away, end]);
  const back = play([welcomed(), standing(ACCEPTED, false)], ended.model);
  assert.deepEqual([back.sent, back.model.call], [["call.end c1"], null]);
});

test("a call that is gone after the grace was lost here, before it there", () => {
  const down = play([...talking, away]).model;
  const back = [welcomed(), standing(null, false)];
  assert.deepEqual(play(back, down, 5000).ended, ["peer_lost"]);
  assert.deepEqual(play(back, down, 31_000).ended, ["lost"]);
});

test("what is unrecovered is offered anew", () => {
  const { model } = play(talking);
  assert.deepEqual(play([standing(ACCEPTED, false)], model).all, [["restart"]]);
  assert.deepEqual(play([standing(ACCEPTED)], model).all, []);
});

test("rings of the replay that are over do not ring; missed calls are told", () => {
  const { model, ended } = play([
    welcomed(),
    hears("call.ring", { session_id: "old", caller_id: "bob" }, { replay: true }),
    hears("call.missed", { session_id: "old", caller_id: "bob", caller_info: { user_id: "bob", name: "Bob" } }, { replay: true }),
  ]);
  assert.deepEqual([model.call, ended], [null, ["missed"]]);
});

test("every deadline", () => {
  const late = 10 ** 9;
  const sent = play([tick], play([welcomed(), starts, given]).model, late);
  assert.deepEqual([sent.ended, sent.model.ghosts], [["unavailable"], 1]);
  const turn = play([tick], play([welcomed(), starts, given, end, starts, given]).model, late);
  assert.deepEqual([turn.ended, turn.model.ghosts], [["unavailable"], 1]);
  assert.deepEqual(play([tick], play(talking.slice(0, 4)).model, late).ended, ["no_answer"]);
  assert.deepEqual(play([tick], play([welcomed(), ring()]).model, late).ended, ["missed"]);
  assert.deepEqual(play([tick], play(talking.slice(0, 5)).model, late).ended, ["media_failed"]);
  assert.deepEqual(play([tick], play([...talking, flows(false), away]).model, late).ended, ["lost"]);
  assert.deepEqual(play([tick], play(talking).model, late).ended, []);
});

test("whatever happens in whatever order, no wrong state is shown", () => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  console.log(`SEED=${seed}`);
  let drawn = seed;
  const random = (/** @type {number} */ below) => {
    drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((drawn / 2 ** 32) * below);
  };
  const ids = ["a", "b", "c"];
  for (let walk = 0; walk < 400; walk++) {
    let model = initial(random(5) > 0, random(2) ? "a" : null);
    let now = 0;
    for (let steps = 0; steps < 120; steps++) {
      const id = ids[random(3)];
      const key = model.call && random(5) ? model.call.key : random(4);
      const who = random(2) ? { caller_id: "me", callee_id: "bob" } : { caller_id: "bob", callee_id: "me" };
      const stood = random(3) ? { session_id: id, state: random(2) ? "ringing" : "accepted", ...who } : null;
      const [once, state, voided, up] = [random(2) > 0, random(2), random(4) === 0, random(2) > 0];
      /** @type {Record<string, Rule>} */
      const rules = {
        starts, end, reject, resume, tick, accept: accepts(),
        acquired: (m) => acquired(m, key, ON),
        denied: (m) => denied(m, key, "microphone_missing", ON),
        flow: (m) => flow(m, key, up),
        devices: (m) => devices(m, key, { muted: true }),
        connection: (m) => connection(m, { state: state ? "reconnecting" : "replaced" }),
        welcome: welcomed(voided, /** @type {any} */ (stood)),
        stands: standing(stood, once),
        ring: hears("call.ring", { session_id: id, caller_id: "bob" }, { replay: once }),
        ringing: hears("call.ringing", { session_id: id }),
        accepted: hears("call.accepted", { session_id: id, role: once ? "offer" : "answer" }),
        rejected: hears("call.rejected", { session_id: id }),
        ended: hears("call.ended", { session_id: id, reason: ["ended_by_user", "peer_disconnected", "no_answer"][random(3)] }),
        missed: hears("call.missed", { session_id: id, caller_id: "bob" }),
        alerting: hears("call.alerting", { session_id: id, by: "socket" }),
        error: hears("error", { code: ["user_busy", "session_not_found", "unavailable"][random(3)], message: "No" }),
      };
      now += random(3) ? random(2000) : random(90_000);
      const names = Object.keys(rules);
      const name = names[random(names.length)];
      const before = model.call;
      const [next, effects] = apply(model, rules[name], now);
      const why = `SEED=${seed} walk ${walk} step ${steps}: ${name} ${JSON.stringify({ id, key, stood, once, state, voided, up })} in ${JSON.stringify(model)}`;
      const { call } = next;
      const ends = effects.flatMap((effect) => (effect[0] === "ended" && !effect[1].silent ? [effect[1].call] : []));
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
        if (next.work?.step === "turn" || next.work?.step === "sent") assert.notEqual(next.until, null, why);
        const waits = call.state !== "connected" && call.state !== "detached" && call.state !== "outgoing";
        if (waits) assert.notEqual(next.until, null, why);
      } else {
        assert.deepEqual([next.work, next.until, next.rival], [null, null, null], why);
      }
      model = next;
    }
  }
});
