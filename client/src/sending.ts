import { Connection } from './connection.js'
import type { Source } from './wire.js'

/** What one source sends, whatever the connection. */
export interface Sent {
  source: Source
  track: MediaStreamTrack | null
  stream: MediaStream
  simulcast: boolean
}

/** The layers of a picture: the smallest first, as browsers take bandwidth away from the last. */
const LAYERS: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f' },
]

/** The connection that publishes. */
export class Sending extends Connection {
  readonly #sent = new Map<Source, Sent>()
  readonly #transceivers = new Map<Source, RTCRtpTransceiver>()

  get isWanted(): boolean {
    return this.#sent.size > 0
  }

  has(source: Source): boolean {
    return this.#sent.has(source)
  }

  /** Adds sources, and tells the room. None is added where it refuses. */
  async add(sent: Sent[]): Promise<void> {
    for (const one of sent) {
      this.#sent.set(one.source, one)
      if (this.pc) this.#put(this.pc, one)
    }
    try {
      await this.negotiate()
    } catch (error) {
      for (const { source } of sent) await this.#take(source)
      throw error
    }
  }

  async remove(sources: Source[]): Promise<void> {
    for (const source of sources) await this.#take(source)
    await this.negotiate()
  }

  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    const sent = this.#sent.get(source)
    if (!sent) return
    sent.track = track
    await this.#transceivers.get(source)?.sender.replaceTrack(track)
  }

  /** Which source each medium sends, by mid. */
  sources(): Record<string, Source> {
    const sources: Record<string, Source> = {}
    for (const [source, { mid }] of this.#transceivers) if (mid !== null && this.#sent.has(source)) sources[mid] = source
    return sources
  }

  protected fill(pc: RTCPeerConnection): void {
    // The first offer says which kinds there may be; one without a track costs nothing.
    for (const source of ['audio', 'camera'] as const) {
      const sent = this.#sent.get(source)
      if (sent) this.#put(pc, sent)
      else this.#transceivers.set(source, pc.addTransceiver(source === 'audio' ? 'audio' : 'video', { direction: 'sendonly' }))
    }
    const screen = this.#sent.get('screen')
    if (screen) this.#put(pc, screen)
  }

  protected emptied(): void {
    this.#transceivers.clear()
  }

  protected agreed(pc: RTCPeerConnection): void {
    const sender = this.#transceivers.get('camera')?.sender
    const takesLayers = pc.remoteDescription?.sdp.includes('\na=simulcast:')
    if (!sender || takesLayers) return
    // Of layers that are not taken only the smallest is left, which is then to be the whole picture.
    const parameters = sender.getParameters()
    const [first] = parameters.encodings
    if (!first?.rid || first.scaleResolutionDownBy === 1) return
    first.scaleResolutionDownBy = 1
    delete first.maxBitrate
    sender.setParameters(parameters).catch(() => {})
  }

  #put(pc: RTCPeerConnection, { source, track, stream, simulcast }: Sent): void {
    const known = this.#transceivers.get(source)
    // A picture in layers has to be begun as one.
    const layers = simulcast && source === 'camera' ? { sendEncodings: LAYERS } : {}
    if (known && 'sendEncodings' in layers && known.sender.getParameters().encodings.length < LAYERS.length) {
      known.direction = 'inactive'
    } else if (known) {
      known.direction = 'sendonly'
      void known.sender.replaceTrack(track)
      return
    }
    const kind = source === 'audio' ? 'audio' : 'video'
    const transceiver = pc.addTransceiver(track ?? kind, { direction: 'sendonly', streams: [stream], ...layers })
    // Words on a screen have to be read; a camera's motion has to be seen.
    if (source === 'screen' && track && 'contentHint' in track && !track.contentHint) track.contentHint = 'detail'
    this.#transceivers.set(source, transceiver)
  }

  async #take(source: Source): Promise<void> {
    this.#sent.delete(source)
    await this.#transceivers.get(source)?.sender.replaceTrack(null)
  }
}
