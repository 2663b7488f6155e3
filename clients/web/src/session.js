/**
 * A client session: numbering, sending again, receipt in order. Pure; feed it every message. The protocol is in docs/protocol.md.
 *
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Payload} Payload
 *
 * @typedef {object} Heard What a message means beside its content.
 * @property {Message | null} news The message, if it is to be acted upon.
 * @property {Message[]} replies To be sent at once.
 * @property {Message} [about] Our own message that this error refuses.
 * @property {boolean} [replay] It was missed, and is told now.
 * @property {boolean} [gap] Something is missing: drop the socket and resume.
 * @property {number} [flush] Send the outbox again after so many seconds.
 * @property {Payload} [settled] With this message all that was missed has been told: the welcome says where things stand.
 * @property {boolean} [voided] It is another session: what we sent without an answer is void.
 */

import { NO_CALL } from "./core/model.js";

/** Does nothing. For a number that may be used up already: another message would be taken for the one that had it. */
const NOTHING = { type: "call.end", payload: { session_id: NO_CALL } };

/** @param {boolean} v1 Whether the server knows sessions; another one's messages are what they say, and no more. */
export function createSession(v1) {
  const at = {
    /** @type {string | null} */
    id: null,
    /** @type {string | null} */
    epoch: null,
    /** The last `seq` taken. */
    seq: 0,
    /** The highest `n` answered. */
    answered: 0,
    /** @type {Required<Pick<Message, "type" | "payload" | "n">>[]} */
    outbox: [],
  };
  /** @type {Payload | null} A welcome whose replay is under way. */
  let replaying = null;

  /**
   * @param {Message} message
   * @returns {Heard}
   */
  function receive(message) {
    const { type, payload, seq } = message;
    /** @type {Heard} */
    const heard = { news: message, replies: [] };
    if (!v1) return heard;
    if (seq !== undefined) {
      if (seq !== at.seq + 1) return { news: null, replies: [], gap: seq > at.seq };
      at.seq = seq;
      if (replaying) {
        heard.replay = true;
        if (seq >= replaying.seq) {
          heard.settled = replaying;
          replaying = null;
        }
      }
    }
    if (type === "session.welcome") welcomed(payload, heard);
    else if (type === "ack") settle(payload.n);
    else if (type === "error") refused(payload, heard);
    else if (type === "call.ring" && seq) heard.replies.push({ type: "received", payload: { seq } });
    else if (type === "session.ping") heard.replies.push({ type: "session.pong", payload });
    return heard;
  }

  /**
   * @param {Payload} welcome
   * @param {Heard} heard
   */
  function welcomed(welcome, heard) {
    replaying = null;
    if (welcome.session !== at.id) {
      heard.voided = at.id !== null;
      at.outbox = [];
      at.answered = welcome.n;
    }
    at.id = welcome.session;
    at.epoch = welcome.epoch;
    if (!welcome.recovered) at.seq = welcome.seq;
    settle(welcome.n);
    heard.replies = at.outbox;
    if (at.seq < welcome.seq) replaying = welcome;
    else heard.settled = welcome;
  }

  /**
   * @param {Payload} error
   * @param {Heard} heard
   */
  function refused({ code, n, expected, retry_after }, heard) {
    // Without a number: the oldest unanswered message could not be read, or was one too many.
    const first = at.outbox.findIndex((sent) => n === undefined || sent.n === n);
    heard.about = at.outbox[first];
    if (code === "out_of_sequence") {
      if (expected) settle(expected - 1);
      heard.news = null;
      heard.flush = 0.1;
    } else if (code === "invalid_message" && n === undefined) {
      drop(first);
      heard.flush = 0.1;
    } else if (code === "unavailable" || code === "rate_limited") {
      heard.flush = Math.max(1, retry_after ?? 1);
      // Nobody wants to ring somebody seconds after having been told that it did not work.
      if (n === undefined || heard.about?.type !== "call.start") heard.news = null;
      else if (code === "rate_limited") drop(first);
      else heard.replies.push((at.outbox[first] = { ...NOTHING, n }));
    } else if (n !== undefined) settle(n);
  }

  /** @param {number} index Its number was not consumed: those behind it move up. */
  function drop(index) {
    at.outbox = at.outbox.filter((_, place) => place !== index).map((message, place) => ({ ...message, n: at.answered + place + 1 }));
  }

  /** @param {number} n */
  function settle(n) {
    at.answered = Math.max(at.answered, n);
    at.outbox = at.outbox.filter((message) => message.n > at.answered);
  }

  return {
    v1,
    /** The place in the conversation; what is here at the start of a connection is where it is taken up. */
    at,
    receive,
    /** The first message on a fresh socket. @returns {Message} */
    resume: () => ({ type: "session.resume", payload: { session: at.id, epoch: at.epoch, last_seq: at.seq, n: at.answered } }),
    /**
     * @param {string} type
     * @param {Payload} payload
     * @returns {Message} To be sent; a numbered one stays in `outbox` until it is answered.
     */
    number(type, payload) {
      if (!v1 || !/^(call|webrtc)\./.test(type) || type === "call.check") return { type, payload };
      const message = { type, payload, n: at.answered + at.outbox.length + 1 };
      at.outbox.push(message);
      return message;
    },
  };
}

/** @typedef {ReturnType<typeof createSession>} Session */
