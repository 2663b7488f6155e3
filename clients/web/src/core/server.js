/**
 * What follows from the server's messages.
 *
 * @typedef {import("../types.js").CoreCall} CoreCall
 * @typedef {import("../types.js").Message} Message
 * @typedef {import("../types.js").Payload} Payload
 * @typedef {import("../types.js").Reason} Reason
 * @typedef {import("./model.js").Draft} Draft
 */

import { change, close, connect, finish, made, over, ring, sendStart, to, toldOf } from "./draft.js";
import { NO_CALL, userOf } from "./model.js";

/** @param {Draft} m @param {Message} message @param {{ about?: Message, replay?: boolean }} [more] See `Heard`. */
export function hear(m, { type, payload }, { about, replay } = {}) {
  const { call } = m;
  const id = payload.session_id;
  const mine = call?.id === id ? call : null;
  switch (type) {
    case "call.ring":
      if (!replay || m.standing?.session_id === id) rings(m, payload);
      break;
    case "call.ringing":
      if (m.work?.step === "sent") ringing(m, id);
      else if (m.ghosts) lay(m, id);
      break;
    case "call.alerting":
      if (mine) change(m, { alerting: payload.by });
      break;
    case "call.accepted":
      accepted(m, payload);
      break;
    case "call.rejected":
      if (mine) finish(m, mine.state === "incoming" ? "declined" : "peer_declined");
      break;
    case "call.ended":
      if (mine) finish(m, reasonOf(m, mine, payload, replay));
      break;
    case "call.missed":
      missed(m, payload);
      break;
    case "error":
      refused(m, payload, about);
  }
}

/** @param {Draft} m @param {Payload} payload */
export function rings(m, payload) {
  const { call } = m;
  const id = payload.session_id;
  if (m.over.includes(id)) close(m, id, true);
  // Both started: ours will be merged into this call or refused, and that answer comes first.
  else if (call?.state === "outgoing") m.rival = payload;
  else if (call?.id !== id) {
    if (call) finish(m, call.state === "incoming" ? "missed" : "peer_lost");
    ring(m, payload);
  }
}

/** @param {Draft} m @param {string} id The call that our start became. */
export function ringing(m, id) {
  m.work = null;
  change(m, { id, ringsUntil: m.now + m.ring });
  to(m, "ringing");
}

/** @param {Draft} m @param {Payload} payload */
function accepted(m, { session_id: id, callee_info, role }) {
  const { call } = m;
  if (call?.direction === "outgoing" && (call.id === id || (!call.id && m.work?.step === "sent"))) {
    if (call.state !== "outgoing" && call.state !== "ringing") return;
    Object.assign(m, { polite: role === "answer", work: null, rival: null });
    change(m, { id, peer: callee_info ? userOf(callee_info, call.peer.id) : call.peer });
    connect(m);
  } else if (m.ghosts) {
    if (call?.id === id) finish(m, "cancelled");
    lay(m, id);
  }
}

/** @param {Draft} m @param {CoreCall} call @param {Payload} ended @param {boolean} [replay] @returns {Reason} */
function reasonOf(m, { state }, { reason, cause }, replay) {
  if (state === "incoming") return "missed";
  if (reason === "no_answer") return "no_answer";
  if (cause === "left") return "peer_hung_up";
  if (reason === "peer_disconnected") return replay ? gone(m) : "peer_lost";
  return cause === "rejected" || state === "ringing" ? "peer_declined" : "peer_hung_up";
}

/** @param {Draft} m @returns {Reason} Of a call that is gone: whose connection was away for too long. */
export const gone = (m) => (m.downAt !== null && m.now - m.downAt >= m.grace ? "lost" : "peer_lost");

/** @param {Draft} m @param {Payload} payload */
function missed(m, payload) {
  const { call } = m;
  const id = payload.session_id;
  if (call && call.id === id) return finish(m, call.state === "incoming" ? "missed" : "peer_hung_up");
  if (m.rival?.session_id === id) m.rival = null;
  if (!m.over.includes(id)) over(m, made(m, { ...toldOf(payload), state: "incoming" }), "missed", { silent: true });
}

/** @param {Draft} m @param {Payload} error @param {Message} [about] */
function refused(m, { code, message, retry_after }, about) {
  const { call, work } = m;
  const type = about?.type ?? (m.ghosts || work?.step === "sent" ? "call.start" : "");
  if (type === "call.start") {
    // Whether it was carried out: what comes in its place will tell.
    const unknown = about && code === "unavailable";
    if (m.ghosts && !unknown) lay(m);
    else if (work?.step === "sent") {
      if (unknown) m.ghosts++;
      finish(m, whyNot(code, message), retry_after);
    }
  } else if (m.ghosts && about?.payload.session_id === NO_CALL) lay(m);
  else if (call && (!about || about.payload.session_id === call.id)) {
    if (code === "session_not_found" && call.state !== "incoming" && type !== "call.end") {
      finish(m, work?.step === "answered" ? "peer_hung_up" : "peer_lost");
    } else if (type === "call.accept") finish(m, "failed");
  }
}

/** It is known what became of a start that was given up: its call ends, and the next start may go. @param {Draft} m @param {string} [id] */
function lay(m, id) {
  m.ghosts--;
  if (id) close(m, id);
  if (!m.ghosts && m.work?.step === "turn") sendStart(m);
}

/** @type {Record<string, Reason>} By the code of an error that refuses a start. */
const WHY = { user_busy: "busy", user_offline: "offline", rate_limited: "rate_limited", unavailable: "unavailable", internal_error: "unavailable" };

/** @param {string} code @param {string} message Tells apart what has one code with the reference. @returns {Reason} */
const whyNot = (code, message) => (/already/i.test(message) ? "in_call" : /yourself/i.test(message) ? "self_call" : (WHY[code] ?? "failed"));
