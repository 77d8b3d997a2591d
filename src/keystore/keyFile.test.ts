import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { frame, toBase64Url } from '../base/index.ts';
import { exportPublic, fingerprint, generateIdentity, sha256 } from '../crypto/index.ts';
import { createIdentity, findIdentity, readIdentity } from './keyFile.ts';

const fails = (code: string): unknown => expect.objectContaining({ code });
const fileIn = (folder: string): string => join(folder, 'identity.json');
interface Stored {
  fingerprint: string;
  secrets: Record<'signing' | 'agreement', { public: string; secret: string }>;
}

function rewrite(folder: string, change: (stored: Stored) => void): void {
  const stored = JSON.parse(readFileSync(fileIn(folder), 'utf8')) as Stored;
  change(stored);
  writeFileSync(fileIn(folder), JSON.stringify(stored));
}

describe('identity file', () => {
  it('gives the identity back and keeps it to its owner', () => {
    const folder = join(tempFolder(), 'keys', 'site');
    expect(findIdentity(folder)).toBe('none');
    const identity = createIdentity(folder);
    expect(readIdentity(folder)).toEqual(identity);
    expect(findIdentity(folder)).toBe('open');
    expect(statSync(fileIn(folder)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(folder, 'public.txt'), 'utf8').trim()).toBe(exportPublic(identity));
  });

  it('is never overwritten', () => {
    const folder = tempFolder();
    createIdentity(folder);
    const before = readFileSync(fileIn(folder));
    expect(() => createIdentity(folder)).toThrow(fails('KEY_INVALID'));
    expect(() => createIdentity(folder, 'with a passphrase')).toThrow(fails('KEY_INVALID'));
    expect(readFileSync(fileIn(folder))).toEqual(before);
  });

  it.each([0o640, 0o604, 0o660, 0o644])('is refused with mode %o', (mode) => {
    const folder = tempFolder();
    createIdentity(folder);
    chmodSync(fileIn(folder), mode);
    expect(() => readIdentity(folder)).toThrow(/others can read it/);
    expect(() => readIdentity(folder)).toThrow(fails('KEY_INVALID'));
  });

  it('says where it looked when there is none, and why it cannot write', () => {
    const folder = tempFolder();
    expect(() => readIdentity(folder)).toThrow(fails('FILE_NOT_FOUND'));
    writeFileSync(join(folder, 'file'), '');
    expect(() => createIdentity(join(folder, 'file', 'keys'))).toThrow(fails('FILE_WRITE_FAILED'));
  });

  it('opens with its passphrase only, in any Unicode form', () => {
    const folder = tempFolder();
    const identity = createIdentity(folder, 'straße \u00e9');
    expect(findIdentity(folder)).toBe('locked');
    expect(readIdentity(folder, 'straße e\u0301')).toEqual(identity);
    expect(() => readIdentity(folder, 'strasse \u00e9')).toThrow(/wrong passphrase/);
    expect(() => readIdentity(folder)).toThrow(/KONSIL_PASSPHRASE/);
    expect(() => readIdentity(folder)).toThrow(fails('KEY_LOCKED'));
    const text = readFileSync(fileIn(folder), 'utf8');
    for (const secret of [identity.signing.secret, identity.agreement.secret])
      expect(text).not.toContain(toBase64Url(secret));
    expect(text).not.toContain('straße');
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['another format', '{"format":"konsil-identity-v9","fingerprint":""}'],
    ['no secrets', '{"format":"konsil-identity-v1","fingerprint":""}'],
    ['a list', '[]'],
  ])('is refused when it holds %s', (_what, text) => {
    const folder = tempFolder();
    writeFileSync(fileIn(folder), text, { mode: 0o600 });
    expect(() => readIdentity(folder)).toThrow(fails('KEY_INVALID'));
  });

  it.each(['signing', 'agreement'] as const)('is refused when the public %s key was exchanged', (which) => {
    const folder = tempFolder();
    const identity = createIdentity(folder);
    const stranger = generateIdentity();
    rewrite(folder, (stored) => {
      stored.secrets[which].public = toBase64Url(stranger[which].publicKey);
    });
    expect(() => readIdentity(folder)).toThrow(fails('KEY_INVALID'));
    // … also by somebody who made the fingerprint fit
    const forged = { ...identity, [which]: { ...identity[which], publicKey: stranger[which].publicKey } };
    rewrite(folder, (stored) => {
      const id = toBase64Url(sha256(frame('konsil/peer/v1', forged.signing.publicKey, forged.agreement.publicKey)));
      stored.fingerprint = fingerprint(id);
    });
    expect(() => readIdentity(folder)).toThrow(fails('KEY_INVALID'));
  });

  it.each([
    ['no base64url', 'not base64url!'],
    ['too short', 'AAAA'],
    ['empty', ''],
  ])('is refused when a key is %s', (_what, key) => {
    for (const which of ['signing', 'agreement'] as const)
      for (const half of ['public', 'secret'] as const) {
        const folder = tempFolder();
        createIdentity(folder);
        rewrite(folder, (stored) => {
          stored.secrets[which][half] = key;
        });
        expect(() => readIdentity(folder), `${which} ${half}`).toThrow(fails('KEY_INVALID'));
      }
  });
});
