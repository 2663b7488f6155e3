/** The call at hand, from ringing to what became of it: a picture of the SDK's snapshot, and nothing that it does not say. */

import { $, el, picture, tell, write } from "./dom.js";
import { callState, duration, notes, QUALITY } from "./words.js";

const CARRIED = ["connecting", "connected", "reconnecting"];

/**
 * view: { call, link, quality, refused, silent, quiet }. refused: the error of an accept; silent: the browser holds the sound back;
 * quiet: it would hold back the ring.
 */
export function showCall(view) {
  const { call } = view;
  $("call").hidden = !call;
  if (!call) {
    attach(null);
    return;
  }
  const hadFocus = document.activeElement;
  $("call").dataset.state = call.state;
  write($("call-title"), heading(call));
  const looks = `${call.peer.name} ${call.peer.image}`;
  if ($("call-picture").dataset.of !== looks) {
    $("call-picture").dataset.of = looks;
    $("call-picture").replaceChildren(picture(call.peer, "large"));
  }
  link = view.link;
  tell($("call-quality"), call.state === "connected" && view.quality ? QUALITY[view.quality.level] : "");
  $("call-quality").dataset.level = view.quality?.level ?? "";
  const silent = view.silent && "The browser holds the sound back until you press a button.";
  const quiet = view.quiet && "You hear no ring: the browser plays sounds only after a click on this page.";
  list($("call-notes"), [view.refused?.message, silent, quiet, ...notes(call)]);
  buttons(view);
  tick(call);
  if (hadFocus && hadFocus !== document.body && $("call").contains(hadFocus) && hadFocus.hidden) $("call-title").focus();
}

function heading(call) {
  if (call.state === "incoming") return `${call.peer.name} is calling`;
  return call.state === "ended" ? `Call with ${call.peer.name} ended` : call.peer.name;
}

let link = null;
/** The state that is shown, and since when; Unix ms. */
let entered = { state: "", at: 0 };

/** What changes without an event: times. Called every half second too. */
export function tick(call) {
  attach(call);
  const state = `${call?.key} ${call?.state}`;
  if (state !== entered.state) entered = { state, at: Date.now() };
  if (call) write($("call-state"), callState(call, link, Date.now(), entered.at));
  const running = call?.connectedAt && call.state !== "ended";
  tell($("call-timer"), running ? duration(Date.now() - call.connectedAt) : "");
}

function buttons({ call, refused, silent }) {
  const { state } = call;
  const carried = CARRIED.includes(state) && call.here;
  const ringing = state === "incoming" && !call.here;
  const microphone = call.reason?.startsWith("microphone_") ?? false;
  const shown = {
    accept: ringing,
    "accept-audio": ringing && call.media === "video",
    "accept-listen": ringing && Boolean(refused),
    take: state === "detached" || (CARRIED.includes(state) && !call.here),
    sound: carried && silent,
    mute: carried,
    camera: carried,
    decline: state === "incoming",
    end: !["incoming", "ended"].includes(state),
    again: state === "ended" && call.reason !== "self_call",
    "again-listen": state === "ended" && call.direction === "outgoing" && microphone,
    close: state === "ended",
  };
  for (const [id, visible] of Object.entries(shown)) $(id).hidden = !visible;
  const deaf = ["off", "refused", "missing", "busy"].includes(call.local.audio);
  write($("mute"), call.muted || deaf ? "Unmute" : "Mute");
  write($("camera"), call.local.video === "on" ? "Turn camera off" : "Turn camera on");
  write($("end"), state === "outgoing" || state === "ringing" ? "Cancel" : "Hang up");
  write($("accept"), refused ? "Try again" : "Accept");
  write($("again"), call.direction === "incoming" ? "Call back" : "Call again");
  $("volume-row").hidden = !carried;
}

function list(element, texts) {
  const wanted = texts.filter(Boolean);
  element.hidden = wanted.length === 0;
  const shown = [...element.children].map((item) => item.textContent);
  if (shown.join("\n") !== wanted.join("\n")) element.replaceChildren(...wanted.map((text) => el("li", {}, text)));
}

/** Tracks to their elements. Sound and picture are apart: the picture may be hidden, the sound goes on. */
function attach(call) {
  const carried = call && CARRIED.includes(call.state) && call.here;
  const remote = (carried && call.remoteStream) || null;
  const theirs = Boolean(remote) && call.remote.video === "on";
  const ours = carried && call.local.video === "on";
  put($("remote-audio"), remote?.getAudioTracks() ?? []);
  put($("remote-video"), theirs ? remote.getVideoTracks() : []);
  put($("local-video"), (ours && call.localStream?.getVideoTracks()) || []);
  $("stage").hidden = !(theirs || ours);
  $("remote-video").hidden = !theirs;
  $("local-video").hidden = !ours;
  tell($("remote-blank"), !theirs && ours ? `${call.peer.name}'s camera is off.` : "");
  if (call) $("remote-video").setAttribute("aria-label", `Picture of ${call.peer.name}`);
}

const shown = new WeakMap();

/** In Chromium an element stays silent for good if its stream was empty when it was set: so it gets a new one with each change. */
function put(element, tracks) {
  const key = tracks.map((track) => track.id).join();
  if ((shown.get(element) ?? "") === key) return;
  shown.set(element, key);
  element.srcObject = key ? new MediaStream(tracks) : null;
  if (key) element.play().catch((error) => element.dispatchEvent(new CustomEvent("held", { detail: error.name })));
}
