/**
 * What happens to the page and to its network.
 *
 * @param {() => void} network It changed.
 * @param {() => void} shown
 * @param {() => void} hidden For good, reloaded, or kept for the Back button.
 * @param {() => void} devices A microphone or a camera came or went.
 * @returns {() => void} Listens no more.
 */
export function watchPage(network, shown, hidden, devices) {
  const over = new AbortController();
  if (!globalThis.window) return () => {};
  const { connection, mediaDevices } = /** @type {any} */ (navigator);
  const hear = (/** @type {EventTarget | undefined} */ target, /** @type {string} */ type, /** @type {() => void} */ listener) =>
    target?.addEventListener(type, listener, { signal: over.signal });
  hear(window, "online", network);
  hear(connection, "change", network);
  hear(window, "pageshow", shown);
  hear(document, "visibilitychange", shown);
  hear(window, "pagehide", hidden);
  hear(mediaDevices, "devicechange", devices);
  return () => over.abort();
}
