import type { LocalReply } from '../local-reply.ts';
import { headerOctets, isHeaderValue } from './header-edit.ts';

/** A status that an answer can have; 500 for what is none. */
export function answerStatus(status: number): number {
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;
}

/** An answer of a rule's own words, as far as they may stand in a head. */
export function safeReply(reply: { status: number; body: string; contentType: string }): LocalReply {
  const contentType = isHeaderValue(reply.contentType) ? reply.contentType : 'text/plain; charset=utf-8';
  return { status: answerStatus(reply.status), body: reply.body, contentType: headerOctets(contentType) };
}
