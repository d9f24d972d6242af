import type { ConnectGuard } from '../connect-guard.ts';
import type { Plane } from '../plane.ts';
import type { OwnUdpDoors } from './own-udp-doors.ts';

/** What the sessions of one worker share. */
export interface UdpContext {
  readonly plane: Plane;
  readonly guard: ConnectGuard;
  readonly ownDoors: OwnUdpDoors;
}
