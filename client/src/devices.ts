/** Several events come when one device is plugged in. */
const SETTLED_MS = 300

/** Tells which devices there are whenever that changes. What is returned ends it. */
export function watchDevices(changed: (devices: MediaDeviceInfo[]) => void): () => void {
  const devices = globalThis.navigator?.mediaDevices
  if (!devices?.addEventListener) return () => {}
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => devices.enumerateDevices().then(changed, () => {})
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(look, SETTLED_MS)
  }
  devices.addEventListener('devicechange', heard)
  return () => {
    clearTimeout(timer)
    devices.removeEventListener('devicechange', heard)
  }
}
