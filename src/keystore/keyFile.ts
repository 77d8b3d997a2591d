/**
 * An identity on disk: a folder (mode 0700) with `identity.json` (mode 0600, optionally under a passphrase) and
 * `public.txt`, the line other people pin.
 * @module
 */
import { scryptSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { frame, fromBase64Url, KonsilError, messageOf, toBase64Url, utf8 } from '../base/index.ts';
import {
  exportPublic,
  fingerprint,
  generateIdentity,
  type Identity,
  identityOf,
  open,
  randomBytes,
  seal,
  wipe,
} from '../crypto/index.ts';

const KeyPairSchema = z.strictObject({ public: z.string(), secret: z.string() });
const SecretsSchema = z.strictObject({ signing: KeyPairSchema, agreement: KeyPairSchema });
/** scrypt cost: 2^17 · 8 · 128 bytes = 128 MiB, about half a second (OWASP's 2023 minimum is N = 2^17, r = 8, p = 1). */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 2 ** 20 } as const;
const FileSchema = z.strictObject({
  format: z.literal('konsil-identity-v1'),
  fingerprint: z.string(),
  secrets: SecretsSchema.optional(),
  locked: z
    .strictObject({ kdf: z.literal('scrypt-2^17-8-1'), salt: z.string(), nonce: z.string(), sealed: z.string() })
    .optional(),
});

const fileOf = (folder: string): string => join(folder, 'identity.json');
const LOCK_LABEL = frame('konsil/identity-file/v1');

/** Creates a fresh identity in `folder`. @throws KonsilError KEY_INVALID when one is there already: keys are never overwritten; FILE_WRITE_FAILED. */
export function createIdentity(folder: string, passphrase?: string): Identity {
  const file = fileOf(folder);
  if (existsSync(file))
    throw new KonsilError('KEY_INVALID', `${file}: an identity is already here; expected a new folder`, { file });
  const identity = generateIdentity();
  const pair = (p: Identity['signing']): z.infer<typeof KeyPairSchema> => ({
    public: toBase64Url(p.publicKey),
    secret: toBase64Url(p.secret),
  });
  const secrets = { signing: pair(identity.signing), agreement: pair(identity.agreement) };
  const stored: z.infer<typeof FileSchema> = {
    format: 'konsil-identity-v1',
    fingerprint: fingerprint(identity.public.id),
    ...(passphrase === undefined ? { secrets } : { locked: lock(JSON.stringify(secrets), passphrase) }),
  };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // 'wx' refuses to follow or replace an existing file, so that two creations at once cannot lose a key
    writeFileSync(file, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(file, 0o600);
    writeFileSync(join(folder, 'public.txt'), `${exportPublic(identity)}\n`, { mode: 0o644 });
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${file}: ${messageOf(cause)}`, { file }, { cause });
  }
  return identity;
}

/**
 * Reads the identity in `folder`.
 *
 * @throws KonsilError FILE_NOT_FOUND when there is none, KEY_INVALID when the file is malformed or readable by others,
 *   KEY_LOCKED when it needs a passphrase that was not given or is wrong.
 */
export function readIdentity(folder: string, passphrase?: string): Identity {
  const file = fileOf(folder);
  if (!existsSync(file))
    throw new KonsilError(
      'FILE_NOT_FOUND',
      `${file}: no identity here; create one with \`konsil keys create ${folder}\``,
      {
        file,
      },
    );
  const mode = statSync(file).mode & 0o777;
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new KonsilError('KEY_INVALID', `${file}: mode is 0${mode.toString(8)}, others can read it; expected 0600`, {
      file,
    });
  const stored = FileSchema.safeParse(parseJson(readFileSync(file, 'utf8')));
  const malformed = (): KonsilError =>
    new KonsilError('KEY_INVALID', `${file}: not a konsil identity file; expected format konsil-identity-v1`, { file });
  if (!stored.success) throw malformed();
  const { secrets, locked } = stored.data;
  if (!secrets && !locked) throw malformed();
  const opened = SecretsSchema.safeParse(secrets ?? parseJson(unlock(file, locked!, passphrase)));
  if (!opened.success) throw malformed();
  const pair = (p: z.infer<typeof KeyPairSchema>): Identity['signing'] => ({
    publicKey: fromBase64Url(p.public),
    secret: fromBase64Url(p.secret),
  });
  let identity: Identity;
  try {
    identity = identityOf(pair(opened.data.signing), pair(opened.data.agreement));
  } catch {
    throw malformed(); // without the cause: it may quote key material
  }
  if (fingerprint(identity.public.id) !== stored.data.fingerprint) throw malformed();
  return identity;
}

/** Whether `folder` holds an identity, and whether it needs a passphrase. */
export function findIdentity(folder: string): 'none' | 'open' | 'locked' {
  if (!existsSync(fileOf(folder))) return 'none';
  const stored = FileSchema.safeParse(parseJson(readFileSync(fileOf(folder), 'utf8')));
  return stored.success && stored.data.locked ? 'locked' : 'open';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller's schema check reports it with the file's name
  }
}

type Locked = NonNullable<z.infer<typeof FileSchema>['locked']>;

function lock(plain: string, passphrase: string): Locked {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const key = new Uint8Array(scryptSync(passphrase.normalize('NFKC'), salt, 32, SCRYPT));
  const sealed = seal(key, nonce, utf8(plain), LOCK_LABEL);
  wipe(key);
  return { kdf: 'scrypt-2^17-8-1', salt: toBase64Url(salt), nonce: toBase64Url(nonce), sealed: toBase64Url(sealed) };
}

function unlock(file: string, locked: Locked, passphrase: string | undefined): string {
  if (passphrase === undefined)
    throw new KonsilError('KEY_LOCKED', `${file}: needs a passphrase; set KONSIL_PASSPHRASE`, { file });
  const key = new Uint8Array(scryptSync(passphrase.normalize('NFKC'), fromBase64Url(locked.salt), 32, SCRYPT));
  const plain = open(key, fromBase64Url(locked.nonce), fromBase64Url(locked.sealed), LOCK_LABEL);
  wipe(key);
  if (!plain) throw new KonsilError('KEY_LOCKED', `${file}: wrong passphrase`, { file });
  return Buffer.from(plain).toString('utf8');
}
