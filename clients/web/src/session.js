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

const UNANSWERED = ["unavailable", "rate_limited", "out_of_sequence"];

export class Session {
  /** @type {string | null} */ id = null;
  /** @type {string | null} */ epoch = null;
  /** The last `seq` taken. */
  seq = 0;
  /** The highest `n` answered. */
  answered = 0;
  /** @type {Required<Pick<Message, "type" | "payload" | "n">>[]} */
  outbox = [];
  /** @type {Payload | null} A welcome whose replay is under way. */
  #replaying = null;

  /** @returns {Message} The first message on a fresh socket. */
  resume() {
    return { type: "session.resume", payload: { session: this.id, epoch: this.epoch, last_seq: this.seq, n: this.answered } };
  }

  /**
   * @param {string} type
   * @param {Payload} payload
   * @returns {Message} To be sent; a numbered one stays in `outbox` until it is answered.
   */
  number(type, payload) {
    if (!/^(call|webrtc)\./.test(type) || type === "call.check") return { type, payload };
    const message = { type, payload, n: this.answered + this.outbox.length + 1 };
    this.outbox.push(message);
    return message;
  }

  /**
   * @param {Message} message
   * @returns {Heard}
   */
  receive(message) {
    const { type, payload, seq } = message;
    /** @type {Heard} */
    const heard = { news: message, replies: [] };
    if (seq !== undefined) {
      if (seq <= this.seq) return { news: null, replies: [] };
      if (seq !== this.seq + 1) return { news: null, replies: [], gap: true };
      this.seq = seq;
      if (this.#replaying) {
        heard.replay = true;
        if (seq >= this.#replaying.seq) {
          heard.settled = this.#replaying;
          this.#replaying = null;
        }
      }
    }
    if (type === "session.welcome") this.#welcome(payload, heard);
    else if (type === "ack") this.#settle(payload.n);
    else if (type === "error") this.#refused(payload, heard);
    else if (type === "call.ring" && seq !== undefined) heard.replies.push({ type: "received", payload: { seq } });
    else if (type === "session.ping") heard.replies.push({ type: "session.pong", payload });
    return heard;
  }

  /**
   * @param {Payload} welcome
   * @param {Heard} heard
   */
  #welcome(welcome, heard) {
    if (welcome.session !== this.id) {
      heard.voided = this.id !== null;
      this.outbox = [];
      this.answered = welcome.n;
    }
    this.id = welcome.session;
    this.epoch = welcome.epoch;
    if (!welcome.recovered) this.seq = welcome.seq;
    this.#settle(welcome.n);
    heard.replies = [...this.outbox];
    if (this.seq < welcome.seq) this.#replaying = welcome;
    else heard.settled = welcome;
  }

  /**
   * @param {Payload} error
   * @param {Heard} heard
   */
  #refused(error, heard) {
    const { code, n, expected, retry_after } = error;
    // Without a number: the oldest unanswered message could not be read, or was one too many.
    const first = this.outbox.findIndex((sent) => n === undefined || sent.n === n);
    heard.about = this.outbox[first];
    if (code === "out_of_sequence") {
      if (expected) this.#settle(expected - 1);
      heard.news = null;
      heard.flush = 0.1;
    } else if (code === "invalid_message" && n === undefined) {
      this.#drop(first);
      heard.flush = 0;
    } else if (UNANSWERED.includes(code)) {
      heard.flush = Math.max(1, retry_after ?? 1);
      // Nobody wants to ring somebody seconds after having been told that it did not work.
      if (n !== undefined && heard.about?.type === "call.start") this.#drop(first);
      else heard.news = null;
    } else if (n !== undefined) {
      this.#settle(n);
    }
  }

  /** @param {number} index Its number was not consumed: those behind it move up. */
  #drop(index) {
    if (index < 0) return;
    this.outbox.splice(index, 1);
    this.outbox = this.outbox.map((message, at) => ({ ...message, n: this.answered + at + 1 }));
  }

  /** @param {number} n */
  #settle(n) {
    this.answered = Math.max(this.answered, n);
    this.outbox = this.outbox.filter((message) => message.n > this.answered);
  }
}

/** A session with a server that knows no sessions. */
export class Plain extends Session {
  /**
   * @override
   * @param {string} type
   * @param {Payload} payload
   */
  number(type, payload) {
    return { type, payload };
  }

  /**
   * @override
   * @param {Message} message
   * @returns {Heard}
   */
  receive(message) {
    return { news: message, replies: [] };
  }
}
