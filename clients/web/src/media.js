/**
 * Microphone and camera.
 *
 * @typedef {import("./types.js").Devices} Devices
 * @typedef {import("./types.js").DeviceState} DeviceState
 * @typedef {import("./types.js").Media} Media
 * @typedef {{ audio?: string, video?: string }} Preferred Ids of devices.
 */

import { OFF } from "./core/model.js";
import { CarillonError } from "./errors.js";

/** @type {Record<string, "refused" | "missing">} Whatever else it is, something holds the device. */
const WHY = { NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "missing", OverconstrainedError: "missing" };

/** @param {Media[]} kinds @param {Preferred} preferred @returns {Promise<MediaStreamTrack[]>} */
async function ask(kinds, preferred) {
  const wanted = kinds.map((kind) => [kind, preferred[kind] ? { deviceId: { ideal: preferred[kind] } } : true]);
  return (await navigator.mediaDevices.getUserMedia(Object.fromEntries(wanted))).getTracks();
}

/** @param {Media} kind @param {Preferred} preferred @returns {Promise<MediaStreamTrack>} Rejects with a CarillonError. */
export async function getTrack(kind, preferred) {
  if (!navigator.mediaDevices) throw new CarillonError("media_insecure");
  try {
    return (await ask([kind], preferred))[0];
  } catch (cause) {
    const why = WHY[/** @type {Error} */ (cause).name] ?? "busy";
    throw new CarillonError(`${kind === "audio" ? "microphone" : "camera"}_${why}`, { cause });
  }
}

/**
 * What a call needs. A camera that cannot be had is no reason not to talk: it is reported in `error`.
 *
 * @param {Media} media
 * @param {boolean} listenOnly Without the microphone.
 * @param {Preferred} preferred
 * @returns {Promise<{ tracks: MediaStreamTrack[], local: Devices, error?: CarillonError }>}
 * Rejects with a CarillonError whose `code` names the microphone.
 */
export async function acquire(media, listenOnly, preferred) {
  /** @type {Devices} */
  const local = { ...OFF };
  const kinds = /** @type {Media[]} */ (["audio", "video"]).filter((kind) => (kind === "audio" ? !listenOnly : media === "video"));
  // One question to the person, where the browser can ask for both. Where it cannot have both, each alone will tell why.
  const tracks = kinds[1] ? await ask(kinds, preferred).catch(() => []) : [];
  const alone = !tracks.length;
  let error;
  for (const kind of kinds) {
    try {
      if (alone) tracks.push(await getTrack(kind, preferred));
      local[kind] = "on";
    } catch (cause) {
      error = /** @type {CarillonError} */ (cause);
      if (kind === "audio") throw error;
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
