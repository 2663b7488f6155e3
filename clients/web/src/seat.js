/**
 * The one connection that a user has in a browser: this tab holds it, or another one does and this tab shows what that one has.
 *
 * @typedef {import("./types.js").Events} Events
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Signal} Signal
 */

import { createCallMedia } from "./call-media.js";
import { createConnection } from "./connection.js";
import { initial, wants } from "./core/model.js";
import { end } from "./core/person.js";
import { hear } from "./core/server.js";
import { connection as moves, inherit, stands, welcome } from "./core/standing.js";
import { CarillonError } from "./errors.js";
import { createMachine } from "./machine.js";
import { createMemory } from "./memory.js";
import { watchPage } from "./page.js";
import { createSession } from "./session.js";
import { createTabs, shareable } from "./tabs.js";
import { createTimers } from "./timers.js";
import { bearer } from "./token.js";
import { createView } from "./view.js";
import { createAnswers, within } from "./waiting.js";

/** ms. */
const STEAL = 5000;
/** ms for which a token counts as just fetched. */
const FRESH = 2000;

/**
 * @param {import("./types.js").Options} options
 * @param {<T extends keyof Events>(type: T, detail: Events[T]) => void} emit
 * @param {(method: string, args: unknown[]) => unknown} run What another tab asks of the client.
 */
export function createSeat(options, emit, run) {
  const timers = createTimers();
  const answers = createAnswers();
  const memory = createMemory(options.storage);
  const session = createSession(options.protocol !== "reference");
  /** @type {import("./tabs.js").Tabs | null} */
  let tabs = null;
  /** Whether somebody wants to be connected. */
  let wanted = false;
  /** Whether somebody asked for that here, while another tab may hold the connection, and has had no answer yet. */
  let asking = false;
  /** @type {object | null} The attempt to find out whose tabs share the connection. */
  let entering = null;
  /** Whether that is known, and this tab holds it. */
  let leading = false;
  let unwatch = () => {};
  /** @type {RTCIceServer[]} That the server gives. */
  let iceServers = [];

  const onError = (/** @type {CarillonError} */ error) => emit("error", { error });
  /** @type {import("./machine.js").Owner} All of it is there before anything happens. */
  const owner = /** @type {any} */ ({});
  const machine = createMachine(initial(options.media !== false), timers, owner);
  const { model, take } = machine;
  const connection = createConnection(session, timers, {
    url,
    getToken: () => options.getToken(),
    admit,
    onLost(error, retryAt) {
      const state = retryAt ? (model().user ? "reconnecting" : "connecting") : error.code === "replaced" ? "replaced" : "failed";
      take(moves, { state, error, retryAt });
    },
    onHeard,
    onOpen,
    onProved: () => media.restart(),
    onError,
  });
  const media = createCallMedia(timers, machine, connection, {
    config: () => ({
      iceServers: [...iceServers, ...(options.iceServers ?? [])],
      iceTransportPolicy: options.iceTransportPolicy,
      bundlePolicy: "max-bundle",
    }),
    onError,
    onQuality: (quality) => emit("quality", quality),
  });

  /** Whether this tab holds the connection. */
  const here = () => !tabs || tabs.leads();
  const view = createView(machine, media, memory, { here, post: (shown) => tabs?.show(shown) }, emit);
  Object.assign(owner, media, view, { send: connection.send });

  function url() {
    const made = new URL(typeof options.url === "function" ? options.url() : options.url, globalThis.location?.href);
    made.protocol = made.protocol.replace(/^http/, "ws");
    return made.href;
  }

  // ---------------------------------------------------------------- who holds the connection

  /** @param {string} token The first one tells whose tabs share the connection. */
  function admit(token) {
    if (!leading && !entering) void enter(token);
    return leading;
  }

  /** Wait for the place, or take it. @param {string} token */
  async function enter(token) {
    const attempt = (entering = {});
    const at = Date.now();
    const server = url();
    const user = options.tabs !== false && shareable() ? bearer(token, options.userClaim).user_id : "";
    const onLead = () => lead(Date.now() - at < FRESH ? token : undefined);
    await memory.open(server, user);
    if (entering !== attempt) return;
    if (!user) return onLead();
    tabs = createTabs(`carillon:${server}:${user}`, answers, { onLead, onFollow, onShown, onNew: view.show, run });
    // Whose call it was takes the place back; everybody else waits for it.
    if (memory.own().call) tabs.steal();
    else tabs.queue();
  }

  /** @param {string} [token] */
  function lead(token) {
    const before = machine.shown();
    // The user went on elsewhere, and nobody has asked for the connection here since.
    const replaced = before.state === "replaced" && !asking;
    leading = true;
    asking = false;
    Object.assign(session.at, { id: null, epoch: null, seq: 0, answered: 0, ...memory.cursor(), outbox: [] });
    const { call, over = [] } = memory.own();
    const { serial } = model(); // What was begun for an earlier call is not taken for this one's.
    const still = replaced ? { state: before.state, error: before.error } : {};
    machine.lead({ ...initial(before.media, call), state: "connecting", ...still, user: before.user, serial, over });
    take(inherit, before.call);
    if (!replaced) connection.open(token);
  }

  /** Another tab took the connection: what was done here is over, without a word to the peer. */
  function onFollow() {
    leading = false;
    connection.yield();
    timers.stop();
    media.release();
    const { call, over } = model();
    memory.keep(null, over);
    const shown = { ...model(), call: call && { ...call, here: false } };
    // What this tab still waits for, such as a microphone, finds no call any more.
    machine.lead({ ...model(), call: null, work: null, until: null, rival: null });
    machine.follow(shown);
  }

  /** Connect although that was given up: here, even if it was in another tab. */
  function anew() {
    if (here()) return take(moves, { state: "connecting" });
    machine.follow({ ...machine.shown(), state: "connecting", error: null });
    tabs?.steal();
  }

  /** Hold the connection, which the tab with the call always does. */
  async function claim() {
    const { state, error } = machine.shown();
    if (!wants(state)) throw error ?? new CarillonError("not_connected");
    const online = () => here() && model().state === "online";
    if (!here()) {
      tabs?.steal();
      await within(STEAL, () => machine.until(() => online() || null)).catch(() => {});
    }
    if (!online()) throw new CarillonError("unreachable");
  }

  /** @param {any} shown By the tab that leads. */
  function onShown(shown) {
    if (shown.state === "online") asking = false;
    // That tab gave up before somebody asked here. Once this one leads the answer is its own, so that two do not take it in turns.
    if (asking && shown.state && !wants(shown.state)) tabs?.steal();
    else view.mirror(shown);
  }

  // ---------------------------------------------------------------- what the server says

  /** @param {import("./session.js").Heard} heard */
  function onHeard({ news, about, replay, settled, voided = false }) {
    if (news) {
      const { type, payload } = news;
      if (type === "session.welcome") {
        iceServers = payload.ice_servers ?? [];
        take(welcome, payload, voided);
      } else if (type.startsWith("webrtc.")) signalled(/** @type {Signal} */ (/** @type {unknown} */ (news)));
      else {
        if (type === "call.check_result") answers.settle(`check:${payload.session_id}`, payload);
        take(hear, news, { about, replay });
        if (type === "error" && payload.code === "unauthorized" && !about) onError(new CarillonError("token_refused"));
      }
    }
    if (settled) settle(settled.call ?? null, settled.recovered);
    const { id, epoch, seq, answered } = session.at;
    if (id) memory.move({ id, epoch, seq, answered });
  }

  /** A server without sessions: what stands must be asked for. @param {string} token */
  async function onOpen(token) {
    const user = bearer(token, options.userClaim);
    take(welcome, { user, grace: 30, ring_timeout: 60, server_time: Date.now() / 1000 }, true);
    const id = model().call?.id;
    const found = id ? await check(id).catch(() => null) : {};
    if (found) settle(found.exists ? { session_id: id, state: found.state } : null, true);
  }

  /** @param {Payload | null} call That stands. @param {boolean} recovered */
  function settle(call, recovered) {
    take(stands, call, recovered);
    media.restart(true);
  }

  /** @param {string} id @returns {Promise<Payload>} */
  function check(id) {
    if (!connection.up()) throw new CarillonError("not_connected");
    connection.send("call.check", { session_id: id });
    return answers.to(`check:${id}`);
  }

  /** @param {Signal} signal */
  function signalled({ type, payload }) {
    const { call, media: ours } = model();
    if (!call || call.id !== payload.session_id) return;
    if (ours) return media.hear({ type, payload });
    const { session_id: _, ...rest } = payload;
    emit("signal", { type, payload: rest });
  }

  return {
    ...machine,
    media,
    here,
    claim,
    check,
    call: view.call,
    /** @param {string} type @param {Payload} payload */
    signal(type, payload) {
      const id = model().call?.id;
      if (id) connection.send(type, { ...payload, session_id: id });
    },
    /** @param {string} method @param {unknown[]} args */
    ask: (method, args) => /** @type {import("./tabs.js").Tabs} */ (tabs).ask(method, args),
    connect() {
      const { state } = machine.shown();
      asking = !leading && state !== "online";
      if (!wants(state)) anew();
      if (!wanted) {
        wanted = true;
        unwatch = watchPage(
          () => here() && connection.doubt(true),
          () => {
            if (here() && document.visibilityState === "visible") connection.doubt();
            timers.check();
          },
          () => {
            if (here() && wants(model().state)) connection.hide();
          },
          media.plugged,
        );
      }
      if (here()) connection.open();
      else if (wants(state)) void tabs?.ask("connect", []);
    },
    leave() {
      if (here()) take(end);
      wanted = asking = leading = false;
      entering = null;
      connection.leave();
      tabs?.leave();
      tabs = null;
      timers.stop();
      unwatch();
      machine.lead(model());
      take(moves, { state: "idle" });
    },
  };
}
