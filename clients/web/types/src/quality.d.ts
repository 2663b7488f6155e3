/**
 * @param {RTCPeerConnection} pc
 * @param {Measurement | null} last Losses count since then.
 * @returns {Promise<Measurement>}
 */
export function measure(pc: RTCPeerConnection, last: Measurement | null): Promise<Measurement>;
/**
 * @param {Omit<Quality, "level">} measured
 * @returns {Quality["level"]}
 */
export function level({ rtt, jitter, loss }: Omit<Quality, "level">): Quality["level"];
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
