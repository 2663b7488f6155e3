/**
 * How good a call is, from the statistics of its connection. https://www.w3.org/TR/webrtc-stats/
 *
 * @typedef {import("./types.js").Quality} Quality
 * @typedef {{ quality: Quality, received: number, lost: number }} Measurement
 */

/** From these values on it is poor, from half of one on no longer good: seconds, seconds, share (ITU-T G.114, and what Opus conceals). */
const POOR = { rtt: 0.6, jitter: 0.06, loss: 0.05 };

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
    if (stat.nominated) rtt = stat.currentRoundTripTime ?? rtt;
    if (stat.type === "inbound-rtp") {
      received += stat.packetsReceived ?? 0;
      lost += stat.packetsLost ?? 0;
      if (stat.kind === "audio") jitter = stat.jitter ?? null;
    }
  }
  const gone = Math.max(0, lost - (last?.lost ?? 0));
  const all = gone + Math.max(0, received - (last?.received ?? 0));
  const loss = all && gone / all;
  const worst = Math.max(Number(rtt) / POOR.rtt, Number(jitter) / POOR.jitter, loss / POOR.loss);
  return { quality: { level: worst >= 1 ? "poor" : worst >= 0.5 ? "fair" : "good", rtt, jitter, loss }, received, lost };
}
