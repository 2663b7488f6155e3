/**
 * What a client knows, and what follows from what happens. Pure: `reduce(model, event, now)` gives the next model and what is to be done;
 * the clock is passed in. Whatever comes in whatever order, a call only takes the steps of `NEXT`, and `ended` is final.
 *
 * @typedef {import("./types.js").CoreCall} CoreCall
 * @typedef {import("./types.js").CallState} CallState
 * @typedef {import("./types.js").ConnectionState} ConnectionState
 * @typedef {import("./types.js").Devices} Devices
 * @typedef {import("./types.js").Media} Media
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Reason} Reason
 * @typedef {import("./types.js").User} User
 * @typedef {import("./errors.js").CarillonError} CarillonError
 *
 * @typedef {object} Work What the call at hand waits for.
 * @property {"media" | "turn" | "sent" | "answer" | "answered" | "carry"} step `media`: the microphone, before a start; `turn`: the answer to
 *   an earlier start that was given up; `sent`: the answer to our start; `answer`: the microphone, before an accept; `answered`: nothing, the
 *   accept is on its way; `carry`: the microphone, for a call that is accepted already.
 * @property {Payload} [start] Of `call.start`.
 *
 * @typedef {object} Model
 * @property {ConnectionState} state
 * @property {CarillonError | null} error
 * @property {number | null} retryAt
 * @property {User | null} user
 * @property {CoreCall | null} call
 * @property {Work | null} work
 * @property {number} serial Of the last call.
 * @property {number | null} until When the present state of the call has lasted too long.
 * @property {boolean} polite In negotiation.
 * @property {Payload | null} rival A ring that came while our own start was unanswered.
 * @property {boolean} voided Whether a start without an answer was lost, unless what stands is its call.
 * @property {number} ghosts Starts that were sent, then given up; their answers are to come first.
 * @property {readonly string[]} over Calls that we ended, which the server may not know yet.
 * @property {string | null} carry The call that this page carried before it was reloaded.
 * @property {number | null} downAt Since when there is no connection.
 * @property {Payload | null} standing The call that stands once the replay is through.
 * @property {number} grace ms
 * @property {number} ring ms
 * @property {number} skew Our clock minus the server's, ms.
 * @property {boolean} media Whether media is ours to care for.
 *
 * @typedef {{ do: "send", type: string, payload: Payload }
 *   | { do: "acquire", key: number, media: Media, listenOnly: boolean }
 *   | { do: "peer", polite: boolean, offer: boolean }
 *   | { do: "repair" }
 *   | { do: "ended", call: CoreCall, silent?: boolean, retryAfter: number | null }} Effect
 *
 * @typedef {{ type: "connection", state: ConnectionState, error?: CarillonError | null, retryAt?: number | null }
 *   | { type: "welcome", user: User, grace: number, ring: number, skew: number, voided: boolean, standing: Payload | null }
 *   | { type: "standing", call: Payload | null, recovered: boolean }
 *   | { type: "message", message: Message, about?: Message, replay?: boolean }
 *   | { type: "inherit", call: CoreCall | null }
 *   | { type: "start", peer: User, media: Media, listenOnly: boolean, payload: Payload }
 *   | { type: "accept", media: Media, listenOnly: boolean }
 *   | { type: "resume" } | { type: "reject" } | { type: "end" } | { type: "tick" }
 *   | { type: "acquired", key: number, local: Devices } | { type: "denied", key: number, code: Reason, local: Devices }
 *   | { type: "flow", key: number, up: boolean }
 *   | { type: "devices", key: number, muted?: boolean, local?: Partial<Devices>, remote?: Partial<Devices> }} Event
 */

import { sentence } from "./errors.js";

/** @type {Record<CallState, readonly CallState[]>} */
export const NEXT = {
  outgoing: ["ringing", "connecting", "detached", "ended"],
  ringing: ["connecting", "detached", "ended"],
  incoming: ["connecting", "detached", "ended"],
  connecting: ["connected", "detached", "ended"],
  connected: ["reconnecting", "detached", "ended"],
  reconnecting: ["connected", "detached", "ended"],
  detached: ["connecting", "ended"],
  ended: [],
};

/** ms that an unanswered start waits. */
const ANSWER = 12_000;
/** ms beside the server's own ring deadline, whose message is to come first. */
const SLACK = 5000;
/** ms until media must flow, or flow again: longer than the server's grace. */
const MEDIA = 60_000;

/** @type {Devices} */
const OFF = { audio: "off", video: "off" };

/**
 * @param {boolean} media
 * @param {string | null} carry
 * @returns {Model}
 */
export const initial = (media, carry = null) => ({
  state: "idle",
  error: null,
  retryAt: null,
  user: null,
  call: null,
  work: null,
  serial: 0,
  until: null,
  polite: false,
  rival: null,
  voided: false,
  ghosts: 0,
  over: [],
  carry,
  downAt: null,
  standing: null,
  grace: 30_000,
  ring: 60_000,
  skew: 0,
  media,
});

/**
 * @param {Model} model
 * @param {Event} event
 * @param {number} now Unix ms.
 * @returns {[Model, Effect[]]}
 */
export function reduce(model, event, now) {
  const step = new Step(model, now);
  step.take(event);
  return [step.m, step.effects];
}

/**
 * @param {Payload | null | undefined} info
 * @param {string} [id]
 * @returns {User}
 */
export function userOf(info, id = "") {
  const user = { id: info?.user_id ?? id, username: info?.username ?? "", image: info?.image_profile ?? "" };
  return { ...user, name: info?.name || user.username || user.id };
}

/** One event at work on a copy of the model. */
class Step {
  /** @type {Effect[]} */ effects = [];

  /**
   * @param {Model} model
   * @param {number} now
   */
  constructor(model, now) {
    this.m = { ...model };
    this.now = now;
  }

  /** @param {Event} event */
  take(event) {
    const { m } = this;
    const call = m.call;
    switch (event.type) {
      case "connection":
        if (m.state === "online" && event.state === "reconnecting") m.downAt = this.now;
        Object.assign(m, { state: event.state, error: event.error ?? null, retryAt: event.retryAt ?? null });
        if (event.state === "replaced" && call) this.finish("replaced");
        break;
      case "welcome":
        return this.welcome(event);
      case "standing":
        return this.stands(event.call, event.recovered);
      case "message":
        return this.hear(event.message.type, event.message.payload, event);
      case "inherit":
        if (event.call && !call) this.inherit(event.call);
        break;
      case "start":
        if (!call) this.start(event);
        break;
      case "accept":
        if (call?.state === "incoming" && m.work === null) {
          m.work = { step: "answer" };
          this.change({ here: true });
          this.acquire(event.media, event.listenOnly);
        }
        break;
      case "resume":
        if (call?.state === "detached") this.carryOn();
        break;
      case "reject":
        if (call?.state === "incoming") this.end();
        break;
      case "end":
        if (call) this.end();
        break;
      case "tick":
        if (call && m.until !== null && this.now >= m.until) this.overdue(call);
        break;
      case "acquired":
        if (call?.key === event.key) this.acquired(event.local);
        break;
      case "denied":
        if (call?.key === event.key) this.denied(event);
        break;
      case "flow":
        if (call?.key === event.key) this.flow(call, event.up);
        break;
      case "devices":
        if (call?.key === event.key) this.devices(call, event);
    }
  }

  // ---------------------------------------------------------------- what a person does

  /** @param {Extract<Event, { type: "start" }>} start */
  start({ peer, media, listenOnly, payload }) {
    this.begin({ direction: "outgoing", state: "outgoing", peer, media, data: payload.data ?? null, here: true });
    this.m.work = { step: "media", start: payload };
    this.acquire(media, listenOnly);
  }

  /** @param {Devices} local */
  acquired(local) {
    const { m } = this;
    this.change({ local });
    const step = m.work?.step;
    if (step === "media") {
      if (m.ghosts) m.work = { ...m.work, step: "turn" };
      else this.sendStart();
    } else if (step === "answer" && m.call) {
      this.send("call.accept", { session_id: m.call.id });
      m.work = { step: "answered" };
      m.polite = true;
      this.connect();
    } else if (step === "carry") {
      m.work = null;
      this.effects.push({ do: "peer", polite: m.polite, offer: true });
    }
  }

  /** @param {Extract<Event, { type: "denied" }>} denied */
  denied({ code, local }) {
    const step = this.m.work?.step;
    if (step === "media") this.finish(code);
    else if (step === "carry") this.acquired(local);
    else if (step === "answer") {
      this.m.work = null;
      this.change({ here: false });
    }
  }

  end() {
    const { m } = this;
    const call = /** @type {CoreCall} */ (m.call);
    if (m.work?.step === "sent") m.ghosts++;
    if (call.id) {
      this.send(call.state === "incoming" ? "call.reject" : "call.end", { session_id: call.id });
      this.remember(call.id);
    }
    const before = call.state === "outgoing" || call.state === "ringing";
    this.finish(before ? "cancelled" : call.state === "incoming" ? "declined" : "hung_up");
  }

  // ---------------------------------------------------------------- what the server says

  /** @param {Extract<Event, { type: "welcome" }>} welcome */
  welcome({ user, grace, ring, skew, voided, standing }) {
    Object.assign(this.m, { state: "online", error: null, retryAt: null, user, grace, ring, skew, standing });
    this.m.voided = voided;
    if (!voided) return;
    this.m.ghosts = 0;
    if (this.m.work?.step === "turn") this.sendStart();
  }

  /**
   * @param {string} type
   * @param {Payload} payload
   * @param {{ about?: Message, replay?: boolean }} more
   */
  hear(type, payload, { about, replay }) {
    const { m } = this;
    const call = m.call;
    const id = payload.session_id;
    const mine = call !== null && call.id === id;
    switch (type) {
      case "call.ring":
        if (!replay || m.standing?.session_id === id) this.rings(payload);
        break;
      case "call.ringing":
        if (m.ghosts && m.work?.step !== "sent") this.lay(id);
        else if (m.work?.step === "sent") this.ringing(id);
        break;
      case "call.alerting":
        if (mine) this.change({ alerting: payload.by });
        break;
      case "call.accepted":
        this.accepted(payload);
        break;
      case "call.rejected":
        if (mine) this.finish(call.state === "incoming" ? "declined" : "peer_declined");
        break;
      case "call.ended":
        if (mine) this.finish(this.reasonOf(call, payload, replay === true));
        break;
      case "call.missed":
        this.missed(payload);
        break;
      case "error":
        this.refused(payload, about);
    }
  }

  /** @param {Payload} ring */
  rings(ring) {
    const { m } = this;
    const id = ring.session_id;
    if (m.over.includes(id)) return this.send("call.reject", { session_id: id });
    if (m.call?.id === id) return;
    if (m.call?.state === "outgoing") {
      // Both started: ours will be merged into this call or refused, and that answer comes first.
      m.rival = ring;
      return;
    }
    if (m.call) this.finish(m.call.state === "incoming" ? "missed" : "peer_lost");
    this.begin({
      id,
      direction: "incoming",
      state: "incoming",
      peer: userOf(ring.caller_info, ring.caller_id),
      media: ring.media ?? "audio",
      data: ring.data ?? null,
      ringsUntil: ring.expires_at ? ring.expires_at * 1000 + m.skew : this.now + m.ring,
    });
    this.await();
  }

  /** @param {string} id */
  ringing(id) {
    this.m.work = null;
    this.change({ id, ringsUntil: this.now + this.m.ring });
    this.to("ringing");
  }

  /** @param {Payload} accepted */
  accepted({ session_id: id, callee_info, role }) {
    const { m } = this;
    const call = m.call;
    if (call?.direction === "outgoing" && (call.id === id || (call.id === null && m.work?.step === "sent"))) {
      if (call.state !== "outgoing" && call.state !== "ringing") return;
      m.polite = role === "answer";
      m.work = null;
      m.rival = null;
      this.change({ id, peer: callee_info ? userOf(callee_info, call.peer.id) : call.peer });
      this.connect();
    } else if (m.ghosts) {
      if (call?.id === id) this.finish("cancelled");
      this.lay(id);
    }
  }

  /**
   * @param {CoreCall} call
   * @param {Payload} ended
   * @param {boolean} replay
   * @returns {Reason}
   */
  reasonOf(call, { reason, cause }, replay) {
    const { m } = this;
    if (call.state === "incoming") return "missed";
    if (reason === "no_answer") return "no_answer";
    if (cause === "left") return "peer_hung_up";
    if (reason === "peer_disconnected") {
      return replay && m.downAt !== null && this.now - m.downAt >= m.grace ? "lost" : "peer_lost";
    }
    return cause === "rejected" || call.state === "ringing" ? "peer_declined" : "peer_hung_up";
  }

  /** @param {Payload} missed */
  missed({ session_id: id, caller_id, caller_info }) {
    const call = this.m.call;
    if (call && call.id === id) return this.finish(call.state === "incoming" ? "missed" : "peer_hung_up");
    if (this.m.rival?.session_id === id) this.m.rival = null;
    if (this.m.over.includes(id)) return;
    const about = { id, direction: /** @type {const} */ ("incoming"), peer: userOf(caller_info, caller_id), state: /** @type {const} */ ("incoming") };
    const made = this.made({ ...about, media: "audio" });
    this.effects.push({ do: "ended", call: this.over(made, "missed"), silent: true, retryAfter: null });
  }

  /**
   * @param {Payload} error
   * @param {Message} [about]
   */
  refused({ code, message, retry_after }, about) {
    const { m } = this;
    const call = m.call;
    const type = about?.type ?? (m.ghosts || m.work?.step === "sent" ? "call.start" : undefined);
    const same = !about || about.payload.session_id === call?.id;
    if (type === "call.start") {
      if (m.ghosts) this.lay(null);
      else if (m.work?.step === "sent") this.finish(whyNot(code, message), retry_after);
    } else if (call && same && code === "session_not_found" && call.state !== "incoming" && type !== "call.end") {
      this.finish(m.work?.step === "answered" ? "peer_hung_up" : "peer_lost");
    } else if (call && same && type === "call.accept") {
      this.finish("failed");
    }
  }

  /**
   * The answer to a start that was given up: its call ends, and the next start may go.
   *
   * @param {string | null} id
   */
  lay(id) {
    this.m.ghosts--;
    if (id) {
      this.send("call.end", { session_id: id });
      this.remember(id);
    }
    if (!this.m.ghosts && this.m.work?.step === "turn") this.sendStart();
  }

  // ---------------------------------------------------------------- where things stand

  /**
   * The server's word after a reconnect, once all that was missed is told.
   *
   * @param {Payload | null} standing
   * @param {boolean} recovered
   */
  stands(standing, recovered) {
    const { m } = this;
    if (standing && m.over.includes(standing.session_id)) {
      const declined = standing.state === "ringing" && standing.caller_id !== m.user?.id;
      this.send(declined ? "call.reject" : "call.end", { session_id: standing.session_id });
      standing = null;
    }
    const call = m.call;
    if (call?.id === null) {
      const sent = m.work?.step === "sent";
      if (standing && sent && standing.caller_id === m.user?.id && standing.callee_id === call.peer.id) {
        this.ringing(standing.session_id);
        if (standing.state === "accepted") this.connect();
      } else if (m.voided && sent) {
        this.finish("unavailable");
        if (standing && !m.call) this.adopt(standing);
      }
    } else if (call && standing && call.id === standing.session_id) {
      this.align(call, standing, recovered);
    } else {
      const away = m.downAt !== null && this.now - m.downAt >= m.grace;
      if (call) this.finish(call.state === "incoming" ? "missed" : away ? "lost" : "peer_lost");
      if (standing && !m.call) this.adopt(standing);
    }
    Object.assign(m, { standing: null, downAt: null, carry: null, voided: false });
  }

  /**
   * @param {CoreCall} call
   * @param {Payload} standing
   * @param {boolean} recovered
   */
  align(call, standing, recovered) {
    if (standing.state !== "accepted") return;
    if (call.state === "ringing") this.connect();
    else if (call.state === "incoming" && this.m.work === null) this.to("detached");
    else if (!recovered && this.m.work?.step !== "carry") this.effects.push({ do: "repair" });
  }

  /** @param {Payload} standing A call that this page does not know: it was reloaded, or another one had it. */
  adopt(standing) {
    const { m } = this;
    const outgoing = standing.caller_id === m.user?.id;
    const here = m.carry === standing.session_id;
    const until = standing.expires_at ? standing.expires_at * 1000 + m.skew : this.now + m.ring;
    if (!outgoing && standing.state === "ringing") {
      return this.rings({ ...standing, caller_info: standing.peer_info });
    }
    this.begin({
      id: standing.session_id,
      direction: outgoing ? "outgoing" : "incoming",
      state: standing.state === "ringing" ? "ringing" : "detached",
      peer: userOf(standing.peer_info, outgoing ? standing.callee_id : standing.caller_id),
      media: standing.media ?? "audio",
      data: standing.data ?? null,
      here,
      ringsUntil: standing.state === "ringing" ? until : null,
    });
    m.polite = !outgoing;
    this.await();
    if (here && standing.state === "accepted") this.carryOn();
  }

  /** @param {CoreCall} call As another tab of this browser had it. */
  inherit(call) {
    if (call.id === null) return;
    const { m } = this;
    const talking = ["connecting", "connected", "reconnecting"].includes(call.state);
    m.call = { ...call, key: ++m.serial, here: false, local: OFF, muted: false, state: talking ? "detached" : call.state };
    m.polite = call.direction === "incoming";
    this.await();
  }

  /** A call without a page gets this one. */
  carryOn() {
    this.change({ here: true });
    this.to("connecting");
    if (this.m.media) {
      this.m.work = { step: "carry" };
      this.acquire(/** @type {CoreCall} */ (this.m.call).media, false);
    } else this.to("connected");
  }

  // ---------------------------------------------------------------- media and time

  /** The call is accepted: negotiate, if this page carries it. */
  connect() {
    const { m } = this;
    const call = /** @type {CoreCall} */ (m.call);
    if (!call.here) return this.to("detached");
    this.to("connecting");
    if (!m.media) return this.to("connected");
    if (call.local === OFF) {
      m.work = { step: "carry" };
      this.acquire(call.media, false);
    } else this.effects.push({ do: "peer", polite: m.polite, offer: !m.polite });
  }

  /**
   * @param {CoreCall} call
   * @param {boolean} up
   */
  flow(call, up) {
    if (!up && call.state === "connected") this.to("reconnecting");
    else if (up && (call.state === "connecting" || call.state === "reconnecting")) this.to("connected");
  }

  /**
   * @param {CoreCall} call
   * @param {{ muted?: boolean, local?: Partial<Devices>, remote?: Partial<Devices> }} changes
   */
  devices(call, { muted = call.muted, local, remote }) {
    this.change({ muted, local: { ...call.local, ...local }, remote: { ...call.remote, ...remote } });
  }

  /** @param {CoreCall} call */
  overdue(call) {
    const { m } = this;
    if (call.state === "outgoing") {
      m.ghosts++;
      return this.finish("unavailable");
    }
    const talking = call.state === "connecting" || call.state === "reconnecting";
    this.send(call.state === "incoming" ? "call.reject" : "call.end", { session_id: call.id });
    this.remember(/** @type {string} */ (call.id));
    this.finish(call.state === "incoming" ? "missed" : !talking ? "no_answer" : m.state === "online" ? "media_failed" : "lost");
  }

  // ---------------------------------------------------------------- tools

  /** @param {CallState} state Ignored unless `NEXT` allows it. */
  to(state) {
    const call = /** @type {CoreCall} */ (this.m.call);
    if (!NEXT[call.state].includes(state)) return;
    this.change({ state });
    if (state === "connected" && call.connectedAt === null) this.change({ connectedAt: this.now });
    if (state !== "ringing") this.change({ ringsUntil: null });
    this.await();
  }

  /** Set the deadline of the present state. */
  await() {
    const { m } = this;
    const call = /** @type {CoreCall} */ (m.call);
    if (call.state === "connecting" || call.state === "reconnecting") m.until = this.now + MEDIA;
    else m.until = call.ringsUntil === null ? null : call.ringsUntil + SLACK;
  }

  /** @param {Partial<CoreCall> & Pick<CoreCall, "direction" | "state" | "peer" | "media">} about */
  begin(about) {
    Object.assign(this.m, { call: this.made(about), work: null, until: null, polite: false });
  }

  /**
   * @param {Partial<CoreCall> & Pick<CoreCall, "direction" | "state" | "peer" | "media">} about
   * @returns {CoreCall}
   */
  made(about) {
    return {
      key: ++this.m.serial,
      id: null,
      data: null,
      alerting: null,
      ringsUntil: null,
      startedAt: this.now,
      connectedAt: null,
      endedAt: null,
      reason: null,
      message: null,
      here: false,
      muted: false,
      local: OFF,
      remote: OFF,
      ...about,
    };
  }

  /**
   * @param {Reason} reason
   * @param {number | null} [retryAfter]
   */
  finish(reason, retryAfter = null) {
    const { m } = this;
    const call = /** @type {CoreCall} */ (m.call);
    const rival = m.rival;
    Object.assign(m, { call: null, work: null, until: null, rival: null });
    this.effects.push({ do: "ended", call: this.over(call, reason), retryAfter: retryAfter ?? null });
    if (rival && m.state === "online") this.rings(rival);
  }

  /**
   * @param {CoreCall} call
   * @param {Reason} reason
   * @returns {CoreCall}
   */
  over(call, reason) {
    const message = sentence(reason, call.peer.name);
    return { ...call, state: "ended", endedAt: this.now, ringsUntil: null, reason, message, local: OFF, remote: OFF };
  }

  sendStart() {
    const { m } = this;
    this.send("call.start", /** @type {Payload} */ (m.work?.start));
    m.work = { step: "sent" };
    m.until = this.now + ANSWER;
  }

  /**
   * @param {Media} media
   * @param {boolean} listenOnly
   */
  acquire(media, listenOnly) {
    const { key } = /** @type {CoreCall} */ (this.m.call);
    this.effects.push({ do: "acquire", key, media, listenOnly });
  }

  /** @param {Partial<CoreCall>} changes */
  change(changes) {
    this.m.call = { .../** @type {CoreCall} */ (this.m.call), ...changes };
  }

  /**
   * @param {string} type
   * @param {Payload} payload
   */
  send(type, payload) {
    this.effects.push({ do: "send", type, payload });
  }

  /** @param {string} id */
  remember(id) {
    this.m.over = [...this.m.over, id].slice(-8);
  }
}

/**
 * @param {string} code Of an error that refuses a start.
 * @param {string} message
 * @returns {Reason}
 */
function whyNot(code, message) {
  if (code === "user_busy") return /already/i.test(message) ? "in_call" : "busy";
  if (code === "user_offline") return "offline";
  if (code === "rate_limited" || code === "unavailable") return code;
  if (code === "internal_error") return "unavailable";
  return /yourself/i.test(message) ? "self_call" : "failed";
}
