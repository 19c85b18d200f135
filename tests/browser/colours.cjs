// Plays files and playlists on a page of another origin, one behind the other, and tells the colour of each: playlists with hls.js,
// other files as the browser itself does.
//
// usage: node colours.cjs CHROMIUM PICTURES URL…
// Prints what it saw of each as one line of JSON. PICTURES: a directory for a picture of the page where it fails.
const path = require('node:path')
const { launch, run, servePlayer } = require('./chromium.cjs')

const WITHIN_MS = 60_000
const PLAYED_S = 2

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Colours</title>
<video id="video" muted playsinline crossorigin="anonymous"></video>
<canvas id="canvas" width="16" height="9"></canvas>
<script src="/hls.js"></script>
<script>
  const video = document.getElementById('video')
  const errors = []
  let hls
  function play(url) {
    errors.length = 0
    hls?.destroy()
    hls = undefined
    if (url.endsWith('.m3u8')) {
      hls = new Hls({ startPosition: 0.2 })
      hls.on(Hls.Events.ERROR, (_, { details, fatal }) => errors.push({ details, fatal }))
      hls.loadSource(url)
      hls.attachMedia(video)
    } else {
      video.src = url
    }
    return video.play()
  }
  function look() {
    const drawn = canvas.getContext('2d')
    drawn.drawImage(video, 0, 0, canvas.width, canvas.height)
    const [red, green, blue] = drawn.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data
    const { totalVideoFrames: frames } = video.getVideoPlaybackQuality()
    return { colour: [red, green, blue], frames, width: video.videoWidth, height: video.videoHeight, at: video.currentTime, errors }
  }
</script>`

async function main([executablePath, pictures, ...urls]) {
  const server = await servePlayer(PAGE)
  const browser = await launch(executablePath)
  const page = await browser.newPage()
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    for (const url of urls) {
      await page.evaluate((url) => play(url), url)
      await page.waitForFunction((played) => video.currentTime >= played || video.ended, PLAYED_S, { timeout: WITHIN_MS })
      console.log(JSON.stringify(await page.evaluate(() => look())))
    }
  } catch (error) {
    await page.screenshot({ path: path.join(pictures, 'colours.png') })
    console.error(await page.evaluate(() => JSON.stringify({ errors, at: video.currentTime, error: video.error?.message })))
    throw error
  } finally {
    await browser.close()
    server.close()
  }
}

run(main)
