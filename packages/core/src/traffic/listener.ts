import type { WeightedTarget } from './route.ts';

/** A door. */
export type Listener = HttpListener | TlsListener | TcpListener | UdpListener;

/**
 * Where it is bound. `gateway` and `gateway-tls` are the built-in doors, whose addresses are the data plane's own settings. No `address`:
 * the gateway's.
 */
export type ListenerBind = 'gateway' | 'gateway-tls' | { readonly address?: string; readonly port: number };

interface ListenerBase {
  readonly name: string;
  readonly bind: ListenerBind;
  /** Connections begin with a PROXY protocol header, v1 or v2; one without it is closed. */
  readonly proxyProtocol?: boolean;
}

export interface HttpListener extends ListenerBase {
  readonly protocol: 'http';
  /** Whose virtual hosts it serves. */
  readonly table: string;
}

/** TLS, terminated or passed through by server name: see `TlsHost`. */
export interface TlsListener extends ListenerBase {
  readonly protocol: 'tls';
  /** Whose TLS hosts it serves. */
  readonly table: string;
}

/** A port that is passed through. A target without a cluster: its share of connections is closed. */
export interface TcpListener extends ListenerBase {
  readonly protocol: 'tcp';
  readonly targets: readonly WeightedTarget[];
  /** A source address keeps its endpoint (Kubernetes' `ClientIP`), for so long after its last connection. */
  readonly affinityMs?: number;
}

/** Datagrams: each source address and port has one endpoint until it is silent for `idleMs`. */
export interface UdpListener extends ListenerBase {
  readonly protocol: 'udp';
  readonly targets: readonly WeightedTarget[];
  /** Default 60,000. */
  readonly idleMs?: number;
}

/** What is done with TLS connections that ask for one of `serverNames`: the most specific wins, as with virtual hosts. */
export interface TlsHost {
  readonly name: string;
  /** The built-in door's is `edgeTable`. */
  readonly table: string;
  /** Lower case; `?.suffix` and `*.suffix` as in `VirtualHost.domains`; `*`: also connections without a server name. */
  readonly serverNames: readonly string[];
  readonly action: TlsAction;
}

export type TlsAction =
  | {
      readonly type: 'terminate';
      /** Names of `Certificate`s; the one that fits the server name and the client's algorithms is shown, else the first. */
      readonly certificates: readonly string[];
      readonly clientAuth?: {
        /** PEM. */
        readonly ca: string;
        /**
         * `required`: no connection without. `optional`: verified if shown. `status`: any connection, but requests without a valid one
         * are answered 400 (ingress-nginx).
         */
        readonly mode: 'required' | 'optional' | 'status';
        readonly maxDepth?: number;
        /** The certificate goes to the upstream, URL-escaped PEM, as `ssl-client-cert`. */
        readonly forward?: boolean;
      };
      readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
      /** Default: `h2` and `http/1.1`. */
      readonly alpn?: readonly string[];
      readonly then:
        | { readonly type: 'http'; readonly table: string }
        | { readonly type: 'tcp'; readonly targets: readonly WeightedTarget[] };
    }
  | { readonly type: 'passthrough'; readonly targets: readonly WeightedTarget[] };

/** A certificate and its key. The key is a secret: it goes only to a data plane that has shown the token, and never into a dump. */
export interface Certificate {
  readonly name: string;
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM. */
  readonly key: string;
}
