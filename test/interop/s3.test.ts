/** The S3 client against a server that others wrote (moto, which checks signatures with botocore), where one is installed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBytes } from '../../src/crypto/index.ts';
import { type S3Address, S3Store } from '../../src/transport/index.ts';

/** Actions that need no signature yet: the user, its key, its policy, the bucket. */
const UNSIGNED = 4;

const installed = (() => {
  try {
    execFileSync('moto_server', ['--help'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();

if (!installed) it.skip('the S3 client is not tested against moto, which is not installed', () => undefined);
else
  describe('the S3 client against moto', () => {
    let server: ChildProcess;
    let address: S3Address;
    const signal = new AbortController().signal;
    beforeAll(async () => {
      server = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], {
        env: { ...process.env, INITIAL_NO_AUTH_ACTION_COUNT: `${UNSIGNED}` },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const endpoint = await new Promise<string>((resolve, reject) => {
        let said = '';
        const listen = (bytes: Buffer): void => {
          const found = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec((said += bytes.toString()));
          if (found) resolve(found[1]!);
        };
        server.stdout!.on('data', listen);
        server.stderr!.on('data', listen);
        server.on('exit', (code) => reject(new Error(`moto ended with ${code}: ${said}`)));
      });
      const iam = async (parameters: Record<string, string>): Promise<string> => {
        const response = await fetch(endpoint, {
          method: 'POST',
          // moto finds the service by its name in here
          headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request' },
          body: new URLSearchParams({ Version: '2010-05-08', ...parameters }),
        });
        expect(response.status).toBe(200);
        return response.text();
      };
      const UserName = 'konsil';
      await iam({ Action: 'CreateUser', UserName });
      const key = await iam({ Action: 'CreateAccessKey', UserName });
      const Action = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject'];
      const Statement = [{ Effect: 'Allow', Action, Resource: 'arn:aws:s3:::bucket/*' }];
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
      await iam({ Action: 'PutUserPolicy', UserName, PolicyName: 'konsil', PolicyDocument });
      expect((await fetch(`${endpoint}/bucket`, { method: 'PUT' })).status).toBe(200);
      const field = (name: string): string => new RegExp(`<${name}>([^<]+)<`).exec(key)![1]!;
      address = {
        ...{ endpoint, bucket: 'bucket', region: 'us-east-1', prefix: 'study-1/round_2/' },
        ...{ accessKey: field('AccessKeyId'), secretKey: field('SecretAccessKey') },
      };
    });
    afterAll(() => void server?.kill());

    it('puts, gets ranges and deletes', async () => {
      const store = new S3Store(address);
      const bytes = randomBytes(3_000_000);
      await store.put('object', bytes, signal);
      const part = await store.get('object', 1_000_000, 2_500_000, signal);
      expect(Buffer.compare(part, bytes.subarray(1_000_000, 2_500_000))).toBe(0);
      await store.delete('object', signal);
      await expect(store.get('object', 0, 10, signal)).rejects.toMatchObject({
        ...{ code: 'STORE_FAILED', facts: { status: 404 } },
        message: expect.stringMatching(/404 NoSuchKey$/),
      });
    });

    it.each([
      ['a wrong secret', { secretKey: 'not-the-secret' }],
      ['an unknown key', { accessKey: 'AKIDSTRANGER' }],
    ])('is refused with %s', async (_what, change) => {
      const store = new S3Store({ ...address, ...change });
      await expect(store.put('object', randomBytes(10), signal)).rejects.toMatchObject({
        ...{ code: 'STORE_FAILED', facts: { status: 403 } },
      });
    });
  });
