// Plays a playlist with hls.js on a page of another origin, as a customer's own page does.
//
// usage: node play.cjs CHROMIUM PLAYLIST PICTURES [SECONDS]
// Plays from the beginning for some seconds. Of a playlist that still grows it then waits for one slice more, and of one that
// has ended it plays the last seconds. With SECONDS it plays on instead, at twice the speed, until then.
// Prints what it saw as one line of JSON. PICTURES: a directory for pictures of the page.
const path = require('node:path')
const { launch, run, servePlayer } = require('./chromium.cjs')

const WITHIN_MS = 60_000
const PLAYED_S = 3

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Player</title>
<video id="video" muted playsinline controls></video>
<script src="/hls.js"></script>
<script>
  const video = document.getElementById('video')
  const seen = { errors: [], slices: 0, ended: false, sounds: [] }
  function play(playlist) {
    // Its clock begins at the first decode time: where pictures are reordered, the first one is shown two pictures later, and
    // a player that begins before it may or may not report a hole.
    const hls = new Hls({ startPosition: 0.2 })
    hls.on(Hls.Events.ERROR, (_, { type, details, fatal, reason, error }) =>
      seen.errors.push({ type, details, fatal, reason: reason ?? error?.message }),
    )
    hls.on(Hls.Events.MANIFEST_PARSED, (_, { audioTracks }) => (seen.sounds = audioTracks.map(({ name }) => name)))
    hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
      seen.slices = details.fragments.length
      seen.ended = !details.live
    })
    hls.loadSource(playlist)
    hls.attachMedia(video)
    return video.play()
  }
</script>`

const look = () => ({ ...seen, at: video.currentTime, heard: video.webkitAudioDecodedByteCount, width: video.videoWidth })

async function main([executablePath, playlist, pictures, seconds]) {
  const server = await servePlayer(PAGE)
  const browser = await launch(executablePath)
  const page = await browser.newPage()
  const picture = (name) => page.screenshot({ path: path.join(pictures, `${name}.png`) })
  const until = (condition, argument) => page.waitForFunction(condition, argument, { timeout: WITHIN_MS })
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    await page.evaluate((playlist) => play(playlist), playlist)
    await until((played) => video.currentTime >= played, PLAYED_S)
    await picture('playing')
    const first = await page.evaluate(look)
    if (seconds !== undefined) {
      await page.evaluate(() => (video.playbackRate = 2))
      await until((seconds) => video.currentTime >= seconds || video.ended, Number(seconds))
    } else if (first.ended) {
      await page.evaluate(() => (video.currentTime = video.duration - 2))
      await until(() => video.ended)
    } else {
      // At the end of what is recorded so far it would only wait.
      await page.evaluate(() => video.pause())
      await until((slices) => seen.slices > slices, first.slices)
    }
    const last = await page.evaluate(look)
    console.log(JSON.stringify({ first, last }))
  } catch (error) {
    await picture('not-playing')
    console.error(await page.evaluate(() => JSON.stringify({ seen, at: video.currentTime, error: video.error?.message })))
    throw error
  } finally {
    await browser.close()
    server.close()
  }
}

run(main)
