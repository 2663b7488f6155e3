/**
 * How good a call is, from the statistics of its connection. https://www.w3.org/TR/webrtc-stats/
 *
 * @typedef {import("./types.js").Quality} Quality
 * @typedef {{ quality: Quality, received: number, lost: number }} Measurement
 */

/** From these values on it is no longer good, and no longer fair: seconds, seconds, share (ITU-T G.114, and what Opus conceals). */
const FAIR = { rtt: 0.3, jitter: 0.03, loss: 0.02 };
const POOR = { rtt: 0.6, jitter: 0.08, loss: 0.08 };

/**
 * @param {RTCPeerConnection} pc
 * @param {Measurement | null} last Losses count since then.
 * @returns {Promise<Measurement>}
 */
export async function measure(pc, last) {
  let rtt = null;
  let jitter = null;
  let received = 0;
  let lost = 0;
  for (const stat of (await pc.getStats()).values()) {
    if (stat.type === "candidate-pair" && stat.nominated && stat.state === "succeeded") rtt = stat.currentRoundTripTime ?? rtt;
    if (stat.type === "inbound-rtp") {
      received += stat.packetsReceived ?? 0;
      lost += stat.packetsLost ?? 0;
      if (stat.kind === "audio") jitter = stat.jitter ?? null;
    }
  }
  const gone = Math.max(0, lost - (last?.lost ?? 0));
  const all = gone + Math.max(0, received - (last?.received ?? 0));
  const loss = all ? gone / all : 0;
  return { quality: { level: level({ rtt, jitter, loss }), rtt, jitter, loss }, received, lost };
}

/**
 * @param {Omit<Quality, "level">} measured
 * @returns {Quality["level"]}
 */
export function level({ rtt, jitter, loss }) {
  const over = (/** @type {typeof FAIR} */ bound) => (rtt ?? 0) >= bound.rtt || (jitter ?? 0) >= bound.jitter || loss >= bound.loss;
  return over(POOR) ? "poor" : over(FAIR) ? "fair" : "good";
}
