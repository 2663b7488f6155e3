/** The page: one user, one client, one call. Decides what is shown when; the rest is in `src/`. */

import { CarillonClient } from "/sdk/carillon.js";
import * as alerts from "./src/alerts.js";
import { showBanner } from "./src/banner.js";
import { showCall, tick } from "./src/call-panel.js";
import { Devices } from "./src/devices.js";
import { $, picture, say, write } from "./src/dom.js";
import { History } from "./src/history.js";
import { demoUsers, forget, recall, remember, tokenOf } from "./src/identity.js";
import { showContacts, showHistory } from "./src/people.js";
import { complain, devicesAre, orComplain } from "./src/problems.js";
import { Ringing } from "./src/ringing.js";
import { SignIn } from "./src/sign-in.js";
import { audible, onAudible, play, unlock } from "./src/sounds.js";
import { callState, connection } from "./src/words.js";

/** ms between looks at who is there. */
const PRESENCE = 2000;
/** ms for which the end of a call is shown when it needs no answer. */
const LINGER = 5000;
/** Ends that somebody here wanted. */
const WANTED = ["hung_up", "cancelled", "declined"];

/** @type {CarillonClient | null} */
let client = null;
let users = null;
let history = null;
/** The last call that ended here, while it is shown. */
let last = null;
let quality = null;
let refused = null;
let silent = false;
let failing = false;

const devices = new Devices((kind, id) => client?.useDevice(kind, id), complain);
const ringing = new Ringing(() => devices.ringVolume);
const signInForm = new SignIn(signIn);

// ------------------------------------------------------------------ signing in

function signIn(identity) {
  remember(identity);
  complain("");
  begun = Date.now();
  client = new CarillonClient({ url: `${location.origin}/ws`, getToken: tokenOf(identity) });
  client.on("state", showConnection);
  client.on("call", ({ call }) => changed(call));
  client.on("incoming", ({ call }) => incoming(call));
  client.on("ended", ({ call }) => ended(call));
  client.on("missed", ({ call }) => missed(call));
  // A token is asked for again; where that matters the banner says so, and says when it is over.
  client.on("error", ({ error }) => error.code !== "token_failed" && complain(error.message, error.code));
  client.on("quality", (measured) => {
    quality = measured;
    render();
  });
  client.connect().catch(() => {}); // the state says it
  showConnection();
  signInForm.hide();
  devices.restore();
  showDesk();
}

async function signOut(message = "") {
  forget();
  client.disconnect();
  await null; // the end of a call that was on is told, and noted, only now
  // A tab that only shows another one's connection is told of no end.
  ringing.hush();
  alerts.withdraw();
  client = history = last = refused = quality = null;
  $("me").hidden = $("desk").hidden = true;
  $("history").replaceChildren();
  render();
  complain(message);
  showConnection();
  signInForm.show(users);
  look();
}

/** Once the server (or the token) has said who we are. */
function showDesk() {
  const me = client?.user;
  if (!me) return;
  if (!history) {
    history = new History(me.id);
    $("me-picture").replaceChildren(picture(me));
    write($("me-name"), me.name);
    $("me").hidden = $("desk").hidden = false;
    if (document.activeElement === document.body) $("people-title").focus({ preventScroll: true });
  }
  if (users) showContacts(users, me.id, call);
  looked();
}

$("sign-out").addEventListener("click", () => signOut());

async function look() {
  try {
    users = await demoUsers();
    failing = false;
  } catch {
    failing = true;
  }
  $("people").dataset.stale = String(failing);
  $("contacts").hidden = users === null;
  $("other").open ||= users === null;
  if (!client) {
    signInForm.offer(users);
    showConnection();
  }
  showDesk();
}

setInterval(() => {
  if (document.visibilityState === "visible") look();
}, PRESENCE);

// ------------------------------------------------------------------ the connection

const UNREACHED = { text: "The server of this page does not answer. Check your network; this page keeps trying." };
let begun = 0;

function showConnection() {
  const shown = client ? connection(client, Date.now(), begun) : failing ? UNREACHED : null;
  showBanner(shown, client ? "Connected." : "");
  if (client?.state === "failed" && client.error?.code === "token_refused" && !history) {
    signOut(client.error.message);
    return;
  }
  showDesk();
  render();
}

$("connection-action").addEventListener("click", () => {
  if (client.error?.code === "token_refused") signOut(client.error.message);
  else client.connect().catch(() => {});
});
addEventListener("online", showConnection);
addEventListener("offline", showConnection);
setInterval(() => {
  if (["connecting", "reconnecting"].includes(client?.state)) showConnection();
  tick(client?.call);
}, 500);

// ------------------------------------------------------------------ calls

function call(user, media, listenOnly = false) {
  complain("");
  const options = { media, listenOnly, name: user.name };
  const [caller, before] = [client, last];
  caller.start(user.id, options).then(() => devices.fill(), (error) => {
    // Of a call that began, what became of it is shown.
    if (client === caller && (last === before || last?.reason !== error.code)) complain(error.message);
  });
  if (!$("call").hidden) $("call-title").focus();
}

let spoken = "";

function changed(call) {
  if (call.state === "ended" && client?.call) return; // another one rings already
  if (call.state !== "ended") last = null;
  if (call.state !== "incoming") {
    refused = null;
    alerts.withdraw();
  }
  if (call.state !== "connected") quality = null;
  devicesAre(call.local);
  render();
  ringing.follow(call);
  const text = `${call.peer.name}: ${callState(call, client?.state)}`;
  if (call.state !== "incoming" && call.state !== "ended" && text !== spoken) say(text);
  spoken = text;
}

function incoming(call) {
  say(`${call.peer.name} is calling. ${callState(call)}.`, true);
  alerts.notify(`${call.peer.name} is calling`, callState(call), "carillon-call", call.peer.image);
  if (!typing()) $("call-title").focus();
  $("call").scrollIntoView({ block: "nearest" });
}

const typing = () => document.activeElement?.matches("input, textarea, select") ?? false;

function ended(call) {
  if (call.direction === "outgoing" || call.reason !== "missed") history?.add(call, false);
  say(`Call with ${call.peer.name} ended. ${callState(call)}`);
  if (client?.call) return looked();
  last = call;
  refused = null;
  silent = false;
  render();
  if (WANTED.includes(call.reason)) setTimeout(() => last === call && close(), LINGER);
}

function missed(call) {
  history?.add(call, true);
  alerts.notify(`Missed call from ${call.peer.name}`, "", "carillon-missed", call.peer.image);
  looked();
}

function close() {
  const focused = $("call").contains(document.activeElement);
  last = null;
  render();
  if (focused) $("people-title").focus();
}

/** Shows the history, whose missed calls count as seen once the page is looked at for a moment. */
function looked() {
  if (!history) return;
  const count = showHistory(history, call);
  title(count);
}

function title(count) {
  const now = client?.call;
  const words = { outgoing: "Calling", ringing: "Calling", incoming: null, detached: null }[now?.state];
  const state = now && words !== null ? `${words ?? "In a call with"} ${now.peer.name}` : null;
  alerts.title({ calling: now?.state === "incoming" ? now.peer.name : null, state, missed: count });
}

function render() {
  const quiet = client?.call?.state === "incoming" && !audible();
  showCall({ call: client?.call ?? last, link: client?.state, quality, refused, silent, quiet });
  looked();
}

/** Missed calls are seen by whoever then uses the page. */
for (const gesture of ["pointerdown", "keydown"]) {
  addEventListener(gesture, () => {
    unlock();
    if (history?.missed) setTimeout(() => {
      history?.look();
      looked();
    }, 3000);
  }, { capture: true });
}
addEventListener("storage", () => looked());

onAudible(() => {
  const call = client?.call;
  if (call?.state === "incoming") {
    ringing.hush();
    ringing.follow(call);
  }
  render();
});

// ------------------------------------------------------------------ what people press

const on = (id, work) => $(id).addEventListener("click", work);

async function accept(options) {
  try {
    await client.accept(options);
    devices.fill();
  } catch (error) {
    if (client?.call?.state !== "incoming") return;
    refused = error;
    say(error.message, true);
    render();
  }
}

on("accept", () => accept({}));
on("accept-audio", () => accept({ media: "audio" }));
on("accept-listen", () => accept({ listenOnly: true }));
on("decline", () => client.reject());
on("end", () => client.end());
on("take", () => orComplain(client.resume()));
on("mute", () => client.setMuted($("mute").textContent === "Mute"));
on("camera", () => orComplain(client.setCamera(client.call?.local.video !== "on")));
on("sound", () => $("remote-audio").play().then(() => hold(false)));
on("again", () => call(last.peer, last.media));
on("again-listen", () => call(last.peer, last.media, true));
on("close", close);
on("forget", () => {
  history.clear();
  looked();
  $("recent-title").focus();
});
on("try-ring", () => {
  unlock();
  setTimeout(play("ring", devices.ringVolume), 2500);
});
on("notify", alerts.askPermission);

function hold(held) {
  silent = held;
  render();
}
$("remote-audio").addEventListener("held", ({ detail }) => detail === "NotAllowedError" && hold(true));

$("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = $("callee").value.trim();
  if (id) call({ id, name: users?.find((user) => user.id === id)?.name ?? id }, event.submitter?.value ?? "audio");
});

// ------------------------------------------------------------------ beginning

async function begin() {
  alerts.showPermission();
  const wanted = new URLSearchParams(location.search).get("user");
  if (wanted) window.history.replaceState(null, "", location.pathname);
  const identity = recall() ?? (wanted ? { id: wanted } : null);
  if (identity) signIn(identity);
  await look();
  $("loading").hidden = true;
  if (!client) signInForm.show(users);
  if (typeof RTCPeerConnection !== "function") complain("This browser cannot make calls. Use a current Chrome, Edge, Firefox or Safari.");
}

begin();
