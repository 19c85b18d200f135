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
  caption.title = name
  tell(caption, `${isOwn ? 'own' : 'other'}${isScreen ? '-screen' : ''}`, name)
  const muted = document.createElement('span')
  muted.className = 'muted'
  muted.hidden = true
  tell(muted, 'muted')
  element.append(video, initial, caption, muted)
  if (isScreen) list.prepend(element)
  else list.append(element)
  const made = { element, video, muted, isScreen }
  tiles.set(key, made)
  arrange()
  return made
}

/** How many people are shown. */
export const people = () => [...tiles.values()].filter(({ isScreen }) => !isScreen).length

/** Whether the microphone of a tile's person is off. */
export function silence(key, isMuted) {
  const known = tiles.get(key)
  if (known) known.muted.hidden = !isMuted
}

/** Whether a tile shows a picture. */
export function lighten(key, shows) {
  tiles.get(key)?.element.classList.toggle('dark', !shows)
}

export function drop(key) {
  tiles.get(key)?.element.remove()
  tiles.delete(key)
  arrange()
}

export function clear() {
  for (const key of [...tiles.keys()]) drop(key)
}

/** Marks the tiles of those who speak. */
export function speak(keys) {
  for (const [key, { element }] of tiles) element.classList.toggle('speaks', keys.includes(key))
}

/** So many columns that the tiles are as large as they can be beside one another. */
function arrange() {
  const count = people()
  const screens = tiles.size - count
  const columns = Math.max(Math.ceil(Math.sqrt(count)), screens > 0 ? Math.min(count, 4) : 1)
  const rows = Math.ceil(count / columns) + screens * columns
  const set = (name, value) => list.style.setProperty(name, String(Math.max(value, 1)))
  set('--columns', columns)
  set('--rows', rows)
  set('--narrow', count > 2 ? 2 : 1)
}
