// A session by WHIP (RFC 9725) or WHEP, for as long as somebody wants it. When the network changes, the connection is looked for
// anew (an ICE restart), and if that fails, the session is begun again.

const SDP = 'application/sdp'
const FRAGMENT = 'application/trickle-ice-sdpfrag'
/** What a connection that is only disturbed gets over by itself. */
const DISTURBED_MS = 3_000
const RESTARTING_MS = 5_000
const CONNECTING_MS = 15_000
const RETRY_MS = 2_000

/** What the server has answered in place of a session. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

/** The answer was fine, but no media came through. */
export class Unreachable extends Error {}

/** The server has ended the session. */
export class Ended extends Error {}

export class Session {
  #url
  #token
  #isPlayer
  #prepare
  #tell
  #stop = new AbortController()
  #connection
  #location
  #answer

  /**
   * `prepare` adds the media to a new connection; `tell` hears of each state: `connecting`, `connected`, `reconnecting`, `waiting` for
   * somebody to publish, and `over`.
   */
  constructor({ url, token, isPlayer = false, prepare, tell }) {
    this.#url = url
    this.#token = token
    this.#isPlayer = isPlayer
    this.#prepare = prepare
    this.#tell = tell
  }

  get connection() {
    return this.#connection
  }

  /** Keeps the session until it is stopped. Fails when it cannot be begun, or the server ends what is published. */
  async run() {
    let hasPlayed = false
    try {
      while (!this.#stop.signal.aborted) {
        this.#tell(hasPlayed ? 'reconnecting' : 'connecting')
        try {
          await this.#begin()
          hasPlayed = true
          this.#tell('connected')
          await this.#keep()
        } catch (error) {
          if (this.#stop.signal.aborted) return
          if (!this.#mayPass(error, hasPlayed)) throw error
          if (isToCome(error)) this.#tell('waiting')
        } finally {
          await this.#end()
        }
        await this.#pause(RETRY_MS)
      }
    } finally {
      this.#tell('over')
    }
  }

  stop() {
    this.#stop.abort()
  }

  /** Whether the same may be tried again: a stream that is watched may begin later, and a node come back. */
  #mayPass(error, hasPlayed) {
    if (error instanceof Refused) return error.status === 503 || (this.#isPlayer && isToCome(error))
    if (error instanceof Ended) return this.#isPlayer
    return hasPlayed
  }

  async #begin() {
    const pc = (this.#connection = new RTCPeerConnection())
    this.#prepare(pc)
    await pc.setLocalDescription()
    const response = await this.#call('POST', this.#url, pc.localDescription.sdp, { 'content-type': SDP })
    if (response.status !== 201) throw await refusal(response)
    this.#location = new URL(response.headers.get('location'), this.#url)
    this.#answer = await response.text()
    await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer })
    await this.#connected(CONNECTING_MS)
  }

  /** Returns when the connection is lost and not found again. */
  async #keep() {
    for (;;) {
      await this.#until(() => this.#connection.connectionState !== 'connected')
      this.#tell('reconnecting')
      if (await this.#isConnectedWithin(DISTURBED_MS)) {
        this.#tell('connected')
        continue
      }
      await this.#restart()
      await this.#connected(RESTARTING_MS)
      this.#tell('connected')
    }
  }

  /** Another connection of the same session, by whatever network there is. */
  async #restart() {
    const pc = this.#connection
    pc.restartIce()
    await pc.setLocalDescription()
    const headers = { 'content-type': FRAGMENT, 'if-match': '*' }
    const response = await this.#call('PATCH', this.#location, fragment(pc.localDescription.sdp), headers)
    // Its node was restarted: whoever ends a session says so.
    if (response.status === 404) throw new Unreachable()
    if (response.status !== 200) throw await refusal(response)
    this.#answer = restarted(this.#answer, await response.text())
    await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer })
  }

  async #end() {
    this.#connection?.close()
    const location = this.#location
    this.#location = undefined
    // A session that the server has lost needs no end.
    if (location) await this.#request('DELETE', location, undefined, {}).catch(() => {})
  }

  async #connected(within) {
    if (!(await this.#isConnectedWithin(within))) throw new Unreachable()
  }

  async #isConnectedWithin(ms) {
    const deadline = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ms)])
    const isConnected = () => this.#connection.connectionState === 'connected'
    await this.#until(isConnected, deadline).catch((error) => {
      if (error instanceof Ended || this.#stop.signal.aborted) throw error
    })
    return isConnected()
  }

  /** Waits for a state of the connection. Fails when the server says that it is over, or the signal comes. */
  #until(isSo, signal = this.#stop.signal) {
    const pc = this.#connection
    const transports = [...pc.getSenders(), ...pc.getReceivers()].map(({ transport }) => transport).filter(Boolean)
    return new Promise((resolve, reject) => {
      const listening = new AbortController()
      const settle = (done, value) => {
        listening.abort()
        done(value)
      }
      const look = () => {
        if (signal.aborted) settle(reject, signal.reason)
        else if (transports.some(({ state }) => state === 'closed')) settle(reject, new Ended())
        else if (isSo()) settle(resolve)
      }
      const options = { signal: listening.signal }
      pc.addEventListener('connectionstatechange', look, options)
      for (const transport of transports) transport.addEventListener('statechange', look, options)
      signal.addEventListener('abort', look, options)
      look()
    })
  }

  #call(method, url, body, headers) {
    return this.#request(method, url, body, headers, this.#stop.signal)
  }

  #request(method, url, body, headers, signal) {
    const authorization = this.#token ? { authorization: `Bearer ${this.#token}` } : {}
    return fetch(url, { method, body, headers: { ...headers, ...authorization }, signal, keepalive: method === 'DELETE' })
  }

  #pause(ms) {
    return new Promise((over) => {
      const timer = setTimeout(over, ms)
      this.#stop.signal.addEventListener('abort', () => over(clearTimeout(timer)), { once: true })
    })
  }
}

/** Nobody publishes yet. Nodes of the version before say so by 404. */
const isToCome = ({ status }) => status === 409 || status === 404

async function refusal(response) {
  const text = await response.text()
  try {
    return new Refused(response.status, JSON.parse(text).detail)
  } catch {
    return new Refused(response.status, text.slice(0, 300))
  }
}

/** The first line of a description that begins so. */
const line = (sdp, beginning) => sdp.split(/\r?\n/).find((line) => line.startsWith(beginning))
const CREDENTIALS = ['a=ice-ufrag:', 'a=ice-pwd:']

/** What a description says about ICE, as RFC 8840 writes it. */
function fragment(sdp) {
  const said = [...CREDENTIALS, 'm=', 'a=mid:'].map((beginning) => line(sdp, beginning))
  return [...said, ''].join('\r\n')
}

/** An answer with the credentials of another connection. */
function restarted(answer, fragment) {
  const lines = answer.split(/\r?\n/).map((old) => {
    const name = CREDENTIALS.find((name) => old.startsWith(name))
    return name ? line(fragment, name) : old
  })
  return lines.join('\r\n')
}
