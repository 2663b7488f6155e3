const $ = (id) => document.getElementById(id);
const views = ["idle", "ringing", "call"];
let socket = null;
let peer = null;
let session = null;
let early = [];

const say = (text) => { $("status").textContent = text; };
const show = (view) => { for (const name of views) $(name).hidden = name !== view; };
const send = (type, payload) => socket.send(JSON.stringify({ type, payload }));

const users = await (await fetch("/demo/users")).json();
for (const user of users) $("me").append(new Option(user.name, user.id));

$("connect").onclick = async () => {
  const me = $("me").value;
  const { token } = await (await fetch(`/demo/token/${me}`)).json();
  socket?.close(1000);
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws?token=${token}`);
  socket = opened;
  opened.onopen = () => { say(`Connected as ${me}.`); contacts(me); show("idle"); };
  opened.onmessage = (event) => hear(JSON.parse(event.data));
  opened.onclose = (event) => {
    if (socket !== opened) return;
    hangUp();
    show(null);
    say(event.code === 1000 ? "Connected elsewhere: another tab is this user now." : "Connection lost. Press Connect to return.");
  };
};

function contacts(me) {
  $("contacts").replaceChildren(...users.filter((user) => user.id !== me).map((user) => {
    const button = document.createElement("button");
    button.textContent = "Call";
    button.setAttribute("aria-label", `Call ${user.name}`);
    button.onclick = () => { send("call.start", { callee_id: user.id }); say(`Calling ${user.name} …`); };
    const item = document.createElement("li");
    item.append(user.name, button);
    return item;
  }));
}

async function hear({ type, payload }) {
  switch (type) {
    case "call.ringing":
      session = payload.session_id;
      $("peer").textContent = `Ringing ${payload.callee_id} …`;
      show("call");
      break;
    case "call.ring":
      session = payload.session_id;
      $("who").textContent = `${payload.caller_info?.name || payload.caller_id} is calling`;
      show("ringing");
      break;
    case "call.accepted":
      session = payload.session_id;
      $("peer").textContent = `In a call with ${payload.callee_info?.name || "your contact"}`;
      await media();
      await peer.setLocalDescription();
      send("webrtc.offer", { session_id: session, sdp: peer.localDescription.sdp });
      break;
    case "webrtc.offer":
      await media();
      await peer.setRemoteDescription({ type: "offer", sdp: payload.sdp });
      await flush();
      await peer.setLocalDescription();
      send("webrtc.answer", { session_id: session, sdp: peer.localDescription.sdp });
      break;
    case "webrtc.answer":
      await peer.setRemoteDescription({ type: "answer", sdp: payload.sdp });
      await flush();
      break;
    case "webrtc.ice":
      if (peer?.remoteDescription) await peer.addIceCandidate(payload);
      else early.push(payload);
      break;
    case "call.rejected":
    case "call.ended":
      if (payload.session_id !== session) break;
      hangUp();
      show("idle");
      say(type === "call.rejected" ? "Declined." : `Call ended (${payload.reason.replaceAll("_", " ")}).`);
      break;
    case "error":
      say(payload.message);
      if (!session) show("idle");
  }
}

async function flush() {
  for (const candidate of early.splice(0)) await peer.addIceCandidate(candidate);
}

async function media() {
  if (peer) return;
  const made = new RTCPeerConnection();
  peer = made;
  made.ontrack = (event) => { $("remote").srcObject = event.streams[0]; };
  made.onicecandidate = ({ candidate }) => {
    if (candidate && session) send("webrtc.ice", { session_id: session, ...candidate.toJSON() });
  };
  made.onconnectionstatechange = () => say(`Media ${made.connectionState}.`);
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of stream.getTracks()) made.addTrack(track, stream);
  } catch (problem) {
    say(`No microphone (${problem.name}): you can hear, but not be heard.`);
    made.addTransceiver("audio", { direction: "recvonly" });
  }
}

function hangUp() {
  for (const sender of peer?.getSenders() ?? []) sender.track?.stop();
  peer?.close();
  peer = null;
  session = null;
  early = [];
}

$("accept").onclick = () => { send("call.accept", { session_id: session }); $("peer").textContent = "In a call"; show("call"); };
$("reject").onclick = () => { send("call.reject", { session_id: session }); session = null; show("idle"); };
$("end").onclick = () => { send("call.end", { session_id: session }); hangUp(); show("idle"); say("You hung up."); };
