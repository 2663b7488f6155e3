/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor; `offer` counts the offers of one. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 *
 * @typedef {import("./types.js").Media} Media
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Signal} Signal
 * @typedef {import("./types.js").SignalType} SignalType
 */

/**
 * @param {object} parts
 * @param {RTCConfiguration} parts.config
 * @param {boolean} parts.polite
 * @param {boolean} parts.offer Whether we make the first offer.
 * @param {MediaStreamTrack[]} parts.tracks Ours.
 * @param {Media[]} parts.wanted What to offer to take, where we have none of it to give.
 * @param {(type: SignalType, payload: Payload) => void} parts.say
 * @param {(state: RTCPeerConnectionState) => void} parts.onFlow
 * @param {(track: MediaStreamTrack) => void} parts.onTrack
 */
export function createPeer({ config, polite, offer: offers, tracks, wanted, say: tell, onFlow, onTrack }) {
  const id = Math.random().toString(36).slice(2, 10);
  /** @type {string | undefined} */
  let remoteId;
  let making = false;
  /** Our offers so far. An answer names the one it is for: one that was made anew meanwhile has other ICE credentials. */
  let offered = 0;
  /** @type {RTCIceCandidateInit[]} */
  let early = [];
  /** @type {Promise<unknown>} Signals are taken one after the other; after `close` the last may never end. */
  let chain = Promise.resolve();

  const pc = new RTCPeerConnection(config);
  pc.onnegotiationneeded = negotiate;
  pc.onicecandidate = ({ candidate }) => candidate?.candidate && say("webrtc.ice", candidate.toJSON());
  pc.ontrack = ({ track }) => onTrack(track);
  pc.onconnectionstatechange = () => onFlow(pc.connectionState);

  for (const track of tracks) pc.addTrack(track);
  for (const kind of offers ? wanted : []) {
    if (!tracks.some((track) => track.kind === kind)) pc.addTransceiver(kind, { direction: "recvonly" });
  }

  /** @param {SignalType} type @param {Payload} payload */
  const say = (type, payload) => tell(type, { ...payload, pc: id, to: remoteId });

  async function negotiate() {
    if (!offers) return;
    making = true;
    const number = ++offered;
    // It fails where the other side's offer came first, which is then answered.
    await pc.setLocalDescription().catch(() => {});
    making = false;
    const offer = pc.pendingLocalDescription;
    if (offer?.type === "offer") say("webrtc.offer", { sdp: offer.sdp, offer: number });
  }

  /** ICE anew: the path is lost, or an offer or its answer was. */
  function repair() {
    offers = true;
    pc.restartIce();
    // In `have-local-offer` nothing fires until it is answered, and the answer may be what was lost.
    if (pc.signalingState === "have-local-offer") void negotiate();
  }

  /** @param {SignalType} type @param {Payload} payload */
  async function hear(type, payload) {
    const { sdp } = payload;
    if (type === "webrtc.ice") return candidate(payload);
    if (type === "webrtc.answer") {
      if (pc.signalingState !== "have-local-offer" || (payload.offer ?? offered) !== offered) return;
    } else if (!polite && (making || pc.signalingState !== "stable")) return;
    await pc.setRemoteDescription({ type: type === "webrtc.offer" ? "offer" : "answer", sdp });
    for (const one of early.splice(0)) await pc.addIceCandidate(one).catch(() => {});
    if (type === "webrtc.answer") return;
    await pc.setLocalDescription();
    say("webrtc.answer", { sdp: pc.localDescription?.sdp, offer: payload.offer });
    offers = true;
  }

  /** @param {Payload} payload */
  async function candidate(payload) {
    if (!payload.candidate) return;
    const made = { ...(payload.candidate.candidate ? payload.candidate : payload) };
    // All media share one transport, so that a peer who names no media section means the first one.
    if (made.sdpMid == null) made.sdpMLineIndex ??= 0;
    if (!pc.remoteDescription) early.push(made);
    // Of an ignored offer, or of one since replaced: nothing is lost with it.
    else await pc.addIceCandidate(made).catch(() => {});
  }

  return {
    id,
    pc,
    polite,
    repair,
    /** Whether media flows. */
    up: () => pc.connectionState === "connected",
    /** @param {Media} kind @param {MediaStreamTrack | null} track */
    async put(kind, track) {
      const found = pc.getTransceivers().find((one) => one.currentDirection !== "stopped" && one.receiver.track.kind === kind);
      if (!found) {
        if (track) pc.addTrack(track);
        return;
      }
      await found.sender.replaceTrack(track);
      if (track && !found.direction.startsWith("send")) found.direction = "sendrecv";
    },
    /**
     * @param {Signal} signal
     * @returns {"ok" | "stale" | "successor"} `stale`: it was for a connection of ours that is gone. `successor`: it is from a new
     *   connection of theirs, which wants a new one here.
     */
    take({ type, payload }) {
      const from = payload.pc ?? /^o=\S+ (\S+)/m.exec(payload.sdp ?? "")?.[1];
      if (payload.to && payload.to !== id) return "stale";
      if (from && remoteId && from !== remoteId) return type === "webrtc.offer" ? "successor" : "stale";
      if (payload.sdp) remoteId = from;
      chain = chain.then(() => hear(type, payload)).catch(() => {});
      return "ok";
    },
  };
}

/** @typedef {ReturnType<typeof createPeer>} Peer */
