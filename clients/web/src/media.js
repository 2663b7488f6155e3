/**
 * Microphone and camera.
 *
 * @typedef {import("./types.js").Devices} Devices
 * @typedef {import("./types.js").DeviceState} DeviceState
 * @typedef {import("./types.js").Media} Media
 */

import { CarillonError } from "./errors.js";

/** @type {Record<string, "refused" | "missing" | "busy">} */
const WHY = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

/**
 * @param {unknown} cause
 * @returns {"refused" | "missing" | "busy"}
 */
const why = (cause) => WHY[/** @type {Error} */ (cause)?.name] ?? "busy";

/**
 * @param {Media} kind
 * @param {string | undefined} device Its id, preferred.
 * @returns {Promise<MediaStreamTrack>}
 */
export async function track(kind, device) {
  const { mediaDevices } = navigator;
  if (!mediaDevices) throw new CarillonError("media_insecure");
  try {
    const stream = await mediaDevices.getUserMedia({ [kind]: device ? { deviceId: { ideal: device } } : true });
    return stream.getTracks()[0];
  } catch (cause) {
    throw new CarillonError(`${kind === "audio" ? "microphone" : "camera"}_${why(cause)}`, { cause });
  }
}

/**
 * What a call needs. A camera that cannot be had is no reason not to talk: it is reported in `error`.
 *
 * @param {Media} media
 * @param {boolean} listenOnly Without the microphone.
 * @param {{ audio?: string, video?: string }} devices
 * @returns {Promise<{ tracks: MediaStreamTrack[], local: Devices, error: CarillonError | null }>}
 * Rejects with a CarillonError whose `code` names the microphone.
 */
export async function acquire(media, listenOnly, devices) {
  /** @type {Devices} */
  const local = { audio: "off", video: "off" };
  /** @type {MediaStreamTrack[]} */
  const tracks = [];
  if (media === "video" && !listenOnly && navigator.mediaDevices) {
    // One question to the person, where the browser can ask for both.
    try {
      const ideal = (/** @type {string | undefined} */ id) => (id ? { deviceId: { ideal: id } } : true);
      const stream = await navigator.mediaDevices.getUserMedia({ audio: ideal(devices.audio), video: ideal(devices.video) });
      return { tracks: stream.getTracks(), local: { audio: "on", video: "on" }, error: null };
    } catch {
      // Which of them it was, each alone will tell.
    }
  }
  if (!listenOnly) {
    tracks.push(await track("audio", devices.audio));
    local.audio = "on";
  }
  let error = null;
  if (media === "video") {
    try {
      tracks.push(await track("video", devices.video));
      local.video = "on";
    } catch (cause) {
      error = /** @type {CarillonError} */ (cause);
      local.video = stateOf(error);
    }
  }
  return { tracks, local, error };
}

/**
 * @param {CarillonError} error
 * @returns {DeviceState}
 */
export const stateOf = ({ code }) => /** @type {DeviceState} */ (/_(refused|missing|busy)$/.exec(code)?.[1] ?? "missing");
