/** Microphone, camera, speaker and loudness: what there is, and what somebody chose. */

import { $, el, kept, tell } from "./dom.js";

const PICKERS = [
  { select: "microphone", kind: "audioinput", word: "microphone" },
  { select: "camera-device", kind: "videoinput", word: "camera" },
  { select: "speaker", kind: "audiooutput", word: "speaker" },
];
const speakers = "setSinkId" in HTMLMediaElement.prototype;

export class Devices {
  /** use(kind, deviceId): for the SDK; it may reject. complain(message) */
  constructor(use, complain) {
    this.use = use;
    this.complain = complain;
    /** Ids, by kind, that are in use: what is shown as chosen must be. */
    this.applied = {};
    for (const picker of PICKERS) $(picker.select).addEventListener("change", () => this.choose(picker));
    $("speaker").hidden = $("speaker-label").hidden = !speakers;
    this.slider("volume", "volume", 100, (value) => ($("remote-audio").volume = value / 100));
    this.slider("ring-volume", "ring", 70, () => {});
    navigator.mediaDevices?.addEventListener("devicechange", () => this.fill());
  }

  slider(id, key, otherwise, apply) {
    const input = $(id);
    input.value = kept.get(key, otherwise);
    apply(input.valueAsNumber);
    input.addEventListener("input", () => {
      kept.set(key, input.valueAsNumber);
      apply(input.valueAsNumber);
    });
  }

  get ringVolume() {
    return $("ring-volume").valueAsNumber / 100;
  }

  /** Before a page may use the microphone, browsers tell neither names nor numbers. */
  async fill() {
    const found = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    for (const { select, kind, word } of PICKERS) {
      const known = found.filter((device) => device.kind === kind && device.deviceId && device.label);
      const wanted = kept.get(kind, "");
      const options = known.map((device) => el("option", { value: device.deviceId, textContent: device.label }));
      if (!options.some((option) => option.value === "default")) options.unshift(el("option", { value: "", textContent: `The usual ${word}` }));
      $(select).replaceChildren(...options);
      const there = known.some((device) => device.deviceId === wanted);
      if (there) $(select).value = wanted;
      else delete this.applied[kind];
      $(select).disabled = options.length < 2;
      if (there && this.applied[kind] !== wanted) await this.apply(select, kind);
    }
    const named = found.some((device) => device.label);
    tell($("device-hint"), named ? "" : "Your devices can be chosen once you allowed this page to use the microphone: in your first call.");
  }

  /** For whoever signed in now: the choices of earlier visits, where the devices are still there; else as soon as they are. */
  async restore() {
    this.applied = {};
    await this.fill();
  }

  async choose({ select, kind }) {
    kept.set(kind, $(select).value);
    await this.apply(select, kind);
  }

  async apply(select, kind) {
    const id = $(select).value;
    this.applied[kind] = id;
    try {
      if (kind === "audiooutput") await $("remote-audio").setSinkId(id === "default" ? "" : id);
      else await this.use(kind, id);
    } catch (error) {
      this.complain(kind === "audiooutput" ? "This speaker cannot be used. Plug it in again, or choose another." : error.message);
    }
  }
}
