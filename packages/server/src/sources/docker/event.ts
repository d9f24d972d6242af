import { objectOf, parseJson, textOf } from './json-reader.ts';

/** What an event means for one container. */
export interface ContainerEvent {
  readonly container: string;
  readonly action: string;
  /** Of `kill`: as the engine wrote it, a number or a name; '' otherwise. */
  readonly signal: string;
}

/** What is asked for: the rest, health checks' commands above all, would only make noise. */
export const eventFilters = JSON.stringify({
  type: ['container', 'network'],
  event: ['start', 'die', 'kill', 'pause', 'unpause', 'rename', 'update', 'destroy', 'connect', 'disconnect'],
});

/** One line of `/events`; undefined: of no container. Throws `invalid` for what is not JSON. */
export function readEvent(line: string): ContainerEvent | undefined {
  const event = objectOf(parseJson(line, 'an event'));
  const actor = objectOf(event.Actor);
  const attributes = objectOf(actor.Attributes);
  const container = textOf(event.Type) === 'network' ? textOf(attributes.container) : textOf(actor.ID);
  if (container === '') return undefined;
  return { container, action: textOf(event.Action), signal: textOf(attributes.signal) };
}

/** Numbers of the signals that images name as the one that stops them. */
const signalNumbers: Readonly<Record<string, string>> = {
  HUP: '1',
  INT: '2',
  QUIT: '3',
  KILL: '9',
  USR1: '10',
  USR2: '12',
  TERM: '15',
  PWR: '30',
  WINCH: '28',
  'RTMIN+3': '37',
};

/**
 * Whether `signal` asks a container to end whose stop signal is `stopSignal` ('' is SIGTERM): that one, SIGTERM or SIGKILL.
 * Any other, such as a SIGHUP that reloads, does not.
 */
export function asksToEnd(signal: string, stopSignal: string): boolean {
  const number = signalNumber(signal);
  return number === '15' || number === '9' || (stopSignal !== '' && number === signalNumber(stopSignal));
}

function signalNumber(signal: string): string {
  const name = signal.toUpperCase().replace(/^SIG/, '');
  return signalNumbers[name] ?? name;
}
