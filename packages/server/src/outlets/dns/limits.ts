/** Every bound of the DNS outlet, each with its reason. Bytes are of DNS messages, without IP and UDP headers. */
export const limits = {
  /** RFC 1035 §2.3.4. */
  maxLabelBytes: 63,
  maxNameBytes: 255,
  /** A name has at most 127 labels, so more pointers than that can only be a loop. */
  maxPointerHops: 127,
  /** A question and an OPT are all that a query needs; a few more (TSIG, cookies of old kinds) are walked over. */
  maxQueryAdditionals: 4,

  /** RFC 1035 §4.2.1: what a client without EDNS takes. */
  plainUdpBytes: 512,
  /** Fits an IPv6 minimum MTU of 1280, so never fragments; both what we take and the most we send by UDP. */
  ednsUdpBytes: 1232,
  /** The length prefix is 16 bits. */
  tcpMessageBytes: 65_535,
  /** Longest query taken by TCP: a name, and room for EDNS options. */
  tcpQueryBytes: 4_096,

  /** When full, the connection that asked least recently goes. About 20 KB each. */
  tcpConnections: 512,
  /** RFC 7766 §6.2.3 asks for seconds. Counted from the last complete query, so that dripped bytes do not prolong it. */
  tcpIdleMs: 10_000,
  /** Forwarded queries waiting on one connection; reading pauses at this number. */
  tcpWaiting: 64,
  /** Datagrams the kernel has not taken yet; above this answers are dropped, and the client asks again. */
  udpSendQueue: 512,
  /** Room for bursts: at 40,000 queries/s about 100 ms of them. The kernel may grant less. */
  udpSocketBufferBytes: 1 << 20,

  /** Encoded answers kept. Only names that exist are kept, so a flood of random names cannot push them out. */
  cacheEntries: 32_768,
  cacheBytes: 32 << 20,
  /**
   * Records of one encoded answer, about 1 MB. Four times what fits 64 KB, so that each response chooses among all; instances past
   * it are not told.
   */
  maxAnswers: 16_384,
  /** Names in one PTR answer. */
  maxPointers: 64,
  /** Aliases followed inside our own zone. */
  maxAliases: 4,

  /** Forwarded queries at once; above it the answer is SERVFAIL. Each holds a socket. */
  forwardsInFlight: 256,
  maxForwarders: 8,

  /** Client networks whose rate is kept; when full, the one seen least recently is forgotten. */
  rateLimitedNetworks: 16_384,
} as const;
