/**
 * The client: hands what happens to the state machine in core.js and does what follows from it.
 *
 * @typedef {import("./types.js").Call} Call
 * @typedef {import("./types.js").CoreCall} CoreCall
 * @typedef {import("./types.js").Devices} Devices
 * @typedef {import("./types.js").Events} Events
 * @typedef {import("./types.js").Media} Media
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Options} Options
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Quality} Quality
 * @typedef {import("./types.js").Signal} Signal
 * @typedef {import("./types.js").SignalType} SignalType
 * @typedef {import("./types.js").StartOptions} StartOptions
 * @typedef {import("./types.js").User} User
 */

import { Connection, within } from "./connection.js";
import { initial, reduce, userOf } from "./core.js";
import { CarillonError } from "./errors.js";
import { acquire, stateOf, track as getTrack } from "./media.js";
import { Peer } from "./peer.js";
import { measure } from "./quality.js";
import { Plain, Session } from "./session.js";
import { Memory } from "./memory.js";
import { Tabs } from "./tabs.js";
import { Timers } from "./timers.js";
import { claims } from "./token.js";

/** ms. */
const CHECK = 5000;
const MEASURE = 2000;
/** Between two ICE restarts while no media flows; the polite side lets the other one begin. */
const AGAIN = 6000;
const COURTESY = 2000;

export class CarillonClient extends EventTarget {
  #options;
  #timers = new Timers();
  /** @type {Session} */
  #session;
  /** @type {import("./core.js").Model} */
  #model;
  /** @type {Connection} */
  #connection;
  /** @type {Memory} */
  #memory;
  /** @type {Tabs | null} */
  #tabs = null;
  /** @type {import("./core.js").Model | null} As the tab that holds the connection has it. */
  #mirror = null;
  #wanted = false;
  #begun = 0;
  /** @type {RTCIceServer[]} */
  #iceServers = [];

  /** @type {Peer | null} */
  #peer = null;
  /** @type {Signal[]} That came before there was a peer connection. */
  #early = [];
  /** @type {MediaStream | null} */
  #local = null;
  /** @type {MediaStream | null} */
  #remote = null;
  /** @type {{ audio?: string, video?: string }} */
  #devices = {};
  /** @type {Awaited<ReturnType<typeof measure>> | null} */
  #measured = null;

  /** @type {Call | null} */
  #snapshot = null;
  /** @type {CoreCall | null} */
  #snapped = null;
  /** @type {Set<() => boolean>} What promises wait for; each returns whether it is done. */
  #waiting = new Set();
  /** @type {Map<string, { resolve: (value: any) => void, reject: (error: CarillonError) => void }>} Asked of another tab. */
  #asked = new Map();
  /** @type {Map<number, CoreCall & { retryAfter: number | null }>} */
  #ended = new Map();

  /** @param {Options} options */
  constructor(options) {
    super();
    if (!options?.url || typeof options.getToken !== "function") throw invalid("CarillonClient needs url and getToken.");
    this.#options = options;
    const v1 = options.protocol !== "reference";
    this.#memory = new Memory(options.storage);
    this.#session = v1 ? new Session() : new Plain();
    this.#model = initial(options.media !== false);
    this.#connection = new Connection({
      url: () => this.#url(),
      getToken: () => this.#token(),
      v1,
      session: this.#session,
      timers: this.#timers,
      watcher: {
        onDown: (error, retryAt) => this.#take({ type: "connection", state: this.#model.user ? "reconnecting" : "connecting", error, retryAt }),
        onFailed: (error) => {
          this.#take({ type: "connection", state: "failed", error });
        },
        onReplaced: () => this.#take({ type: "connection", state: "replaced", error: new CarillonError("replaced") }),
        onHeard: (heard) => this.#heard(heard),
        onOpen: (token) => this.#opened(token),
        onProved: () => this.#restart(),
        onError: (error) => this.#emit("error", { error }),
      },
    });
  }

  // ---------------------------------------------------------------- properties

  get state() {
    return this.#shown.state;
  }

  get error() {
    return this.#shown.error;
  }

  /** Unix ms of the next attempt while `reconnecting`, or null. */
  get retryAt() {
    return this.#shown.retryAt;
  }

  get user() {
    return this.#shown.user;
  }

  get call() {
    return this.#public(this.#shown.call);
  }

  /** Whether this tab holds the connection. */
  get here() {
    return !this.#tabs || this.#tabs.leads;
  }

  get #shown() {
    return this.#mirror ?? this.#model;
  }

  // ---------------------------------------------------------------- the connection

  /**
   * Resolves when `online`; rejects when `failed`, `replaced` or left. Goes on trying while the server is away.
   *
   * @returns {Promise<void>}
   */
  connect() {
    if (this.state !== "online" && !this.#mirror) {
      const first = !this.#wanted;
      this.#wanted = true;
      if (["idle", "failed", "replaced"].includes(this.#model.state)) this.#take({ type: "connection", state: "connecting" });
      if (first) {
        this.#listen(true);
        void this.#begin();
      } else if (this.here) this.#connection.open();
    }
    return this.#until(() => {
      const { state, error } = this.#shown;
      if (state === "online") return [undefined];
      if (state === "failed" || state === "replaced") throw error ?? new CarillonError("not_connected");
      if (state === "idle") throw new CarillonError("not_connected");
      return null;
    });
  }

  /** Hangs up and leaves. */
  disconnect() {
    if (this.here && this.#model.call?.here) this.#take({ type: "end" });
    this.#begun++;
    this.#wanted = false;
    this.#connection.close(1000);
    this.#tabs?.leave();
    this.#tabs = this.#mirror = null;
    this.#timers.stop();
    this.#listen(false);
    this.#take({ type: "connection", state: "idle" });
    this.#save();
  }

  /** Learn who we are, so that the tabs of one user find each other; then wait for the place, or take it. */
  async #begin() {
    const { tabs } = this.#options;
    if (tabs === false || !Tabs.possible) {
      await this.#memory.open(this.#url(), "", false);
      return this.#lead();
    }
    const begun = ++this.#begun;
    let token;
    try {
      token = await within(15_000, () => this.#options.getToken());
    } catch (cause) {
      if (begun !== this.#begun) return;
      const error = new CarillonError("token_failed", { cause });
      this.#emit("error", { error });
      this.#take({ type: "connection", state: "connecting", error, retryAt: Date.now() + 2000 });
      this.#timers.set("retry", 2000, () => void this.#begin());
      return;
    }
    if (begun !== this.#begun) return;
    this.#fresh = { token, at: Date.now() };
    const { hash, sub } = claims(token);
    const user = String(hash ?? sub ?? "");
    await this.#memory.open(this.#url(), user, true);
    if (begun !== this.#begun) return;
    if (!user) return this.#lead();
    this.#tabs = new Tabs(`carillon:${this.#url()}:${user}`, {
      onLead: () => this.#lead(),
      onLost: () => this.#follow(),
      onMessage: (message) => this.#told(message),
    });
    // Whose call it was takes the place back; everybody else waits for it.
    if (this.#memory.call) this.#tabs.steal();
    else this.#tabs.queue();
    this.#tabs.post({ kind: "who" });
  }
  /** @type {{ token: string, at: number } | null} */
  #fresh = null;

  /** @returns {string | Promise<string>} */
  #token() {
    const fresh = this.#fresh;
    this.#fresh = null;
    return fresh && Date.now() - fresh.at < 2000 ? fresh.token : this.#options.getToken();
  }

  #url() {
    const { url } = this.#options;
    const made = new URL(typeof url === "function" ? url() : url, globalThis.location?.href);
    made.protocol = made.protocol.replace(/^http/, "ws");
    return made.href;
  }

  /** This tab holds the connection now. */
  #lead() {
    const mirror = this.#mirror;
    this.#mirror = null;
    const { session, epoch, seq, n } = this.#memory.cursor;
    Object.assign(this.#session, { id: session ?? null, epoch: epoch ?? null, seq: seq ?? 0, answered: n ?? 0, outbox: [] });
    this.#model = {
      ...initial(this.#options.media !== false, this.#memory.call),
      state: "connecting",
      user: mirror?.user ?? this.#model.user,
      over: this.#memory.over,
    };
    if (mirror) this.#take({ type: "inherit", call: mirror.call });
    this.#connection.open();
  }

  /** Another tab holds the connection now: what was done here is over, without a word to the peer. */
  #follow() {
    this.#mirror = { ...this.#model, call: this.#model.call && { ...this.#model.call, here: false } };
    this.#connection.close();
    this.#timers.stop();
    this.#release();
    this.#memory.call = null;
    this.#changed();
  }

  /** @param {boolean} on */
  #listen(on) {
    if (typeof window === "undefined") return;
    const act = on ? "addEventListener" : "removeEventListener";
    window[act]("online", this.#online);
    window[act]("pageshow", this.#visible);
    window[act]("pagehide", this.#hide);
    document[act]("visibilitychange", this.#visible);
    /** @type {any} */ (navigator).connection?.[act]("change", this.#online);
    navigator.mediaDevices?.[act]("devicechange", this.#devicechange);
  }
  #online = () => this.here && this.#connection.doubt(true);
  #visible = () => {
    if (this.#hidden) this.#connection.open();
    else if (this.here && document.visibilityState === "visible") this.#connection.doubt(false);
    this.#hidden = false;
    this.#timers.check();
  };
  #hide = () => {
    this.#save();
    this.#hidden = this.here;
    if (this.here) this.#connection.hide();
  };
  #hidden = false;

  // ---------------------------------------------------------------- what the server says

  /** @param {import("./session.js").Heard} heard */
  #heard({ news, about, replay, settled, voided }) {
    if (news?.type === "session.welcome") {
      const { payload } = news;
      this.#iceServers = payload.ice_servers ?? [];
      this.#take({
        type: "welcome",
        user: userOf(payload.user),
        grace: payload.grace * 1000,
        ring: payload.ring_timeout * 1000,
        skew: Date.now() - payload.server_time * 1000,
        voided: voided === true,
        standing: payload.call ?? null,
      });
    } else if (news?.type.startsWith("webrtc.")) {
      this.#signalled(/** @type {Signal} */ (/** @type {unknown} */ (news)));
    } else if (news) {
      if (news.type === "call.check_result") this.#settle(`check:${news.payload.session_id}`, news.payload);
      this.#take({ type: "message", message: news, about, replay });
      if (news.type === "error" && news.payload.code === "unauthorized" && !about) {
        this.#emit("error", { error: new CarillonError("token_refused") });
      }
    }
    if (settled) {
      this.#take({ type: "standing", call: settled.call ?? null, recovered: settled.recovered });
      if (this.#peer && !this.#peer.up) this.#restart();
    }
    this.#remember();
  }

  /**
   * A server without sessions: what stands must be asked for.
   *
   * @param {string} token
   */
  async #opened(token) {
    const { hash, sub, ...rest } = claims(token);
    const user = userOf({ ...rest, user_id: String(hash ?? sub ?? "") });
    this.#take({ type: "welcome", user, grace: 30_000, ring: 60_000, skew: 0, voided: true, standing: null });
    const id = this.#model.call?.id;
    const call = this.#model.call;
    const found = id ? await this.#check(id).catch(() => null) : { exists: false };
    if (!found) return;
    const standing = found.exists && call ? { session_id: id, state: found.state } : null;
    this.#take({ type: "standing", call: standing, recovered: true });
    if (this.#peer && !this.#peer.up) this.#restart();
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
    return this.#act(async () => {
      if (typeof userId !== "string" || !userId || userId.length > 256) throw invalid("userId must be a string of 1 to 256 characters.");
      if (media !== "audio" && media !== "video") throw invalid('media must be "audio" or "video".');
      if (data !== undefined && new TextEncoder().encode(data).length > 1024) throw invalid("data is longer than 1024 bytes.");
      if (userId === this.user?.id) throw new CarillonError("self_call");
      if (this.call) throw new CarillonError("in_call");
      await this.#takePlace();
      if (this.#model.call) throw new CarillonError("in_call");
      const payload = { callee_id: userId, media, data, callee_device_token: deviceToken, callee_os: deviceOs };
      this.#take({ type: "start", peer: userOf({ user_id: userId, name }), media, listenOnly, payload });
      return this.#follows(this.#model.serial, (call) => call.state !== "outgoing");
    });
  }

  /**
   * Resolves when it is `connecting`. A refused microphone rejects, and the call rings on.
   *
   * @param {{ media?: Media, listenOnly?: boolean }} [options]
   * @returns {Promise<Call>}
   */
  accept({ media, listenOnly = false } = {}) {
    return this.#act(async () => {
      await this.#sameCall((call) => call.state === "incoming");
      const { key, media: theirs } = /** @type {CoreCall} */ (this.#model.call);
      this.#denied = null;
      this.#take({ type: "accept", media: media ?? theirs, listenOnly });
      return this.#follows(key, (call) => {
        if (this.#denied) throw this.#denied;
        return call.state !== "incoming";
      });
    });
  }
  /** @type {CarillonError | null} */
  #denied = null;

  /** Declines the incoming call. */
  reject() {
    this.#order("reject");
  }

  /** Hangs up, cancels or declines: whatever ends the call now. */
  end() {
    this.#order("end");
  }

  /**
   * Takes a `detached` call, or one in another tab, into this tab.
   *
   * @returns {Promise<Call>}
   */
  resume() {
    return this.#act(async () => {
      if (this.call?.here) return this.call;
      await this.#sameCall((call) => call.state === "detached");
      const { key } = /** @type {CoreCall} */ (this.#model.call);
      this.#take({ type: "resume" });
      return this.#follows(key, (call) => call.state !== "detached");
    });
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    if (!this.here) return void this.#ask("setMuted", muted).catch(() => {});
    const call = this.#model.call;
    if (!call) return;
    for (const one of this.#local?.getAudioTracks() ?? []) one.enabled = !muted;
    const has = call.local.audio === "on" || call.local.audio === "muted";
    this.#take({ type: "devices", key: call.key, muted, local: has ? { audio: muted ? "muted" : "on" } : {} });
    this.#say();
  }

  /**
   * Turns the camera on or off, also in a call that began as audio.
   *
   * @param {boolean} on
   * @returns {Promise<void>}
   */
  setCamera(on) {
    return this.#act(async () => {
      if (!this.here) return this.#ask("setCamera", on);
      const { key } = this.#mine();
      await this.#swap(key, "video", on ? () => getTrack("video", this.#devices.video) : null, on ? "on" : "off");
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
    return this.#act(async () => {
      if (kind !== "audioinput" && kind !== "videoinput") throw invalid('kind must be "audioinput" or "videoinput".');
      const media = kind === "audioinput" ? "audio" : "video";
      this.#devices[media] = deviceId;
      if (!this.here) return this.#ask("useDevice", kind, deviceId);
      const call = this.#model.call;
      const on = call?.local[media];
      if (call?.here && this.#local && (on === "on" || on === "muted" || media === "audio")) {
        await this.#swap(call.key, media, () => getTrack(media, deviceId), on === "muted" ? "muted" : "on");
      }
    });
  }

  /**
   * Measured now; null unless `connected`.
   *
   * @returns {Promise<Quality | null>}
   */
  quality() {
    return this.#act(async () => {
      if (!this.here) return this.#ask("quality");
      const call = this.#model.call;
      if (call?.state !== "connected" || !this.#peer) return null;
      this.#measured = await measure(this.#peer.pc, this.#measured);
      return this.#measured.quality;
    });
  }

  /**
   * Whether a call still stands.
   *
   * @param {string} callId
   * @returns {Promise<boolean>}
   */
  check(callId) {
    return this.#act(async () => {
      if (!this.here) return this.#ask("check", callId);
      return (await this.#check(callId)).exists === true;
    });
  }

  /** @param {string} callId */
  async #check(callId) {
    if (!this.#connection.up) throw new CarillonError("not_connected");
    const found = /** @type {Promise<Payload>} */ (this.#answer(`check:${callId}`, CHECK));
    this.#connection.send("call.check", { session_id: callId });
    return found;
  }

  /**
   * With `media: false`: sends `webrtc.offer`, `webrtc.answer` or `webrtc.ice` to the peer.
   *
   * @param {SignalType} type
   * @param {Payload} payload
   */
  signal(type, payload) {
    const id = this.#model.call?.id;
    if (id) this.#connection.send(type, { ...payload, session_id: id });
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

  // ---------------------------------------------------------------- the state machine's shell

  /** @param {import("./core.js").Event} event */
  #take(event) {
    const before = this.#model;
    const [model, effects] = reduce(before, event, Date.now());
    this.#model = model;
    for (const effect of effects) this.#do(effect);
    if (before.call && before.call.key !== this.#model.call?.key) this.#release();
    if (model === this.#model) this.#changed(before);
    const { until } = this.#model;
    if (until === null) this.#timers.clear("until");
    else if (until !== before.until) this.#timers.set("until", Math.max(0, until - Date.now()), () => this.#take({ type: "tick" }));
  }

  /** @param {import("./core.js").Effect} effect */
  #do(effect) {
    switch (effect.do) {
      case "send":
        return this.#connection.send(effect.type, effect.payload);
      case "acquire":
        return void this.#acquire(effect);
      case "peer":
        return this.#meet(effect.polite, effect.offer);
      case "repair":
        return this.#peer?.repair();
      case "ended": {
        const { call, silent, retryAfter } = effect;
        this.#ended.set(call.key, { ...call, retryAfter });
        for (const key of this.#ended.keys()) if (key < call.key - 8) this.#ended.delete(key);
        this.#over(call, silent === true);
        this.#tabs?.post({ kind: "ended", call, silent });
      }
    }
  }

  /**
   * @param {CoreCall} call
   * @param {boolean} silent It never was `client.call` here.
   */
  #over(call, silent) {
    queueMicrotask(() => {
      const detail = { call: /** @type {Call} */ (Object.freeze({ ...call, localStream: null, remoteStream: null })) };
      if (!silent) {
        this.#emit("call", detail);
        this.#emit("ended", detail);
      }
      if (call.reason === "missed") this.#emit("missed", detail);
    });
  }

  /** @param {import("./core.js").Model} [before] */
  #changed(before) {
    const { state, error, retryAt, call } = this.#shown;
    if (this.here && before) {
      if (before.call !== call || before.state !== state || before.error !== error) this.#post();
      this.#memory.call = call?.here ? call.id : call || state === "connecting" ? this.#memory.call : null;
      this.#memory.over = this.#model.over;
    }
    if (!before || before.state !== state || before.error !== error || before.retryAt !== retryAt) this.#emit("state", { state, error, retryAt });
    if (call && before?.call !== call) {
      const shown = /** @type {Call} */ (this.#public(call));
      this.#emit("call", { call: shown });
      if (call.state === "incoming" && before?.call?.key !== call.key) this.#emit("incoming", { call: shown });
    }
    const talking = call?.here && call.state === "connected" && this.#model.media;
    if (!talking) this.#timers.clear("quality");
    else if (!this.#timers.has("quality")) this.#timers.set("quality", MEASURE, () => void this.#measure());
    for (const done of [...this.#waiting]) if (done()) this.#waiting.delete(done);
  }

  /**
   * @param {CoreCall | null} call
   * @returns {Call | null}
   */
  #public(call) {
    if (!call) return null;
    if (this.#snapped !== call || this.#snapshot?.localStream !== this.#local || this.#snapshot?.remoteStream !== this.#remote) {
      this.#snapped = call;
      this.#snapshot = Object.freeze({ ...call, localStream: this.#local, remoteStream: this.#remote });
    }
    return this.#snapshot;
  }

  /**
   * @template {keyof Events} T
   * @param {T} type
   * @param {Events[T]} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * @template T
   * @param {() => [T] | null} look Throws to reject.
   * @returns {Promise<T>}
   */
  #until(look) {
    const promise = new Promise((resolve, reject) => {
      const done = () => {
        try {
          const found = look();
          if (found) resolve(found[0]);
          return found !== null;
        } catch (error) {
          reject(error);
          return true;
        }
      };
      if (!done()) this.#waiting.add(done);
    });
    return quiet(/** @type {Promise<T>} */ (promise));
  }

  /**
   * @param {number} key
   * @param {(call: CoreCall) => boolean} arrived Throws to reject.
   * @returns {Promise<Call>}
   */
  #follows(key, arrived) {
    return this.#until(() => {
      const call = this.#shown.call;
      if (call?.key === key) return arrived(call) ? [/** @type {Call} */ (this.call)] : null;
      const { reason, message, retryAfter } = this.#ended.get(key) ?? {};
      throw new CarillonError(reason ?? "call_over", { message, retryAfter });
    });
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  #act(act) {
    return quiet(act());
  }

  /** @param {"reject" | "end"} type */
  #order(type) {
    if (this.here) this.#take({ type });
    else this.#ask(type).catch(() => {});
  }

  /** @returns {CoreCall} */
  #mine() {
    const call = this.#model.call;
    if (!call?.here) throw new CarillonError("no_call");
    return call;
  }

  // ---------------------------------------------------------------- tabs

  /** Hold the connection, which the tab with the call always does. */
  async #takePlace() {
    if (!this.here) {
      const standing = this.#until(() => (this.here && this.#model.state === "online" ? [undefined] : null));
      this.#tabs?.steal();
      await within(CHECK, () => standing).catch(() => {
        throw new CarillonError("unreachable");
      });
    }
    if (this.#model.state !== "online") throw new CarillonError(this.#wanted ? "unreachable" : "not_connected");
  }

  /** @param {(call: CoreCall) => boolean} fits Whether the call at hand is still one to act upon, here. */
  async #sameCall(fits) {
    const id = this.call?.id;
    if (!id) throw new CarillonError("no_call");
    if (!this.here) await this.#takePlace();
    const call = this.#model.call;
    if (call?.id !== id) throw new CarillonError("call_over");
    if (!fits(call)) throw new CarillonError("no_call");
  }

  #post() {
    if (!this.#tabs?.leads) return;
    const { state, error, retryAt, user, call } = this.#model;
    const told = error && { code: error.code, message: error.message, retryAfter: error.retryAfter };
    this.#tabs.post({ kind: "model", state, error: told, retryAt, user, call: call && { ...call, here: false } });
  }

  /** @param {any} message From another tab. */
  async #told(message) {
    const leads = this.#tabs?.leads;
    if (message.kind === "who" && leads) this.#post();
    else if (message.kind === "model" && !leads) {
      const before = this.#shown;
      const { state, retryAt, user, call } = message;
      const error = message.error && new CarillonError(message.error.code, message.error);
      this.#mirror = { ...this.#model, state, error, retryAt, user, call };
      this.#changed(before);
    } else if (message.kind === "ended" && !leads) this.#over(message.call, message.silent === true);
    else if (message.kind === "ask" && leads) {
      const { id, method, args } = message;
      try {
        this.#tabs?.post({ kind: "answer", id, value: await /** @type {any} */ (this)[method](...args) });
      } catch (error) {
        const { code, message: text, retryAfter } = /** @type {CarillonError} */ (error);
        this.#tabs?.post({ kind: "answer", id, error: { code, message: text, retryAfter } });
      }
    } else if (message.kind === "answer") {
      const { error, value } = message;
      this.#settle(message.id, value, error && new CarillonError(error.code, error));
    }
  }

  /**
   * @param {"reject" | "end" | "setMuted" | "setCamera" | "useDevice" | "quality" | "check"} method
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  #ask(method, ...args) {
    const id = `${Math.random()}`;
    this.#tabs?.post({ kind: "ask", id, method, args });
    return this.#answer(id, CHECK);
  }

  /**
   * @param {string} id
   * @param {number} ms
   * @returns {Promise<unknown>}
   */
  #answer(id, ms) {
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    this.#timers.set(id, ms, () => this.#settle(id, null, new CarillonError("unavailable")));
    return quiet(answer);
  }

  /**
   * @param {string} id
   * @param {unknown} value
   * @param {CarillonError | null} [error]
   */
  #settle(id, value, error) {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    this.#timers.clear(id);
    if (error) asked?.reject(error);
    else asked?.resolve(value);
  }

  #remember() {
    const { id, epoch, seq, answered } = this.#session;
    if (id) this.#memory.cursor = { session: id, epoch, seq, n: answered };
  }

  #save() {
    this.#remember();
  }

  // ---------------------------------------------------------------- media

  /** @param {Extract<import("./core.js").Effect, { do: "acquire" }>} wanted */
  async #acquire({ key, media, listenOnly }) {
    /** @type {Devices} */
    const off = { audio: "off", video: "off" };
    if (!this.#model.media) return void queueMicrotask(() => this.#take({ type: "acquired", key, local: off }));
    try {
      const { tracks, local, error } = await acquire(media, listenOnly, this.#devices);
      if (this.#model.call?.key !== key) return tracks.forEach((track) => track.stop());
      this.#local = new MediaStream(tracks);
      for (const track of tracks) this.#watch(key, track);
      if (error) this.#emit("error", { error });
      this.#take({ type: "acquired", key, local });
    } catch (cause) {
      if (this.#model.call?.key !== key) return;
      const error = /** @type {CarillonError} */ (cause);
      this.#denied = error;
      if (this.#model.work?.step === "carry") this.#emit("error", { error });
      const local = { ...off, audio: stateOf(error) };
      this.#take({ type: "denied", key, code: /** @type {import("./errors.js").Reason} */ (error.code), local });
    }
  }

  /**
   * @param {boolean} polite
   * @param {boolean} offer
   */
  #meet(polite, offer) {
    const { key, media } = /** @type {CoreCall} */ (this.#model.call);
    this.#peer?.close();
    this.#local ??= new MediaStream();
    this.#remote ??= new MediaStream();
    const remote = this.#remote;
    for (const track of remote.getTracks()) remote.removeTrack(track);
    const { iceServers = [], iceTransportPolicy } = this.#options;
    const peer = new Peer({
      config: { iceServers: [...this.#iceServers, ...iceServers], iceTransportPolicy, bundlePolicy: "max-bundle" },
      polite,
      offer,
      send: (type, payload) => {
        const { call } = this.#model;
        if (this.#peer !== peer || !call) return;
        const said = type === "webrtc.ice" ? {} : { media: call.local };
        this.#connection.send(type, { ...payload, ...said, session_id: call.id });
      },
      onFlow: (up) => {
        this.#take({ type: "flow", key, up });
        if (up) this.#timers.clear("repair");
        else if (["disconnected", "failed"].includes(peer.pc.connectionState)) this.#repair(peer.polite ? COURTESY : 0);
      },
      onTrack: (track) => this.#received(key, remote, track),
    });
    this.#peer = peer;
    this.#measured = null;
    peer.begin(this.#local.getTracks(), media);
    for (const signal of this.#early.splice(0)) this.#signalled(signal);
    this.#repair(AGAIN + (polite ? COURTESY : 0));
  }

  /** @param {number} ms From now: another ICE restart if media still does not flow, and again. */
  #repair(ms) {
    this.#timers.set("repair", ms, () => {
      if (!this.#peer || this.#peer.up) return;
      if (this.#connection.up) this.#peer.repair();
      this.#repair(AGAIN);
    });
  }

  /** The network changed, or the connection is back: find a new path. */
  #restart() {
    if (!this.#peer) return;
    this.#peer.repair();
    this.#repair(AGAIN);
  }

  /** @param {Signal} signal */
  #signalled({ type, payload }) {
    const call = this.#model.call;
    if (!call || call.id !== payload.session_id) return;
    if (!this.#model.media) {
      const { session_id: _, ...rest } = payload;
      return this.#emit("signal", { type, payload: rest });
    }
    if (!call.here) return;
    if (!this.#peer) return void this.#early.push({ type, payload });
    if (payload.media) this.#take({ type: "devices", key: call.key, remote: payload.media });
    const taken = this.#peer.take({ type, payload });
    if (taken === "successor") {
      this.#take({ type: "flow", key: call.key, up: false });
      this.#meet(this.#peer.polite, false);
      this.#peer.take({ type, payload });
    } else if (taken === "stale" && type === "webrtc.offer") this.#peer.repair();
  }

  /**
   * @param {number} key
   * @param {MediaStream} remote
   * @param {MediaStreamTrack} track
   */
  #received(key, remote, track) {
    for (const old of remote.getTracks()) if (old.kind === track.kind) remote.removeTrack(old);
    remote.addTrack(track);
    const kind = /** @type {Media} */ (track.kind);
    const told = () => this.#model.call?.remote[kind];
    const show = (/** @type {"on" | "off"} */ state) => {
      if (told() === "on" || told() === "off") this.#take({ type: "devices", key, remote: { [kind]: state } });
    };
    if (kind === "audio") show("on");
    track.onunmute = () => show("on");
    track.onmute = () => kind === "video" && show("off");
  }

  /** Tell the peer of our microphone and camera. */
  #say() {
    const { call } = this.#model;
    if (this.#peer && call) this.#connection.send("webrtc.ice", { session_id: call.id, candidate: null, media: call.local, pc: this.#peer.id });
  }

  /**
   * @param {number} key
   * @param {Media} kind
   * @param {(() => Promise<MediaStreamTrack>) | null} get
   * @param {import("./types.js").DeviceState} state
   */
  async #swap(key, kind, get, state) {
    const fresh = get && (await get());
    if (this.#model.call?.key !== key || !this.#local) {
      fresh?.stop();
      throw new CarillonError("call_over");
    }
    for (const old of this.#local.getTracks().filter((track) => track.kind === kind)) {
      old.onended = null;
      old.stop();
      this.#local.removeTrack(old);
    }
    if (fresh) {
      fresh.enabled = state !== "muted";
      this.#local.addTrack(fresh);
      this.#watch(key, fresh);
    }
    // Operations of a closed connection never settle: nobody waits for this one.
    this.#peer?.put(kind, fresh).catch(() => {});
    this.#take({ type: "devices", key, local: { [kind]: state } });
    this.#say();
  }

  /**
   * @param {number} key
   * @param {MediaStreamTrack} track Unplugged, or its permission withdrawn, it ends.
   */
  #watch(key, track) {
    const kind = /** @type {Media} */ (track.kind);
    track.onended = async () => {
      const call = this.#model.call;
      if (call?.key !== key) return;
      try {
        const state = kind === "audio" && call.muted ? "muted" : "on";
        await this.#swap(key, kind, () => getTrack(kind, undefined), state);
      } catch (cause) {
        if (this.#model.call?.key !== key) return;
        const local = { [kind]: stateOf(/** @type {CarillonError} */ (cause)) };
        this.#take({ type: "devices", key, local });
        this.#say();
        this.#emit("error", { error: new CarillonError(kind === "audio" ? "microphone_lost" : "camera_lost", { cause }) });
      }
    };
  }

  /** A microphone was plugged in: use it where there was none. */
  #devicechange = () => {
    const call = this.#model.call;
    if (!call?.here || !this.#peer || call.local.audio !== "missing") return;
    const state = call.muted ? "muted" : "on";
    this.#swap(call.key, "audio", () => getTrack("audio", this.#devices.audio), state).catch(() => {});
  };

  async #measure() {
    const quality = await this.quality().catch(() => null);
    if (quality) this.#emit("quality", quality);
    if (this.#model.call?.state === "connected") this.#timers.set("quality", MEASURE, () => void this.#measure());
  }

  /** The call is no longer carried here. */
  #release() {
    this.#timers.clear("repair", "quality", "until");
    this.#peer?.close();
    for (const track of this.#local?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.#peer = this.#local = this.#remote = this.#measured = null;
    this.#early = [];
  }
}

/** @param {string} message */
const invalid = (message) => new CarillonError("invalid", { message });

/**
 * A rejection that nobody handles makes no noise: the events say the same.
 *
 * @template T
 * @param {Promise<T>} promise
 */
function quiet(promise) {
  promise.catch(() => {});
  return promise;
}
