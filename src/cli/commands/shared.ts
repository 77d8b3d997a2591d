/** Options that several commands take. @module */
import type { Command } from 'commander';

/** Where the broker is and how to log in; each overrides the file's broker block. */
export function addBrokerOptions(command: Command): Command {
  return command
    .option('--broker <url>', 'mqtt://host:port or mqtts://host:port')
    .option('--broker-user <name>', 'user name at the broker')
    .option('--broker-password-file <file>', 'file with the password (or KONSIL_BROKER_PASSWORD)')
    .option('--broker-ca <file>', 'PEM certificate of the authority that signed the broker');
}
