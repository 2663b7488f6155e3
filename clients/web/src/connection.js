/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for: its `onclose` may take a minute.
 *
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./session.js").Heard} Heard
 *
 * @typedef {object} Watcher
 * @property {(error: CarillonError, retryAt: number) => void} onDown
 * @property {(error: CarillonError) => void} onFailed The token or the page is refused, for good.
 * @property {() => void} onReplaced
 * @property {(heard: Heard, token: string) => void} onHeard
 * @property {(token: string) => void} onOpen A server without sessions has let us in.
 * @property {() => void} onProved The socket lives although the network changed.
 * @property {(error: CarillonError) => void} onError
 */

import { CarillonError } from "./errors.js";
import { expiry } from "./token.js";

/** ms. */
const CONNECT = 6000;
const TOKEN = 15_000;
const PROBE = 2000;
const SILENCE = 12_000;
/** A connection that lasted so long was a good one: the next failure is the first again. */
const STABLE = 5000;
const FIRST = 300;
const LONGEST = 10_000;
/** The longest wait for a timer that a token's life is divided into. */
const LEAD = 60_000;

const STALE = 4000;
const MOVED = 4001;
const HIDDEN = 4010;

/**
 * ms before attempt number `failures`: a short one first, for most servers are back or have a neighbour; then 1 s doubling to 10 s.
 *
 * @param {number} failures
 * @param {number} chance From 0 to 1.
 */
export const backoff = (failures, chance) =>
  failures === 0 ? FIRST * chance : Math.min(LONGEST, 1000 * 2 ** (failures - 1)) * (1 + chance / 2);

/** @param {string} reason Of a close frame. */
export const hint = (reason) => {
  const found = /retry after ([\d.]+) s/.exec(reason);
  return found ? Number(found[1]) : null;
};

export class Connection {
  /** @type {WebSocket | null} The one that carries messages. */
  #socket = null;
  /** @type {WebSocket | null} The one that is being opened. */
  #next = null;
  /** Welcomed. */
  up = false;
  #failures = 0;
  #attempt = 0;
  #probing = false;
  #networkChanged = false;

  /**
   * @param {object} parts
   * @param {() => string} parts.url
   * @param {() => string | Promise<string>} parts.getToken
   * @param {boolean} parts.v1
   * @param {import("./session.js").Session} parts.session
   * @param {import("./timers.js").Timers} parts.timers
   * @param {Watcher} parts.watcher
   */
  constructor({ url, getToken, v1, session, timers, watcher }) {
    this.#url = url;
    this.#getToken = getToken;
    this.#v1 = v1;
    this.#session = session;
    this.#timers = timers;
    this.#watcher = watcher;
  }
  #url;
  #getToken;
  #v1;
  #session;
  #timers;
  #watcher;

  // ---------------------------------------------------------------- what its owner asks for

  /** Connect now, whatever was waited for. */
  open() {
    this.#timers.clear("retry");
    if (!this.up) void this.#open();
  }

  /**
   * @param {string} type
   * @param {Payload} payload
   */
  send(type, payload) {
    const message = this.#session.number(type, payload);
    if (this.up) this.#write(message);
  }

  /** @param {number} code 1000 to leave, which ends a call. */
  close(code = MOVED) {
    this.#attempt++;
    this.#timers.clear("retry", "connect", "probe", "silence", "token", "flush", "stable", "move");
    for (const socket of [this.#socket, this.#next]) drop(socket, code);
    this.#socket = this.#next = null;
    this.up = false;
  }

  /** The page is being hidden for good, reloaded, or kept for the Back button. */
  hide() {
    this.close(HIDDEN);
  }

  /**
   * Something happened to the network or to the page: does the socket still live?
   *
   * @param {boolean} networkChanged
   */
  doubt(networkChanged) {
    this.#networkChanged ||= networkChanged;
    if (this.up) this.#probe();
    else if (this.#timers.has("retry")) this.open();
  }

  // ---------------------------------------------------------------- opening

  async #open() {
    const attempt = ++this.#attempt;
    this.#timers.clear("connect");
    drop(this.#next, STALE);
    this.#next = null;
    const token = await this.#token();
    if (attempt !== this.#attempt || token === null) return;
    let socket;
    try {
      socket = this.#v1
        ? new WebSocket(this.#url(), ["carillon.v1", `bearer.${token}`])
        : new WebSocket(`${this.#url()}?token=${encodeURIComponent(token)}`);
    } catch (cause) {
      this.#watcher.onFailed(new CarillonError("invalid", { message: "The url or the token cannot be used.", cause }));
      return;
    }
    this.#next = socket;
    this.#timers.set("connect", CONNECT, () => this.#gone(socket, 1006, ""));
    socket.onopen = () => this.#opened(socket, token);
    socket.onmessage = ({ data }) => this.#hear(socket, data, token);
    socket.onerror = () => this.#gone(socket, 1006, "");
    socket.onclose = ({ code, reason }) => this.#gone(socket, code, reason);
  }

  /** @returns {Promise<string | null>} A fresh one; null: there is none, and that is told. */
  async #token() {
    const attempt = this.#attempt;
    try {
      return await within(TOKEN, this.#getToken);
    } catch (cause) {
      if (attempt !== this.#attempt) return null;
      const error = new CarillonError("token_failed", { cause });
      this.#watcher.onError(error);
      this.#retry(error, null);
      return null;
    }
  }

  /**
   * @param {WebSocket} socket
   * @param {string} token
   */
  #opened(socket, token) {
    if (this.#v1) socket.send(JSON.stringify(this.#session.resume()));
    else {
      this.#adopt(socket, token);
      this.#watcher.onOpen(token);
    }
  }

  /**
   * The new socket carries the messages from now on; only now the old one goes.
   *
   * @param {WebSocket} socket
   * @param {string} token
   */
  #adopt(socket, token) {
    drop(this.#socket, MOVED);
    this.#socket = socket;
    this.#next = null;
    this.up = true;
    this.#probing = false;
    this.#timers.clear("connect", "retry", "probe", "move");
    this.#timers.set("stable", STABLE, () => (this.#failures = 0));
    if (this.#v1) this.#renew(token);
  }

  // ---------------------------------------------------------------- hearing

  /**
   * @param {WebSocket} socket
   * @param {string} data
   * @param {string} token
   */
  #hear(socket, data, token) {
    const message = JSON.parse(data);
    if (socket === this.#next) {
      if (message.type !== "session.welcome") return;
      this.#adopt(socket, token);
    }
    this.#proved();
    const heard = this.#session.receive(message);
    if (heard.gap) return this.#gone(socket, 1006, "");
    for (const reply of heard.replies) this.#write(reply);
    if (heard.flush !== undefined) this.#flush(heard.flush);
    if (message.type === "server.going_away") this.#move(message.payload);
    if (message.type === "token.refreshed") this.#renew(token, message.payload.expires_at);
    this.#watcher.onHeard(heard, token);
    this.#timers.check();
  }

  /** Something came: the socket lives. */
  #proved() {
    this.#probing = false;
    this.#timers.clear("probe");
    this.#timers.set("silence", SILENCE, () => this.#probe());
    if (this.#networkChanged) {
      this.#networkChanged = false;
      this.#watcher.onProved();
    }
  }

  #probe() {
    if (this.#probing || !this.#socket) return;
    const socket = this.#socket;
    this.#probing = true;
    this.#write(
      this.#v1 ? { type: "session.ping", payload: { id: "probe" } } : { type: "call.check", payload: { session_id: "probe" } },
    );
    this.#timers.set("probe", PROBE, () => this.#gone(socket, 1006, ""));
  }

  /** @param {number} seconds After which what is unanswered is sent again. */
  #flush(seconds) {
    if (this.#timers.has("flush")) return;
    this.#timers.set("flush", seconds * 1000, () => this.up && this.#session.outbox.forEach((message) => this.#write(message)));
  }

  /** @param {Message} message */
  #write(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  // ---------------------------------------------------------------- losing

  /**
   * @param {Payload} going Of `server.going_away`: open another socket first, then leave this one.
   */
  #move({ within: seconds = 0 }) {
    this.#timers.set("move", Math.random() * Math.min(seconds, 60) * 1000, () => void this.#open());
  }

  /**
   * @param {WebSocket} socket
   * @param {number} code
   * @param {string} reason
   */
  #gone(socket, code, reason) {
    const current = socket === this.#socket;
    if (!current && socket !== this.#next) return;
    drop(socket, STALE);
    if (current) {
      this.#socket = null;
      this.up = false;
      this.#timers.clear("probe", "silence", "token", "flush", "stable");
    } else {
      this.#next = null;
      this.#timers.clear("connect");
    }
    if (code === 1000 && current) return this.#end(() => this.#watcher.onReplaced());
    // Fetched for this very connection, and its time is up all the same: the next one would be no better.
    const stale = code === 4402 && !current;
    if (code === 4401 || stale) return this.#end(() => this.#watcher.onFailed(new CarillonError("token_refused")));
    if (code === 4403) return this.#end(() => this.#watcher.onFailed(new CarillonError("origin_refused")));
    if (this.#socket || (current && this.#next)) {
      // One of two: the other one may do. Who was asked to move, and was not taken, asks again later.
      if (!this.#next) this.#timers.set("move", 5000 + 5000 * Math.random(), () => void this.#open());
      return;
    }
    if (code === 1009) this.#session.outbox = [];
    this.#retry(new CarillonError("unreachable", { retryAfter: hint(reason) }), hint(reason));
  }

  /** @param {() => void} tell */
  #end(tell) {
    this.close(STALE);
    tell();
  }

  /**
   * @param {CarillonError} error
   * @param {number | null} seconds The server's hint.
   */
  #retry(error, seconds) {
    const own = backoff(this.#failures++, Math.random());
    const ms = seconds === null ? own : Math.max(own, seconds * 1000 * (1 + Math.random() / 4));
    if (this.#socket) {
      this.#timers.set("move", ms, () => void this.#open());
      return;
    }
    this.#timers.set("retry", ms, () => this.open());
    this.#watcher.onDown(error, Date.now() + ms);
  }

  // ---------------------------------------------------------------- the token

  /**
   * Fetch the next token before this one expires.
   *
   * @param {string} token
   * @param {number | null} [expires] Unix seconds.
   */
  #renew(token, expires = expiry(token)) {
    if (!expires) return;
    const left = expires * 1000 - Date.now();
    this.#timers.set("token", Math.max(1000, left - Math.min(LEAD, left / 5)), () => void this.#refresh());
  }

  async #refresh() {
    const socket = this.#socket;
    try {
      const token = await within(TOKEN, this.#getToken);
      if (socket === this.#socket) this.#write({ type: "token.refresh", payload: { token } });
    } catch (cause) {
      if (socket !== this.#socket) return;
      this.#watcher.onError(new CarillonError("token_failed", { cause }));
      this.#timers.set("token", LONGEST, () => void this.#refresh());
    }
  }
}

/**
 * @param {WebSocket | null} socket
 * @param {number} code
 */
function drop(socket, code) {
  if (!socket) return;
  socket.onopen = socket.onmessage = socket.onclose = null;
  // A library under Node throws where nobody listens.
  socket.onerror = () => {};
  if (socket.readyState < 2) socket.close(code);
}

/**
 * @template T
 * @param {number} ms
 * @param {() => T | Promise<T>} ask
 * @returns {Promise<T>}
 */
export async function within(ms, ask) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([/** @type {Promise<any>} */ (ask()), late]);
  } finally {
    clearTimeout(timer);
  }
}
