/** What a state is called. Functions of values only. */

/** ms after which somebody who waits is told what for. */
const ASKING = 1500;

/** ms after which somebody who waits for sound is told that something may be in its way. */
const SLOW = 8000;

/** The line under the name. call: a snapshot of the SDK; link: the state of the connection; now, since: Unix ms, since: of its state. */
export function callState(call, link, now = call.startedAt, since = now) {
  const name = call.peer.name;
  if (!call.here && ["connecting", "connected", "reconnecting"].includes(call.state)) return "The call is in another tab of this browser.";
  switch (call.state) {
    case "outgoing":
      if (!call.localStream && call.here && now - call.startedAt > ASKING) return "Allow the microphone if the browser asks. Then it rings.";
      return link === "online" ? "Calling …" : "Calling as soon as the connection is back …";
    case "ringing":
      return naming(RINGING[call.alerting ?? "socket"], name);
    case "incoming":
      if (call.here) return "Answering. Allow the microphone if the browser asks.";
      return call.media === "video" ? "Video call" : "Audio call";
    case "connecting":
      return now - since < SLOW ? "Connecting …" : "Connecting takes longer than usual. If you hear nothing soon, hang up and try another network.";
    case "connected":
      return link === "online" ? "Connected" : "Connected. The call service is being reconnected; you can talk on.";
    case "reconnecting":
      return navigator.onLine ? "Connection lost. Reconnecting …" : "You are offline. The call goes on when the network is back.";
    case "detached":
      return "The call goes on, but not here: its tab was closed, or another device has it.";
    default:
      return ended(call);
  }
}

const RINGING = {
  socket: "Ringing …",
  push: "{name}'s device is being woken …",
  failed: "{name}'s device could not be woken. Ringing on in case {name} comes back …",
};

/** What became of it, and what to do. */
export function ended(call) {
  const length = call.connectedAt ? ` You talked for ${duration(call.endedAt - call.connectedAt, true)}.` : "";
  return `${call.message}${length}`;
}

export const QUALITY = { good: "Good connection", fair: "Fair connection: the sound may falter", poor: "Poor connection: move closer to your network" };

const MICROPHONE = {
  refused: "Your microphone is blocked: {name} cannot hear you. Allow it for this page in the browser's address bar, then press Unmute.",
  missing: "No microphone was found: {name} cannot hear you. Plug one in, then press Unmute.",
  busy: "Another program uses your microphone: {name} cannot hear you. Close it, then press Unmute.",
  off: "You are only listening: {name} cannot hear you. Press Unmute to speak.",
  muted: "You are muted: {name} cannot hear you.",
};
const CAMERA = {
  refused: "Your camera is blocked. Allow it for this page in the browser's address bar, then press Turn camera on.",
  missing: "No camera was found. Plug one in, then press Turn camera on.",
  busy: "Another program uses your camera. Close it, then press Turn camera on.",
};
const THEIR_MICROPHONE = {
  muted: "{name} is muted.",
  refused: "{name} has not allowed the microphone, so you hear nothing. {name} hears you.",
  missing: "{name} has no microphone, so you hear nothing. {name} hears you.",
  busy: "{name}'s microphone is in use elsewhere, so you hear nothing. {name} hears you.",
  off: "{name} is only listening, so you hear nothing. {name} hears you.",
};

/** Remarks on both sides' microphones and cameras while a call is on. */
export function notes(call) {
  if (!["connecting", "connected", "reconnecting"].includes(call.state)) return [];
  const found = [MICROPHONE[call.muted ? "muted" : call.local.audio], CAMERA[call.local.video]];
  if (call.state !== "connecting") found.push(THEIR_MICROPHONE[call.remote.audio]);
  return found.filter(Boolean).map((text) => naming(text, call.peer.name));
}

/** A name may have a `$` in it. */
const naming = (text, name) => text.replaceAll("{name}", () => name);

/** `3:05`, `1:02:03`; spoken: `3 min 5 s`. */
export function duration(ms, spoken = false) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  if (spoken) return [hours && `${hours} h`, minutes && `${minutes} min`, (seconds || !all) && `${seconds} s`].filter(Boolean).join(" ");
  const tail = String(seconds).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** ms after which somebody who waits for the first connection is told that something is wrong. */
const PATIENCE = 5000;

/** The banner, or null while all is well. action: what a person can do at once. since: when connecting began, Unix ms. */
export function connection({ state, error, retryAt }, now, since) {
  switch (state) {
    case "connecting":
      if (!navigator.onLine) return { text: "You are offline. Check your network; this page connects by itself." };
      if (now - since < PATIENCE) return { text: "Connecting …" };
      return { text: "The call service does not answer yet. Check your network; this page keeps trying.", action: "Try now" };
    case "reconnecting": {
      if (!navigator.onLine) return { text: "You are offline. Check your network; this page reconnects by itself." };
      const wait = retryAt === null ? 0 : Math.ceil((retryAt - now) / 1000);
      const when = wait > 1 ? ` Trying again in ${wait} s.` : " Trying again …";
      return { text: `${firstSentence(error?.message ?? "The connection was lost.")}${when}`, action: "Try now" };
    }
    case "replaced":
      return { text: error?.message ?? "You are signed in somewhere else now.", action: "Use calls here" };
    case "failed":
      return { text: error?.message ?? "The connection failed.", bad: true, action: error?.code === "token_refused" ? "Sign in again" : "Try again" };
    default:
      return null;
  }
}

const firstSentence = (text) => text.replace(/;? ?trying again\.$/iu, ".").replace(/\.\.$/u, ".");

export const PRESENCE = { online: "Here", busy: "In a call", offline: "Not here" };

const OUTCOMES = {
  declined: "Declined",
  peer_declined: "Declined",
  cancelled: "Cancelled",
  no_answer: "No answer",
  busy: "Was busy",
  offline: "Could not be reached",
};

/** One line of the history: what it was. */
export function outcome(entry) {
  const kind = entry.media === "video" ? "video call" : "call";
  if (entry.missed) return `Missed ${kind}`;
  const direction = entry.direction === "incoming" ? `Incoming ${kind}` : `Outgoing ${kind}`;
  if (entry.length !== null) return `${direction}, ${duration(entry.length, true)}`;
  return `${direction}: ${(OUTCOMES[entry.reason] ?? "did not come about").toLowerCase()}`;
}
