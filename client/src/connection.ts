import { RoomError } from './problem.js'
import type { Side } from './wire.js'

/** How long a connection may be without packets before another way is looked for: networks lose some at times. */
const DISCONNECTED_MS = 3_000
/** What a restart may take before everything is begun anew. */
const RESTART_MS = 5_000
const CONNECT_MS = 15_000
/** Under this protocol a server tells only its TCP addresses at first, and all of them after a restart. */
const TCP_FIRST = 3
const TCP_FIRST_MS = 3_000
/** Between two attempts to begin anew. */
const ANEW_PAUSES_MS = [0, 1_000, 2_000, 5_000, 10_000]
/** So often it is begun anew, some minutes long, before somebody has to ask for it. */
const MOST_ANEW = 15
/** Codes that say for good that the media are not taken. */
const FINAL = [50_007, 50_009]

export type MediaState = 'new' | 'connecting' | 'connected' | 'reconnecting' | 'failed'

export interface Dealing {
  /** Sends an offer; the answer to it. */
  offer(sdp: string): Promise<string>
  restart(sdp: string): Promise<string>
  /** Whether the room can be asked at present. */
  canAsk(): boolean
  changed(): void
  failed(error: RoomError): void
}

/** One of a client's two connections for media: made, kept through changes of the network, and made anew where that fails. */
export abstract class Connection {
  pc: RTCPeerConnection | undefined
  state: MediaState = 'new'
  protected readonly dealing: Dealing
  /** One thing after another: a room takes one offer at a time of each side. */
  #turn: Promise<unknown> = Promise.resolve()
  #timer: ReturnType<typeof setTimeout> | undefined
  #protocol = 0
  #anew = 0
  #isClosed = false

  constructor(
    readonly side: Side,
    dealing: Dealing,
  ) {
    this.dealing = dealing
  }

  /** Puts the media into a connection that has just been made. */
  protected abstract fill(pc: RTCPeerConnection): void
  /** The connection has ended, and its media with it. */
  protected abstract emptied(): void
  /** Told when the room has answered. */
  protected abstract agreed(pc: RTCPeerConnection): void
  /** Whether there is anything to connect for. */
  protected abstract get isWanted(): boolean

  set protocol(protocol: number) {
    this.#protocol = protocol
  }

  /** Tells the room of the media as they are now. */
  negotiate(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isClosed || (!this.pc && !this.isWanted)) return
      const pc = this.pc ?? this.#make()
      await this.#deal(pc, (sdp) => this.dealing.offer(sdp))
    })
  }

  /** Looks for another way through the network, or begins anew where there is none. */
  restart(): Promise<void> {
    return this.#inTurn(async () => {
      const pc = this.pc
      if (this.#isClosed || !pc || !this.dealing.canAsk()) return
      this.#become('reconnecting')
      pc.restartIce()
      try {
        await this.#deal(pc, (sdp) => this.dealing.restart(sdp))
        // Where it was never cut off, nothing tells that it is connected.
        const look = () => (pc.connectionState === 'connected' ? this.#moved('connected') : this.anew())
        if (pc === this.pc) this.#expect(RESTART_MS, look)
      } catch (error) {
        this.#refused(error as RoomError)
      }
    })
  }

  /** Begins anew: the other side has nothing of this connection any more. */
  anew(): void {
    this.#drop()
    if (this.#isClosed || !this.isWanted) return
    if (this.#anew >= MOST_ANEW) {
      this.#become('failed')
      this.dealing.failed(new RoomError(50_005, 'no media connection has come about, however often it was tried'))
      return
    }
    this.#become('reconnecting')
    const pause = ANEW_PAUSES_MS[Math.min(this.#anew++, ANEW_PAUSES_MS.length - 1)] ?? 0
    this.#expect(pause, () => {
      // When the room is back, it is tried anyway.
      if (this.dealing.canAsk()) this.negotiate().catch((error: RoomError) => this.#refused(error))
    })
  }

  /** As if it had never failed: something has changed. */
  again(): void {
    this.#anew = 0
    this.anew()
  }

  /** The room is back, and knows this connection or does not. */
  resumed(isKnown: boolean): void {
    if (!isKnown) this.again()
    else if (this.pc && this.pc.connectionState !== 'connected') void this.restart()
    else if (!this.pc) this.again()
  }

  close(): void {
    this.#isClosed = true
    this.#drop()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  #make(): RTCPeerConnection {
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    this.pc = pc
    this.fill(pc)
    pc.onconnectionstatechange = () => pc === this.pc && this.#moved(pc.connectionState)
    if (this.state === 'new') this.#become('connecting')
    return pc
  }

  async #deal(pc: RTCPeerConnection, say: (sdp: string) => Promise<string>): Promise<void> {
    await pc.setLocalDescription()
    let answer: string
    try {
      answer = await say(pc.localDescription?.sdp ?? '')
    } catch (error) {
      if (pc.signalingState === 'have-local-offer') await pc.setLocalDescription({ type: 'rollback' })
      throw error
    }
    if (pc !== this.pc) return
    await pc.setRemoteDescription({ type: 'answer', sdp: answer })
    this.agreed(pc)
    if (pc.connectionState !== 'connected') {
      const isTcpFirst = this.#protocol === TCP_FIRST && this.state === 'connecting'
      if (isTcpFirst) this.#expect(TCP_FIRST_MS, () => void this.restart())
      else this.#expect(CONNECT_MS, () => this.anew())
    }
  }

  #moved(state: RTCPeerConnectionState): void {
    if (state === 'connected') {
      clearTimeout(this.#timer)
      this.#anew = 0
      this.#become('connected')
    } else if (state === 'disconnected' && this.state === 'connected') {
      this.#expect(DISCONNECTED_MS, () => void this.restart())
    } else if (state === 'failed') void this.restart()
  }

  #refused(error: RoomError): void {
    if (FINAL.includes(error.code)) {
      this.#drop()
      this.#become('new')
      this.dealing.failed(error)
    } else this.anew()
  }

  #expect(ms: number, then: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(then, ms)
  }

  #drop(): void {
    clearTimeout(this.#timer)
    const pc = this.pc
    this.pc = undefined
    if (!pc) return
    pc.onconnectionstatechange = null
    pc.close()
    this.emptied()
  }

  #become(state: MediaState): void {
    if (this.state === state) return
    this.state = state
    this.dealing.changed()
  }
}
