/**
 * @param {RTCPeerConnection} pc
 * @param {Measurement | null} last Losses count since then.
 * @returns {Promise<Measurement>}
 */
export function measure(pc: RTCPeerConnection, last: Measurement | null): Promise<Measurement>;
/**
 * How good a call is, from the statistics of its connection. https://www.w3.org/TR/webrtc-stats/
 */
export type Quality = import("./types.js").Quality;
/**
 * How good a call is, from the statistics of its connection. https://www.w3.org/TR/webrtc-stats/
 */
export type Measurement = {
    quality: Quality;
    received: number;
    lost: number;
};
