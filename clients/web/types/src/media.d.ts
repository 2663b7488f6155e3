/**
 * @param {Media} kind
 * @param {string | undefined} device Its id, preferred.
 * @returns {Promise<MediaStreamTrack>}
 */
export function track(kind: Media, device: string | undefined): Promise<MediaStreamTrack>;
/**
 * What a call needs. A camera that cannot be had is no reason not to talk: it is reported in `error`.
 *
 * @param {Media} media
 * @param {boolean} listenOnly Without the microphone.
 * @param {{ audio?: string, video?: string }} devices
 * @returns {Promise<{ tracks: MediaStreamTrack[], local: Devices, error: CarillonError | null }>}
 * Rejects with a CarillonError whose `code` names the microphone.
 */
export function acquire(media: Media, listenOnly: boolean, devices: {
    audio?: string;
    video?: string;
}): Promise<{
    tracks: MediaStreamTrack[];
    local: Devices;
    error: CarillonError | null;
}>;
export function stateOf({ code }: CarillonError): DeviceState;
/**
 * Microphone and camera.
 */
export type Devices = import("./types.js").Devices;
/**
 * Microphone and camera.
 */
export type DeviceState = import("./types.js").DeviceState;
/**
 * Microphone and camera.
 */
export type Media = import("./types.js").Media;
import { CarillonError } from "./errors.js";
