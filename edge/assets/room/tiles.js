// The pictures of a room: one tile for each person, and one more for each screen.
import { tell } from './words.js'

const list = document.getElementById('tiles')
const tiles = new Map()

/** The tile of a person, or of their screen; it is made where there is none. */
export function tile(key, name, { isOwn = false, isScreen = false } = {}) {
  const known = tiles.get(key)
  if (known) return known
  const element = document.createElement('li')
  element.className = ['dark', isOwn ? 'own' : 'other', isScreen ? 'screen' : 'camera'].join(' ')
  const initial = document.createElement('span')
  initial.className = 'initial'
  initial.ariaHidden = 'true'
  initial.textContent = [...name][0] ?? '?'
  const video = document.createElement('video')
  video.playsInline = true
  video.muted = true
  video.autoplay = true
  const caption = document.createElement('h3')
  tell(caption, `${isOwn ? 'own' : 'other'}${isScreen ? '-screen' : ''}`, name)
  element.append(video, initial, caption)
  if (isScreen) list.prepend(element)
  else list.append(element)
  const made = { element, video }
  tiles.set(key, made)
  return made
}

/** Whether a tile shows a picture. */
export function lighten(key, shows) {
  tiles.get(key)?.element.classList.toggle('dark', !shows)
}

export function drop(key) {
  tiles.get(key)?.element.remove()
  tiles.delete(key)
}

export function clear() {
  for (const key of [...tiles.keys()]) drop(key)
}

/** Marks the tiles of those who speak. */
export function speak(keys) {
  for (const [key, { element }] of tiles) element.classList.toggle('speaks', keys.includes(key))
}
