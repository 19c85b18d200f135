// What of the viewer is not as it comes: it has no sign-in of its own, since the page's form does that, and what it shows has
// names for screen readers and follows the reader's choice of light or dark.

const nothing = () => () => null

/** A plugin of the viewer. */
export const plainViewer = (system) => ({
  wrapComponents: {
    authorizeBtn: nothing,
    authorizeOperationBtn: nothing,
    // There is one server: this one.
    ServersContainer: nothing,
    // A link inside a button cannot be reached by keyboard. The button leads to the same place.
    DeepLink:
      () =>
      ({ text }) =>
        system.React.createElement('span', null, text),
  },
})

/**
 * Gives fields of the viewer names as they appear: it writes these beside them, where no program finds them. What can be
 * scrolled can be reached by keyboard.
 */
export function nameFields(viewer) {
  const name = () => {
    for (const example of viewer.querySelectorAll('.microlight:not([tabindex])')) example.tabIndex = 0
    for (const field of viewer.querySelectorAll(':is(select, textarea, input):not([aria-label])')) {
      field.setAttribute('aria-label', nameOf(field))
    }
    for (const region of viewer.querySelectorAll('[role="region"]:not([aria-label])')) {
      region.setAttribute('aria-label', region.closest('.opblock')?.id ?? 'answers')
    }
  }
  new MutationObserver(name).observe(viewer, { childList: true, subtree: true })
  name()
}

function nameOf(field) {
  const parameter = field.closest('tr[data-param-name]')?.dataset.paramName
  if (parameter) return parameter
  if (field.matches('.examples-select-element')) return 'Example'
  if (field.matches('textarea')) return 'Request body'
  return field.closest('.content-type-wrapper, .response-controls') ? 'Media type' : (field.placeholder ?? 'Value') || 'Value'
}

/** Shows the viewer dark where the reader's system is. */
export function followColourScheme() {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
  dark.addEventListener('change', follow)
  follow()
}
