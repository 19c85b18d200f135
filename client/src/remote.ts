import { Emitter } from './emitter.js'
import type { Kind, Source, TrackView } from './wire.js'

/** A change of the size is told when it has lasted for so long: windows are resized in many steps. */
const SETTLED_MS = 400

/** A track of another peer. */
export class RemoteTrack extends Emitter<{ media: MediaStreamTrack | null; on: boolean; ended: undefined }> {
  readonly trackId: string
  readonly peerId: string
  /** The connected room that it comes from; undefined for this one. */
  readonly roomId: string | undefined
  readonly kind: Kind
  readonly source: Source
  #isOn: boolean
  #media: MediaStreamTrack | null = null
  readonly #elements = new Map<HTMLMediaElement, () => void>()
  readonly #sized: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #told: number | undefined

  constructor(view: TrackView, sized: () => void) {
    super()
    this.trackId = view.trackId
    this.peerId = view.peerId
    this.roomId = view.roomId
    this.kind = view.kind
    this.source = view.source
    this.#isOn = view.on
    this.#sized = sized
  }

  /** Whether it is not muted. */
  get isOn(): boolean {
    return this.#isOn
  }

  /** The height in pixels that the elements have which show it; undefined before one does. */
  get height(): number | undefined {
    return this.#told
  }

  /** What the browser plays; null while nothing comes. */
  get media(): MediaStreamTrack | null {
    return this.#media
  }

  /** Plays it by an element, for as long as it comes. The height of the element decides how large a picture is asked for. */
  attach(element: HTMLMediaElement): void {
    if (this.#elements.has(element)) return
    this.#elements.set(element, this.kind === 'video' ? this.#watch(element) : () => {})
    this.#play(element)
  }

  /** Plays it by this element no more, or by none. */
  detach(element?: HTMLMediaElement): void {
    for (const attached of element ? [element] : [...this.#elements.keys()]) {
      this.#elements.get(attached)?.()
      if (this.#elements.delete(attached)) attached.srcObject = null
    }
    this.#measure()
  }

  /** For the room: it is shown by this from now on. */
  show(media: MediaStreamTrack | null): void {
    if (media === this.#media) return
    this.#media = media
    for (const element of this.#elements.keys()) this.#play(element)
    this.emit('media', media)
  }

  /** For the room: it was muted, or is not any more. */
  turn(on: boolean): void {
    if (on === this.#isOn) return
    this.#isOn = on
    this.emit('on', on)
  }

  /** For the room: it is not published any more. */
  end(): void {
    clearTimeout(this.#timer)
    this.show(null)
    for (const stop of this.#elements.values()) stop()
    this.#elements.clear()
    this.emit('ended', undefined)
  }

  /** For the room: what was told of its size is forgotten there. */
  tellAgain(): void {
    this.#told = undefined
    if (this.#elements.size > 0) this.#measure()
  }

  #play(element: HTMLMediaElement): void {
    element.srcObject = this.#media && new MediaStream([this.#media])
    if (!this.#media) return
    // A page that nobody has touched yet may not play sound: it is for the page to ask for a touch.
    element.play().catch(() => {})
  }

  #watch(element: HTMLMediaElement): () => void {
    let visible = true
    const sizes = new ResizeObserver(() => this.#measure())
    const sight = new IntersectionObserver(([entry]) => {
      visible = entry?.isIntersecting ?? true
      element.toggleAttribute('data-out-of-sight', !visible)
      this.#measure()
    })
    sizes.observe(element)
    sight.observe(element)
    return () => {
      sizes.disconnect()
      sight.disconnect()
      element.removeAttribute('data-out-of-sight')
    }
  }

  #measure(): void {
    if (this.kind !== 'video') return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const heights = [...this.#elements.keys()].map((element) =>
        element.hasAttribute('data-out-of-sight') ? 0 : Math.round(element.clientHeight * devicePixelRatio),
      )
      const height = Math.max(0, ...heights)
      if (height === this.#told) return
      this.#told = height
      this.#sized()
    }, SETTLED_MS)
  }
}
