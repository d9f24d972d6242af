export { Fault } from '@portolan/core/base/fault.ts';
export {
  type CallOptions,
  type ChooseOptions,
  type Client,
  type ClientOptions,
  createClient,
  type RegisterOptions,
} from './client.ts';
export type { BalanceName, CallPolicy } from './invoke/call-policy.ts';
export type { InvokeInit } from './invoke/invoker.ts';
export type { Registration, RegistrationCheck } from './registration/definition.ts';
export type { Registered } from './registration/keeper.ts';
export type { ServiceInstance } from './registry/decode.ts';
