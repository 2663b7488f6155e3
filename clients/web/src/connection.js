/**
 * The WebSocket, for as long as somebody wants one: opens it, finds out that it is dead, opens the next, resumes.
 *
 * A close with 1000 or without a code would end the user's call, so that every other one carries a code of 4000 and above. A socket that is
 * given up is not waited for, since its `onclose` may take a minute: what it still says is not heard, and what timers were set for it do nothing.
 *
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Payload} Payload
 *
 * @typedef {object} Owner
 * @property {() => string} url
 * @property {() => string | Promise<string>} getToken
 * @property {(token: string) => boolean} admit Whether to connect with it; if not, `open` is called later.
 * @property {(error: CarillonError, retryAt: number | null) => void} onLost Null: for good, until `open`.
 * @property {(heard: import("./session.js").Heard) => void} onHeard
 * @property {(token: string) => void} onOpen A server without sessions has let us in.
 * @property {() => void} onProved The socket lives although the network changed.
 * @property {(error: CarillonError) => void} onError
 */

import { backoff, hint } from "./backoff.js";
import { CarillonError, invalid } from "./errors.js";
import { expiry } from "./token.js";
import { within } from "./waiting.js";

/** ms. */
const CONNECT = 6000;
const TOKEN = 15_000;
const PROBE = 2000;
const SILENCE = 12_000;
/** A connection that lasted so long was a good one: the next failure is the first again. */
const STABLE = 5000;
/** The longest time before a token's end at which the next one is fetched; and until that is tried again. */
const LEAD = 60_000;
const AGAIN = 10_000;
const NEVER = 1e9;

const STALE = 4000;
const MOVED = 4001;
const HIDDEN = 4010;

/**
 * @param {import("./session.js").Session} session
 * @param {import("./timers.js").Timers} timers
 * @param {Owner} owner
 */
export function createConnection(session, timers, owner) {
  /** @type {WebSocket | null} The one that carries messages. */
  let socket = null;
  /** @type {WebSocket | null} The one that is being opened. */
  let next = null;
  let failures = 0;
  let attempts = 0;
  let networkChanged = false;
  /** Our clock minus the server's, ms. */
  let skew = 0;

  // ---------------------------------------------------------------- opening

  /** Connect now, whatever was waited for. @param {string} [token] A fresh one. */
  function open(token) {
    timers.clear("retry");
    if (!socket) void dial(token);
  }

  /** @param {string} [given] */
  async function dial(given) {
    const attempt = ++attempts;
    next?.close(STALE);
    next = null;
    let token = given ?? "";
    try {
      token ||= await getToken();
    } catch (cause) {
      if (attempt === attempts) retry(failed(cause));
      return;
    }
    if (attempt !== attempts || !owner.admit(token)) return;
    const url = owner.url();
    /** @type {WebSocket} */
    let made;
    try {
      made = session.v1 ? new WebSocket(url, ["carillon.v1", `bearer.${token}`]) : new WebSocket(`${url}?token=${encodeURIComponent(token)}`);
    } catch (cause) {
      return owner.onLost(invalid("url or token", cause), null);
    }
    next = made;
    timers.set("connect", CONNECT, () => {
      if (next !== made) return;
      // Nobody answered, as on the way to a dead node, which half of all attempts may take: this was wait enough.
      failures = 0;
      gone(made);
    });
    made.onopen = () => {
      if (session.v1) return made.send(JSON.stringify(session.resume()));
      adopt(made, token);
      owner.onOpen(token);
    };
    made.onmessage = ({ data }) => hear(made, JSON.parse(data), token);
    made.onerror = () => gone(made);
    made.onclose = ({ code, reason }) => gone(made, code, reason);
  }

  /** The new socket carries the messages from now on; only now the old one goes. @param {WebSocket} made @param {string} token */
  function adopt(made, token) {
    socket?.close(MOVED);
    socket = made;
    next = null;
    timers.clear("retry", "move", "probe", "flush");
    timers.set("stable", STABLE, () => {
      if (socket === made) failures = 0;
    });
    if (session.v1) renew(token);
  }

  // ---------------------------------------------------------------- hearing

  /** @param {WebSocket} from @param {Message} message @param {string} token */
  function hear(from, message, token) {
    const { type, payload } = message;
    if (from === next && type === "session.welcome") {
      skew = Date.now() - payload.server_time * 1000;
      adopt(from, token);
    }
    if (from !== socket) return;
    alive();
    const heard = session.receive(message);
    if (heard.gap) return gone(from);
    heard.replies.forEach(write);
    if (heard.flush && !timers.has("flush")) timers.set("flush", heard.flush * 1000, () => session.at.outbox.forEach(write));
    // Open another socket first, then leave this one: in the first half of the time, for in all of it others are sent away.
    if (type === "server.going_away") timers.set("move", Math.random() * Math.min(payload.within ?? 0, 60) * 500, dial);
    if (type === "token.refreshed") renew(token, payload.expires_at);
    owner.onHeard(heard);
    timers.check();
  }

  function alive() {
    timers.clear("probe");
    timers.set("silence", SILENCE, probe);
    if (!networkChanged) return;
    networkChanged = false;
    owner.onProved();
  }

  function probe() {
    const asked = socket;
    if (!asked || timers.has("probe")) return;
    write(session.v1 ? { type: "session.ping", payload: { id: "probe" } } : { type: "call.check", payload: { session_id: "probe" } });
    timers.set("probe", PROBE, () => gone(asked));
  }

  /** @param {Message} message */
  function write(message) {
    if (socket?.readyState === 1) socket.send(JSON.stringify(message));
  }

  // ---------------------------------------------------------------- losing

  /** @param {WebSocket} lost @param {number} [code] @param {string} [reason] */
  function gone(lost, code, reason = "") {
    const current = lost === socket;
    if (!current && lost !== next) return;
    lost.close(STALE);
    if (current) socket = null;
    else next = null;
    // In a move it is our own successor that drives the old socket out, and this may be known before its welcome comes.
    if (code === 1000 && current && next?.readyState !== 1) return refused("replaced");
    // 4402: fetched for this very connection, and its time is up all the same: the next one would be no better.
    if (code === 4401 || (code === 4402 && !current)) return refused("token_refused");
    if (code === 4403) return refused("origin_refused");
    // One of two: the other one may do. Who was asked to move, and was not taken, asks again later.
    if (socket) timers.set("move", 5000 + 5000 * Math.random(), dial);
    else if (!next) {
      // What was too long is not sent again.
      if (code === 1009) session.at.outbox = [];
      retry(new CarillonError("unreachable", { retryAfter: hint(reason) }));
    }
  }

  /** @param {import("./types.js").Code} code */
  function refused(code) {
    close(STALE);
    owner.onLost(new CarillonError(code), null);
  }

  /** @param {CarillonError} error */
  function retry(error) {
    const ms = Math.max(backoff(failures++, Math.random()), (error.retryAfter ?? 0) * 1000 * (1 + Math.random() / 4));
    if (socket) return timers.set("move", ms, dial);
    timers.set("retry", ms, open);
    owner.onLost(error, Date.now() + ms);
  }

  /** @param {number} code 1000 to leave, which ends a call. */
  function close(code) {
    attempts++;
    timers.clear("retry", "move");
    socket?.close(code);
    next?.close(code);
    socket = next = null;
  }

  // ---------------------------------------------------------------- the token

  /** Fetch the next token before this one expires. @param {string} token @param {number | null} [expires] Unix seconds. */
  function renew(token, expires = expiry(token)) {
    if (!expires) return;
    const left = expires * 1000 + skew - Date.now();
    timers.set("token", Math.max(1000, left - Math.min(LEAD, left / 5)), refresh);
  }

  const getToken = () => within(TOKEN, owner.getToken);

  /** @param {unknown} cause Why there is no token. */
  function failed(cause) {
    const error = new CarillonError("token_failed", { cause });
    owner.onError(error);
    return error;
  }

  async function refresh() {
    const asked = socket;
    try {
      const token = asked && (await getToken());
      if (token && asked === socket) write({ type: "token.refresh", payload: { token } });
    } catch (cause) {
      if (asked !== socket) return;
      failed(cause);
      timers.set("token", AGAIN, refresh);
    }
  }

  return {
    open,
    /** Whether messages can be sent now. */
    up: () => socket !== null,
    /** @param {string} type @param {Payload} payload */
    send: (type, payload) => write(session.number(type, payload)),
    leave: () => close(1000),
    /** Another tab takes over. */
    yield: () => close(MOVED),
    /** The page is being hidden for good, reloaded, or kept for the Back button; where that brings it back, `doubt` does the rest. */
    hide() {
      close(HIDDEN);
      timers.set("retry", NEVER, open);
    },
    /** Something happened to the network or to the page: does the socket still live? @param {boolean} [network] */
    doubt(network = false) {
      networkChanged ||= network;
      if (socket) probe();
      else if (timers.has("retry")) open();
    },
  };
}

/** @typedef {ReturnType<typeof createConnection>} Connection */
