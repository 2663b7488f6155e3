/** What promises wait for, and for how long. */

import { CarillonError } from "./errors.js";

/** ms. */
const ANSWER = 5000;

/**
 * A rejection that nobody handles makes no noise: the events say the same.
 *
 * @template T
 * @param {Promise<T>} promise
 */
export function quiet(promise) {
  promise.catch(() => {});
  return promise;
}

/**
 * @template T
 * @param {number} ms
 * @param {() => T | Promise<T>} ask
 * @returns {Promise<T>} Rejects as `unavailable` when the time is up.
 */
export const within = (ms, ask) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CarillonError("unavailable")), ms);
    const done = () => clearTimeout(timer);
    new Promise((asked) => asked(ask())).then(resolve, reject).finally(done);
  });

/** Questions by their ids, until they are answered. */
export function createAnswers() {
  /** @type {Map<string, (answer: any) => void>} */
  const asked = new Map();
  return {
    /** @param {string} id @returns {Promise<any>} */
    to: (id) => quiet(within(ANSWER, () => new Promise((resolve) => asked.set(id, resolve))).finally(() => asked.delete(id))),
    /** @param {string} id @param {unknown} value @param {Error | null} [error] */
    settle: (id, value, error) => asked.get(id)?.(error ? Promise.reject(error) : value),
  };
}

/** @typedef {ReturnType<typeof createAnswers>} Answers */
