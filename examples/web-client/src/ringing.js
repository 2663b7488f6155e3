/** What a call sounds like: it rings here and there, it begins, it is over. */

import { audible, play } from "./sounds.js";

const TUNES = { ringing: "ringback", incoming: "ring" };
const NOTHING = { tune: null, stop: () => {} };

export class Ringing {
  /** volume(): 0 to 1. */
  constructor(volume) {
    this.volume = volume;
    this.playing = NOTHING;
    /** The state that the call was in last. */
    this.before = null;
  }

  /** One tab rings for all tabs of this browser that hear of the same call: the first of those that can be heard. */
  follow(call) {
    const tune = call.here || call.state === "incoming" ? (TUNES[call.state] ?? null) : null;
    if (tune !== this.playing.tune) {
      this.hush();
      if (tune) this.playing = { tune, stop: tune === "ring" ? this.ringAlone(call.id) : play(tune, this.volume()) };
    }
    if (call.here && call.state !== this.before && ["connected", "ended"].includes(call.state) && this.before !== "reconnecting") {
      play(call.state === "connected" ? "connected" : "over", this.volume());
    }
    this.before = call.state;
  }

  hush() {
    this.playing.stop();
    this.playing = NOTHING;
  }

  ringAlone(id) {
    let stop = () => {};
    const over = new Promise((resolve) => (stop = resolve));
    const ring = async (lock) => {
      if (!lock) return;
      const silence = play("ring", this.volume());
      navigator.vibrate?.(Array(20).fill([600, 900]).flat());
      await over;
      navigator.vibrate?.(0);
      silence();
    };
    if (!audible()) return stop;
    if (navigator.locks) navigator.locks.request(`carillon.page.ring.${id}`, { ifAvailable: true }, ring).catch(() => {});
    else ring(true);
    return stop;
  }
}
