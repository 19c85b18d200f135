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
  /** Elements that the browser does not let play. */
  readonly #blocked = new Set<HTMLMediaElement>()
  readonly #blocks: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #told: number | undefined

  /** `blocks`: told when the browser lets it play no more, or again. */
  constructor(view: TrackView, sized: () => void, blocks: () => void = () => {}) {
    super()
    this.trackId = view.trackId
    this.peerId = view.peerId
    this.roomId = view.roomId
    this.kind = view.kind
    this.source = view.source
    this.#isOn = view.on
    this.#sized = sized
    this.#blocks = blocks
  }

  /** Whether the browser does not let it play before somebody has touched the page. */
  get isBlocked(): boolean {
    return this.#blocked.size > 0
  }

  /** Tries again to play it, which may succeed when somebody has touched the page. */
  async play(): Promise<void> {
    await Promise.all([...this.#elements.keys()].map((element) => this.#play(element)))
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
    void this.#begin(element)
  }

  /** Plays it by this element no more, or by none. */
  detach(element?: HTMLMediaElement): void {
    for (const attached of element ? [element] : [...this.#elements.keys()]) {
      this.#elements.get(attached)?.()
      if (this.#elements.delete(attached)) attached.srcObject = null
      this.#unblock(attached)
    }
    this.#measure()
  }

  /** For the room: it is shown by this from now on. */
  show(media: MediaStreamTrack | null): void {
    if (media === this.#media) return
    this.#media = media
    for (const element of this.#elements.keys()) void this.#begin(element)
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
    for (const element of [...this.#blocked]) this.#unblock(element)
    this.#elements.clear()
    this.emit('ended', undefined)
  }

  /** For the room: what was told of its size is forgotten there. */
  tellAgain(): void {
    this.#told = undefined
    if (this.#elements.size > 0) this.#measure()
  }

  async #begin(element: HTMLMediaElement): Promise<void> {
    element.srcObject = this.#media && new MediaStream([this.#media])
    if (this.#media) await this.#play(element)
    else this.#unblock(element)
  }

  async #play(element: HTMLMediaElement): Promise<void> {
    try {
      await element.play()
      this.#unblock(element)
    } catch (error) {
      // Other failures, such as that of a load that was given up for a newer one, pass by themselves.
      if ((error as DOMException).name !== 'NotAllowedError' || !this.#elements.has(element)) return
      const before = this.isBlocked
      this.#blocked.add(element)
      if (!before) this.#blocks()
    }
  }

  #unblock(element: HTMLMediaElement): void {
    if (this.#blocked.delete(element) && !this.isBlocked) this.#blocks()
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
