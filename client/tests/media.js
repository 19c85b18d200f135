// Connections for media, as far as the client sees those of browsers, and a room that deals with them.
import { mock } from 'node:test'

export let connections

class Transceiver {
  mid = null

  constructor(track, kind, { direction, sendEncodings = [{}] }) {
    this.direction = direction
    this.receiver = { track: { kind } }
    const sender = {
      track,
      parameters: { encodings: sendEncodings.map((encoding) => ({ ...encoding })) },
      getParameters: () => sender.parameters,
      setParameters: async (parameters) => void (sender.parameters = parameters),
      replaceTrack: async (other) => void (sender.track = other),
    }
    this.sender = sender
  }
}

class Connection {
  connectionState = 'new'
  signalingState = 'stable'
  localDescription = null
  remoteDescription = null
  transceivers = []
  restarts = 0
  isClosed = false

  constructor() {
    connections.push(this)
  }

  addTransceiver(of, options) {
    const [track, kind] = typeof of === 'string' ? [null, of] : [of, of.kind]
    const transceiver = new Transceiver(track, kind, options)
    this.transceivers.push(transceiver)
    return transceiver
  }

  getTransceivers() {
    return this.transceivers
  }

  async setLocalDescription(description) {
    if (description?.type === 'rollback') {
      this.signalingState = 'stable'
      return
    }
    this.transceivers.forEach((transceiver, index) => (transceiver.mid ??= String(index)))
    this.localDescription = { sdp: `offer ${this.transceivers.length}` }
    this.signalingState = 'have-local-offer'
  }

  async setRemoteDescription(description) {
    this.remoteDescription = description
    this.signalingState = 'stable'
  }

  restartIce() {
    this.restarts += 1
  }

  close() {
    this.isClosed = true
  }

  becomes(state) {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
}

/** What promises have to do that are settled. */
export const settle = async () => {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}

/** With a clock of the test's own. */
export function begin() {
  connections = []
  globalThis.RTCPeerConnection = Connection
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
}

export const later = async (ms) => {
  mock.timers.tick(ms)
  await settle()
}

/** A room that answers each offer, or refuses with what `refuses` has. */
export function room() {
  const told = { offers: [], restarts: [], states: 0, failed: [], refuses: [], is_there: true, answer: 'answer' }
  const answer = async () => {
    const refusal = told.refuses.shift()
    if (refusal) throw refusal
    return told.answer
  }
  const dealing = {
    offer: (sdp) => (told.offers.push(sdp), answer()),
    restart: (sdp) => (told.restarts.push(sdp), answer()),
    canAsk: () => told.is_there,
    changed: () => (told.states += 1),
    failed: (error) => told.failed.push(error.code),
  }
  return { told, dealing }
}
