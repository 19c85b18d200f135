/** Listeners by the name of the event; `Events` has what each is told. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(told: never) => void>>()

  /** Adds a listener. What is returned removes it. */
  on<Name extends keyof Events>(name: Name, listener: (told: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Tells the listeners. One that fails keeps no other from hearing. */
  protected emit<Name extends keyof Events>(name: Name, told: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        ;(listener as (told: Events[Name]) => void)(told)
      } catch (error) {
        reportError(error)
      }
    }
  }
}
