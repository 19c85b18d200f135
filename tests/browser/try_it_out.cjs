// Performs a recording on the page /docs as a person does: chooses the stack.json, then opens one call after the other and
// presses its Execute, with what the page has filled in.
//
// usage: node try_it_out.cjs CHROMIUM EDGE STACK_JSON CHANNEL PICTURES
// Prints the answers of acquire, start, query and stop as one line of JSON, with the secrets that the page shows. Between the start and the stop it queries until
// files are recorded. PICTURES: a directory for pictures of the page.
const fs = require('node:fs')
const path = require('node:path')
const { launch, run } = require('./chromium.cjs')

const RECORDED_WITHIN_MS = 60_000

async function main([executablePath, edge, stack, channel, pictures]) {
  const browser = await launch(executablePath)
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } })
  const picture = (name) => page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true })
  try {
    const complaints = []
    page.on('pageerror', (error) => complaints.push(error.stack))
    const foreign = []
    page.on('request', (request) => request.url().startsWith(edge) || foreign.push(request.url()))

    await page.goto(`${edge}/docs`)
    await call(page, 'acquire').waitFor()
    await page.setInputFiles('#stack', stack)
    await page.waitForFunction(() => document.querySelector('[name=secret_key]').value !== '')
    await page.fill('[name=cname]', channel)
    await page.locator('[name=cname]').blur()
    await picture('filled-in')

    const answers = { acquire: await execute(page, 'acquire') }
    answers.start = await execute(page, 'start')
    const begin = Date.now()
    do {
      answers.query = await execute(page, 'query')
    } while (!isRecorded(answers.query) && Date.now() - begin < RECORDED_WITHIN_MS)
    await picture('recording')
    answers.stop = await execute(page, 'stop')
    await picture('stopped')
    console.log(JSON.stringify({ answers, complaints, foreign, shown: await secretsShown(page, stack) }))
  } catch (error) {
    await picture('failed')
    throw error
  } finally {
    await browser.close()
  }
}

const call = (page, name) => page.locator(`#operations-Recording-${name}`)

/** Opens a call unless it is open, executes it as it is filled in, and gives the answer that the page shows. */
async function execute(page, name) {
  const block = call(page, name)
  const button = block.getByRole('button', { name: 'Execute' })
  if (!(await button.isVisible())) await block.locator('.opblock-summary-control').click()
  const ask = async () => {
    const answered = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith(`/${name}`))
    await button.click()
    return answered
  }
  let response = await ask()
  // Wrangler's proxy loses a connection now and then, and says so in a text of its own: the worker has not been asked.
  for (let again = 0; again < 3 && (await response.text()).startsWith('Your worker'); again += 1) response = await ask()
  const shown = block.locator('.live-responses-table .response')
  await shown.locator('.response-col_status', { hasText: String(response.status()) }).waitFor()
  const body = JSON.parse(await shown.locator('.highlight-code code').first().innerText())
  return { status: response.status(), body }
}

/** The names of those of the stack's secrets that can be read on the page. */
async function secretsShown(page, stack) {
  const { customer_id, customer_secret, admin_token, s3 } = JSON.parse(fs.readFileSync(stack, 'utf8'))
  const basic = Buffer.from(`${customer_id}:${customer_secret}`).toString('base64')
  const secrets = { customer_secret, admin_token, basic, secret_key: s3.secret_key }
  const read = await page.evaluate(() => {
    const fields = [...document.querySelectorAll('textarea, input:not([type=password])')]
    return [document.body.innerText, ...fields.map((field) => field.value)].join('\n')
  })
  return Object.keys(secrets).filter((name) => read.includes(secrets[name]))
}

const isRecorded = ({ body }) => body.serverResponse?.fileList?.length >= 2

run(main)
