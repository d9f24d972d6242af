/** A value by name: labels, annotations, selectors. Its keys come from the network. */
export type StringMap = Readonly<Record<string, string>>;

/**
 * What every manifest has besides its spec. As stored: `uid`, `generation` and `creationTimestamp` are always there,
 * `resourceVersion` never (it is the record's modifyRevision, which answers add), `namespace` where the kind has one.
 */
export interface ObjectMeta {
  /** DNS subdomain (RFC 1123), at most 253 characters. */
  readonly name: string;
  /** DNS label. Absent only in kinds that have no namespace. */
  readonly namespace?: string;
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  /** UUID, made when it first appears; another one after it was deleted and made again. */
  readonly uid?: string;
  /** 1 at first; one more whenever anything but labels and annotations changes. */
  readonly generation?: number;
  /**
   * RFC 3339 in UTC with milliseconds, always of the same length: text order is time order. Set when it first appears, then kept; what
   * the manifest says of it counts only at that moment, so that what is moved here from elsewhere keeps its age.
   */
  readonly creationTimestamp?: string;
  /** Only in answers and requests: the revision that last changed it, in decimal digits. */
  readonly resourceVersion?: string;
}

/** A number, or a name, or a number as text. */
export type IntOrString = number | string;
