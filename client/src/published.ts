import type { Source } from './wire.js'

/** What a page can do with what it publishes. */
export interface Publishing {
  mute(source: Source, muted: boolean): void
  replace(source: Source, track: MediaStreamTrack | null): Promise<void>
  stop(sources: Source[]): Promise<void>
}

/** What a page publishes: the tracks of one stream. */
export class Published {
  readonly #publishing: Publishing
  readonly #sources: Record<string, Source>

  constructor(publishing: Publishing, sources: Record<string, Source>) {
    this.#publishing = publishing
    this.#sources = sources
  }

  /** Which sources it has, by the kind of the track. */
  get sources(): Source[] {
    return Object.values(this.#sources)
  }

  /** Sends silence and black, of one kind or of both; others are told. Nothing is published anew when that ends. */
  mute(muted = true, kind?: 'audio' | 'video'): void {
    for (const [of, source] of Object.entries(this.#sources)) {
      if (kind === undefined || of === kind) this.#publishing.mute(source, muted)
    }
  }

  unmute(kind?: 'audio' | 'video'): void {
    this.mute(false, kind)
  }

  /** Sends another track of the same kind instead: another camera. */
  async replace(track: MediaStreamTrack): Promise<void> {
    const source = this.#sources[track.kind]
    if (source === undefined) throw new TypeError(`nothing of the kind ${track.kind} is published by this: publish it`)
    await this.#publishing.replace(source, track)
  }

  /** Publishes it no more. The page's own tracks go on; stop them if they are not used elsewhere. */
  stop(): Promise<void> {
    return this.#publishing.stop(this.sources)
  }
}
