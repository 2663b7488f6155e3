/** @param {Media} kind @param {Preferred} preferred @returns {Promise<MediaStreamTrack>} Rejects with a CarillonError. */
export function getTrack(kind: Media, preferred: Preferred): Promise<MediaStreamTrack>;
/**
 * What a call needs. A camera that cannot be had is no reason not to talk: it is reported in `error`.
 *
 * @param {Media} media
 * @param {boolean} listenOnly Without the microphone.
 * @param {Preferred} preferred
 * @returns {Promise<{ tracks: MediaStreamTrack[], local: Devices, error?: CarillonError }>}
 * Rejects with a CarillonError whose `code` names the microphone.
 */
export function acquire(media: Media, listenOnly: boolean, preferred: Preferred): Promise<{
    tracks: MediaStreamTrack[];
    local: Devices;
    error?: CarillonError;
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
/**
 * Ids of devices.
 */
export type Preferred = {
    audio?: string;
    video?: string;
};
import { CarillonError } from "./errors.js";
