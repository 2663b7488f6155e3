/**
 * What happens to the page and to its network.
 *
 * @param {() => void} network It changed.
 * @param {() => void} shown
 * @param {() => void} hidden For good, reloaded, or kept for the Back button.
 * @param {() => void} devices A microphone or a camera came or went.
 * @returns {() => void} Listens no more.
 */
export function watchPage(network: () => void, shown: () => void, hidden: () => void, devices: () => void): () => void;
