// The frames that a client and a room exchange, JSON texts. docs/rooms.md has the contract.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
export type Kind = 'audio' | 'video'
/** What a track shows or sounds like. */
export type Source = 'audio' | 'camera' | 'screen'
export type Role = 'master' | 'member' | 'cohost' | 'audience'
/** Which of a client's two connections. */
export type Side = 'pub' | 'sub'

export interface TrackView {
  trackId: string
  peerId: string
  /** Of a track of a connected room. */
  roomId?: string
  kind: Kind
  source: Source
  on: boolean
}

export interface PeerView {
  peerId: string
  role: Role
  roomId?: string
  tracks: TrackView[]
}

export interface Joined {
  t: 'joined'
  id: number
  resume: string
  /** Whether the peer is as it was, with its connections and its messages. */
  resumed: boolean
  role: Role
  can: Kind[]
  /** How media travels: 0 UDP, 1 TCP, 2 both, 3 TCP first. */
  protocol: number
  minBitrate: number
  maxBitrate: number
  peers: PeerView[]
}

/** What is answered to a frame of the same `id`. */
export type Reply = Joined | { t: 'answer'; id: number; sdp: string } | { t: 'err'; id: number; code: number; msg: string }

/** What a room says of its own accord. */
export type News =
  | { t: 'slots'; v: number; map: Record<string, string | null>; want: Record<Kind, number> }
  | { t: 'msg'; n: number; from: string | null; data: Json }
  | { t: 'peer'; peerId: string; state: 'joined' | 'left'; role?: Role }
  | ({ t: 'track' } & TrackView)
  | { t: 'untrack'; trackId: string }
  | { t: 'role'; role: Role; can: Kind[]; maxBitrate: number }
  | { t: 'speakers'; peerIds: string[] }
  | { t: 'lost'; pc: Side; reason: string }
  | { t: 'unshown'; trackId: string; reason: string }
  | { t: 'bye'; code: number; msg: string }

/** What a client asks, without its number. */
export type Ask =
  | { t: 'join'; peerId: string; token?: string; resume: string | null; seen?: number }
  | { t: 'publish'; sdp: string; sources: Record<string, Source> }
  | { t: 'subscribe'; sdp: string }
  | { t: 'restart'; pc: Side; sdp: string }

/** What a client says and gets no answer to, unless it is refused. */
export type Say =
  | { t: 'prefer'; trackId: string; height: number }
  | { t: 'mute'; trackId: string; on: boolean }
  | { t: 'msg'; to?: string[]; data: Json }
  | { t: 'leave' }
