/**
 * The microphone, the camera and the peer connection of the call that this page carries.
 *
 * @typedef {import("./types.js").CoreCall} CoreCall
 * @typedef {import("./types.js").Devices} Devices
 * @typedef {import("./types.js").DeviceState} DeviceState
 * @typedef {import("./types.js").Media} Media
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Quality} Quality
 * @typedef {import("./types.js").Signal} Signal
 *
 * @typedef {object} Owner
 * @property {() => RTCConfiguration} config
 * @property {(error: CarillonError) => void} onError
 * @property {(quality: Quality) => void} onQuality
 */

import { OFF } from "./core/model.js";
import { acquired, denied, devices, flow } from "./core/person.js";
import { CarillonError } from "./errors.js";
import { acquire, getTrack, stateOf } from "./media.js";
import { createPeer } from "./peer.js";
import { measure } from "./quality.js";

/** ms. */
const MEASURE = 2000;
/** ms between two ICE restarts while no media flows; the polite side lets the other one begin. */
const AGAIN = 6000;
const COURTESY = 2000;

/**
 * @param {import("./timers.js").Timers} timers
 * @param {import("./machine.js").Machine} machine
 * @param {import("./connection.js").Connection} connection
 * @param {Owner} owner
 */
export function createCallMedia(timers, { model, take }, { send, up }, owner) {
  /** @type {MediaStream | null} */
  let local = null;
  /** @type {MediaStream | null} There from the first track on. */
  let remote = null;
  /** @type {import("./media.js").Preferred} */
  const preferred = {};
  /** @type {CarillonError | null} Why there is no microphone. */
  let refusal = null;
  /** @type {Promise<void>} The person may take long to answer: what is asked meanwhile comes after it. */
  let acquiring = Promise.resolve();
  /** How often each was asked for: only the latest wish counts. */
  const wishes = { audio: 0, video: 0 };
  /** @type {import("./peer.js").Peer | null} */
  let peer = null;
  /** @type {Signal[]} That came before there was a peer connection. */
  let early = [];
  /** @type {Awaited<ReturnType<typeof measure>> | null} */
  let measured = null;

  /** @param {number} key Whether it is still the call at hand. */
  const stands = (key) => model().call?.key === key;

  // ---------------------------------------------------------------- microphone and camera

  /** @param {{ key: number, media: Media, listenOnly: boolean }} wanted */
  async function getMedia({ key, media, listenOnly }) {
    refusal = null;
    const ours = model().media;
    try {
      /** @type {Awaited<ReturnType<typeof acquire>>} */
      const { tracks, local: state, error } = ours ? await acquire(media, listenOnly, preferred) : await { tracks: [], local: { ...OFF } };
      if (!stands(key)) return tracks.forEach(stop);
      if (ours) local = new MediaStream(tracks);
      for (const track of tracks) adopt(key, track);
      if (error) owner.onError(error);
      take(acquired, key, { ...state, audio: audible(state.audio) });
    } catch (cause) {
      if (!(cause instanceof CarillonError)) throw cause;
      if (!stands(key)) return;
      refusal = cause;
      if (model().work?.step === "carry") owner.onError(cause);
      take(denied, key, /** @type {import("./types.js").Reason} */ (cause.code), { ...OFF, audio: stateOf(cause) });
    }
  }

  /** @param {boolean} muted */
  function mute(muted) {
    const { call } = model();
    if (!call) return;
    for (const track of local?.getAudioTracks() ?? []) track.enabled = !muted;
    const talks = /on|muted/.test(call.local.audio);
    tell(call.key, talks ? { audio: muted ? "muted" : "on" } : {}, muted);
    if (!talks && !muted && call.here && local) renew(call.key, "audio", (cause) => cause);
  }

  /** What there is of a microphone, in a call that may be muted. @param {DeviceState} audio @returns {DeviceState} */
  const audible = (audio) => (audio === "on" && model().call?.muted ? "muted" : audio);

  /** @param {number} key @param {Media} kind @param {boolean} [on] */
  async function swap(key, kind, on = true) {
    const wish = ++wishes[kind];
    const late = () => wish !== wishes[kind];
    await acquiring;
    const asked = on ? getTrack(kind, preferred) : null;
    const fresh = await asked?.catch((cause) => {
      if (!late()) throw cause;
    });
    if (!stands(key) || !local) {
      fresh?.stop();
      throw new CarillonError("call_over");
    }
    if (late()) return void fresh?.stop();
    remove(local, kind).forEach(stop);
    if (fresh) {
      local.addTrack(fresh);
      adopt(key, fresh);
    }
    // Operations of a closed connection never settle: nobody waits for this one.
    peer?.put(kind, fresh ?? null).catch(() => {});
    const state = on ? "on" : "off";
    tell(key, { [kind]: kind === "audio" ? audible(state) : state });
  }

  /**
   * Another track, for one that is gone or never was.
   *
   * @param {number} key
   * @param {Media} kind
   * @param {(cause: CarillonError) => CarillonError} why What to say where none can be had.
   */
  function renew(key, kind, why) {
    swap(key, kind).catch((cause) => {
      if (!stands(key)) return;
      tell(key, { [kind]: stateOf(cause) });
      owner.onError(why(cause));
    });
  }

  /** @param {number} key @param {MediaStreamTrack} track Unplugged, or its permission withdrawn, it ends. */
  function adopt(key, track) {
    const kind = /** @type {Media} */ (track.kind);
    track.enabled = kind === "video" || !model().call?.muted;
    track.onended = () => renew(key, kind, (cause) => new CarillonError(kind === "audio" ? "microphone_lost" : "camera_lost", { cause }));
  }

  /** The person, and the peer. @param {number} key @param {Partial<Devices>} changed @param {boolean} [muted] */
  function tell(key, changed, muted) {
    take(devices, key, { local: changed, muted });
    const { call } = model();
    if (peer && call) send("webrtc.ice", { session_id: call.id, candidate: null, media: call.local, pc: peer.id });
  }

  // ---------------------------------------------------------------- the peer connection

  /** @param {boolean} polite @param {boolean} offer */
  function meet(polite, offer) {
    const { key, media } = /** @type {CoreCall} */ (model().call);
    peer?.pc.close();
    local ??= new MediaStream();
    remove(remote);
    /** @type {import("./peer.js").Peer} */
    const made = createPeer({
      config: owner.config(),
      polite,
      offer,
      tracks: local.getTracks(),
      wanted: media === "video" ? ["audio", "video"] : ["audio"],
      say(type, payload) {
        const { call } = model();
        if (peer !== made || !call) return;
        const said = type === "webrtc.ice" ? {} : { media: call.local };
        send(type, { ...payload, ...said, session_id: call.id });
      },
      onFlow(state) {
        take(flow, key, state === "connected");
        if (state === "connected") timers.clear("repair");
        else if (state === "disconnected" || state === "failed") repair(polite ? COURTESY : 0);
      },
      onTrack: (track) => received(key, track),
    });
    peer = made;
    measured = null;
    early.splice(0).forEach(hear);
    repair(AGAIN + (polite ? COURTESY : 0));
  }

  /** @param {Signal} signal For this call. */
  function hear(signal) {
    const { call } = model();
    if (!call?.here) return;
    if (!peer) return void early.push(signal);
    const { key } = call;
    const { media } = signal.payload;
    if (media) take(devices, key, { remote: media });
    const taken = peer.take(signal);
    if (taken === "successor") {
      take(flow, key, false);
      meet(peer.polite, false);
      peer.take(signal);
    } else if (taken === "stale" && signal.type === "webrtc.offer") peer.repair();
  }

  /** Find a new path, and make good what the connection to the server lost. @param {boolean} [down] Only if no media flows. */
  function restart(down = false) {
    if (!peer || (down && peer.up())) return;
    peer.repair();
    repair(AGAIN);
  }

  /** @param {number} ms From now: another ICE restart if media still does not flow, and again. */
  function repair(ms) {
    timers.set("repair", ms, () => {
      if (!peer || peer.up()) return;
      if (up()) peer.repair();
      repair(AGAIN);
    });
  }

  /** @param {number} key @param {MediaStreamTrack} track */
  function received(key, track) {
    const kind = /** @type {Media} */ (track.kind);
    const stream = (remote ??= new MediaStream());
    remove(stream, kind);
    stream.addTrack(track);
    // With peers that do not say what their devices do, the track does.
    const show = (/** @type {"on" | "off" | undefined} */ state) => {
      const told = model().call?.remote[kind] ?? "";
      take(devices, key, { remote: state && /on|off/.test(told) ? { [kind]: state } : {} });
    };
    show(kind === "audio" ? "on" : undefined);
    track.onunmute = () => show("on");
    track.onmute = () => kind === "video" && show("off");
  }

  // ---------------------------------------------------------------- its quality, and its end

  /** @returns {Promise<Quality | null>} Measured now; null unless connected. */
  async function quality() {
    if (model().call?.state !== "connected" || !peer) return null;
    measured = await measure(peer.pc, measured);
    return measured.quality;
  }

  /** Measures from time to time while there is something to measure. */
  function observe() {
    if (model().call?.state !== "connected" || !peer) timers.clear("quality");
    else if (!timers.has("quality")) {
      timers.set("quality", MEASURE, async () => {
        const found = await quality().catch(() => null);
        if (found) owner.onQuality(found);
        observe();
      });
    }
  }

  return {
    /** @param {Parameters<typeof getMedia>[0]} wanted */
    acquire(wanted) {
      acquiring = getMedia(wanted);
    },
    mute,
    swap,
    meet,
    hear,
    restart,
    quality,
    observe,
    streams: () => ({ localStream: local, remoteStream: remote }),
    refusal: () => refusal,
    /** For this call and the next ones. @param {Media} kind @param {string} id */
    async choose(kind, id) {
      preferred[kind] = id;
      await acquiring;
      const { call } = model();
      const used = kind === "audio" ? call?.local.audio !== "off" : call?.local.video === "on";
      if (call?.here && local && used) await swap(call.key, kind);
    },
    /** A microphone was plugged in: use it where there was none. */
    plugged() {
      const { call } = model();
      if (call?.here && peer && call.local.audio === "missing") swap(call.key, "audio").catch(() => {});
    },
    /** The call is no longer carried here. */
    release() {
      timers.clear("repair", "quality");
      peer?.pc.close();
      local?.getTracks().forEach(stop);
      peer = local = remote = measured = null;
      acquiring = Promise.resolve();
      early = [];
    },
  };
}

/** @typedef {ReturnType<typeof createCallMedia>} CallMedia */

/** @param {MediaStreamTrack} track */
function stop(track) {
  track.onended = null;
  track.stop();
}

/** @param {MediaStream | null} stream @param {Media} [kind] Otherwise of both. */
function remove(stream, kind) {
  const found = stream?.getTracks().filter((track) => !kind || track.kind === kind) ?? [];
  for (const track of found) stream?.removeTrack(track);
  return found;
}
