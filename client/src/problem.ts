// Why something has not happened, or why a room is over.

/** Codes of the server, and two of the client's own. */
const REASONS = {
  10000: 'server-failed',
  10003: 'invalid',
  50000: 'not-let-in',
  50001: 'no-room',
  50003: 'not-invited',
  50005: 'no-connection',
  50006: 'joined-elsewhere',
  50007: 'no-codec-in-common',
  50008: 'master-absent',
  50009: 'may-not-publish',
  50011: 'not-in-room',
  50012: 'full',
  50016: 'no-track',
  50017: 'connection-gone',
  50018: 'too-many-connections',
  50022: 'closed',
  1: 'unreachable',
  2: 'left',
} as const

export type Reason = (typeof REASONS)[keyof typeof REASONS] | 'other'

/** What a code means. */
export const reasonOf = (code: number): Reason => (REASONS as Record<number, Reason>)[code] ?? 'other'

/** The room's server could not be reached for as long as it was tried. */
export const UNREACHABLE = 1
/** The page has left the room. */
export const LEFT = 2

export class RoomError extends Error {
  /** `code`: as the server numbers it. */
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message)
    this.name = 'RoomError'
  }

  get reason(): Reason {
    return reasonOf(this.code)
  }
}
