// A process that holds one lease of 1.5 s, to be stopped and continued by its test.
import { pino } from 'pino';
import { createLeases } from '../leases.ts';
import { systemClock } from '../system-clock.ts';

const leases = createLeases({ clock: systemClock, log: pino({ level: 'silent' }) });
leases.start();
leases.grant('one', 1_500, () => {
  console.log('expired');
  leases.stop();
});
console.log('granted 1500');

const poll = setInterval(() => {
  if (leases.lostMs === 0) return;
  clearInterval(poll);
  console.log(JSON.stringify({ lostMs: leases.lostMs, leases: leases.size }));
}, 10);
