// What the caller has entered, put into the examples of the document, into bodies and into requests. What is not entered stays
// as it is. A secret is put in when the request is sent; until then dots stand in its place.

const S3_COMPATIBLE = 11
const DOTS = '••••••••'

const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value))
const number = (text) => (/^\d+$/.test(text ?? '') ? Number(text) : undefined)

/** A recording's request body with the caller's channel and uid and, where files go to the caller's vendor, bucket and keys. */
export function filledBody(body, entered) {
  if (!body || !('cname' in body)) return body
  const filled = { ...structuredClone(body), ...given({ cname: entered.cname, uid: entered.uid }) }
  const storage = filled.clientRequest?.storageConfig
  if (storage && storage.vendor === Number(entered.vendor)) {
    const { bucket, access_key: accessKey, secret_key, endpoint } = entered
    Object.assign(storage, given({ bucket, accessKey, secretKey: secret_key && DOTS }))
    const region = number(entered.region)
    if (region !== undefined) storage.region = region
    if (storage.vendor === S3_COMPATIBLE) storage.extensionParams = { ...storage.extensionParams, ...given({ endpoint }) }
  }
  return filled
}

/** The same for a text that is being edited; one that is not JSON is left alone. */
export function filledText(text, entered) {
  const body = parsed(text)
  return body === undefined ? text : JSON.stringify(filledBody(body, entered), null, 2)
}

/** The calls of one part of the API, with the caller's values in the examples of their requests. */
export function filledDocument(document, entered) {
  const filled = structuredClone(document)
  const paths = Object.entries(filled.paths).filter(([path]) => partOf(path) === entered.part)
  filled.paths = Object.fromEntries(paths)
  const used = new Set(operations(filled).flatMap((operation) => operation.tags))
  filled.tags = filled.tags.filter(({ name }) => used.has(name))
  for (const operation of operations(filled)) {
    const examples = operation.requestBody?.content?.['application/json']?.examples ?? {}
    for (const example of Object.values(examples)) example.value = filledBody(example.value, entered)
  }
  return filled
}

/** The headers and the body that a request is sent with: signed in, and with the secret key. */
export function signed({ url, headers, body }, entered, location) {
  const own = { operator: bearer, customer: basic }[partOf(new URL(url, location).pathname)]?.(entered)
  return { headers: { ...headers, ...given({ Authorization: own }) }, body: withSecretKey(body, entered) }
}

/** Whose calls a path is for. */
export function partOf(path) {
  if (path.startsWith('/v1/apps/')) return 'customer'
  return path.startsWith('/admin/') || path === '/metrics' ? 'operator' : 'others'
}

const operations = ({ paths }) => Object.values(paths).flatMap((path) => Object.values(path))

const bearer = ({ admin_token }) => admin_token && `Bearer ${admin_token}`

function basic({ customer_id, customer_secret }) {
  if (!customer_id || !customer_secret) return undefined
  const bytes = new TextEncoder().encode(`${customer_id}:${customer_secret}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}

function withSecretKey(text, { secret_key }) {
  const body = typeof text === 'string' ? parsed(text) : undefined
  const storage = body?.clientRequest?.storageConfig
  if (storage?.secretKey !== DOTS || !secret_key) return text
  storage.secretKey = secret_key
  return JSON.stringify(body)
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
