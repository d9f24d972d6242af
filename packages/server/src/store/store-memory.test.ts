import { storeSuite } from '@portolan/testkit/store-suite.ts';
import { memoryStore, sharedMemory } from './store-memory.ts';

storeSuite('memory', async () => {
  const memory = sharedMemory();
  return {
    store: memoryStore(memory),
    reopen: async () => memoryStore(memory),
    destroy: async () => {},
  };
});
