/** How long to wait before the next attempt to connect. */

/** ms. */
const FIRST = 300;
const LONGEST = 10_000;

/**
 * ms before attempt number `failures`: a short one first, for most servers are back or have a neighbour; then 1 s doubling to 10 s.
 *
 * @param {number} failures
 * @param {number} chance From 0 to 1.
 */
export const backoff = (failures, chance) =>
  failures === 0 ? FIRST * chance : Math.min(LONGEST, 1000 * 2 ** (failures - 1)) * (1 + chance / 2);

/** @param {string} reason Of a close frame. @returns {number | null} Seconds. */
export const hint = (reason) => Number(/retry after ([\d.]+) s/.exec(reason)?.[1]) || null;
