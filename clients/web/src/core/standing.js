/**
 * Where things stand, by the server's word after each connect; and by that of the tab that held the connection before.
 *
 * @typedef {import("../types.js").CoreCall} CoreCall
 * @typedef {import("../types.js").Payload} Payload
 * @typedef {import("./model.js").Draft} Draft
 */

import { begin, carry, close, connect, finish, ringsTill, send, sendStart, talking, to, toldOf } from "./draft.js";
import { OFF, userOf } from "./model.js";
import { gone, ringing, rings } from "./server.js";

/** @param {Draft} m @param {Partial<import("./model.js").Model>} changes With `state`. */
export function connection(m, { error = null, retryAt = null, ...changes }) {
  if (m.state === "online" && changes.state === "reconnecting") m.downAt = m.now;
  Object.assign(m, { error, retryAt, ...changes });
  if (m.state === "replaced" && m.call) finish(m, "replaced");
}

/**
 * What was missed comes next; only then, `stands`.
 *
 * @param {Draft} m
 * @param {Payload} welcome
 * @param {boolean} voided Whether what we sent without an answer is void.
 */
export function welcome(m, { user, grace, ring_timeout, server_time, call = null }, voided) {
  connection(m, {
    state: "online",
    user: userOf(user),
    grace: grace * 1000,
    ring: ring_timeout * 1000,
    skew: m.now - server_time * 1000,
    voided,
    standing: call,
  });
  if (!voided) return;
  m.ghosts = 0;
  if (m.work?.step === "turn") sendStart(m);
}

/** @param {Draft} m @param {Payload | null} standing @param {boolean} recovered Whether all that was missed has been told. */
export function stands(m, standing, recovered) {
  if (standing && m.over.includes(standing.session_id)) {
    close(m, standing.session_id, standing.state === "ringing" && !ours(m, standing));
    standing = null;
  }
  const { call } = m;
  if (call && call.id === null) {
    if (m.work?.step === "sent") answered(m, call, standing);
  } else if (call && call.id === standing?.session_id) align(m, call, standing, recovered);
  else if (call) finish(m, call.state === "incoming" ? "missed" : gone(m));
  if (standing && !m.call) adopt(m, standing);
  Object.assign(m, { standing: null, downAt: null, carry: null, voided: false });
}

/** @param {Draft} m @param {Payload} standing */
const ours = (m, { caller_id }) => caller_id === m.user?.id;

/** @param {Draft} m @param {CoreCall} call Its start was on its way when the connection went. @param {Payload | null} standing */
function answered(m, call, standing) {
  if (standing && ours(m, standing) && standing.callee_id === call.peer.id) {
    ringing(m, standing.session_id);
    if (standing.state === "accepted") connect(m);
  } else if (m.voided) finish(m, "unavailable");
}

/** @param {Draft} m @param {CoreCall} call @param {Payload} standing @param {boolean} recovered */
function align(m, call, standing, recovered) {
  // Of two who called each other, whose call stands is known only now where another tab had it.
  m.polite = !ours(m, standing);
  if (standing.state !== "accepted") {
    // It was said to an earlier session, and is void with it.
    if (m.voided && m.work?.step === "answered") send(m, "call.accept", { session_id: call.id });
    return;
  }
  if (call.state === "ringing") connect(m);
  else if (call.state === "incoming" && !m.work) to(m, "detached");
  else if (!recovered && m.work?.step !== "carry") m.effects.push(["restart"]);
}

/** @param {Draft} m @param {Payload} standing A call that this page does not know: it was reloaded, or another one had it. */
function adopt(m, standing) {
  const outgoing = ours(m, standing);
  const ringing = standing.state === "ringing";
  if (ringing && !outgoing) return rings(m, standing);
  begin(m, {
    ...toldOf(standing, outgoing),
    state: ringing ? "ringing" : "detached",
    here: m.carry === standing.session_id,
    ringsUntil: ringing ? ringsTill(m, standing.expires_at) : null,
  });
  if (!ringing && m.call?.here) carry(m);
}

/** @param {Draft} m @param {CoreCall | null} call As another tab of this browser had it. */
export function inherit(m, call) {
  if (!call?.id || m.call) return;
  begin(m, { ...call, key: m.serial + 1, here: false, local: OFF, muted: false, state: talking(call.state) ? "detached" : call.state });
}
