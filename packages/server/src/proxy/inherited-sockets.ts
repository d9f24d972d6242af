import type { Bind } from '../contract.ts';
import type { ListeningHandle } from './listening-handle.ts';

/** The sockets that are bound to one address. */
export interface BoundSockets extends Bind {
  /** Of the listener. */
  readonly name: string;
  /** None for datagrams: each worker binds its own. */
  readonly handles: readonly ListeningHandle[];
}

interface Offer extends BoundSockets {
  readonly handles: ListeningHandle[];
}

/** Listening sockets that a predecessor has handed over, until somebody wants them; or that its orphans still have. */
export class InheritedSockets {
  readonly #offers: Offer[] = [];
  readonly #datagrams = new Set<string>();
  /** The predecessor was killed, and its workers still serve: their ports are shared with them until they see that we do. */
  readonly fromOrphans: boolean;

  constructor(options: { readonly fromOrphans?: boolean } = {}) {
    this.fromOrphans = options.fromOrphans ?? false;
  }

  add(name: string, bind: Bind, handle: ListeningHandle): void {
    const known = this.#offers.find((offer) => offer.address === bind.address && offer.port === bind.port);
    if (known === undefined) this.#offers.push({ name, ...bind, handles: [handle] });
    else known.handles.push(handle);
  }

  /** The predecessor takes datagrams there: that the port is not free is no surprise. */
  addDatagrams({ address, port }: Bind): void {
    this.#datagrams.add(`${address} ${port}`);
  }

  takeDatagrams({ address, port }: Bind): boolean {
    return this.#datagrams.delete(`${address} ${port}`) || this.fromOrphans;
  }

  /** Those bound to `bind`; port 0 is content with any port of the door of that name. */
  take(name: string, bind: Bind): BoundSockets | undefined {
    const at = this.#offers.findIndex(
      (offer) =>
        offer.address === bind.address && (bind.port === 0 ? offer.name === name : offer.port === bind.port),
    );
    return at === -1 ? undefined : this.#offers.splice(at, 1)[0];
  }

  /** Nobody wants them: their ports are no longer listened on by us. */
  closeRest(): void {
    this.#datagrams.clear();
    for (const { handles } of this.#offers.splice(0)) for (const handle of handles) handle.close();
  }
}
