import { LEFT, RoomError, UNREACHABLE } from './problem.js'
import type { Ask, Joined, News, Reply, Say } from './wire.js'

/** Between two attempts, in milliseconds; each is shortened by chance, so that many who were cut off do not come back together. */
const PAUSES_MS = [200, 500, 1_000, 2_000, 4_000]
/** How long it is tried before the room counts as lost. */
const GIVE_UP_MS = 60_000
const ANSWER_MS = 15_000
const OPEN_MS = 10_000
/** A server that answers no ping for so long is not there any more, whatever the network says. */
const PING_EVERY_MS = 4_000
const SILENT_MS = 10_000
/** What is said while the room is away waits; so much at most. */
const MAX_WAITING = 200
/** A refusal after which another attempt may succeed: the server has failed, or has not noticed yet that this client is gone. */
const PASSING = [10_000, 50_006]
/** With this code a server closes who is not let in, or not any longer. */
const CLOSED_OVER = 4_002

export interface Hearing {
  /** Joined, at first or again. */
  joined(joined: Joined): void
  news(news: News): void
  /** The socket is gone, and another one is tried. */
  broken(): void
  over(error: RoomError): void
}

interface Pending {
  done(reply: Reply): void
  failed(error: RoomError): void
}

/** The line to a room: questions with answers, news, and another socket when one breaks. */
export class Signal {
  readonly #url: string
  readonly #join: { peerId: string; token?: string }
  readonly #hearing: Hearing
  readonly #pending = new Map<number, Pending>()
  readonly #waiting: Say[] = []
  #socket: WebSocket | undefined
  #resume: string | null = null
  #seen: number | undefined
  #next = 1
  #isJoined = false
  #isOver = false
  #lostAt: number | undefined
  #attempts = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #ticking: ReturnType<typeof setInterval> | undefined
  /** When the ping was sent that is not answered yet. */
  #pingedAt: number | undefined

  constructor(url: string, join: { peerId: string; token?: string }, hearing: Hearing) {
    this.#url = url
    this.#join = join
    this.#hearing = hearing
    this.#open()
  }

  /** Asks the room. Fails when the room refuses, or the line breaks meanwhile. */
  ask(ask: Ask): Promise<Reply> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      if (!this.#socket || this.#socket.readyState !== WebSocket.OPEN) {
        return reject(new RoomError(UNREACHABLE, 'the room is not reached at the moment'))
      }
      const timer = setTimeout(() => this.#pending.get(id)?.failed(new RoomError(UNREACHABLE, 'the room does not answer')), ANSWER_MS)
      const settle = () => {
        clearTimeout(timer)
        this.#pending.delete(id)
      }
      this.#pending.set(id, {
        done: (reply) => {
          settle()
          reply.t === 'err' ? reject(new RoomError(reply.code, reply.msg)) : resolve(reply)
        },
        failed: (error) => {
          settle()
          reject(error)
        },
      })
      this.#socket.send(JSON.stringify({ ...ask, id }))
    })
  }

  /** Says something, now or when the room is back. */
  say(say: Say): void {
    if (this.#isJoined) this.#socket?.send(JSON.stringify(say))
    else if (!this.#isOver && this.#waiting.push(say) > MAX_WAITING) this.#waiting.shift()
  }

  /** Tries now what would be tried later: the network has changed. */
  hurry(): void {
    if (this.#isOver) return
    if (this.#isJoined) return this.#ping()
    if (this.#retry !== undefined) {
      clearTimeout(this.#retry)
      this.#open()
    }
  }

  leave(): void {
    if (this.#isJoined) this.#socket?.send(JSON.stringify({ t: 'leave' } satisfies Say))
    this.#end(new RoomError(LEFT, 'the page has left the room'))
  }

  #open(): void {
    this.#retry = undefined
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    const tooLong = setTimeout(() => socket.close(), OPEN_MS)
    socket.onopen = () => {
      clearTimeout(tooLong)
      this.#pingedAt = undefined
      clearInterval(this.#ticking)
      this.#ticking = setInterval(() => this.#tick(), PING_EVERY_MS)
      void this.#enter()
    }
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#heard(String(data))
    }
    socket.onclose = ({ code, reason }) => {
      clearTimeout(tooLong)
      if (socket !== this.#socket) return
      if (code === CLOSED_OVER) this.#end(new RoomError(50_000, reason || 'the room has ended the connection'))
      else this.#broke()
    }
  }

  async #enter(): Promise<void> {
    const socket = this.#socket
    const seen = this.#seen === undefined ? {} : { seen: this.#seen }
    try {
      const joined = await this.ask({ t: 'join', ...this.#join, resume: this.#resume, ...seen })
      if (joined.t !== 'joined') return
      this.#resume = joined.resume
      this.#isJoined = true
      this.#lostAt = undefined
      this.#attempts = 0
      this.#hearing.joined(joined)
      for (const say of this.#waiting.splice(0)) this.say(say)
    } catch (error) {
      if (socket !== this.#socket || this.#isOver) return
      const failed = error as RoomError
      // Whoever joins for the first time hears at once why not.
      const passes = failed.code === UNREACHABLE || (this.#resume !== null && PASSING.includes(failed.code))
      if (passes) socket?.close()
      else this.#end(failed)
    }
  }

  #heard(text: string): void {
    this.#pingedAt = undefined
    if (text === 'pong') return
    let frame: Reply | News
    try {
      frame = JSON.parse(text) as Reply | News
    } catch {
      // A frame of a later version.
      return
    }
    if (frame.t === 'bye') return this.#end(new RoomError(frame.code, frame.msg))
    if ('id' in frame) return this.#pending.get(frame.id)?.done(frame)
    if (frame.t === 'msg') this.#seen = frame.n
    this.#hearing.news(frame)
  }

  #tick(): void {
    // Not by when something was heard: a page in the background looks at its clock once a minute.
    if (this.#pingedAt !== undefined && Date.now() - this.#pingedAt > SILENT_MS) {
      // Its own closing may take as long as the network is away.
      const socket = this.#socket
      this.#broke()
      socket?.close()
    } else this.#ping()
  }

  #ping(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return
    this.#pingedAt ??= Date.now()
    this.#socket.send('ping')
  }

  #broke(): void {
    if (this.#isOver) return
    this.#socket = undefined
    clearInterval(this.#ticking)
    for (const pending of [...this.#pending.values()]) pending.failed(new RoomError(UNREACHABLE, 'the connection to the room broke'))
    const wasJoined = this.#isJoined
    this.#isJoined = false
    this.#lostAt ??= Date.now()
    if (Date.now() - this.#lostAt > GIVE_UP_MS) {
      return this.#end(new RoomError(UNREACHABLE, 'the room cannot be reached: is the network there?'))
    }
    const pause = PAUSES_MS[Math.min(this.#attempts++, PAUSES_MS.length - 1)] ?? 0
    this.#retry = setTimeout(() => this.#open(), pause * (0.5 + Math.random() / 2))
    if (wasJoined) this.#hearing.broken()
  }

  #end(error: RoomError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#isJoined = false
    clearTimeout(this.#retry)
    clearInterval(this.#ticking)
    for (const pending of [...this.#pending.values()]) pending.failed(error)
    this.#socket?.close()
    this.#hearing.over(error)
  }
}
