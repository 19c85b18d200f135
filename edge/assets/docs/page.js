// The viewer, and around it the form whose values stand in every call: App ID, credentials, bucket, channel, and the IDs
// that answers carry into the calls after them.
import { filledDocument, filledText, partOf, signed } from './filling.js'
import { followColourScheme, nameFields, plainViewer } from './viewer.js'

const form = document.getElementById('entered')
const problem = document.getElementById('problem')
/** The API's document as the server has it. */
let served

followColourScheme()
choosePart()
const ui = SwaggerUIBundle({
  url: '/openapi.json',
  plugins: [plainViewer],
  dom_id: '#viewer',
  deepLinking: true,
  tryItOutEnabled: true,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  // The viewer asks nobody but this server: the document's validator is on the web.
  validatorUrl: null,
  onComplete() {
    served ??= ui.specSelectors.specJson().toJS()
    fillIn()
  },
  // The call that is shown is the one before this: without what is secret.
  showMutatedRequest: false,
  requestInterceptor(request) {
    return request.loadSpec ? request : Object.assign(request, signed(request, entries(), location))
  },
  responseInterceptor(response) {
    carry(response)
    return response
  },
})

nameFields(document.getElementById('viewer'))
form.addEventListener('submit', (event) => event.preventDefault())
form.addEventListener('change', fillIn)
document.getElementById('stack').addEventListener('change', async ({ target }) => {
  const [file] = target.files
  // The next choice of the same file is a change as well.
  target.value = ''
  if (file) await takeStack(file)
})

function fillIn() {
  if (!served) return
  const entered = entries()
  document.body.dataset.part = entered.part
  ui.specActions.updateJsonSpec(filledDocument(served, entered))
  fillInCalls(entered)
}

function entries() {
  return Object.fromEntries(new FormData(form))
}

/** Whose calls the address of the page leads to, as that of a call does: `/docs#/Apps/createApp`. */
function choosePart() {
  const [, tag] = decodeURIComponent(location.hash).split('/')
  const parts = { Recording: 'customer', 'Group recording (FSP)': 'others', 'Recorded channels (Polyv)': 'others', WebRTC: 'others' }
  if (tag) form.elements.part.value = parts[tag] ?? 'operator'
}

/** Fills in the fields of paths, and bodies that are being edited: they are not made from the examples again. */
function fillInCalls(entered) {
  // The operator's calls name it so.
  const fields = { ...entered, app_id: entered.appid }
  for (const [path, operations] of Object.entries(served.paths)) {
    if (partOf(path) !== entered.part) continue
    for (const method of Object.keys(operations)) {
      fillInFields([path, method], fields)
      const text = ui.oas3Selectors.requestBodyValue(path, method)
      if (typeof text !== 'string') continue
      const value = filledText(text, entered)
      if (value !== text) ui.oas3Actions.setRequestBodyValue({ value, pathMethod: [path, method] })
    }
  }
}

/** What was typed into a field of an open call is kept apart from what was set before it was opened: both are set. */
function fillInFields(call, fields) {
  const known = ui.specSelectors.specJsonWithResolvedSubtrees().getIn(['paths', ...call, 'parameters']) ?? []
  for (const [, name] of call[0].matchAll(/{(\w+)}/g)) {
    if (!(name in fields)) continue
    ui.specActions.changeParam(call, name, 'path', fields[name], false)
    const opened = known.find((parameter) => parameter.get('name') === name)
    if (opened) ui.specActions.changeParamByIdentity(call, opened, fields[name], false)
  }
}

/** An acquire's answer begins another recording; a start's answer names it. anyRTC's apps answer in an envelope. */
function carry({ ok, url, body }) {
  const parts = new URL(url, location).pathname.split('/')
  const { resourceId, sid } = body?.Body ?? body ?? {}
  const { elements } = form
  if (ok && parts.at(-1) === 'acquire') {
    elements.resourceid.value = resourceId ?? ''
    elements.sid.value = ''
  } else if (ok && parts.at(-1) === 'start') {
    elements.sid.value = sid ?? ''
    elements.mode.value = parts.at(-2)
  } else return
  fillInCalls(entries())
}

/** Takes over what scripts/dev wrote for clients. */
async function takeStack(file) {
  problem.value = ''
  try {
    const stack = JSON.parse(await file.text())
    const { app_id: appid, customer_id, customer_secret, admin_token } = stack
    const { endpoint, bucket, access_key, secret_key } = stack.s3
    const vendor = '11'
    const values = { appid, customer_id, customer_secret, admin_token, vendor, endpoint, bucket, access_key, secret_key }
    for (const [name, value] of Object.entries(values)) form.elements[name].value = value
  } catch {
    problem.value = `${file.name} is not a stack.json that scripts/dev wrote.`
    return
  }
  fillIn()
}
