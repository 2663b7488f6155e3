/** What Node has not: a WebSocket (that of `ws`), and the least RTCPeerConnection and microphone that a call can be made with. */

import { WebSocket } from "ws";

let serial = 0;

class Track extends EventTarget {
  id = `track-${++serial}`;
  enabled = true;
  muted = false;
  readyState = "live";
  /** @type {(() => void) | null} */ onended = null;

  /** @param {string} kind */
  constructor(kind) {
    super();
    this.kind = kind;
  }

  stop() {
    this.readyState = "ended";
  }

  /** As when it is unplugged. */
  end() {
    this.stop();
    this.onended?.();
  }
}

class Stream {
  /** @param {Track[]} [tracks] */
  constructor(tracks = []) {
    this.tracks = [...tracks];
  }
  getTracks() {
    return [...this.tracks];
  }
  getAudioTracks() {
    return this.tracks.filter(({ kind }) => kind === "audio");
  }
  /** @param {Track} track */
  addTrack(track) {
    this.tracks.push(track);
  }
  /** @param {Track} track */
  removeTrack(track) {
    this.tracks = this.tracks.filter((one) => one !== track);
  }
}

/** Signaling states and negotiation as the specification has them; two of them that have each other's description are connected. */
export class FakePeerConnection {
  /** @type {FakePeerConnection[]} */ static all = [];
  signalingState = "stable";
  connectionState = "new";
  /** @type {any} */ localDescription = null;
  /** @type {any} */ remoteDescription = null;
  /** @type {any} */ pendingLocalDescription = null;
  /** @type {any[]} */ candidates = [];
  /** @type {any[]} */ transceivers = [];
  /** @type {any} */ onnegotiationneeded = null;
  /** @type {any} */ onicecandidate = null;
  /** @type {any} */ ontrack = null;
  /** @type {any} */ onconnectionstatechange = null;
  restarts = 0;
  #id = ++serial;
  #version = 0;
  #needed = false;

  constructor() {
    FakePeerConnection.all.push(this);
  }

  /** @param {Track} track */
  addTrack(track) {
    this.transceivers.push({ sender: { track, replaceTrack: async (/** @type {any} */ next) => void (this.transceivers.at(-1).sender.track = next) }, receiver: { track: new Track(track.kind) }, direction: "sendrecv", currentDirection: null });
    this.#need();
  }

  /** @param {string} kind @param {{ direction: string }} init */
  addTransceiver(kind, { direction }) {
    this.transceivers.push({ sender: { track: null, replaceTrack: async () => {} }, receiver: { track: new Track(kind) }, direction, currentDirection: null });
    this.#need();
  }

  getTransceivers() {
    return this.transceivers;
  }

  restartIce() {
    this.restarts++;
    this.#need();
  }

  #need() {
    if (this.#needed) return;
    this.#needed = true;
    setImmediate(() => this.#fire());
  }

  #fire() {
    if (!this.#needed || this.signalingState !== "stable") return;
    this.#needed = false;
    this.onnegotiationneeded?.();
  }

  async setLocalDescription() {
    if (this.signalingState === "closed") throw new Error("InvalidStateError");
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    const kinds = this.transceivers.map((one) => one.receiver.track.kind).join(" ");
    this.localDescription = { type, sdp: `v=0\r\no=- ${this.#id} ${++this.#version} IN IP4 127.0.0.1\r\ns=-\r\na=kinds:${kinds}\r\n` };
    await null;
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    this.pendingLocalDescription = type === "offer" ? this.localDescription : null;
    if (type === "offer") this.#needed = false;
    setImmediate(() => {
      for (const number of [1, 2]) this.onicecandidate?.({ candidate: { candidate: `candidate:${this.#id}.${number}`, toJSON: () => ({ candidate: `candidate:${this.#id}.${number}`, sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null }) } });
    });
    this.#settled();
  }

  /** @param {{ type: string, sdp: string }} description */
  async setRemoteDescription(description) {
    await null;
    if (description.type === "answer" && this.signalingState !== "have-local-offer") throw new Error("InvalidStateError");
    this.remoteDescription = description;
    this.pendingLocalDescription = null;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    for (const kind of /a=kinds:(.*)/.exec(description.sdp)?.[1].trim().split(" ") ?? []) this.ontrack?.({ track: new Track(kind) });
    this.#settled();
  }

  #settled() {
    if (this.signalingState !== "stable" || !this.remoteDescription) return;
    setImmediate(() => {
      this.move("connected");
      this.#fire();
    });
  }

  /** @param {string} state */
  move(state) {
    if (this.connectionState === state || this.signalingState === "closed") return;
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  /** @param {any} candidate */
  async addIceCandidate(candidate) {
    if (!this.remoteDescription) throw new Error("InvalidStateError");
    this.candidates.push(candidate);
  }

  async getStats() {
    return new Map([
      ["pair", { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.04 }],
      ["in", { type: "inbound-rtp", kind: "audio", packetsReceived: 100, packetsLost: 0, jitter: 0.002 }],
    ]);
  }

  close() {
    this.signalingState = "closed";
  }
}

/** Set `fails.audio` or `fails.video` to the name of the DOMException that asking for it gives. */
export const fails = { audio: "", video: "" };

/** @type {Track[]} All that were given. */
export const given = [];
let answered = Promise.resolve();

/** The browser asks the person, who takes their time. @returns {() => void} Answers all that is asked from now on. */
export function hesitate() {
  /** @type {() => void} */
  let answer = () => {};
  answered = new Promise((resolve) => {
    answer = resolve;
  });
  return answer;
}

/** @param {{ audio?: unknown, video?: unknown }} wanted */
async function getUserMedia(wanted) {
  await answered;
  const kinds = /** @type {("audio" | "video")[]} */ (["audio", "video"]).filter((kind) => wanted[kind]);
  for (const kind of kinds) if (fails[kind]) throw new DOMException("no", fails[kind]);
  const tracks = kinds.map((kind) => new Track(kind));
  given.push(...tracks);
  return new Stream(tracks);
}

export function install() {
  Object.assign(globalThis, { WebSocket, RTCPeerConnection: FakePeerConnection, MediaStream: Stream });
  const navigator = { mediaDevices: { getUserMedia, addEventListener() {}, removeEventListener() {} } };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
}

/** As that of a browser: what is in it survives a reload. */
export class MemoryStorage {
  /** @type {Map<string, string>} */ all = new Map();
  /** @param {string} key */
  getItem(key) {
    return this.all.get(key) ?? null;
  }
  /** @param {string} key @param {string} value */
  setItem(key, value) {
    this.all.set(key, value);
  }
}
