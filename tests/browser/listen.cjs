// Does on a page of another origin what the vendor's demonstration of its recording API does, by fetch and a WebSocket: signs in,
// asks who is in the group, listens, makes a task, and plays the file.
//
// usage: node listen.cjs CHROMIUM EDGE APP GROUP AUTHORIZATION PICTURES
// Prints {"subscribed": …} as a line of JSON once it listens, and what it saw as another.
const { createServer } = require('node:http')
const path = require('node:path')
const { launch, run } = require('./chromium.cjs')

const WITHIN_MS = 60_000
const RECORDED_MS = 5_000

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Group recording</title>
<link rel="icon" href="data:,">
<video id="video" muted playsinline></video>
<script>
  const pushes = []
  const waiting = []
  let edge, app, authorization, socket

  async function get(path, query = {}) {
    const headers = authorization ? { authorization } : {}
    const response = await fetch(edge + path + '?' + new URLSearchParams({ app_id: app, ...query }), { headers })
    return response.json()
  }

  async function post(path, body) {
    const headers = { authorization, 'content-type': 'application/json;charset=UTF-8' }
    const response = await fetch(edge + path, {
      method: 'POST',
      headers,
      body: JSON.stringify({ app_id: app, ...body }),
    })
    return response.json()
  }

  function heard(message) {
    if (message.id >= 20100) pushes.push(message)
    for (const [index, { fits, take }] of [...waiting.entries()].reverse()) {
      if (fits(message)) {
        waiting.splice(index, 1)
        take(message)
      }
    }
  }

  const next = (fits) => new Promise((take) => waiting.push({ fits, take }))

  function ask(id, more = {}) {
    const answer = next((message) => message.id === id + 1)
    socket.send(JSON.stringify({ business: 'EGW', id, seq_id: Date.now(), ...more }))
    return answer
  }

  async function listen(group) {
    const [dev_id] = authorization.split('.')
    const { result } = await get('/access/token')
    authorization = result.access_token
    const { result: url } = await get('/server/address', { appType: 8 })
    socket = new WebSocket(url)
    socket.onmessage = ({ data }) => heard(JSON.parse(data))
    await new Promise((opened, failed) => Object.assign(socket, { onopen: opened, onerror: failed }))
    const login = await ask(20000, { dev_id, token: authorization })
    const app_list = [{ app_id: app }]
    const sync = await ask(20008, { app_list: [{ app_id: app, group_list: [group] }] })
    const subscribed = await ask(20004, { app_list })
    const beat = await ask(20010)
    return { login, sync, subscribed, beat }
  }

  const status = (record_id, wanted) => {
    const fits = (push) => push.id === 20104 && push.record_id === record_id && push.record_statue === wanted
    return pushes.find(fits) ?? next(fits)
  }
  const seen = (wanted) => pushes.find(wanted) ?? next(wanted)

  async function make(group, recordedMs) {
    await seen((push) => push.id === 20102 && push.group_id === group && push.user_id === 'second' && push.media_type === 2)
    const { record_id } = await post('/v1/record/init', { group_id: group, file_name: 'page', width: 320, height: 180 })
    await status(record_id, 1)
    const video = (user_id, x) => ({ user_id, media_id: 'LocalCam_0', media_type: 2, x, w: 160, h: 180, crop_mode: 3 })
    const video_list = [video('first', 0), video('second', 160)]
    const layout = await post('/v1/record/set/layout', { record_id, video_list })
    await status(record_id, 2)
    await new Promise((over) => setTimeout(over, recordedMs))
    const finish = await post('/v1/record/finish', { record_id })
    await status(record_id, 6)
    const files = await get('/v1/record/file/download/url', { record_id })
    const element = document.getElementById('video')
    element.src = files.data_list[0].url
    await element.play()
    await new Promise((played) => (element.ontimeupdate = () => element.currentTime >= 1 && played()))
    const logout = await ask(20002)
    return { record_id, layout, finish, files, logout, pushes, width: element.videoWidth, lasts: element.duration }
  }
</script>`

function serve(_, response) {
  response.writeHead(200, { 'content-type': 'text/html' })
  response.end(PAGE)
}

async function main([executablePath, edge, app, group, signed, pictures]) {
  const server = createServer(serve)
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const browser = await launch(executablePath)
  const page = await browser.newPage()
  page.setDefaultTimeout(WITHIN_MS)
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    await page.evaluate((given) => ([edge, app, authorization] = given), [edge, app, signed])
    const listening = await page.evaluate((group) => listen(group), group)
    console.log(JSON.stringify(listening))
    const made = await page.evaluate(([group, ms]) => make(group, ms), [group, RECORDED_MS])
    console.log(JSON.stringify(made))
  } finally {
    await page.screenshot({ path: path.join(pictures, 'listening.png') })
    await browser.close()
    server.close()
  }
}

run(main)
