// What the caller has entered, put into the examples of the document and into bodies. What is not entered stays as it is.

const S3_COMPATIBLE = 11

const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value))

/** A recording's request body with the caller's channel and uid and, where files go to an S3 endpoint, bucket and keys. */
export function filledBody(body, entered) {
  if (!body || !('cname' in body)) return body
  const filled = { ...structuredClone(body), ...given({ cname: entered.cname, uid: entered.uid }) }
  const storage = filled.clientRequest?.storageConfig
  if (storage?.vendor === S3_COMPATIBLE) {
    const { bucket, access_key: accessKey, secret_key: secretKey, endpoint } = entered
    Object.assign(storage, given({ bucket, accessKey, secretKey }))
    storage.extensionParams = { ...storage.extensionParams, ...given({ endpoint }) }
  }
  return filled
}

/** The same for a text that is being edited; one that is not JSON is left alone. */
export function filledText(text, entered) {
  let body
  try {
    body = JSON.parse(text)
  } catch {
    return text
  }
  return JSON.stringify(filledBody(body, entered), null, 2)
}

/** The API's document with the caller's values in the examples of its requests. */
export function filledDocument(document, entered) {
  const filled = structuredClone(document)
  for (const operation of Object.values(filled.paths).flatMap((path) => Object.values(path))) {
    const examples = operation.requestBody?.content?.['application/json']?.examples ?? {}
    for (const example of Object.values(examples)) example.value = filledBody(example.value, entered)
  }
  return filled
}
