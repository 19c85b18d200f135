// One stream on the page: its picture, what is known of it, and what can be done with it.
import { say, word } from './words.js'

const EVERY_MS = 1_000

export class Tile {
  #element = document.createElement('li')
  #state
  #figures
  #counted
  #timer

  /** `stop` is called when the user wants no more. The microphone of one's own stream is not played. */
  constructor({ list, uid, stream, media, isOwn, stop }) {
    const video = Object.assign(document.createElement('video'), { playsInline: true, autoplay: true, muted: isOwn })
    video.controls = !isOwn
    video.setAttribute('aria-label', word('user')(uid, stream))
    video.srcObject = media
    const title = this.#add('h3', 'user')
    title.dataset.of = JSON.stringify([uid, stream])
    this.#element.prepend(video)
    this.#state = this.#add('p', 'connecting')
    this.#state.setAttribute('role', 'status')
    this.#figures = this.#element.appendChild(document.createElement('p'))
    const actions = this.#element.appendChild(document.createElement('p'))
    actions.className = 'actions'
    if (isOwn) for (const track of media.getTracks()) actions.append(this.#toggle(track))
    const button = this.#add('button', 'stop')
    button.type = 'button'
    button.addEventListener('click', stop)
    actions.append(button)
    say(this.#element)
    list.append(this.#element)
    // Sound begins with a click on the page; before one, only the picture does.
    video.play().catch(() => {
      video.muted = true
      video.play().catch(() => {})
    })
  }

  tell(state) {
    this.#state.dataset.word = state
    say(this.#element)
  }

  /** Shows what is sent or received of this connection from now on. */
  count(connection) {
    clearInterval(this.#timer)
    this.#counted = undefined
    this.#timer = setInterval(async () => {
      const now = await counted(connection())
      if (now) this.#figures.textContent = figures(now, this.#counted)
      this.#counted = now
    }, EVERY_MS)
  }

  remove() {
    clearInterval(this.#timer)
    this.#element.remove()
  }

  #add(kind, name) {
    const element = this.#element.appendChild(document.createElement(kind))
    element.dataset.word = name
    return element
  }

  #toggle(track) {
    const label = document.createElement('label')
    const box = Object.assign(document.createElement('input'), { type: 'checkbox' })
    box.addEventListener('change', () => (track.enabled = !box.checked))
    const text = document.createElement('span')
    text.dataset.word = track.kind === 'audio' ? 'muted' : 'hidden'
    label.append(box, ' ', text)
    return label
  }
}

/** The bytes of all media, and the picture's size and rate. */
async function counted(connection) {
  if (!connection || connection.connectionState === 'closed') return
  const now = { at: performance.now(), bytes: 0 }
  for (const report of (await connection.getStats()).values()) {
    if (!['inbound-rtp', 'outbound-rtp'].includes(report.type)) continue
    now.bytes += report.bytesReceived ?? report.bytesSent ?? 0
    if (report.kind === 'video') Object.assign(now, { width: report.frameWidth, height: report.frameHeight, fps: report.framesPerSecond })
  }
  return now
}

function figures(now, before) {
  const parts = []
  if (now.width) parts.push(`${now.width} × ${now.height}`, `${Math.round(now.fps ?? 0)} fps`)
  if (before) parts.push(`${Math.round(((now.bytes - before.bytes) * 8) / (now.at - before.at))} kbit/s`)
  return parts.join(' · ')
}
