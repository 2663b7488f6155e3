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
export function createPeer({ config, polite, offer: offers, tracks, wanted, say: tell, onFlow, onTrack }: {
    config: RTCConfiguration;
    polite: boolean;
    offer: boolean;
    tracks: MediaStreamTrack[];
    wanted: Media[];
    say: (type: SignalType, payload: Payload) => void;
    onFlow: (state: RTCPeerConnectionState) => void;
    onTrack: (track: MediaStreamTrack) => void;
}): {
    id: string;
    pc: RTCPeerConnection;
    polite: boolean;
    repair: () => void;
    /** Whether media flows. */
    up: () => boolean;
    /** @param {Media} kind @param {MediaStreamTrack | null} track */
    put(kind: Media, track: MediaStreamTrack | null): Promise<void>;
    /**
     * @param {Signal} signal
     * @returns {"ok" | "stale" | "successor"} `stale`: it was for a connection of ours that is gone. `successor`: it is from a new
     *   connection of theirs, which wants a new one here.
     */
    take({ type, payload }: Signal): "ok" | "stale" | "successor";
};
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor; `offer` counts the offers of one. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type Media = import("./types.js").Media;
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor; `offer` counts the offers of one. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type Payload = import("./types.js").Payload;
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor; `offer` counts the offers of one. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type Signal = import("./types.js").Signal;
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor; `offer` counts the offers of one. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type SignalType = import("./types.js").SignalType;
export type Peer = ReturnType<typeof createPeer>;
