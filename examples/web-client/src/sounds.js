/**
 * Ring tones from oscillators: no files. A whole minute of them is scheduled at once, since timers of hidden tabs run late.
 * Before the first click of a page its AudioContext is suspended, and `resume()` stays pending: nothing here waits for it.
 */

let context = null;
/** Under way, since more than one gesture may come before the sound does. */
let resuming = null;

/** To be called on every gesture; cheap when there is nothing to do. */
export function unlock() {
  const before = audible();
  context ??= typeof AudioContext === "function" ? new AudioContext() : null;
  if (context?.state === "suspended") resuming ??= context.resume().then(heard, () => {}).finally(() => (resuming = null));
  else if (!before && audible()) heard();
}

/** Whether a ring is heard; `heard` is called when that changes to yes. */
export const audible = () => context?.state === "running";
let heard = () => {};
export const onAudible = (listener) => (heard = listener);

/** [start in s, frequency in Hz, length in s, loudness] */
const TUNES = {
  ring: { every: 3, notes: [[0, 784, 1.4, 0.5], [0.22, 659, 1.4, 0.5], [0.44, 523, 1.6, 0.5], [0.66, 392, 2, 0.6]], bell: true },
  ringback: { every: 4, notes: [[0, 440, 1.2, 0.12], [0, 480, 1.2, 0.12]], bell: false },
  connected: { every: 0, notes: [[0, 523, 0.3, 0.2], [0.12, 784, 0.5, 0.2]], bell: true },
  over: { every: 0, notes: [[0, 392, 0.4, 0.2], [0.18, 294, 0.7, 0.2]], bell: true },
};

/** Plays it, for a minute if it repeats; returns what stops it. volume: 0 to 1. */
export function play(tune, volume) {
  if (!context) return () => {};
  const { every, notes, bell } = TUNES[tune];
  const output = context.createGain();
  output.gain.value = volume;
  output.connect(context.destination);
  const begin = context.currentTime + 0.02;
  const voices = [];
  for (let round = 0; round < (every ? 60 / every : 1); round += 1) {
    for (const note of notes) voices.push(...strike(output, begin + round * every, note, bell));
  }
  return () => {
    output.gain.setTargetAtTime(0, context.currentTime, 0.02);
    for (const voice of voices) voice.stop(context.currentTime + 0.1);
  };
}

/** A bell is its note, the octave and a twelfth, each dying away sooner. */
function strike(output, begin, [after, frequency, length, loudness], bell) {
  return (bell ? [1, 2, 3] : [1]).map((partial) => {
    const [tone, envelope] = [context.createOscillator(), context.createGain()];
    const [start, end] = [begin + after, begin + after + length / partial];
    tone.frequency.value = frequency * partial;
    envelope.gain.setValueAtTime(0, start);
    envelope.gain.linearRampToValueAtTime(loudness / partial ** 2, start + 0.02);
    if (bell) envelope.gain.exponentialRampToValueAtTime(0.001, end);
    else envelope.gain.setValueAtTime(loudness, end - 0.05).linearRampToValueAtTime(0, end);
    tone.connect(envelope).connect(output);
    tone.start(start);
    tone.stop(end);
    return tone;
  });
}
