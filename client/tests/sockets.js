// Sockets of the test's own, and those that were opened.
export let sockets

export class Socket {
  static OPEN = 1
  readyState = 0
  sent = []

  constructor(url) {
    this.url = url
    sockets.push(this)
  }

  send(text) {
    this.sent.push(text === 'ping' ? text : JSON.parse(text))
  }

  close(code = 1000, reason = '') {
    if (this.readyState === 3) return
    this.readyState = 3
    this.onclose?.({ code, reason })
  }

  opens() {
    this.readyState = Socket.OPEN
    this.onopen()
  }

  hears(frame) {
    this.onmessage({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) })
  }

  /** The newest frame of this kind. */
  said(kind) {
    return this.sent.findLast((frame) => frame.t === kind)
  }
}

export function beginSockets() {
  sockets = []
  globalThis.WebSocket = Socket
}
