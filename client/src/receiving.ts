import { Connection } from './connection.js'
import type { Kind } from './wire.js'

/** More than a page can show. */
const MAX_SLOTS = 64

/** The connection that subscribes: slots that show one track after another, as the room maps them. */
export class Receiving extends Connection {
  #want: Record<Kind, number> = { audio: 2, video: 2 }
  /** Which track each slot shows, by mid. */
  readonly #map = new Map<string, string>()
  /** Told when a track has begun to be shown, or is shown no more. */
  onshown: (trackId: string, media: MediaStreamTrack | null) => void = () => {}

  get isWanted(): boolean {
    return true
  }

  /** Which slots show what from now on, and how many there are to be. */
  map(map: Record<string, string | null>, want: Record<Kind, number>): void {
    const before = new Map(this.#map)
    for (const [mid, trackId] of Object.entries(map)) {
      if (trackId === null) this.#map.delete(mid)
      else this.#map.set(mid, trackId)
    }
    const shown = new Set(this.#map.values())
    for (const trackId of before.values()) if (!shown.has(trackId)) this.onshown(trackId, null)
    for (const [mid, trackId] of this.#map) {
      if (before.get(mid) === trackId) continue
      const media = this.#transceiver(mid)?.receiver.track
      if (media) this.onshown(trackId, media)
    }
    this.#want = {
      audio: Math.min(Math.max(want.audio, this.#want.audio), MAX_SLOTS),
      video: Math.min(Math.max(want.video, this.#want.video), MAX_SLOTS),
    }
    if (this.pc && this.#lacks(this.pc)) {
      this.#add(this.pc)
      // Where the room refuses, what there is goes on.
      this.negotiate().catch(() => {})
    }
  }

  /** The statistics of what shows a track. */
  async statistics(trackId: string): Promise<RTCStatsReport | undefined> {
    const mid = [...this.#map].find(([, shown]) => shown === trackId)?.[0]
    return mid === undefined ? undefined : this.#transceiver(mid)?.receiver.getStats()
  }

  protected fill(pc: RTCPeerConnection): void {
    this.#add(pc)
  }

  protected emptied(): void {
    for (const trackId of new Set(this.#map.values())) this.onshown(trackId, null)
    this.#map.clear()
  }

  protected agreed(): void {}

  #transceiver(mid: string): RTCRtpTransceiver | undefined {
    return this.pc?.getTransceivers().find((transceiver) => transceiver.mid === mid)
  }

  #count(pc: RTCPeerConnection, kind: Kind): number {
    return pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === kind).length
  }

  #lacks(pc: RTCPeerConnection): boolean {
    return this.#count(pc, 'audio') < this.#want.audio || this.#count(pc, 'video') < this.#want.video
  }

  #add(pc: RTCPeerConnection): void {
    for (const kind of ['audio', 'video'] as const) {
      while (this.#count(pc, kind) < this.#want[kind]) pc.addTransceiver(kind, { direction: 'recvonly' })
    }
  }
}
