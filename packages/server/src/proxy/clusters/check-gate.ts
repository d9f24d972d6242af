/** Checks of one worker that run at the same time: more would be felt by its requests, and fewer take longer than their interval. */
const mostAtOnce = 64;

/** Bounds the checks of all clusters together; who finds it full comes back with the next sweep. */
export class CheckGate {
  #running = 0;

  enter(): boolean {
    if (this.#running >= mostAtOnce) return false;
    this.#running++;
    return true;
  }

  leave(): void {
    this.#running--;
  }
}
