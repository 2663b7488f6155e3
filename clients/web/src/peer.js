/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 *
 * @typedef {import("./types.js").Devices} Devices
 * @typedef {import("./types.js").Media} Media
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Signal} Signal
 * @typedef {import("./types.js").SignalType} SignalType
 */

/** @param {string} sdp */
const origin = (sdp) => /^o=\S+ (\S+)/m.exec(sdp)?.[1];

export class Peer {
  id = Math.random().toString(36).slice(2, 10);
  /** @type {string | undefined} */
  remoteId;
  #making = false;
  #ignored = false;
  /** @type {RTCIceCandidateInit[]} */
  #early = [];
  /** @type {Promise<unknown>} Signals are taken one after the other; after `close` the last may never end. */
  #chain = Promise.resolve();

  /**
   * @param {object} parts
   * @param {RTCConfiguration} parts.config
   * @param {boolean} parts.polite
   * @param {boolean} parts.offer Whether we make the first offer.
   * @param {(type: SignalType, payload: Payload) => void} parts.send
   * @param {(up: boolean) => void} parts.onFlow
   * @param {(track: MediaStreamTrack) => void} parts.onTrack
   */
  constructor({ config, polite, offer, send, onFlow, onTrack }) {
    this.polite = polite;
    this.offers = offer;
    this.#send = send;
    const pc = (this.pc = construct(config));
    pc.onnegotiationneeded = () => this.negotiate();
    pc.onicecandidate = ({ candidate }) => candidate?.candidate && this.#say("webrtc.ice", candidate.toJSON());
    pc.ontrack = (event) => onTrack(event.track);
    pc.onconnectionstatechange = () => onFlow(pc.connectionState === "connected");
  }
  #send;

  get up() {
    return this.pc.connectionState === "connected";
  }

  close() {
    const { pc } = this;
    pc.onnegotiationneeded = pc.onicecandidate = pc.ontrack = pc.onconnectionstatechange = null;
    pc.close();
  }

  /**
   * @param {MediaStreamTrack[]} tracks
   * @param {Media} media
   */
  begin(tracks, media) {
    for (const track of tracks) this.pc.addTrack(track);
    if (!this.offers) return;
    const kinds = /** @type {Media[]} */ (media === "video" ? ["audio", "video"] : ["audio"]);
    for (const kind of kinds) {
      if (!tracks.some((track) => track.kind === kind)) this.pc.addTransceiver(kind, { direction: "recvonly" });
    }
  }

  /**
   * @param {Media} kind
   * @param {MediaStreamTrack | null} track
   */
  async put(kind, track) {
    const { pc } = this;
    const found = pc.getTransceivers().find((one) => one.currentDirection !== "stopped" && one.receiver.track.kind === kind);
    if (!found) {
      if (track) pc.addTrack(track);
      return;
    }
    await found.sender.replaceTrack(track);
    if (track && !found.direction.startsWith("send")) found.direction = "sendrecv";
  }

  /** ICE anew: the path is lost, or an offer or its answer was. */
  repair() {
    this.offers = true;
    this.pc.restartIce();
    // In `have-local-offer` nothing fires until it is answered, and the answer may be what was lost.
    if (this.pc.signalingState === "have-local-offer") void this.negotiate();
  }

  async negotiate() {
    const { pc } = this;
    if (!this.offers) return;
    try {
      this.#making = true;
      await pc.setLocalDescription();
      if (pc.localDescription?.type === "offer") this.#say("webrtc.offer", { sdp: pc.localDescription.sdp });
    } catch (error) {
      if (pc.signalingState === "stable") throw error;
    } finally {
      this.#making = false;
    }
  }

  /**
   * @param {Signal} signal
   * @returns {"ok" | "stale" | "successor"} `stale`: it was for a connection of ours that is gone. `successor`: it is from a new
   *   connection of theirs, which wants a new one here.
   */
  take({ type, payload }) {
    const from = payload.pc ?? (payload.sdp && origin(payload.sdp));
    if (payload.to && payload.to !== this.id) return "stale";
    if (from && this.remoteId && from !== this.remoteId) return type === "webrtc.offer" ? "successor" : "stale";
    if (from && payload.sdp) this.remoteId = from;
    this.#chain = this.#chain.then(() => this.#signal(type, payload)).catch(() => {});
    return "ok";
  }

  /**
   * @param {SignalType} type
   * @param {Payload} payload
   */
  async #signal(type, payload) {
    const { pc } = this;
    if (type === "webrtc.ice") return this.#candidate(payload);
    const description = { type: /** @type {"offer" | "answer"} */ (type.slice(7)), sdp: payload.sdp };
    if (type === "webrtc.answer") {
      if (pc.signalingState !== "have-local-offer") return;
    } else {
      this.#ignored = !this.polite && (this.#making || pc.signalingState !== "stable");
      if (this.#ignored) return;
    }
    await pc.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await pc.addIceCandidate(candidate).catch(() => {});
    if (type === "webrtc.answer") return;
    await pc.setLocalDescription();
    if (pc.localDescription) this.#say("webrtc.answer", { sdp: pc.localDescription.sdp });
    this.offers = true;
  }

  /** @param {Payload} payload */
  async #candidate({ candidate, sdpMid, sdpMLineIndex, usernameFragment }) {
    if (!candidate) return;
    // All media share one transport, so that a peer who names no media section means the first one.
    const made = typeof candidate === "object" ? candidate : { candidate, sdpMid, sdpMLineIndex, usernameFragment };
    if (made.sdpMid == null && made.sdpMLineIndex == null) made.sdpMLineIndex = 0;
    if (!this.pc.remoteDescription) this.#early.push(made);
    // Of an ignored offer, or of one since replaced: nothing is lost with it.
    else await this.pc.addIceCandidate(made).catch(() => {});
  }

  /**
   * @param {SignalType} type
   * @param {Payload} payload
   */
  #say(type, payload) {
    this.#send(type, { ...payload, pc: this.id, to: this.remoteId });
  }
}

/** @param {RTCConfiguration} config */
function construct(config) {
  try {
    return new RTCPeerConnection(config);
  } catch {
    // A TURN server without credentials: the others may do.
    const iceServers = config.iceServers?.filter(({ credential, urls }) => credential || !/turns?:/.test(String(urls)));
    return new RTCPeerConnection({ ...config, iceServers });
  }
}
