/**
 * A rejection that nobody handles makes no noise: the events say the same.
 *
 * @template T
 * @param {Promise<T>} promise
 */
export function quiet<T>(promise: Promise<T>): Promise<T>;
/** Questions by their ids, until they are answered. */
export function createAnswers(): {
    /** @param {string} id @returns {Promise<any>} */
    to: (id: string) => Promise<any>;
    /** @param {string} id @param {unknown} value @param {Error | null} [error] */
    settle: (id: string, value: unknown, error?: Error | null) => void | undefined;
};
export function within<T>(ms: number, ask: () => T | Promise<T>): Promise<T>;
export type Answers = ReturnType<typeof createAnswers>;
