/**
 * The shapes that API.md documents, and those that the modules hand each other.
 *
 * @typedef {"audio" | "video"} Media
 * @typedef {"on" | "muted" | "off" | "refused" | "missing" | "busy"} DeviceState
 * @typedef {{ audio: DeviceState, video: DeviceState }} Devices
 * @typedef {"idle" | "connecting" | "online" | "reconnecting" | "replaced" | "failed"} ConnectionState
 * @typedef {"outgoing" | "ringing" | "incoming" | "connecting" | "connected" | "reconnecting" | "detached" | "ended"} CallState
 * @typedef {import("./errors.js").Reason} Reason
 * @typedef {import("./errors.js").Code} Code
 * @typedef {import("./errors.js").CarillonError} CarillonError
 *
 * @typedef {object} User
 * @property {string} id
 * @property {string} name The name, else the username, else the id.
 * @property {string} username `""` if unknown.
 * @property {string} image A URL, or `""`.
 *
 * @typedef {object} CoreCall What the state machine knows of a call; see `Call`.
 * @property {number} key Counts the calls of this page.
 * @property {string | null} id
 * @property {"outgoing" | "incoming"} direction
 * @property {CallState} state
 * @property {User} peer
 * @property {Media} media
 * @property {string | null} data
 * @property {null | "socket" | "push" | "failed"} alerting
 * @property {number | null} ringsUntil Unix ms.
 * @property {number} startedAt Unix ms.
 * @property {number | null} connectedAt Unix ms.
 * @property {number | null} endedAt Unix ms.
 * @property {Reason | null} reason
 * @property {string | null} message
 * @property {boolean} here
 * @property {boolean} muted
 * @property {Devices} local
 * @property {Devices} remote
 *
 * @typedef {CoreCall & { localStream: MediaStream | null, remoteStream: MediaStream | null }} Call
 *
 * @typedef {object} Quality
 * @property {"good" | "fair" | "poor"} level
 * @property {number | null} rtt Seconds.
 * @property {number | null} jitter Seconds.
 * @property {number} loss A share, from 0 to 1.
 *
 * @typedef {object} Options
 * @property {string | (() => string)} url Of `/ws`.
 * @property {() => string | Promise<string>} getToken
 * @property {RTCIceServer[]} [iceServers]
 * @property {RTCIceTransportPolicy} [iceTransportPolicy]
 * @property {boolean} [media]
 * @property {"carillon.v1" | "reference"} [protocol]
 * @property {boolean} [tabs]
 * @property {string} [userClaim] Of the token, with the user id.
 * @property {Storage | null} [storage]
 *
 * @typedef {object} StartOptions
 * @property {Media} [media]
 * @property {string} [data] At most 1 KiB.
 * @property {string} [deviceToken]
 * @property {"android" | "ios"} [deviceOs]
 * @property {boolean} [listenOnly]
 * @property {string} [name]
 *
 * @typedef {{ type: SignalType, payload: Payload }} Signal
 * @typedef {"webrtc.offer" | "webrtc.answer" | "webrtc.ice"} SignalType
 *
 * @typedef {object} Events The detail of each event.
 * @property {{ state: ConnectionState, error: CarillonError | null, retryAt: number | null }} state
 * @property {{ call: Call }} call
 * @property {{ call: Call }} incoming
 * @property {{ call: Call }} ended
 * @property {{ call: Call }} missed
 * @property {{ error: CarillonError }} error
 * @property {Quality} quality
 * @property {Signal} signal
 *
 * @typedef {Record<string, any>} Payload
 * @typedef {{ type: string, payload: Payload, seq?: number, n?: number }} Message
 */
export {};
