import type { Sending } from './sending.js'
import type { Say, Source, TrackView } from './wire.js'

interface Hearing {
  say(say: Say): void
  /** A device is gone, or the browser's own bar has ended the screen. */
  ended(source: Source): void
}

/** What this page publishes, by what it shows: its tracks, and what the room knows of them. */
export class Own {
  readonly #sending: Sending
  readonly #hearing: Hearing
  readonly #tracks = new Map<Source, MediaStreamTrack | null>()
  /** They are told when the tracks have begun. */
  readonly #ids = new Map<Source, string>()
  readonly #muted = new Set<Source>()
  /** Muted because their track has ended, until there is another one. */
  readonly #silenced = new Set<Source>()
  readonly #watched = new Map<Source, () => void>()

  constructor(sending: Sending, hearing: Hearing) {
    this.#sending = sending
    this.#hearing = hearing
  }

  has(source: Source, track: MediaStreamTrack | null): void {
    this.#tracks.set(source, track)
    this.#watch(source, track)
  }

  mute(source: Source, muted: boolean): void {
    this.#silenced.delete(source)
    if (muted) this.#muted.add(source)
    else this.#muted.delete(source)
    const track = this.#tracks.get(source)
    if (track) track.enabled = !muted
    const trackId = this.#ids.get(source)
    if (trackId !== undefined) this.#hearing.say({ t: 'mute', trackId, on: !muted })
  }

  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (track && this.#silenced.has(source)) this.mute(source, false)
    if (track) track.enabled = !this.#muted.has(source)
    this.has(source, track)
    await this.#sending.replace(source, track)
  }

  async stop(sources: Source[]): Promise<void> {
    this.drop(sources)
    await this.#sending.remove(sources)
  }

  /** They are not published, or not any more. */
  drop(sources: Source[]): void {
    for (const source of sources) {
      this.#watch(source, null)
      this.#tracks.delete(source)
      this.#muted.delete(source)
      this.#silenced.delete(source)
    }
  }

  /** The room tells of a track of this page's. */
  told({ trackId, source, on }: TrackView): void {
    this.#ids.set(source, trackId)
    if (on === this.#muted.has(source)) this.#hearing.say({ t: 'mute', trackId, on: !on })
  }

  untold(trackId: string): void {
    for (const [source, ownId] of this.#ids) if (ownId === trackId) this.#ids.delete(source)
  }

  /** The room has none of them. */
  forget(): void {
    this.#ids.clear()
  }

  close(): void {
    for (const source of [...this.#watched.keys()]) this.#watch(source, null)
  }

  #watch(source: Source, track: MediaStreamTrack | null): void {
    this.#watched.get(source)?.()
    this.#watched.delete(source)
    if (!track) return
    const ended = () => this.#ended(source)
    track.addEventListener('ended', ended)
    this.#watched.set(source, () => track.removeEventListener('ended', ended))
  }

  #ended(source: Source): void {
    // A screen that is not shared any more is published no more; a device may be plugged in again, or another one taken.
    if (source === 'screen') this.stop([source]).catch(() => {})
    else if (!this.#muted.has(source)) {
      this.mute(source, true)
      this.#silenced.add(source)
    }
    this.#hearing.ended(source)
  }
}
