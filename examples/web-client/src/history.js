/** The last calls of a user in this browser, kept for all its tabs. */

import { kept } from "./dom.js";

const MOST = 50;

export class History {
  /** @param {string} userId */
  constructor(userId) {
    this.key = `history.${userId}`;
    this.seenKey = `seen.${userId}`;
  }

  get entries() {
    return kept.get(this.key, []);
  }

  /** A call that ended; known ones (another tab was quicker, or it is also reported as missed) are replaced. */
  add(call, missed) {
    const entry = {
      id: call.id ?? `${call.peer.id}-${call.startedAt}`,
      peer: { id: call.peer.id, name: call.peer.name, image: call.peer.image },
      direction: call.direction,
      media: call.media,
      reason: call.reason,
      missed,
      at: call.startedAt,
      length: call.connectedAt ? call.endedAt - call.connectedAt : null,
    };
    const others = this.entries.filter((known) => known.id !== entry.id);
    kept.set(this.key, [entry, ...others].sort((one, two) => two.at - one.at).slice(0, MOST));
  }

  /** Missed calls that nobody has looked at. */
  get missed() {
    const seen = kept.get(this.seenKey, 0);
    return this.entries.filter((entry) => entry.missed && entry.at > seen).length;
  }

  look() {
    if (this.missed) kept.set(this.seenKey, Math.max(...this.entries.map((entry) => entry.at)));
  }

  clear() {
    kept.set(this.key, []);
  }
}
