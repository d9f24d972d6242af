import { testBalancer } from '@portolan/testkit/balancer-suite.ts';
import { createRandom } from './random.ts';

testBalancer('random', createRandom, { sigmas: 3 });
