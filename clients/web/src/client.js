/**
 * One user in one page: what API.md describes. It puts the parts together; what follows from what is decided in `core/`.
 *
 * @typedef {import("./types.js").Call} Call
 * @typedef {import("./types.js").CoreCall} CoreCall
 * @typedef {import("./types.js").Events} Events
 * @typedef {import("./types.js").Media} Media
 * @typedef {import("./types.js").Options} Options
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Quality} Quality
 * @typedef {import("./types.js").Signal} Signal
 * @typedef {import("./types.js").SignalType} SignalType
 * @typedef {import("./types.js").StartOptions} StartOptions
 */

import { userOf, wants } from "./core/model.js";
import * as rules from "./core/person.js";
import { CarillonError, invalid } from "./errors.js";
import { createSeat } from "./seat.js";
import { quiet } from "./waiting.js";

export class CarillonClient extends EventTarget {
  #seat;

  /** @param {Options} options */
  constructor(options) {
    super();
    demand(options?.url && options.getToken, "url or getToken");
    this.#seat = createSeat(
      options,
      (type, detail) => void this.dispatchEvent(new CustomEvent(type, { detail })),
      (method, args) => /** @type {any} */ (this)[method](...args),
    );
  }

  // ---------------------------------------------------------------- properties

  get state() {
    return this.#shown.state;
  }

  get error() {
    return this.#shown.error;
  }

  /** Unix ms of the next attempt while `connecting` or `reconnecting`, or null. */
  get retryAt() {
    return this.#shown.retryAt;
  }

  get user() {
    return this.#shown.user;
  }

  get call() {
    return this.#seat.call();
  }

  /** Whether this tab holds the connection. */
  get here() {
    return this.#seat.here();
  }

  get #shown() {
    return this.#seat.shown();
  }

  // ---------------------------------------------------------------- the connection

  /**
   * Resolves when `online`; rejects when `failed`, `replaced` or left. Goes on trying while the server is away.
   *
   * @returns {Promise<void>}
   */
  connect() {
    this.#seat.connect();
    /** @returns {any} */
    const online = () => {
      const { state, error } = this;
      if (!wants(state)) throw error ?? new CarillonError("not_connected");
      return state === "online" || null;
    };
    return this.#seat.until(online);
  }

  /** Hangs up and leaves. */
  disconnect() {
    this.#seat.leave();
  }

  // ---------------------------------------------------------------- calls

  /**
   * Resolves when it rings, rejects when it does not.
   *
   * @param {string} userId
   * @param {StartOptions} [options]
   * @returns {Promise<Call>}
   */
  start(userId, { media = "audio", data, deviceToken, deviceOs, listenOnly = false, name } = {}) {
    const seat = this.#seat;
    return act(async () => {
      demand(typeof userId === "string" && userId && userId.length <= 256, "userId");
      demand(media === "audio" || media === "video", "media");
      demand(new Blob([data ?? ""]).size <= 1024, "data");
      if (userId === this.user?.id) throw new CarillonError("self_call");
      if (!this.call) await seat.claim();
      if (this.call) throw new CarillonError("in_call");
      const payload = { callee_id: userId, media, data, callee_device_token: deviceToken, callee_os: deviceOs };
      seat.take(rules.start, userOf({ user_id: userId, name }), media, listenOnly, payload);
      return this.#past("outgoing", seat.model().serial);
    });
  }

  /**
   * Resolves when it is `connecting`. A refused microphone rejects, and the call rings on.
   *
   * @param {{ media?: Media, listenOnly?: boolean }} [options]
   * @returns {Promise<Call>}
   */
  accept({ media, listenOnly = false } = {}) {
    return act(async () => {
      const { key } = await this.#same("incoming");
      this.#seat.take(rules.accept, media, listenOnly);
      return this.#past("incoming", key);
    });
  }

  /** Declines the incoming call. */
  reject() {
    void this.#there("reject", [], () => this.#seat.take(rules.reject));
  }

  /** Hangs up, cancels or declines: whatever ends the call now. */
  end() {
    void this.#there("end", [], () => this.#seat.take(rules.end));
  }

  /**
   * Takes a `detached` call, or one in another tab, into this tab.
   *
   * @returns {Promise<Call>}
   */
  resume() {
    return act(async () => {
      if (this.call?.here) return this.call;
      const { key } = await this.#same("detached");
      this.#seat.take(rules.resume);
      return this.#past("detached", key);
    });
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    void this.#there("setMuted", [muted], () => this.#seat.media.mute(muted));
  }

  /**
   * Turns the camera on or off, also in a call that began as audio.
   *
   * @param {boolean} on
   * @returns {Promise<void>}
   */
  setCamera(on) {
    return this.#there("setCamera", [on], () => {
      const { call } = this.#seat.model();
      if (!call?.here) throw new CarillonError("no_call");
      return this.#seat.media.swap(call.key, "video", on);
    });
  }

  /**
   * For this call and the next ones.
   *
   * @param {"audioinput" | "videoinput"} kind
   * @param {string} deviceId
   * @returns {Promise<void>}
   */
  useDevice(kind, deviceId) {
    return act(async () => {
      demand(kind === "audioinput" || kind === "videoinput", "kind");
      const chosen = this.#seat.media.choose(kind === "audioinput" ? "audio" : "video", deviceId);
      return this.here ? chosen : this.#seat.ask("useDevice", [kind, deviceId]);
    });
  }

  /**
   * Measured now; null unless `connected`.
   *
   * @returns {Promise<Quality | null>}
   */
  quality() {
    return this.#there("quality", [], () => this.#seat.media.quality());
  }

  /**
   * Whether a call still stands.
   *
   * @param {string} callId
   * @returns {Promise<boolean>}
   */
  check(callId) {
    return this.#there("check", [callId], async () => (await this.#seat.check(callId)).exists === true);
  }

  /**
   * With `media: false`: sends `webrtc.offer`, `webrtc.answer` or `webrtc.ice` to the peer.
   *
   * @param {SignalType} type
   * @param {Payload} payload
   */
  signal(type, payload) {
    this.#seat.signal(type, payload);
  }

  /**
   * `addEventListener` with `event.detail` as the argument.
   *
   * @template {keyof Events} T
   * @param {T} type
   * @param {(detail: Events[T]) => void} listener
   * @returns {() => void} Removes it.
   */
  on(type, listener) {
    const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(type, heard);
    return () => this.removeEventListener(type, heard);
  }

  // ---------------------------------------------------------------- which tab does it

  /**
   * In the tab that holds the connection.
   *
   * @param {string} method This one, to be called there.
   * @param {unknown[]} args
   * @param {() => any} here What it does if that is this tab.
   * @returns {Promise<any>}
   */
  #there(method, args, here) {
    return act(async () => (this.here ? here() : this.#seat.ask(method, args)));
  }

  /**
   * The call at hand, with the connection in this tab.
   *
   * @param {import("./types.js").CallState} state In which it must still be.
   * @returns {Promise<CoreCall>}
   */
  async #same(state) {
    const id = this.call?.id;
    if (!id) throw new CarillonError("no_call");
    if (!this.here) await this.#seat.claim();
    const { call } = this.#seat.model();
    if (call?.id !== id) throw new CarillonError("call_over");
    if (call.state !== state) throw new CarillonError("no_call");
    return call;
  }

  /**
   * The call, once it has left a state; rejects if it ended instead, or could not be answered.
   *
   * @param {import("./types.js").CallState} before
   * @param {number} key
   * @returns {Promise<Call>}
   */
  #past(before, key) {
    return this.#seat.during(key, ({ state, here }) => {
      const refusal = this.#seat.media.refusal();
      if (state === "incoming" && !here && refusal) throw refusal;
      return state === before ? null : this.call;
    });
  }
}

/** @param {unknown} right @param {string} name Of an argument. */
function demand(right, name) {
  if (!right) throw invalid(name);
}

/**
 * @template T
 * @param {() => Promise<T>} what
 */
const act = (what) => quiet(what());
