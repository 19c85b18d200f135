import { watchDevices } from './devices.js'
import { Emitter } from './emitter.js'
import { Own } from './own.js'
import type { Connection, Dealing, MediaState } from './connection.js'
import { RoomError } from './problem.js'
import { Published } from './published.js'
import { Receiving } from './receiving.js'
import { RemoteTrack } from './remote.js'
import { Sending } from './sending.js'
import { Signal } from './signal.js'
import type { Joined, Json, Kind, News, Reply, Role, Side, Source, TrackView } from './wire.js'

export interface ConnectOptions {
  peerId: string
  /** A channel token, where the app asks for one. */
  token?: string
}

export interface PublishOptions {
  /** What the picture shows: the camera, which is meant without this, or the screen. */
  source?: 'camera' | 'screen'
  /** Pictures of several sizes at once, so that each viewer gets one that fits. */
  simulcast?: boolean
}

export interface Peer {
  peerId: string
  /** The connected room that they are in; undefined for this one. */
  roomId: string | undefined
  role: Role | undefined
  tracks: RemoteTrack[]
}

/** How things are. Messages may come while media is interrupted, and media while messages are. */
export interface RoomState {
  signalling: 'connected' | 'reconnecting' | 'over'
  media: MediaState
}

export interface RoomEvents {
  /** A track of another peer can be attached. */
  track: RemoteTrack
  message: { from: string | null; data: Json }
  /** Somebody has come, or gone, or has changed. */
  peer: { peer: Peer; state: 'joined' | 'left' | 'changed' }
  /** Who speaks, the loudest first. */
  speakers: string[]
  /** What this peer may do has changed. */
  role: { role: Role; can: Kind[] }
  state: RoomState
  /** A microphone or a camera of this page is gone, which the others see as muted, or the browser's own bar has ended its screen. */
  ended: { source: Source }
  /** Which microphones, cameras and speakers there are, when that has changed. */
  devices: MediaDeviceInfo[]
  /** Whether the browser plays something only after a touch: call `play()` when a button is pressed. */
  blocked: boolean
  /** The room is over for this page, which has left it or must. */
  over: RoomError
  /** Something does not work, and the room goes on. */
  problem: RoomError
}

/**
 * Joins a room. `url`: its `serverUrl` with the invitation code or the ID of the room behind it. Fails with a `RoomError` when the
 * room lets nobody in.
 */
export const connect = (url: string, options: ConnectOptions): Promise<Room> => Room.join(url, options)

/** Who waits for the room to let the page in. */
interface Waiting {
  done(): void
  failed(error: RoomError): void
}

export class Room extends Emitter<RoomEvents> {
  readonly peerId: string
  role: Role = 'member'
  /** What this peer may publish. */
  can: Kind[] = []
  /** Others, by their ID; those of a connected room by `roomId/peerId`. */
  readonly peers = new Map<string, Peer>()
  readonly tracks = new Map<string, RemoteTrack>()
  readonly #signal: Signal
  readonly #sending: Sending
  readonly #receiving: Receiving
  readonly #own: Own
  readonly #preferred = new Map<string, number>()
  #signalling: RoomState['signalling'] = 'connected'
  #first: Waiting | undefined
  #slots = -1
  /** What is told when the page has had the time to listen. */
  #held: (() => void)[] | undefined = []
  readonly #network = () => this.#moved()
  readonly #unwatch: () => void
  #isBlocked = false

  /** As `connect`. */
  static async join(url: string, options: ConnectOptions): Promise<Room> {
    const { promise, resolve, reject } = withResolvers()
    const room = new Room(url, options, { done: resolve, failed: reject })
    await promise
    return room
  }

  private constructor(url: string, { peerId, token }: ConnectOptions, first: Waiting) {
    super()
    this.peerId = peerId
    this.#first = first
    this.#sending = new Sending('pub', this.#dealing('pub'))
    this.#receiving = new Receiving('sub', this.#dealing('sub'))
    this.#own = new Own(this.#sending, {
      say: (say) => this.#signal.say(say),
      ended: (source) => this.emit('ended', { source }),
    })
    this.#receiving.onshown = (trackId, media) => this.tracks.get(trackId)?.show(media)
    this.#signal = new Signal(url, token === undefined ? { peerId } : { peerId, token }, {
      joined: (joined) => this.#joined(joined),
      news: (news) => this.#news(news),
      broken: () => this.#become('reconnecting'),
      over: (error) => this.#over(error),
    })
    addEventListener('online', this.#network)
    this.#unwatch = watchDevices((devices) => this.emit('devices', devices))
  }

  get state(): RoomState {
    const media = [this.#sending.state, this.#receiving.state]
    const worst = (['failed', 'reconnecting', 'connecting', 'connected', 'new'] as const).find((state) => media.includes(state))
    return { signalling: this.#signalling, media: worst ?? 'new' }
  }

  /** Publishes the tracks of a stream. */
  async publish(stream: MediaStream, { source = 'camera', simulcast = false }: PublishOptions = {}): Promise<Published> {
    const sources: Record<string, Source> = {}
    const [audio, video] = [stream.getAudioTracks()[0], stream.getVideoTracks()[0]]
    // A room hears one microphone of each peer.
    if (audio && !this.#sending.has('audio')) sources.audio = 'audio'
    if (video) sources.video = source
    if (Object.keys(sources).length === 0) throw new TypeError('the stream has no track that is not published already')
    if (sources.video && this.#sending.has(source)) throw new TypeError(`a ${source} is published already: stop or replace that`)
    const of = (kind: Kind) => (kind === 'audio' ? audio : video) ?? null
    const sent = (Object.entries(sources) as [Kind, Source][]).map(([kind, source]) => ({ source, track: of(kind), stream, simulcast }))
    for (const { source, track } of sent) this.#own.has(source, track)
    try {
      await this.#sending.add(sent)
    } catch (error) {
      this.#own.drop(sent.map(({ source }) => source))
      throw error
    }
    return new Published(
      {
        mute: (source, muted) => this.#own.mute(source, muted),
        replace: (source, track) => this.#own.replace(source, track),
        stop: (sources) => this.#own.stop(sources),
      },
      sources,
    )
  }

  /** Asks for a picture of this height in pixels; 0 pauses it, null leaves it to the elements that show it. */
  prefer(trackId: string, height: number | null): void {
    if (height === null) {
      this.#preferred.delete(trackId)
      this.tracks.get(trackId)?.tellAgain()
      return
    }
    this.#preferred.set(trackId, height)
    this.#signal.say({ t: 'prefer', trackId, height })
  }

  /** Sends a message, to all or to some. */
  send(data: Json, to?: string[]): void {
    this.#signal.say(to ? { t: 'msg', to, data } : { t: 'msg', data })
  }

  /** Plays what the browser has not let play. It does when this is called because a button was pressed. */
  async play(): Promise<void> {
    await Promise.all([...this.tracks.values()].map((track) => track.play()))
  }

  /** Tries once more to connect media that have `failed`. */
  retry(): void {
    for (const connection of [this.#sending, this.#receiving]) if (connection.state === 'failed') connection.again()
  }

  /** The browser's statistics of what shows a track. */
  statistics(trackId: string): Promise<RTCStatsReport | undefined> {
    return this.#receiving.statistics(trackId)
  }

  leave(): void {
    this.#signal.leave()
  }

  protected override emit<Name extends keyof RoomEvents>(name: Name, told: RoomEvents[Name]): void {
    if (this.#held) this.#held.push(() => super.emit(name, told))
    else super.emit(name, told)
  }

  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const emit of held) emit()
  }

  #dealing(side: Side): Dealing {
    const answer = (reply: Reply) => {
      if (reply.t !== 'answer') throw new RoomError(10_000, 'the room has answered something else')
      return reply.sdp
    }
    return {
      offer: async (sdp) =>
        answer(
          await (side === 'pub'
            ? this.#signal.ask({ t: 'publish', sdp, sources: this.#sending.sources() })
            : this.#signal.ask({ t: 'subscribe', sdp })),
        ),
      restart: async (sdp) => answer(await this.#signal.ask({ t: 'restart', pc: side, sdp })),
      canAsk: () => this.#signalling === 'connected',
      changed: () => this.emit('state', this.state),
      failed: (error) => this.emit('problem', error),
    }
  }

  #joined(joined: Joined): void {
    this.role = joined.role
    this.can = joined.can
    this.#sending.protocol = this.#receiving.protocol = joined.protocol
    const isFirst = this.#first !== undefined
    if (!joined.resumed) {
      this.#slots = -1
      this.#own.forget()
    }
    this.#take(joined)
    this.#become('connected')
    if (isFirst) {
      this.#first?.done()
      this.#first = undefined
      setTimeout(() => this.#release())
      this.#receiving.negotiate().catch((error: RoomError) => {
        this.emit('problem', error)
        if (error.code !== 50_007) this.#receiving.anew()
      })
      return
    }
    for (const connection of [this.#sending, this.#receiving]) if (connection.isWanted) connection.resumed(joined.resumed)
    for (const track of this.tracks.values()) this.#tellPreference(track)
  }

  /** Takes in who is there, and what they publish. */
  #take({ peers }: Joined): void {
    const views = peers.flatMap(({ tracks }) => tracks)
    for (const trackId of [...this.tracks.keys()]) if (!views.some((view) => view.trackId === trackId)) this.#untrack(trackId)
    for (const key of [...this.peers.keys()]) if (!peers.some((view) => keyOf(view) === key)) this.#gone(key)
    for (const view of peers) {
      if (view.peerId !== this.peerId) this.#peer(view.peerId, view.roomId, view.role)
      for (const track of view.tracks) this.#track(track)
    }
  }

  #news(news: News): void {
    switch (news.t) {
      case 'slots':
        if (news.v < this.#slots) return
        this.#slots = news.v
        return this.#receiving.map(news.map, news.want)
      case 'msg':
        return this.emit('message', { from: news.from, data: news.data })
      case 'peer':
        if (news.peerId === this.peerId) return
        if (news.state === 'left') this.#gone(news.peerId)
        else this.#peer(news.peerId, undefined, news.role)
        return
      case 'track':
        return this.#track(news)
      case 'untrack':
        return this.#untrack(news.trackId)
      case 'role':
        this.role = news.role
        this.can = news.can
        return this.emit('role', { role: news.role, can: news.can })
      case 'speakers':
        return this.emit('speakers', news.peerIds)
      case 'unshown':
        return this.emit('problem', new RoomError(50_007, news.reason))
      case 'lost':
        return this.#connection(news.pc).anew()
    }
  }

  #connection(side: Side): Connection {
    return side === 'pub' ? this.#sending : this.#receiving
  }

  #peer(peerId: string, roomId: string | undefined, role: Role | undefined): Peer {
    const key = keyOf({ peerId, roomId })
    const known = this.peers.get(key)
    if (known) {
      if (role !== undefined && role !== known.role) {
        known.role = role
        this.emit('peer', { peer: known, state: 'changed' })
      }
      return known
    }
    const peer: Peer = { peerId, roomId, role, tracks: [] }
    this.peers.set(key, peer)
    this.emit('peer', { peer, state: 'joined' })
    return peer
  }

  #gone(key: string): void {
    const peer = this.peers.get(key)
    if (!peer) return
    for (const { trackId } of [...peer.tracks]) this.#untrack(trackId)
    this.peers.delete(key)
    this.emit('peer', { peer, state: 'left' })
  }

  #track(view: TrackView): void {
    if (view.peerId === this.peerId && view.roomId === undefined) return this.#own.told(view)
    const known = this.tracks.get(view.trackId)
    if (known) return known.turn(view.on)
    const track = new RemoteTrack(
      view,
      () => this.#tellPreference(track),
      () => this.#block(),
    )
    const peer = this.#peer(view.peerId, view.roomId, undefined)
    peer.tracks.push(track)
    this.tracks.set(view.trackId, track)
    this.emit('track', track)
  }

  #untrack(trackId: string): void {
    const track = this.tracks.get(trackId)
    this.tracks.delete(trackId)
    this.#preferred.delete(trackId)
    if (!track) return this.#own.untold(trackId)
    const peer = this.peers.get(keyOf(track))
    if (peer) peer.tracks = peer.tracks.filter((other) => other !== track)
    track.end()
  }

  #block(): void {
    const isBlocked = [...this.tracks.values()].some((track) => track.isBlocked)
    if (isBlocked === this.#isBlocked) return
    this.#isBlocked = isBlocked
    this.emit('blocked', isBlocked)
  }

  #tellPreference(track: RemoteTrack): void {
    const height = this.#preferred.get(track.trackId) ?? track.height
    if (height !== undefined) this.#signal.say({ t: 'prefer', trackId: track.trackId, height })
  }

  /** The network has changed. */
  #moved(): void {
    this.#signal.hurry()
    this.retry()
    for (const connection of [this.#sending, this.#receiving]) {
      if (connection.pc && connection.pc.connectionState !== 'connected') void connection.restart()
    }
  }

  #become(signalling: RoomState['signalling']): void {
    if (this.#signalling === signalling) return
    this.#signalling = signalling
    this.emit('state', this.state)
  }

  #over(error: RoomError): void {
    removeEventListener('online', this.#network)
    this.#unwatch()
    this.#own.close()
    this.#sending.close()
    this.#receiving.close()
    for (const key of [...this.peers.keys()]) this.#gone(key)
    this.#become('over')
    if (this.#first) this.#first.failed(error)
    else this.emit('over', error)
  }
}

function withResolvers() {
  let [resolve, reject] = [() => {}, (_: RoomError) => {}]
  const promise = new Promise<void>((done, failed) => ([resolve, reject] = [done, failed]))
  return { promise, resolve, reject }
}

const keyOf = ({ peerId, roomId }: { peerId: string; roomId?: string | undefined }) => (roomId === undefined ? peerId : `${roomId}/${peerId}`)
