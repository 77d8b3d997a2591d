/** Options that several commands take. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';

/** Where the broker is and how to log in; each overrides the file's broker block. */
export function addBrokerOptions(command: Command): Command {
  return command
    .option('--broker <url>', 'mqtt://host:port or mqtts://host:port')
    .option('--broker-user <name>', 'user name at the broker')
    .option('--broker-password-file <file>', 'file with the password (or KONSIL_BROKER_PASSWORD)')
    .option('--broker-ca <file>', 'PEM certificate of the authority that signed the broker');
}

/** The whole number of option `name`. @throws KonsilError USAGE when it is none, or not in [min, max]. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new KonsilError('USAGE', `${name} ${text}: expected a whole number from ${min} to ${max}`);
  return value;
}
