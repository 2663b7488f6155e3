export class Peer {
    /**
     * @param {object} parts
     * @param {RTCConfiguration} parts.config
     * @param {boolean} parts.polite
     * @param {boolean} parts.offer Whether we make the first offer.
     * @param {(type: SignalType, payload: Payload) => void} parts.send
     * @param {(up: boolean) => void} parts.onFlow
     * @param {(track: MediaStreamTrack) => void} parts.onTrack
     */
    constructor({ config, polite, offer, send, onFlow, onTrack }: {
        config: RTCConfiguration;
        polite: boolean;
        offer: boolean;
        send: (type: SignalType, payload: Payload) => void;
        onFlow: (up: boolean) => void;
        onTrack: (track: MediaStreamTrack) => void;
    });
    id: string;
    /** @type {string | undefined} */
    remoteId: string | undefined;
    polite: boolean;
    offers: boolean;
    pc: RTCPeerConnection;
    get up(): boolean;
    close(): void;
    /**
     * @param {MediaStreamTrack[]} tracks
     * @param {Media} media
     */
    begin(tracks: MediaStreamTrack[], media: Media): void;
    /**
     * @param {Media} kind
     * @param {MediaStreamTrack | null} track
     */
    put(kind: Media, track: MediaStreamTrack | null): Promise<void>;
    /** ICE anew: the path is lost, or an offer or its answer was. */
    repair(): void;
    negotiate(): Promise<void>;
    /**
     * @param {Signal} signal
     * @returns {"ok" | "stale" | "successor"} `stale`: it was for a connection of ours that is gone. `successor`: it is from a new
     *   connection of theirs, which wants a new one here.
     */
    take({ type, payload }: Signal): "ok" | "stale" | "successor";
    #private;
}
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type Devices = import("./types.js").Devices;
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type Media = import("./types.js").Media;
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type Payload = import("./types.js").Payload;
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type Signal = import("./types.js").Signal;
/**
 * One RTCPeerConnection: perfect negotiation, early candidates, ICE restarts. https://w3c.github.io/webrtc-pc/#perfect-negotiation-example
 *
 * `pc` and `to` in the relayed payloads name the connection a message is from and for, so that nothing for one that a reload ended
 * reaches its successor. Peers that do not name theirs are known by the session id of their SDP (RFC 8829 §5.2.1).
 */
export type SignalType = import("./types.js").SignalType;
