// Joins rooms from browsers: docs/rooms-client.md.

export { RoomError, reasonOf, type Reason } from './problem.js'
export { Published } from './published.js'
export { RemoteTrack } from './remote.js'
export { connect, Room, type ConnectOptions, type Peer, type PublishOptions, type RoomEvents, type RoomState } from './room.js'
export type { Json, Kind, Role, Source } from './wire.js'
